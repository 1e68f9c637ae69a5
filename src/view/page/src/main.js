import { render } from "preact";
import { App } from "./app.js";
import { readModel } from "./data.js";
import { html } from "./html.js";

const model = readModel(document);
render(html`<${App} model=${model} />`, document.getElementById("page"));
