// A byte string as text, if it is text, and as hex.

import { hexOf, lengthOf, textOf } from "./bytes.js";
import { html } from "./html.js";

export function Value({ bytes, absent = "absent" }) {
  if (bytes === null || bytes === undefined) return html`<span class="none">${absent}</span>`;
  const text = textOf(bytes);
  const isCut = Array.isArray(bytes);
  return html`<span class="value">
    ${text !== null && html`<bdi class="as-text">"${text}${isCut && "…"}"</bdi>`}
    <code class="hex">0x${hexOf(bytes)}${isCut && "…"}</code>
    ${isCut && html`<span class="none">${lengthOf(bytes).toLocaleString("en")} bytes</span>`}
  </span>`;
}
