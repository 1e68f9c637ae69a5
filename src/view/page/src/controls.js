// Step, play and jump.

import { html } from "./html.js";
import { JUMPS, MARKS } from "./marks.js";
import { number } from "./words.js";

export const SPEEDS = [
  { name: "slow", factor: 2 },
  { name: "normal", factor: 1 },
  { name: "fast", factor: 0.2 },
];

export function Controls({ count, chosen, playing, speed, go, onPlay, onSpeed, onHelp, letters }) {
  return html`<div class="controls" role="toolbar" aria-label="Steps">
    <span class="group">
      <button type="button" title="First step (Home)" aria-label="First step" disabled=${chosen === 0}
        onClick=${() => go(0)}><${Icon} d="M5 4v12M15 4l-7 6 7 6z" /></button>
      <button type="button" title="Previous step (←)" aria-label="Previous step" disabled=${chosen === 0}
        onClick=${() => go(chosen - 1)}><${Icon} d="M13 4l-7 6 7 6z" /></button>
      <button type="button" class="play" title="Play (space)" aria-pressed=${playing}
        aria-label=${playing ? "Pause" : "Play"} onClick=${onPlay}>${
          playing
            ? html`<${Icon} d="M6 4h3v12H6zM11 4h3v12h-3z" />`
            : html`<${Icon} d="M6 3l10 7-10 7z" />`
        }</button>
      <button type="button" title="Next step (→)" aria-label="Next step" disabled=${chosen === count - 1}
        onClick=${() => go(chosen + 1)}><${Icon} d="M7 4l7 6-7 6z" /></button>
      <button type="button" title="Last step (End)" aria-label="Last step" disabled=${chosen === count - 1}
        onClick=${() => go(count - 1)}><${Icon} d="M15 4v12M5 4l7 6-7 6z" /></button>
    </span>
    <span class="position">Step <b>${number(chosen + 1)}</b> of ${number(count)}</span>
    <label class="speed">Speed
      <select value=${speed} onChange=${(event) => onSpeed(Number(event.currentTarget.value))}>
        ${SPEEDS.map(({ name }, at) => html`<option value=${at}>${name}</option>`)}
      </select>
    </label>
    <button type="button" class="help-button" aria-label="Keys and signs" title=${`Keys and signs${letters ? " (?)" : ""}`} onClick=${onHelp}
      ><span class="long">Keys and signs</span><span class="short">?</span></button>
  </div>`;
}

function Icon({ d }) {
  return html`<svg viewBox="0 0 20 20" width="16" height="16" aria-hidden="true"><path d=${d} /></svg>`;
}

// One group a kind of mark: back, the number of them, forward.
export function Jumps({ marks, chosen, jump, letters }) {
  const kinds = JUMPS.filter((kind) => marks[kind].length > 0);
  if (kinds.length === 0) return null;
  return html`<div class="jumps" role="group" aria-label="Jump to">
    ${kinds.map((kind) => {
      const { label, letter, sign } = MARKS[kind];
      const places = marks[kind];
      const position = places.indexOf(chosen);
      const name = label.toLowerCase();
      const title = (words, key) => `${words} ${name}${letters ? ` (${key})` : ""}`;
      return html`<span class=${`jump ${kind}`} key=${kind}>
        <button type="button" aria-label=${`Previous ${name}`} disabled=${places[0] >= chosen}
          title=${title("Previous", `shift ${letter.toUpperCase()}`)}
          onClick=${() => jump(kind, -1)}>‹</button>
        <span class="name"><span class="sign" aria-hidden="true">${sign}</span> ${label} <span class="of">${
          position >= 0 ? `${position + 1}/${places.length}` : places.length
        }</span></span>
        <button type="button" aria-label=${`Next ${name}`} disabled=${places.at(-1) <= chosen}
          title=${title("Next", letter.toUpperCase())} onClick=${() => jump(kind, 1)}>›</button>
      </span>`;
    })}
  </div>`;
}
