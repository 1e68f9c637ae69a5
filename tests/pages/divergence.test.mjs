// A port that differs, in a cluster and in a described machine.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chosen, fixture, launch, open, pageOf } from "./browser.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

const texts = (locator) =>
  locator.evaluateAll((all) => all.map((one) => one.innerText.replace(/\s+/g, " ").trim()));

async function opened(name, hash = "") {
  const { page, errors } = await open(browser, pageOf(name, fixture(name)) + hash);
  assert.deepEqual(errors, []);
  return page;
}

test("the page opens at the first difference, and it is in view", async () => {
  const page = await opened("divergence");
  assert.equal(await chosen(page), 23);
  const shown = await page.evaluate(() => {
    const inView = (element) => {
      const { top, bottom } = element.getBoundingClientRect();
      return top >= 0 && bottom <= innerHeight;
    };
    return [".row.chosen", ".divergence-box", ".answers", ".fields tr.differs"].map((selector) =>
      inView(document.querySelector(selector)),
    );
  });
  assert.deepEqual(shown, [true, true, true, true]);
});

test("another address is followed, and the button leads back", async () => {
  const page = await opened("divergence", "#step=3");
  assert.equal(await chosen(page), 3);
  await page.getByRole("button", { name: /First difference: step 23/ }).click();
  await page.locator("#step-23[aria-selected=true]").waitFor();
});

test("both answers, with what differs marked", async () => {
  const page = await opened("divergence");
  const marked = await texts(page.locator(".answers mark"));
  assert.equal(marked.length, 2);
  assert.notEqual(marked[0], marked[1]);
  const [reference, port] = await texts(page.locator(".answers dt"));
  assert.deepEqual([reference, port], ["reference", "≠ differs: go"]);
  assert.equal(await page.locator("#step-23 mark").count(), 2);
});

test("the explanation, and the sections of the definition", async () => {
  const page = await opened("divergence");
  const box = await page.locator(".divergence-box").innerText();
  assert.match(box, /go differs from the reference here, for the first time/);
  assert.match(box, /Its map still has the key "b"/);
  assert.match(box, /section 4\.4, settle/);
  assert.equal(
    await page.locator(".divergence-box pre").innerText(),
    "    index 9  term 4  put e 5",
  );
});

test("the replicas of both sides, one above the other", async () => {
  const page = await opened("divergence");
  const rows = page.locator(".facts tbody tr");
  const names = await texts(rows.locator("th"));
  assert.deepEqual(names, ["0 both", "1 both", "2 both", "3 both", "4 reference", "go"]);
  const differing = await texts(rows.nth(5).locator("td.differs"));
  assert.equal(differing.length, 2, "keys and hash");
  assert.match(differing[0], /^≠ differs: 5/);
  assert.equal(await rows.nth(3).locator("td.differs").count(), 0);
  assert.match(await page.locator("#step-20 .lane").nth(4).innerText(), /≠\s*keys/);
});

test("a snapshot field by field, the equal ones folded", async () => {
  const page = await opened("divergence");
  assert.match(await page.locator(".snapshot h3").innerText(), /field by field: dump 4/i);
  const fields = page.locator(".fields");
  const differing = await texts(fields.locator("tr.differs"));
  assert.match(
    differing[0],
    /^24 ≠ differs: number of keys 04 00 00 00 00 00 00 00 ?4 05 00 00 00 00 00 00 00 ?5$/,
  );
  assert.equal(await fields.locator("tr.folded").count(), 2);
  await page.getByRole("button", { name: "Show all fields" }).click();
  await fields.locator("tr.folded").first().waitFor({ state: "detached" });
  assert.match(await fields.innerText(), /not there/);
});

test("a described machine: no lanes, but observers", async () => {
  const page = await opened("described");
  assert.equal(await chosen(page), 8);
  assert.equal(await page.locator(".lane, .logs, .facts").count(), 0);
  const observers = await texts(page.locator(".observers > div"));
  assert.equal(observers.length, 2);
  assert.match(observers[0], /^≠ differs: text reference ok "(ab)+" yrs ok "(ab)+c"$/);
  await page.keyboard.press("d");
  await page.locator("#step-10[aria-selected=true]").waitFor();
  assert.deepEqual(await texts(page.locator(".answers mark")), ["10", "11"]);
});
