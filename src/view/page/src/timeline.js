// All steps, one below the other, each with the lanes of the replicas. Only those in view are drawn.

import { Component, createRef } from "preact";
import { fromDifference } from "./answer.js";
import { AnswerText } from "./answer-text.js";
import { html } from "./html.js";
import { Lane, laneInWords } from "./lane.js";
import { layOut, rowsBetween, wrapper } from "./layout.js";
import { hasMark, MARKS } from "./marks.js";
import { number, plural } from "./words.js";

const OVERSCAN = 6;
// A screen reader speaks no more lanes of a row.
const SPOKEN_MAX = 9;
// So many rows are printed; more would be hundreds of pages.
const PRINTED_MAX = 500;
// Pixels: A4 and Letter, upright, are a little wider between their margins.
const PRINTED_WIDTH = 680;
// page.css shows the caption of the chosen step right above the list then.
const PHONE = "(max-width: 52rem)";
// In rem: the least widths of a lane and, beside many of them, the usual one of the command.
const SCREEN = { lane: 3.6, command: 15 };
const PAPER = { lane: 2.5, command: 12.5 };

export class Timeline extends Component {
  scroller = createRef();
  state = { top: 0, left: 0, height: 0, width: 0 };

  componentDidMount() {
    this.observer = new ResizeObserver(() => this.measure());
    this.observer.observe(this.scroller.current);
    this.measure();
  }

  componentWillUnmount() {
    this.observer.disconnect();
  }

  componentDidUpdate(before, earlier) {
    const isResized = earlier.width !== this.state.width || earlier.height !== this.state.height;
    if (before.chosen !== this.props.chosen || isResized) this.reveal(this.props.chosen);
  }

  measure() {
    const { clientWidth: width, clientHeight: height } = this.scroller.current;
    this.setState({ width, height });
  }

  // Scrolls as little as shows the row with one row around it.
  reveal(at) {
    const { offsets } = this.layout();
    const element = this.scroller.current;
    const room = element.clientHeight - this.headHeight();
    const top = offsets[Math.max(0, at - 1)];
    const bottom = offsets[Math.min(offsets.length - 1, at + 2)];
    const now = element.scrollTop;
    const isJump = offsets[at + 1] < now || offsets[at] > now + room;
    let next = isJump ? offsets[at] - room / 3 : now;
    if (!isJump && bottom > now + room) next = bottom - room;
    if (!isJump && top < now) next = top;
    // The row itself comes first, and its beginning before its end.
    element.scrollTop = Math.min(offsets[at], Math.max(offsets[at + 1] - room, next));
  }

  headHeight() {
    return this.props.model.hasLanes ? 2 * rem() : 0;
  }

  width() {
    return this.props.printing ? PRINTED_WIDTH : this.state.width || 600;
  }

  // The widths of the columns. If the lanes leave too little for the command, they stand below it.
  geometry() {
    const { model, printing } = this.props;
    const width = this.width();
    if (!model.hasLanes) return { stacked: false, command: width, lane: 0, total: width };
    const least = printing ? PAPER : SCREEN;
    const ideal = Math.min((model.size > 5 ? least.command : 17) * rem(), 0.45 * width);
    const stacked = width < 36 * rem();
    const room = stacked ? width - rem() : width - ideal;
    const lane = Math.max(
      least.lane * rem(),
      Math.min((model.size > 5 ? 5.75 : 7) * rem(), Math.floor(room / model.size)),
    );
    const count = printing ? Math.min(model.size, Math.floor(room / lane)) : model.size;
    const command = stacked ? width : Math.max(ideal, width - lane * count);
    const total = stacked ? Math.max(width, lane * count + rem()) : command + lane * count;
    return { stacked, command, lane, count, total };
  }

  layout() {
    const { model, printing } = this.props;
    const width = this.width();
    const { stacked } = this.geometry();
    const hasComments = printing || !matchMedia(PHONE).matches;
    const key = `${width}/${rem()}/${hasComments}`;
    if (this.laidOutFor !== key) {
      const fill = wrapper(textMeasure(this.scroller.current), Math.max(160, width - 4.5 * rem()));
      const wrap = hasComments ? fill : () => [];
      const laneLines = stacked ? 2 : 0;
      const hasMoreLines = (at) => hasPortLine(model, at);
      this.laidOut = layOut(model.steps, {
        rem: rem(),
        rowLines: 2,
        laneLines,
        hasMoreLines,
        wrap,
      });
      this.laidOutFor = key;
    }
    return this.laidOut;
  }

  onScroll = (event) => {
    const { scrollTop: top, scrollLeft: left } = event.currentTarget;
    this.setState({ top, left });
  };

  drawnRows(offsets) {
    const { printing, chosen, model } = this.props;
    const count = model.steps.length;
    if (printing) {
      const first = Math.max(0, Math.min(chosen - PRINTED_MAX / 2, count - PRINTED_MAX));
      return [first, Math.min(count, first + PRINTED_MAX)];
    }
    const { top, height } = this.state;
    const [first, end] = rowsBetween(offsets, top, top + (height || 800));
    return [Math.max(0, first - OVERSCAN), Math.min(count, end + OVERSCAN)];
  }

  drawnLanes(geometry) {
    const { printing, model } = this.props;
    if (printing || geometry.lane === 0) return [0, geometry.count ?? model.size];
    const from = this.state.left - (geometry.stacked ? 0 : geometry.command);
    const first = Math.max(0, Math.floor(from / geometry.lane));
    const end = Math.ceil((this.state.left + this.state.width) / geometry.lane);
    return [geometry.stacked ? first : Math.max(0, first), Math.min(model.size, end + 1)];
  }

  render({ model, chosen, onChoose, printing }) {
    const isMeasured = this.scroller.current !== null;
    const geometry = this.geometry();
    const { offsets, comments } = isMeasured ? this.layout() : { offsets: [0], comments: [] };
    const [first, end] = isMeasured ? this.drawnRows(offsets) : [0, 0];
    const lanes = this.drawnLanes(geometry);
    const indexes = Array.from({ length: end - first }, (_, at) => first + at);
    // The chosen row is always there: aria-activedescendant refers to it.
    if (isMeasured && (chosen < first || chosen >= end)) indexes.push(chosen);
    const rows = indexes.map(
      (at) => html`<${Row}
        key=${at} at=${at} model=${model} chosen=${at === chosen} geometry=${geometry}
        lanes=${lanes} comment=${comments[at]} onChoose=${onChoose}
        top=${printing ? null : offsets[at]} height=${offsets[at + 1] - offsets[at]}
      />`,
    );
    const height = printing ? "auto" : `${offsets.at(-1)}px`;
    const rest = printing ? leftOut(model, [first, end], lanes[1]) : "";
    return html`<section class=${`timeline${geometry.stacked ? " stacked" : ""}`} aria-label="All steps">
      ${rest !== "" && html`<p class="left-out">${rest}</p>`}
      <div class="scroller" ref=${this.scroller} onScroll=${this.onScroll} role="listbox"
        style=${{ "--digits": `${model.steps.length}`.length }} tabindex="0" aria-label="Steps" aria-activedescendant=${`step-${chosen + 1}`} >
        ${model.hasLanes && html`<${Head} model=${model} chosen=${chosen} geometry=${geometry} lanes=${lanes} />`}
        <div class="rows" role="presentation"
          style=${{ height, width: `${geometry.total}px` }}>${rows}</div>
      </div>
    </section>`;
  }
}

// What there is no room for on paper, in words.
function leftOut(model, [first, end], lanes) {
  const parts = [];
  if (end - first < model.steps.length) {
    parts.push(
      `Printed: steps ${number(first + 1)} to ${number(end)} of ${number(model.steps.length)}.`,
    );
  }
  if (model.hasLanes && lanes < model.size) {
    parts.push(`Printed: the lanes of the first ${lanes} of ${model.size} replicas.`);
  }
  return parts.join(" ");
}

function hasPortLine(model, at) {
  return model.steps[at].differs === true || model.portDiffers[at] === true;
}

function rem() {
  return Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
}

function textMeasure(element) {
  const context = document.createElement("canvas").getContext("2d");
  const { fontSize, fontFamily } = getComputedStyle(element);
  context.font = `${fontSize} ${fontFamily}`;
  return (text) => context.measureText(text).width;
}

function Head({ model, chosen, geometry, lanes }) {
  const state = model.states[chosen];
  const ids = Array.from({ length: lanes[1] - lanes[0] }, (_, at) => lanes[0] + at);
  return html`<div class="head" role="presentation" aria-hidden="true" style=${{ width: `${geometry.total}px` }}>
    ${!geometry.stacked && html`<div class="head-command" style=${{ width: `${geometry.command}px` }}>Step</div>`}
    <div class="lanes">
      ${ids.map((id) => {
        const left = (geometry.stacked ? 8 : 0) + id * geometry.lane;
        const isThere = id < (state?.replicas.length ?? 0);
        return html`<div class=${`lane-name${isThere ? "" : " absent"}`}
          style=${{ left: `${left}px`, width: `${geometry.lane}px` }}>${
            geometry.lane > 88 ? `Replica ${id}` : id
          }</div>`;
      })}
    </div>
  </div>`;
}

class Row extends Component {
  shouldComponentUpdate(next) {
    const { chosen, geometry, lanes, top, height, comment } = this.props;
    return (
      chosen !== next.chosen ||
      top !== next.top ||
      height !== next.height ||
      comment !== next.comment ||
      lanes[0] !== next.lanes[0] ||
      lanes[1] !== next.lanes[1] ||
      geometry.command !== next.geometry.command ||
      geometry.lane !== next.geometry.lane ||
      geometry.stacked !== next.geometry.stacked
    );
  }

  render({ at, model, chosen, geometry, lanes, comment, onChoose, top, height }) {
    const step = model.steps[at];
    const classes = ["row"];
    if (chosen) classes.push("chosen");
    if (hasPortLine(model, at)) classes.push("differing");
    const width = geometry.stacked ? "100%" : `${geometry.command}px`;
    return html`<div id=${`step-${at + 1}`} class=${classes.join(" ")} role="option"
      aria-selected=${chosen} aria-setsize=${model.steps.length} aria-posinset=${at + 1}
      onClick=${() => onChoose(at)}
      style=${{ top: top === null ? "auto" : `${top}px`, height: `${height}px` }}>
      <span class="unseen">${rowInWords(model, at)}</span>
      ${comment.length > 0 && html`<div class="comment" aria-hidden="true">${comment.map((line) => html`<div>${line}</div>`)}</div>`}
      <div class="body" aria-hidden="true">
        <div class="command" style=${{ width }}>
          <span class="number">${at + 1}</span>
          <div class="text"><${StepText} step=${step} model=${model} at=${at} /></div>
        </div>
        ${model.hasLanes && html`<${Lanes} model=${model} at=${at} geometry=${geometry} lanes=${lanes} />`}
      </div>
    </div>`;
  }
}

// The command shows the other kinds, and the answer an error.
const SHOWN_MARKS = ["election", "truncation", "snapshot", "divergence"];

function StepText({ step, model, at }) {
  const { answer, port, differs } = step;
  const [reference, own] = differs ? shortPair(answer, port) : [clip(answer)];
  return html`
    <${CommandLine} step=${step} observers=${model.observers[at] ?? []} />
    <div class="line answer"><${RowAnswer} text=${reference} other=${own} /></div>
    ${
      hasPortLine(model, at) &&
      html`<div class="line answer port"><span class="side">${model.port}</span> ${
        differs
          ? html`<${RowAnswer} text=${own} other=${reference} />`
          : html`<span class="none">the same</span>`
      }</div>`
    }`;
}

function CommandLine({ step, observers }) {
  const kinds = SHOWN_MARKS.filter((kind) => hasMark(step, kind));
  const others = [];
  if (observers.some(({ differs }) => differs) && !kinds.includes("divergence")) {
    others.push("observers");
  }
  if (step.recorded !== undefined) others.push("file");
  const isMarked = kinds.length + others.length > 0;
  return html`<div class=${isMarked ? "line marked" : "line"}><code>${clip(step.line)}</code>${kinds.map(
    (kind) =>
      html`<span class=${`mark ${kind}`} title=${MARKS[kind].label}>${MARKS[kind].sign}${
        kinds.length === 1 && ` ${MARKS[kind].label.toLowerCase()}`
      }</span>`,
  )}${others.map((text) => html`<span class="mark divergence">≠ ${text}</span>`)}</div>`;
}

function RowAnswer({ text, other }) {
  if (typeof text !== "string") return html`<span class="none">no answer</span>`;
  return html`<${AnswerText} answer=${text} other=${other} />`;
}

// Two answers that differ, so short that the difference is in the row.
function shortPair(one, other) {
  if (typeof one !== "string" || typeof other !== "string") return [clip(one), clip(other)];
  return fromDifference(one, other).map(clip);
}

// A row shows no more than this of a line, on one line; the details show all.
function clip(text) {
  if (typeof text !== "string") return text;
  return (text.length > 300 ? `${text.slice(0, 300)}…` : text).replaceAll("\n", "⏎");
}

function Lanes({ model, at, geometry, lanes }) {
  const state = model.states[at];
  if (state === null) return html`<div class="lanes"></div>`;
  const port = model.portDiffers[at] ? model.portStates[at] : null;
  const shown = state.replicas.slice(lanes[0], lanes[1]);
  return html`<div class="lanes">
    ${shown.map(
      (replica) => html`<${Lane} key=${replica.id} replica=${replica}
        isolated=${state.isolated.has(replica.id)} port=${port?.replicas[replica.id]}
        left=${(geometry.stacked ? 8 : 0) + replica.id * geometry.lane} width=${geometry.lane} />`,
    )}
  </div>`;
}

function rowInWords(model, at) {
  const { line, answer, port, differs, comment, marks = [] } = model.steps[at];
  const state = model.states[at];
  const parts = [];
  if (comment !== undefined) parts.push(comment.replaceAll("\n", " "));
  parts.push(`Step ${at + 1}: ${clip(line)}`, `Answer: ${clip(answer) ?? "none"}`);
  if (differs) parts.push(`${model.port} differs: ${clip(port) ?? "no answer"}`);
  if (marks.length > 0) parts.push(marks.join(", "));
  const replicas = state?.replicas ?? [];
  for (const replica of replicas.slice(0, SPOKEN_MAX)) {
    parts.push(laneInWords(replica, state.isolated.has(replica.id)));
  }
  if (replicas.length > SPOKEN_MAX) {
    parts.push(`And ${plural(replicas.length - SPOKEN_MAX, "more replica")}`);
  }
  return parts.join(". ");
}
