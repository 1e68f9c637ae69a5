// What a step shows of the cluster.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fixture, launch, open, pageOf } from "./browser.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

async function opened(name, step) {
  const address = pageOf(name, fixture(name));
  const { page, errors } = await open(browser, `${address}#step=${step}`);
  assert.deepEqual(errors, []);
  return page;
}

const texts = (locator) =>
  locator.evaluateAll((all) => all.map((one) => one.innerText.replace(/\s+/g, " ").trim()));

// The row of a replica in the grid of logs: its name, and its cells.
const logRow = (page, id) => texts(page.locator(".logs tbody tr").nth(id).locator("th, td"));

test("an election: the winner, its NoOp, and the isolated one that still leads", async () => {
  const page = await opened("story", 3);
  assert.deepEqual(await logRow(page, 0), ["0 L t1 isolated", "a = 1 t1", ""]);
  assert.deepEqual(await logRow(page, 1), ["1 L t2 ★ elected", "a = 1 t1", "NoOp t2"]);
  assert.deepEqual(await texts(page.locator(".events li")), [
    "⊘ Replica 0 is isolated.",
    "★ Replica 1 wins the election of term 2, and appends its NoOp.",
    "Replicas 1 and 2 append and commit entry 2.",
  ]);
  const row = page.locator("#step-3");
  assert.equal(await row.locator(".lane.isolated").count(), 1);
  assert.equal(await row.locator(".c.noop").count(), 2);
  assert.match(await row.innerText(), /★ election/);
});

test("pending entries are told apart, in words too", async () => {
  const page = await opened("story", 6);
  assert.deepEqual(await logRow(page, 0), [
    "0 L t1 isolated",
    "a = 1 t1",
    "a = stale t1 pending",
    "ghost = stale t1 pending",
    "del a t1 pending",
  ]);
  const lane = page.locator("#step-6 .lane").first();
  assert.equal(await lane.locator(".c.pending").count(), 3);
  assert.match(await lane.innerText(), /1\/4/);
});

test("truncated entries are struck out where they vanish, and only there", async () => {
  const page = await opened("story", 12);
  assert.deepEqual(await logRow(page, 0), [
    "0 t2",
    "a = 1 t1",
    "NoOp t2 a = stale t1 dropped",
    "b = 2 t2 ghost = stale t1 dropped",
    "del a t1 dropped",
  ]);
  assert.equal(await page.locator(".logs s").count(), 3);
  assert.equal(await page.locator("#step-12 .c.struck").count(), 3);
  assert.equal(await page.locator("#step-13 .c.struck").count(), 0);
  await page.keyboard.press("ArrowRight");
  await page.locator("#step-13[aria-selected=true]").waitFor();
  assert.equal(await page.locator(".logs s").count(), 0);
});

test("the facts, with the values of the step before", async () => {
  const page = await opened("story", 12);
  const row = await texts(page.locator(".facts tbody tr").first().locator("th, td"));
  assert.deepEqual(row.slice(0, 7), [
    "0",
    "follower",
    "t2 , was 1",
    "0",
    "3 , was 1",
    "3 , was 4",
    "2 , was 1",
  ]);
  const hashes = await texts(page.locator(".facts .hash b"));
  assert.deepEqual(hashes, ["A", "A", "A"], "equal hashes have the same letter");
});

test("the maps' difference, as text and as hex", async () => {
  const page = await opened("story", 12);
  assert.deepEqual(await texts(page.locator(".changes tbody tr").first().locator("th, td")), [
    '"b" 0x62',
    "absent",
    '"2" 0x32',
  ]);
});

test("compaction and the arrival of a snapshot", async () => {
  const page = await opened("snapshot", 8);
  assert.match((await logRow(page, 0))[1], /^compacted/);
  await page.keyboard.press("s");
  await page.locator(".logs .arrived").waitFor();
  assert.match(await page.locator(".logs .arrived").innerText(), /^↓ snapshot/);
  assert.equal(await page.locator(".row.chosen .c.arrived").count(), 1);
  assert.match(
    await page.locator(".events").innerText(),
    /installs the leader's snapshot at index \d/,
  );
});

test("keys and values that are markup or not text never run", async () => {
  const page = await opened("markup", 2);
  for (let step = 1; step <= 6; step += 1) await page.keyboard.press("ArrowRight");
  assert.equal(await page.evaluate(() => window.ran), undefined);
  assert.equal(await page.title(), "<script>window.ran=1</script>.trace");
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowRight");
  await page.locator("#step-2[aria-selected=true]").waitFor();
  const key = page.locator(".changes tbody th").first();
  assert.match(await key.innerText(), /"<script>window\.ran=1<\/script>"\s+0x3c7363/);
  await page.keyboard.press("ArrowRight");
  await page.locator("#step-3[aria-selected=true]").waitFor();
  const change = await texts(page.locator(".changes tbody tr").first().locator("th, td"));
  assert.deepEqual(change, ["0xff00fe", "absent", '"☃" 0xe29883']);
});

test("the page's policy lets nothing else run or load", async () => {
  const page = await opened("story", 1);
  const outcome = await page.evaluate(async () => {
    const script = document.createElement("script");
    script.textContent = "window.ran = 1";
    document.body.append(script);
    const fetched = await fetch("data:,x").then(
      () => "fetched",
      () => "refused",
    );
    return [window.ran, fetched];
  });
  assert.deepEqual(outcome, [undefined, "refused"]);
});

test("notes, a recorded answer that is wrong, and a port that ends", async () => {
  const data = fixture("story");
  data.notes = ["One answer in the file is not the reference's."];
  data.port = "go";
  data.steps.forEach((step, at) => {
    step.port = at < 4 ? step.answer : null;
  });
  data.steps[1].recorded = "ok committed index=2 term=1";
  data.end = { step: 4, reason: "the program exited (exit status: 3)", stderr: "panic: <b>oh</b>" };
  data.looks_end = { step: 4, reason: "no answer in time" };
  const { page, errors } = await open(browser, `${pageOf("ends", data)}#step=2`);
  assert.match(await page.locator(".notes").innerText(), /One answer/);
  assert.match(
    await page.locator(".answers").innerText(),
    /in the file\s+ok committed index=2 term=1/,
  );
  for (let step = 2; step < 5; step += 1) await page.keyboard.press("ArrowRight");
  await page.locator("#step-5[aria-selected=true]").waitFor();
  assert.match(await page.locator(".stage").innerText(), /exit status: 3[\s\S]*panic: <b>oh<\/b>/);
  const heads = await texts(page.locator(".divergence-box b"));
  assert.deepEqual(heads, [
    "go ends here:",
    "Another process of go, which was asked for its state after each step, ends here:",
  ]);
  assert.deepEqual(errors, []);
});
