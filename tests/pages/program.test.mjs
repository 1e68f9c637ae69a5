// The pages that the program writes: what they hold folds to what the reference answers, and they
// open.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { newest, runs } from "../../src/view/page/src/log.js";
import { differingFields, fold, foldPort } from "../../src/view/page/src/state.js";
import { chosen, dataOf, launch, open, writePage } from "./browser.mjs";

// Those with a cluster: only they have lanes.
const folder = new URL("../traces/", import.meta.url);
const TRACES = readdirSync(folder).filter(
  (name) =>
    name.endsWith(".trace") &&
    /^> new \d+\n< ok\n/m.test(readFileSync(new URL(name, folder), "latin1")),
);
const WRONG = "python3 tests/ports/python/wrong_ports.py";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

const trace = (name) => `tests/traces/${name}`;

// The answer to `replica ID` as the folded state has it.
function answerOf({ role, term, base, commit, last, keys }) {
  return `ok role=${role} term=${term} base=${base} commit=${commit} last=${last} keys=${keys}`;
}

// Entries at each index from base + 1 to last, with terms that do not fall.
function assertLog({ id, base, last, log }, place) {
  const nodes = newest(log, base, Infinity);
  let index = base;
  let newestTerm = 0;
  for (const { from, to, term } of nodes) {
    assert.equal(from, index + 1, `${place}, replica ${id}: no gap`);
    assert.ok(term >= newestTerm, `${place}, replica ${id}: terms`);
    index = to;
    newestTerm = term;
  }
  assert.equal(index, last, `${place}, replica ${id}: up to its last index`);
  const terms = runs(log, base).map(([, , term]) => term);
  assert.deepEqual(
    terms,
    [...new Set(terms)].sort((a, b) => b - a),
    `${place}: runs of terms`,
  );
}

test("every trace folds to what `replica` answers, with whole logs", () => {
  let compared = 0;
  for (const name of TRACES) {
    const data = dataOf(writePage(name, [trace(name)]));
    fold(data.frames).forEach((state, at) => {
      if (state === null) return;
      const { line, answer } = data.steps[at];
      for (const replica of state.replicas) assertLog(replica, `${name}, step ${at + 1}`);
      const id = /^replica (\d+)$/.exec(line)?.[1];
      if (id === undefined || !answer.startsWith("ok")) return;
      assert.equal(answerOf(state.replicas[Number(id)]), answer, `${name}, step ${at + 1}`);
      compared += 1;
    });
  }
  assert.ok(compared > 150, `${compared} answers`);
});

test("a port that is right is the same as the reference after each step", () => {
  const name = "case-16-lagging-replica-gets-snapshot.trace";
  const port = `python=python3 tests/ports/python/dkv20.py serve`;
  const data = dataOf(writePage("right", [trace(name), "--port", port]));
  const states = fold(data.frames);
  foldPort(data.port_frames, data.frames, states).forEach((state, at) => {
    const differing = states[at].replicas.flatMap((replica, id) =>
      differingFields(replica, state.replicas[id]),
    );
    assert.deepEqual(differing, []);
  });
});

test("every trace's page opens, and goes to its end", async () => {
  const { page, errors, close } = await open(browser, writePage("first", [trace(TRACES[0])]));
  for (const name of TRACES) {
    const address = writePage(name, [trace(name)]);
    const { steps } = dataOf(address);
    await page.goto(`${address}#step=${steps.length}`);
    await page.locator(`#step-${steps.length}.chosen`).waitFor();
    assert.equal(await page.title(), name);
    assert.deepEqual(errors, [], name);
  }
  await close();
});

test("a wrong port's page opens at its first difference", async () => {
  const name = trace("case-16-lagging-replica-gets-snapshot.trace");
  const port = `wrong=${WRONG} snapshot-is-laid-over-the-old-map`;
  const address = writePage("wrong", [name, "--port", port]);
  const { page, errors, close } = await open(browser, address);
  assert.equal(await chosen(page), 11);
  assert.match(await page.locator(".divergence-box").innerText(), /keys=3/);
  assert.match(await page.locator(".fields tr.differs").first().innerText(), /number of keys/);
  const differing = page.locator(".facts tr").filter({ has: page.locator("td.differs") });
  assert.equal(await differing.count(), 2);
  assert.deepEqual(errors, []);
  await close();
});

test("a described machine's page", async () => {
  const folder = "tests/machines/counter";
  const address = writePage("counter", [
    `${folder}/counter.trace`,
    "--machine",
    `${folder}/counter.toml`,
  ]);
  const { page, errors, close } = await open(browser, address);
  assert.equal(await page.locator(".lane").count(), 0);
  await page.keyboard.press("PageDown");
  await page.locator(".observers").waitFor();
  assert.deepEqual(errors, []);
  await close();
});
