// The browser, and the pages in it. Packages are below target/npm/pages: see scripts/pages.sh.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const root = fileURLToPath(new URL("../../", import.meta.url));
export const require = createRequire(join(root, "target/npm/pages/package.json"));
const pages = join(root, "target/pages");

const { chromium } = require("playwright-core");

function executable() {
  const names = ["chromium", "chromium-browser", "google-chrome"];
  const folders = (process.env.PATH ?? "").split(delimiter);
  const paths = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  const found = [process.env.CHROMIUM, ...paths].find((path) => path && existsSync(path));
  if (found === undefined) throw new Error("no chromium on the PATH, nor in CHROMIUM");
  return found;
}

export function launch() {
  return chromium.launch({ executablePath: executable() });
}

// Writes the page of the data as the program does, and returns its address.
export function pageOf(name, data) {
  const template = readFileSync(join(root, "src/view/page.html"), "utf8");
  const title = data.title.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const json = JSON.stringify(data).replaceAll("<", "\\u003c");
  const page = template.replace("{{title}}", () => title).replace("{{data}}", () => json);
  mkdirSync(pages, { recursive: true });
  const path = join(pages, `${name}.html`);
  writeFileSync(path, page);
  return pathToFileURL(path).href;
}

export function fixture(name) {
  return JSON.parse(readFileSync(new URL(`fixtures/${name}.json`, import.meta.url), "utf8"));
}

// The address of a page that the program writes, with these arguments.
export function writePage(name, more) {
  mkdirSync(pages, { recursive: true });
  const path = join(pages, `${name}.html`);
  execFileSync(join(root, "target/dkv20"), ["view", "-o", path, ...more], {
    cwd: root,
    stdio: ["ignore", "ignore", "pipe"],
  });
  return pathToFileURL(path).href;
}

// The data in such a page.
export function dataOf(address) {
  const page = readFileSync(fileURLToPath(address), "utf8");
  return JSON.parse(/<script id="data" type="application\/json">([^<]*)<\/script>/.exec(page)[1]);
}

export const LAPTOP = { width: 1280, height: 800 };
export const PHONE = { width: 360, height: 740 };

// Opens an address. `errors` collects what went wrong in it, `requests` whatever it asked for.
export async function open(browser, address, { viewport = LAPTOP, ...options } = {}) {
  const context = await browser.newContext({ viewport, ...options });
  const page = await context.newPage();
  const errors = [];
  const requests = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => errors.push(message.text()));
  page.on("request", (request) => requests.push(request.url()));
  await page.goto(address);
  await page.locator(".row.chosen").waitFor();
  return { page, errors, requests, close: () => context.close() };
}

// The number of the chosen step, as the list has it.
export async function chosen(page) {
  const id = await page.locator("[role=option][aria-selected=true]").getAttribute("id");
  return Number(id.replace("step-", ""));
}

// Waits until the page shows the step: what one does has effect a moment later.
export async function expectStep(page, number) {
  await page.locator(`#step-${number}[aria-selected=true]`).waitFor({ timeout: 5000 });
}
