// 10,000 steps on 7 replicas.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { expectStep, launch, open, pageOf } from "./browser.mjs";
import { longRun } from "./long-run.mjs";

const COUNT = 10_000;
// The rows in view and a few around them; far from the 10,000.
const NODES_MAX = 6_000;

let browser;
let address;
before(async () => {
  browser = await launch();
  address = pageOf("long", longRun(COUNT));
});
after(() => browser.close());

const nodes = (page) => page.evaluate(() => document.querySelectorAll("*").length);

test("only what is in view is drawn", async (context) => {
  const { page, errors, close } = await open(browser, address);
  const time = await page.evaluate(
    () => performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd,
  );
  context.diagnostic(
    `drawn ${Math.round(time)} ms after the start, with ${await nodes(page)} nodes`,
  );
  assert.ok((await nodes(page)) < NODES_MAX);
  await page.keyboard.press("End");
  await expectStep(page, COUNT);
  assert.ok((await nodes(page)) < NODES_MAX);
  assert.deepEqual(errors, []);
  await close();
});

test("scrolling draws the rows that come into view, and only those", async () => {
  const { page, errors, close } = await open(browser, address);
  for (const share of [0.3, 0.8, 1]) {
    const number = await page.evaluate(async (part) => {
      const list = document.querySelector(".scroller");
      list.scrollTop = (list.scrollHeight - list.clientHeight) * part;
      await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
      const { top, height } = list.getBoundingClientRect();
      const row = document.elementFromPoint(20, top + height - 20).closest(".row");
      return row === null ? null : Number(row.id.replace("step-", ""));
    }, share);
    assert.ok(Math.abs(number - COUNT * share) < 40, `${share}: step ${number}`);
    assert.ok((await nodes(page)) < NODES_MAX);
  }
  assert.deepEqual(errors, []);
  await close();
});

test("a row is the same, however one comes to it", async () => {
  const text = async (hash, keys) => {
    const { page, close } = await open(browser, address + hash);
    for (const key of keys) await page.keyboard.press(key);
    await expectStep(page, 7071);
    const found = await page.evaluate(() => document.querySelector(".stage").innerText);
    await close();
    return found;
  };
  const direct = await text("#step=7071", []);
  assert.match(direct, /heal/);
  assert.equal(await text("#step=7081", ["PageUp"]), direct);
  assert.equal(await text("#step=7070", ["ArrowRight"]), direct);
});
