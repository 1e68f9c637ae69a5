// An answer, with the parts marked that differ from another one.

import { partsOf } from "./answer.js";
import { html } from "./html.js";

export function AnswerText({ answer, other }) {
  const { parts, skipped, left } = partsOf(answer, other);
  const verdict = /^err\b/.test(answer) ? "err" : "";
  return html`<code class=${verdict}
    >${skipped > 0 && html`<span class="left">… ${skipped} characters … </span>`}${parts.map(
      ({ text, differs }) => (differs ? html`<mark>${text}</mark>` : text),
    )}${left > 0 && html`<span class="left"> … ${left} more characters</span>`}</code
  >`;
}
