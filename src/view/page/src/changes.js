// The difference of the maps to the step before. Replicas with the same difference share a table.

import { html } from "./html.js";
import { Value } from "./value.js";
import { plural, replicas, sentence } from "./words.js";

export function Changes({ state }) {
  const groups = new Map();
  for (const { id, step } of state.replicas) {
    if (step === null || step.map.length === 0) continue;
    const key = JSON.stringify([step.map, step.more]);
    if (!groups.has(key)) groups.set(key, { ids: [], map: step.map, more: step.more });
    groups.get(key).ids.push(id);
  }
  if (groups.size === 0) return html`<p class="none">No map changes in this step.</p>`;
  return [...groups.values()].map(
    ({ ids, map, more }) => html`<div class="wide" tabindex="0" role="region"
      aria-label=${`Map of ${replicas(ids)}`} data-scrolls-x>
      <table class="changes">
        <caption>${sentence(replicas(ids)).slice(0, -1)}</caption>
        <thead><tr><th scope="col">Key</th><th scope="col">Before</th><th scope="col">After</th></tr></thead>
        <tbody>${map.map(
          ([key, before, after]) => html`<tr>
            <th scope="row"><${Value} bytes=${key} /></th>
            <td class=${before === null ? "" : "removed"}><${Value} bytes=${before} /></td>
            <td class=${after === null ? "" : "added"}><${Value} bytes=${after} /></td>
          </tr>`,
        )}</tbody>
      </table>
      ${more > 0 && html`<p class="none">… and ${plural(more, "more key")}.</p>`}
    </div>`,
  );
}
