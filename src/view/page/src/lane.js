// One replica at one step, as small as it is in a row of the timeline.

import { html } from "./html.js";
import { newest } from "./log.js";
import { differingFields } from "./state.js";

// Pixels that a cell takes, with the gap after it (page.css).
const CELL = 12;
const RUN = 18;

export function termClass(term) {
  return `t${term % 8}`;
}

export function Badge({ role, term }) {
  const isLeader = role === "leader";
  return html`<span class=${`badge ${termClass(term)}${isLeader ? " leads" : ""}`}
    >${isLeader ? "L " : ""}t${term}</span
  >`;
}

export function Lane({ replica, isolated, port, left, width }) {
  const classes = ["lane"];
  if (isolated) classes.push("isolated");
  if (replica.step !== null) classes.push("changed");
  return html`<div class=${classes.join(" ")} style=${{ left: `${left}px`, width: `${width}px` }}>
    <div class="lane-line">
      <${Badge} role=${replica.role} term=${replica.term} />
      <${Extent} replica=${replica} width=${width} />
    </div>
    <div class="cells">${cells(replica, width - 14)}</div>
    ${port && html`<${PortLine} replica=${replica} port=${port} width=${width} />`}
  </div>`;
}

// Committed and last index. A narrow lane shows it only if it has room for it.
function Extent({ replica, width }) {
  const { role, term, commit, last } = replica;
  const text = commit === last ? `${last}` : `${commit}/${last}`;
  const badge = `${role === "leader" ? "L " : ""}t${term}`;
  if ((badge.length + text.length) * 7.2 + 22 > width) return null;
  return html`<span class="extent">${text}</span>`;
}

// The newest entries that there is room for, in pixels. Struck ones stand before those that replace
// them.
function cells(replica, room) {
  const { log, base, commit, step } = replica;
  const most = Math.ceil(room / CELL);
  const nodes = newest(log, base, most + 1);
  const isNew = (node) =>
    (step?.appended ?? []).some(([from, to]) => from <= node.to && node.from <= to);
  const kindOf = (node) => (node.to <= commit ? "" : " pending");
  const shown = [
    ...nodes.filter((node) => !isNew(node)).map((node) => ({ node, kind: kindOf(node) })),
    ...(step?.struck ?? [])
      .slice(-Math.max(1, most - 2))
      .map((node) => ({ node, kind: " struck" })),
    ...nodes.filter(isNew).map((node) => ({ node, kind: `${kindOf(node)} new` })),
  ];
  const start = step?.installed !== undefined ? "c base arrived" : base > 0 ? "c base" : null;
  const fitting = fit(shown, start === null ? room : room - CELL);
  // What is left out takes the place of the base, except for a snapshot's arrival.
  const isWhole = fitting.length === shown.length;
  const first = isWhole || step?.installed !== undefined ? start : "c more";
  const rest = isWhole || start !== null ? fitting : fit(shown, room - CELL);
  return html`${first !== null && html`<i class=${first}></i>`}${rest.map(
    ({ node, kind }) => html`<i class=${cellClass(node, kind)}></i>`,
  )}`;
}

// The last ones that there is room for.
function fit(shown, room) {
  let left = room;
  let first = shown.length;
  while (first > 0) {
    const { from, to } = shown[first - 1].node;
    left -= from < to ? RUN : CELL;
    if (left < 0) break;
    first -= 1;
  }
  return shown.slice(first);
}

function cellClass(node, kind) {
  const noop = node.op?.name === "noop" ? " noop" : "";
  const run = node.from < node.to ? " run" : "";
  return `c ${termClass(node.term)}${kind}${noop}${run}`;
}

function PortLine({ replica, port, width }) {
  const fields = differingFields(replica, port);
  if (fields.length === 0) return html`<div class="lane-line port same">=</div>`;
  const inSight = fields.some((field) => ["role", "term", "commit", "last"].includes(field));
  return html`<div class="lane-line port differs">
    <b>≠</b>
    ${
      inSight
        ? html`<${Badge} role=${port.role} term=${port.term} />
            <${Extent} replica=${port} width=${width - 10} />`
        : html`<span>${fields[0] === "logHash" ? "log" : fields[0]}</span>`
    }
  </div>`;
}

// The same for a screen reader.
export function laneInWords(replica, isolated) {
  const { id, role, term, base, commit, last } = replica;
  const parts = [`Replica ${id}: ${role}, term ${term}`];
  if (isolated) parts.push("isolated");
  parts.push(commit === last ? `${last} entries committed` : `${commit} of ${last} committed`);
  if (base > 0) parts.push(`compacted to ${base}`);
  return parts.join(", ");
}
