import { render } from "preact";
import { App } from "./app.js";
import { readModel } from "./data.js";
import { html } from "./html.js";

const model = readModel(document);
const page =
  model.steps.length === 0
    ? html`<main class="empty"><h1>${model.title}</h1><p>There are no steps in it.</p></main>`
    : html`<${App} model=${model} />`;
render(page, document.getElementById("page"));
