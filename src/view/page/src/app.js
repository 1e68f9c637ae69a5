import { Component, createRef } from "preact";
import { correctAddress, stepOfAddress, writeAddress } from "./address.js";
import { Controls, Jumps, SPEEDS } from "./controls.js";
import { Help } from "./help.js";
import { html } from "./html.js";
import { actionOf } from "./keys.js";
import { keepLetters, readLetters } from "./letters.js";
import { Overview } from "./overview.js";
import { Stage } from "./stage.js";
import { Timeline } from "./timeline.js";
import { number, plural } from "./words.js";

// Milliseconds that a step stays while playing, and those that a character of its comment adds.
const PLAY_STEP = 1000;
const PLAY_CHARACTER = 35;
const PLAY_MAX = 9000;

export class App extends Component {
  help = createRef();

  constructor(props) {
    super(props);
    const { steps, divergence } = props.model;
    const chosen = stepOfAddress(location.hash, steps.length) ?? divergence?.step ?? 0;
    const letters = readLetters();
    this.state = { chosen, playing: false, speed: 1, printing: false, letters };
  }

  componentDidMount() {
    correctAddress(this.state.chosen);
    addEventListener("keydown", this.onKey);
    addEventListener("hashchange", this.onAddress);
    addEventListener("beforeprint", () => this.setState({ printing: true, playing: false }));
    addEventListener("afterprint", () => this.setState({ printing: false }));
  }

  componentDidUpdate(_, before) {
    if (before.chosen !== this.state.chosen) writeAddress(this.state.chosen);
    if (this.state.playing && (before.chosen !== this.state.chosen || !before.playing)) this.wait();
  }

  wait() {
    clearTimeout(this.timer);
    const { comment = "" } = this.props.model.steps[this.state.chosen];
    const time = Math.min(PLAY_MAX, PLAY_STEP + PLAY_CHARACTER * comment.length);
    this.timer = setTimeout(this.onTime, time * SPEEDS[this.state.speed].factor);
  }

  onTime = () => {
    if (!this.state.playing) return;
    if (this.state.chosen === this.lastStep()) this.setState({ playing: false });
    else this.setState(({ chosen }) => ({ chosen: chosen + 1 }));
  };

  lastStep() {
    return this.props.model.steps.length - 1;
  }

  go = (step) => {
    this.setState({ chosen: Math.min(this.lastStep(), Math.max(0, step)) });
  };

  choose = (step) => {
    this.setState({ playing: false });
    this.go(step);
  };

  jump = (kind, by) => {
    const places = this.props.model.marks[kind];
    const { chosen } = this.state;
    const next = by > 0 ? places.find((at) => at > chosen) : places.findLast((at) => at < chosen);
    if (next !== undefined) this.choose(next);
  };

  play = () => {
    const isAtEnd = this.state.chosen === this.lastStep();
    this.setState(({ playing }) => ({ playing: !playing }));
    if (!this.state.playing && isAtEnd) this.go(0);
  };

  onAddress = () => {
    const step = stepOfAddress(location.hash, this.props.model.steps.length);
    if (step !== null) this.choose(step);
    else correctAddress(this.state.chosen);
  };

  onLetters = (letters) => {
    keepLetters(letters);
    this.setState({ letters });
  };

  onKey = (event) => {
    const action = actionOf(event, this.state.letters);
    if (action === null) return;
    event.preventDefault();
    if (action.play) this.play();
    else if (action.help) this.help.current.showModal();
    else if (action.jump) this.jump(action.jump, action.by);
    else this.choose(this.state.chosen + action.by);
  };

  render({ model }, { chosen, playing, speed, printing, letters }) {
    const { steps, divergence } = model;
    return html`
      <header class="top">
        <div class="title">
          <h1>${model.title}</h1>
          <p>${summary(model)}</p>
          ${
            divergence &&
            html`<button type="button" class="to-divergence" onClick=${() => this.choose(divergence.step)}
            >≠ First difference: step ${number(divergence.step + 1)}</button>`
          }
        </div>
        ${model.notes.length > 0 && html`<ul class="notes">${model.notes.map((note) => html`<li>${note}</li>`)}</ul>`}
        <div class="bar">
          <${Controls} count=${steps.length} chosen=${chosen} playing=${playing} speed=${speed} go=${this.choose}
            onPlay=${this.play} onSpeed=${(at) => this.setState({ speed: at })} onHelp=${() => this.help.current.showModal()} letters=${letters} />
          <${Jumps} marks=${model.marks} chosen=${chosen} jump=${this.jump} letters=${letters} />
        </div>
        <${Overview} model=${model} chosen=${chosen} onChoose=${this.choose} />
      </header>
      <main class=${model.size > 5 ? "many" : ""}>
        <${Timeline} model=${model} chosen=${chosen} onChoose=${this.choose} printing=${printing} />
        <${Stage} model=${model} chosen=${chosen} />
      </main>
      <div class="unseen" aria-live="polite">${spoken(steps[chosen], chosen, steps.length)}</div>
      <${Help} dialog=${this.help} hasLanes=${model.hasLanes} letters=${letters} onLetters=${this.onLetters} />`;
  }
}

function summary({ steps, size, hasLanes, port, divergence }) {
  const parts = [plural(steps.length, "step")];
  if (hasLanes) parts.push(plural(size, "replica"));
  if (port !== undefined) parts.push(`reference and ${port}`);
  if (divergence?.case !== undefined) parts.push(`case ${divergence.case}`);
  return parts.join(" · ");
}

function spoken({ line, answer, marks = [], comment, differs }, chosen, count) {
  const parts = [
    `Step ${chosen + 1} of ${count}: ${line.slice(0, 200)}`,
    (answer ?? "no answer").slice(0, 200),
  ];
  if (differs) parts.push("the port's answer differs");
  if (marks.length > 0) parts.push(marks.join(", "));
  if (comment !== undefined) parts.push(comment);
  return parts.join(". ");
}
