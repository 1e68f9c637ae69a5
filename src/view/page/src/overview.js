// The whole run in one strip: a line for each replica in the colours of its terms, and the marks.
// The slider lies over it, so that both are one thing to point at.

import { Component, createRef } from "preact";
import { html } from "./html.js";

// The thumb of the slider is twice as wide (page.css).
const INSET = 8;

export class Overview extends Component {
  canvas = createRef();

  componentDidMount() {
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.canvas.current);
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.scheme.addEventListener("change", this.draw);
  }

  componentWillUnmount() {
    this.observer.disconnect();
    this.scheme.removeEventListener("change", this.draw);
  }

  shouldComponentUpdate(next) {
    return next.chosen !== this.props.chosen;
  }

  draw = () => {
    const canvas = this.canvas.current;
    const { clientWidth: width, clientHeight: height } = canvas;
    const scale = devicePixelRatio || 1;
    canvas.width = width * scale;
    canvas.height = height * scale;
    const context = canvas.getContext("2d");
    context.scale(scale, scale);
    const { model } = this.props;
    const count = model.steps.length;
    const xOf = (at) => INSET + (at * (width - 2 * INSET)) / Math.max(1, count - 1);
    const styles = getComputedStyle(canvas);
    const colour = (name) => styles.getPropertyValue(`--${name}`);
    if (model.hasLanes) drawLanes(context, model, xOf, height - 10, colour);
    drawMarks(context, model, xOf, height, colour);
  };

  render({ model, chosen, onChoose }) {
    const count = model.steps.length;
    return html`<div class=${`overview${model.hasLanes ? "" : " low"}`}>
      <canvas ref=${this.canvas} aria-hidden="true"></canvas>
      <input type="range" min="1" max=${count} value=${chosen + 1} aria-label="Step"
        aria-valuetext=${`Step ${chosen + 1} of ${count}: ${model.steps[chosen].line.slice(0, 80)}`}
        onInput=${(event) => onChoose(Number(event.currentTarget.value) - 1)} />
    </div>`;
  }
}

// Runs of steps in which a replica looks the same are one rectangle.
function drawLanes(context, model, xOf, height, colour) {
  const gap = model.size > 12 ? 0 : 2;
  const pitch = Math.min(14, height / model.size);
  const thickness = Math.max(1, pitch - gap);
  const step = model.states.length > 1 ? xOf(1) - xOf(0) : 2 * INSET;
  for (let id = 0; id < model.size; id += 1) {
    const y = 1 + id * pitch;
    let from = 0;
    for (let at = 1; at <= model.states.length; at += 1) {
      if (
        at < model.states.length &&
        looks(model.states[at], id) === looks(model.states[from], id)
      ) {
        continue;
      }
      const state = model.states[from];
      const replica = state?.replicas[id];
      if (replica !== undefined) {
        const isLeader = replica.role === "leader";
        const lean = isLeader ? thickness : Math.max(1, thickness * 0.45);
        context.globalAlpha = state.isolated.has(id) ? 0.35 : 1;
        context.fillStyle = colour(`term-${replica.term % 8}`);
        const left = xOf(from) - step / 2;
        context.fillRect(left, y + (thickness - lean) / 2, (at - from) * step, lean);
      }
      from = at;
    }
  }
  context.globalAlpha = 1;
}

function looks(state, id) {
  const replica = state?.replicas[id];
  if (replica === undefined) return "";
  return `${replica.term}${replica.role[0]}${state.isolated.has(id)}`;
}

const DRAWN = ["election", "snapshot", "truncation", "error", "divergence"];

// The first divergence stands out.
function drawMarks(context, model, xOf, height, colour) {
  for (const kind of DRAWN) {
    context.fillStyle = colour(`mark-${kind}`);
    for (const at of model.marks[kind]) context.fillRect(xOf(at) - 1, height - 7, 2, 7);
  }
  if (model.divergence === undefined) return;
  context.fillStyle = colour("mark-divergence");
  context.fillRect(xOf(model.divergence.step) - 1, 0, 2, height);
}
