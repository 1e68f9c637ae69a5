// The replicas' facts after the chosen step: a row each, or two if the port differs.

import { html } from "./html.js";
import { Badge } from "./lane.js";
import { differingFields } from "./state.js";

const FIELDS = [
  ["role", "Role"],
  ["term", "Term"],
  ["base", "Base"],
  ["commit", "Commit"],
  ["last", "Last"],
  ["keys", "Keys"],
  ["hash", "Hash"],
];

export function Facts({ state, portState, port }) {
  const all = [...state.replicas, ...(portState?.replicas ?? [])];
  const hasLogHash = all.some(({ logHash }) => logHash !== undefined);
  const fields = hasLogHash ? [...FIELDS, ["logHash", "Log"]] : FIELDS;
  const names = namesOfHashes(all);
  const isUnseen = port !== undefined && !portState;
  return html`${isUnseen && html`<p class="none">The replicas of ${port} were not seen after this step.</p>`}
  <div class="wide" tabindex="0" role="region" aria-label="Replicas" data-scrolls-x>
    <table class="facts">
      <thead><tr>
        <th scope="col">Replica</th>
        ${fields.map(([, label]) => html`<th scope="col">${label}</th>`)}
      </tr></thead>
      <tbody>${state.replicas.map((replica) => {
        const other = portState?.replicas[replica.id];
        const differing = differingFields(replica, other);
        const common = { fields, differing, names, isolated: state.isolated.has(replica.id) };
        if (differing.length === 0) {
          return html`<${FactRow} replica=${replica} side=${other && "both"} ...${common} />`;
        }
        return html`
          <${FactRow} replica=${replica} side="reference" ...${common} />
          <${FactRow} replica=${other} side=${port} isSecond ...${common} />`;
      })}</tbody>
    </table>
  </div>
  <details class="hashes"><summary>Hashes in full</summary>
    <dl>${[...names].map(([hash, name]) => html`<dt>${name}</dt><dd><code>${hash}</code></dd>`)}</dl>
  </details>`;
}

// A letter for each hash, so that equal ones are seen at a glance.
function namesOfHashes(replicas) {
  const names = new Map();
  for (const { hash, logHash } of replicas) {
    for (const each of [hash, logHash]) {
      if ((each ?? null) !== null && !names.has(each)) names.set(each, letters(names.size));
    }
  }
  return names;
}

function letters(number) {
  const letter = String.fromCharCode(65 + (number % 26));
  return number < 26 ? letter : `${letters(Math.floor(number / 26) - 1)}${letter}`;
}

function FactRow({ replica, side, isSecond, fields, differing, names, isolated }) {
  const classes = [isSecond ? "second" : "first", isolated ? "isolated" : ""].join(" ").trim();
  return html`<tr class=${classes}>
    <th scope="row"><span class="id">${replica.id}</span>
      ${side && html` <span class="side">${side}</span>`}
      ${isolated && !isSecond && html` <span class="note">isolated</span>`}</th>
    ${fields.map(
      ([field]) => html`<${Fact} replica=${replica} field=${field} names=${names}
        differs=${differing.includes(field)} />`,
    )}
  </tr>`;
}

function Fact({ replica, field, names, differs }) {
  const value = replica[field];
  const before = replica.step?.before[field];
  const hasChanged = (before ?? null) !== null && before !== value;
  const classes = [hasChanged ? "changed" : "", differs ? "differs" : ""].join(" ").trim();
  const was = hasChanged ? (names.get(before) ?? short(before)) : null;
  return html`<td class=${classes}>
    ${differs && html`<span class="sign">≠<span class="unseen"> differs: </span></span>`}
    <${Shown} field=${field} value=${value} replica=${replica} names=${names} />
    ${hasChanged && !isHash(field) && field !== "role" && html`<span class="was"><span class="unseen">, was </span>${was}</span>`}
  </td>`;
}

function isHash(field) {
  return field === "hash" || field === "logHash";
}

function short(value) {
  return `${value}`.length > 12 ? `${value}`.slice(0, 10) : value;
}

function Shown({ field, value, replica, names }) {
  if ((value ?? null) === null) return html`<span class="none">–</span>`;
  if (field === "role") return value;
  if (field === "term") return html`<${Badge} role="" term=${replica.term} />`;
  if (!isHash(field)) return value;
  return html`<span class="hash" title=${value}><b>${names.get(value)}</b> <code>${value.slice(0, 6)}…</code></span>`;
}
