// The logs of all replicas after the chosen step, entry below entry.

import { Component, createRef } from "preact";
import { briefOp } from "./bytes.js";
import { columnsOf, piecesAt } from "./columns.js";
import { html } from "./html.js";
import { Badge, termClass } from "./lane.js";
import { finder } from "./log.js";
import { entries, range } from "./words.js";

// In rem: the widths of the names, and the least of an entry, in a wide and in a narrow grid.
const WIDE = { names: 6, entry: 5.5 };
const NARROW = { names: 4.5, entry: 4.5 };
const NARROW_BELOW = 32;
const WIDEST_COLUMN = 9;

export class Logs extends Component {
  box = createRef();
  state = { room: 6, names: WIDE.names };

  componentDidMount() {
    this.observer = new ResizeObserver(([{ contentRect }]) => {
      const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
      const width = contentRect.width / rem;
      const { names, entry } = width < NARROW_BELOW ? NARROW : WIDE;
      this.setState({ names, room: Math.max(2, Math.floor((width - names) / entry)) });
    });
    this.observer.observe(this.box.current);
  }

  componentWillUnmount() {
    this.observer.disconnect();
  }

  render({ state }, { room, names }) {
    const columns = columnsOf(state.replicas, room);
    return html`<div ref=${this.box}>
      ${
        columns.length === 0
          ? html`<p class="none">All logs are empty.</p>`
          : html`<table class="logs" style=${{ maxWidth: `${names + WIDEST_COLUMN * columns.length}rem` }}>
            <thead><tr>
              <th scope="col" class="corner" style=${{ width: `${names}rem` }}>Index</th>
              ${columns.map(({ from, to }) => html`<th scope="col" key=${from}>${range(from, to)}</th>`)}
            </tr></thead>
            <tbody>${state.replicas.map(
              (replica) => html`<${LogRow} key=${replica.id} replica=${replica} columns=${columns}
                isolated=${state.isolated.has(replica.id)} elected=${state.elected === replica.id} />`,
            )}</tbody>
          </table>`
      }
    </div>`;
  }
}

function LogRow({ replica, columns, isolated, elected }) {
  const find = finder(replica.log, columns[0].from);
  return html`<tr class=${isolated ? "isolated" : ""}>
    <th scope="row">
      <span class="id">${replica.id}</span> <${Badge} role=${replica.role} term=${replica.term} />
      ${elected && html`<span class="note elected">★ elected</span>`}
      ${isolated && html`<span class="note">isolated</span>`}
    </th>
    ${columns.map((column) => {
      const pieces = piecesAt(replica, column);
      const arrived = replica.step?.installed;
      const hasArrived = arrived !== undefined && column.from <= arrived && arrived <= column.to;
      return html`<td key=${column.from}>${pieces.map(
        (piece) =>
          html`<${Piece} piece=${piece} find=${find} replica=${replica} arrived=${hasArrived} />`,
      )}</td>`;
    })}
  </tr>`;
}

function Piece({ piece, find, replica, arrived }) {
  const { kind, from, to, term, committed } = piece;
  if (kind === "base") {
    return html`<div class=${`entry base${arrived ? " arrived" : ""}`}>
      <span class="op">${arrived ? "↓ snapshot" : "compacted"}</span>
      <span class="about">${from === to ? "" : `${from}–${to}`}</span>
    </div>`;
  }
  const op = from === to ? (piece.op ?? find(from)?.op) : undefined;
  const isNew = (replica.step?.appended ?? []).some(([first, last]) => first <= to && from <= last);
  const classes = ["entry", termClass(term)];
  if (kind === "struck") classes.push("struck");
  else if (!committed) classes.push("pending");
  if (isNew && kind !== "struck") classes.push("new");
  if (op?.name === "noop") classes.push("noop");
  const state = kind === "struck" ? "dropped" : committed ? "" : "pending";
  const text = op === undefined ? `${to - from + 1} entries` : briefOp(op, 8);
  const terms = range(piece.firstTerm ?? term, term);
  return html`<div class=${classes.join(" ")} title=${title(piece, op, state || "committed")}>
    ${kind === "struck" ? html`<s class="op">${text}</s>` : html`<span class=${op === undefined ? "op count" : "op"}>${text}</span>`}
    <span class="about">t${terms}${state && ` ${state}`}</span>
  </div>`;
}

function title({ from, to, term }, op, state) {
  const what = op === undefined ? "" : `: ${briefOp(op, 64)}`;
  return `${entries(from, to)} of term ${term}, ${state}${what}`;
}
