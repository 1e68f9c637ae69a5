// The keys, and how to read the page.

import { html } from "./html.js";
import { JUMPS, MARKS } from "./marks.js";

export function Help({ dialog, hasLanes, letters, onLetters }) {
  return html`<dialog ref=${dialog} class="help" aria-labelledby="help-title">
      <h2 id="help-title">Keys and signs</h2>
      <dl class="keys">
        <${Key} keys=${["←", "→"]}>step back, forward<//>
        <${Key} keys=${["Home", "End"]}>first, last step<//>
        <${Key} keys=${["Page up", "Page down"]}>ten steps<//>
        <${Key} keys=${["Space"]}>play, pause<//>
        <${Key} keys=${["N", "P"]}>next, previous mark of any kind<//>
        ${JUMPS.map(
          (kind) => html`<${Key} keys=${[MARKS[kind].letter.toUpperCase()]}
          >next ${MARKS[kind].label.toLowerCase()}; with shift, previous<//>`,
        )}
        <${Key} keys=${["?"]}>this list<//>
      </dl>
      <label class="letters"><input type="checkbox" checked=${letters}
        onChange=${(event) => onLetters(event.currentTarget.checked)} /> Letters and ? are shortcuts</label>
      ${hasLanes && html`<${Legend} />`}
      <form method="dialog"><button>Close</button></form>
    </dialog>`;
}

function Key({ keys, children }) {
  return html`<div><dt>${keys.map((key) => html`<kbd>${key}</kbd> `)}</dt><dd>${children}</dd></div>`;
}

function Legend() {
  return html`<ul class="legend">
    <li><span class="badge leads t1">L t1</span> a leader, in term 1; each term has its colour</li>
    <li><span class="badge t2">t2</span> a follower, in term 2</li>
    <li><span class="extent">3/5</span> three of five entries are committed</li>
    <li><i class="c t1"></i> a committed entry</li>
    <li><i class="c t1 pending"></i> a pending one</li>
    <li><i class="c t1 struck"></i> one that is dropped in this step</li>
    <li><i class="c t2 noop"></i> the NoOp of a new leader</li>
    <li><i class="c more"></i> older entries</li>
    <li><i class="c base"></i> the part that is compacted</li>
    <li><i class="c base arrived"></i> a snapshot arrived in this step</li>
    <li><span class="swatch isolated"></span> isolated</li>
  </ul>`;
}
