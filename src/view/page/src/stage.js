// Everything about the chosen step.

import { Component, createRef } from "preact";
import { AnswerText } from "./answer-text.js";
import { textOf } from "./bytes.js";
import { Changes } from "./changes.js";
import { eventsOf } from "./events.js";
import { Facts } from "./facts.js";
import { Fields } from "./fields.js";
import { html } from "./html.js";
import { Logs } from "./logs.js";
import { hasMark, MARKS } from "./marks.js";

export class Stage extends Component {
  element = createRef();

  // Another step is read from its beginning.
  componentDidUpdate(before) {
    if (before.chosen !== this.props.chosen) this.element.current.scrollTop = 0;
  }

  render({ model, chosen }) {
    const step = model.steps[chosen];
    const { divergence } = model;
    const isDivergence = divergence?.step === chosen;
    const snapshots = (divergence?.snapshots ?? []).filter(
      (snapshot) => isDivergence || snapshot.step === chosen,
    );
    const state = model.states[chosen];
    return html`<section class="stage" ref=${this.element} tabindex="0" aria-label="The chosen step" data-scrolls>
      <div class="step-info">
        <${Heading} step=${step} chosen=${chosen} />
        ${isDivergence && html`<${Divergence} step=${step} divergence=${divergence} port=${model.port} />`}
        <${Answers} step=${step} port=${model.port} />
        ${model.ends.filter((end) => end.step === chosen).map((end) => html`<${End} end=${end} port=${model.port} />`)}
        ${model.hasLanes && html`<${Events} state=${state} before=${model.states[chosen - 1]} />`}
      </div>
      ${snapshots.map((snapshot) => html`<${Fields} key=${`${chosen}/${snapshot.step}/${snapshot.of}`} snapshot=${snapshot} port=${model.port} />`)}
      ${model.observers.length > 0 && html`<${Observers} list=${model.observers[chosen] ?? []} port=${model.port} />`}
      ${state && html`<${Cluster} model=${model} chosen=${chosen} />`}
    </section>`;
  }
}

function Heading({ step, chosen }) {
  const kinds = Object.keys(MARKS).filter((kind) => hasMark(step, kind));
  return html`<header>
    ${step.comment !== undefined && html`<p class="caption">${step.comment}</p>`}
    <h2><span class="number">${chosen + 1}</span> <code>${shortened(step.line)}</code>${
      step.number !== undefined && html`<span class="place">line ${step.number}</span>`
    }</h2>
    <${Operands} line=${step.line} />
    ${
      kinds.length > 0 &&
      html`<p class="marks">${kinds.map(
        (kind) =>
          html`<span class=${`mark ${kind}`}>${MARKS[kind].sign} ${MARKS[kind].label.toLowerCase()}</span>`,
      )}</p>`
    }
  </header>`;
}

// The operands that are written in hex and are text.
function Operands({ line }) {
  const texts = line
    .split(" ")
    .filter((word) => /^0x([0-9a-f]{2}){1,64}$/i.test(word))
    .map((word) => textOf(word.slice(2)))
    .filter((text) => text !== null);
  if (texts.length === 0) return null;
  return html`<p class="operands">${texts.map((text, at) => html`${at > 0 && ", "}<bdi>"${text}"</bdi>`)}</p>`;
}

function shortened(line) {
  return line.length > 400 ? `${line.slice(0, 400)}… (${line.length} characters)` : line;
}

function Divergence({ step, divergence, port }) {
  const { explanation = [], sections = [], seen } = divergence;
  const isSame = step.differs !== true;
  return html`<div class="divergence-box">
    <p><b>${port ?? "The port"} differs from the reference here, for the first time.</b>${
      isSame && " Its answer to the step is the same; its state after the step is not."
    }</p>
    ${explanation.map((text) =>
      // Indented lines are listings, such as entries of a log.
      /^\s/.test(text)
        ? html`<pre>${text.trimEnd()}</pre>`
        : html`<p class="explanation">${text}</p>`,
    )}
    ${
      sections.length > 0 &&
      html`<p class="sections">Definition: ${sections.map(
        ({ number, title, url }, at) =>
          html`${at > 0 && "; "}${url ? html`<a href=${url}>section ${number}, ${title}</a>` : `section ${number}, ${title}`}`,
      )}</p>`
    }
    ${seen && html`<p class="seen">Seen by <code>${seen.line}</code>:</p><${Sides} ...${seen} port=${port} own=${seen.port} />`}
  </div>`;
}

function Answers({ step, port }) {
  const { answer, differs, recorded } = step;
  if (port === undefined && recorded === undefined) {
    return html`<p class="the-answer"><${Answer} text=${answer} /></p>`;
  }
  return html`<${Sides} answer=${answer} own=${step.port} port=${port} differs=${differs} recorded=${recorded} />`;
}

// The reference's answer; below it the port's, and the one in the file if that is another.
function Sides({ answer, own, port, differs, recorded }) {
  return html`<dl class=${`answers${differs ? " differ" : ""}`}>
    <dt>reference</dt><dd><${Answer} text=${answer} other=${differs ? own : undefined} /></dd>
    ${
      port !== undefined &&
      html`<dt>${differs && html`<${Differs} />`}${port}</dt>
      <dd><${Answer} text=${own} other=${differs ? answer : undefined} /></dd>`
    }
    ${
      recorded !== undefined &&
      html`<dt><${Differs} />in the file</dt><dd><${Answer} text=${recorded} other=${answer} /></dd>`
    }
  </dl>`;
}

function Answer({ text, other }) {
  if (typeof text !== "string") return html`<span class="none">no answer</span>`;
  return html`<${AnswerText} answer=${text} other=${other} />`;
}

function Differs() {
  return html`<span class="sign">≠ <span class="unseen">differs: </span></span>`;
}

function End({ end, port }) {
  return html`<div class="divergence-box">
    <p><b>${
      end.isOfLooks
        ? `Another process of ${port}, which was asked for its state after each step, ends here:`
        : `${port} ends here:`
    }</b> ${end.reason}</p>
    ${end.stderr && html`<pre>${end.stderr}</pre>`}
  </div>`;
}

function Events({ state, before }) {
  if (state === null) return html`<p class="none">There is no cluster yet.</p>`;
  const events = eventsOf(state, before ?? null);
  return html`<ul class="events">${
    events.length === 0
      ? html`<li class="none">Nothing changes.</li>`
      : events.map(
          ({ kind, text }) =>
            html`<li class=${kind ?? ""}>${
              kind && html`<span class="sign" aria-hidden="true">${MARKS[kind].sign}</span>`
            }${text}</li>`,
        )
  }</ul>`;
}

// With a port the facts come first: they are what both sides show.
function Cluster({ model, chosen }) {
  const { port } = model;
  const state = model.states[chosen];
  const logs = html`<h3>Logs</h3><${Logs} state=${state} />`;
  const facts = html`<h3>Replicas</h3>
    <${PortEvents} model=${model} chosen=${chosen} />
    <${Facts} state=${state} portState=${model.portStates[chosen]} port=${port} />`;
  return html`
    ${port === undefined ? [logs, facts] : [facts, logs]}
    <h3>Maps</h3><${Changes} state=${state} />`;
}

// How the port sees the cluster, if otherwise.
function PortEvents({ model, chosen }) {
  const state = model.states[chosen];
  const port = model.portStates[chosen];
  if (!port || port.replicas.length !== state.replicas.length) return null;
  const ids = ({ isolated }) => [...isolated].sort((a, b) => a - b).join(", ") || "none";
  const rows = [
    ["Leader", state.leader ?? "none", port.leader ?? "none"],
    ["Current term", state.term, port.term],
    ["Isolated", ids(state), ids(port)],
  ].filter(([, one, other]) => one !== other);
  if (rows.length === 0) return null;
  return html`<table class="cluster-differences">
    <thead><tr><th scope="col">Cluster</th><th scope="col">reference</th><th scope="col">${model.port}</th></tr></thead>
    <tbody>${rows.map(
      ([name, one, other]) =>
        html`<tr class="differs"><th scope="row">≠ ${name}</th><td>${one}</td><td>${other}</td></tr>`,
    )}</tbody>
  </table>`;
}

function Observers({ list, port }) {
  if (list.length === 0) return html`<h3>Observers</h3><p class="none">None after this step.</p>`;
  return html`<h3>Observers</h3>
    <dl class="observers">${list.map(({ line, answer, port: own, differs }) => {
      const [one, other] = differs ? [answer, own] : [];
      return html`<div class=${differs ? "differs" : ""}>
        <dt>${differs && html`<${Differs} />`}<code>${line}</code></dt>
        <dd>${port !== undefined && html`<span class="side">reference</span>`}<${Answer} text=${answer} other=${other} /></dd>
        ${port !== undefined && html`<dd><span class="side">${port}</span><${Answer} text=${own} other=${one} /></dd>`}
      </div>`;
    })}</dl>`;
}
