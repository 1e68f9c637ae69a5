// A snapshot, or another answer, that differs, field by field.

import { Component } from "preact";
import { html } from "./html.js";
import { plural } from "./words.js";

// Equal fields so near to a differing one are shown; longer runs of them are folded.
const CONTEXT = 1;
const DIFFERING_MAX = 100;

export class Fields extends Component {
  state = { all: false };

  render({ snapshot, port }, { all }) {
    const { fields, of, more = 0 } = snapshot;
    const differing = fields.filter(({ differs }) => differs).length;
    const items = all ? fields.map((field) => ({ field })) : folded(fields);
    const isFolded = !all && items.length < fields.length;
    return html`<section class="snapshot">
      <h3>Field by field: <code>${of}</code></h3>
      <p class="count">${plural(differing, "field")} of ${(fields.length + more).toLocaleString("en")} differ${differing === 1 ? "s" : ""}.
        ${isFolded && html`<button type="button" onClick=${() => this.setState({ all: true })}>Show all fields</button>`}
      </p>
      <div class="wide" tabindex="0" role="region" aria-label=${`Fields of ${of}`} data-scrolls-x>
        <table class="fields">
          <thead><tr><th scope="col">Offset</th><th scope="col">Field</th>
            <th scope="col">Reference</th><th scope="col">${port}</th></tr></thead>
          <tbody>${items.map(({ field, hidden }) =>
            hidden !== undefined
              ? html`<tr class="folded"><td colspan="4">${plural(hidden, "more field")}</td></tr>`
              : html`<${Field} field=${field} />`,
          )}
          ${more > 0 && html`<tr class="folded"><td colspan="4">${plural(more, "equal field")} left out</td></tr>`}</tbody>
        </table>
      </div>
    </section>`;
  }
}

function folded(fields) {
  const items = [];
  let differing = 0;
  let hidden = 0;
  const near = (at) =>
    fields.slice(Math.max(0, at - CONTEXT), at + CONTEXT + 1).some((f) => f.differs);
  fields.forEach((field, at) => {
    if (differing < DIFFERING_MAX && near(at)) {
      if (hidden > 0) items.push({ hidden });
      hidden = 0;
      items.push({ field });
      if (field.differs) differing += 1;
    } else {
      hidden += 1;
    }
  });
  if (hidden > 0) items.push({ hidden });
  return items;
}

function Field({ field }) {
  const { offset, meaning, reference, port, differs, value, port_value } = field;
  return html`<tr class=${differs ? "differs" : ""}>
    <td class="number">${offset}</td>
    <th scope="row">${differs && html`<span class="sign">≠ <span class="unseen">differs: </span></span>`}${meaning}</th>
    <td><${Side} hex=${reference} value=${value} other=${port} /></td>
    <td><${Side} hex=${port} value=${port_value} other=${reference} /></td>
  </tr>`;
}

// A field of a described machine has a value, but no bytes. The hex of a long one ends in "…".
function Side({ hex, value, other }) {
  const text = (value ?? null) !== null && html`<span class="as-text">${value}</span>`;
  if ((hex ?? null) === null) return text || html`<span class="none">not there</span>`;
  const bytes = hex.match(/[0-9a-f]{2}|…/g) ?? [];
  const others = other?.match(/[0-9a-f]{2}|…/g) ?? [];
  return html`<code class="hex">${
    bytes.length === 0
      ? html`<span class="none">no bytes</span>`
      : bytes.map((byte, at) =>
          byte === others[at] ? `${byte} ` : html`<mark>${byte}</mark>${" "}`,
        )
  }</code>${text}`;
}
