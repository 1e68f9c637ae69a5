// Schemes, widths, paper, and what axe-core finds.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { fixture, LAPTOP, launch, open, PHONE, pageOf, require } from "./browser.mjs";

const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const NAMES = ["story", "snapshot", "divergence", "described", "markup"];

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

// Findings that a reader would stumble over. axe-core is not a part of the page, so its policy is off.
async function findings(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run());
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 150)).join("\n  ")}`);
}

for (const name of NAMES) {
  for (const colorScheme of ["light", "dark"]) {
    for (const [width, viewport] of Object.entries({ laptop: LAPTOP, phone: PHONE })) {
      test(`axe-core: ${name}, ${colorScheme}, ${width}`, async () => {
        // Without animations: a cell that fades in has less contrast for a moment.
        const options = { viewport, colorScheme, bypassCSP: true, reducedMotion: "reduce" };
        const { page, close } = await open(browser, pageOf(name, fixture(name)), options);
        await page.keyboard.press("t");
        assert.deepEqual(await findings(page), []);
        await close();
      });
    }
  }
}

test("axe-core: the list of keys", async () => {
  const { page, close } = await open(browser, pageOf("story", fixture("story")), {
    bypassCSP: true,
  });
  await page.keyboard.press("?");
  await page.getByRole("dialog").waitFor();
  assert.deepEqual(await findings(page), []);
  await close();
});

test("axe-core finds what there is to find", async () => {
  const { page, close } = await open(browser, pageOf("story", fixture("story")), {
    bypassCSP: true,
  });
  await page.evaluate(() => document.querySelector("input").removeAttribute("aria-label"));
  assert.match((await findings(page)).join(), /^label/);
  await close();
});

test("dark and light follow the system", async () => {
  const { page, close } = await open(browser, pageOf("story", fixture("story")), {
    colorScheme: "dark",
  });
  const brightness = () =>
    page.evaluate(() => {
      const colours = getComputedStyle(document.body).backgroundColor.match(/\d+/g);
      return Number(colours[0]);
    });
  assert.ok((await brightness()) < 60);
  await page.emulateMedia({ colorScheme: "light" });
  assert.ok((await brightness()) > 200);
  await close();
});

for (const name of NAMES) {
  test(`a phone shows the step and the list, and nothing beyond its width: ${name}`, async () => {
    const { page, close } = await open(browser, pageOf(name, fixture(name)), { viewport: PHONE });
    await page.keyboard.press("End");
    await page.waitForTimeout(100);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= PHONE.width, `${width}`);
    for (const selector of [".stage h2", ".row.chosen .command"]) {
      const { x, y, width, height } = await page.locator(selector).boundingBox();
      const isInside = x >= 0 && y >= 0 && x + width <= PHONE.width && y + height <= PHONE.height;
      assert.ok(isInside, `${selector}: ${x} ${y} ${width} ${height}`);
    }
    await close();
  });
}

test("nothing moves if one prefers so", async () => {
  const { page, close } = await open(browser, pageOf("story", fixture("story")), {
    reducedMotion: "reduce",
  });
  await page.keyboard.press("ArrowRight");
  const entry = page.locator(".entry.new").first();
  assert.equal(await entry.evaluate((element) => getComputedStyle(element).animationName), "none");
  await close();
});

test("paper has the chosen step and all rows", async () => {
  const { page, close } = await open(browser, pageOf("story", fixture("story")), {
    viewport: { width: 1280, height: 400 },
  });
  await page.evaluate(() =>
    addEventListener("beforeprint", () => {
      window.printed = true;
    }),
  );
  const pdf = await page.pdf({ format: "A4" });
  assert.equal(pdf.subarray(0, 5).toString(), "%PDF-");
  assert.equal(await page.evaluate(() => window.printed), true);
  assert.ok((await page.locator(".row").count()) < 20, "drawn as before");
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  await page.emulateMedia({ media: "print" });
  assert.equal(await page.locator(".row").count(), 20);
  const heights = await page
    .locator(".row")
    .evaluateAll((rows) => rows.map((row) => row.getBoundingClientRect()));
  heights.slice(1).forEach((row, at) => {
    assert.ok(row.top >= heights[at].bottom - 1, `row ${at + 2} is below the one before`);
  });
  assert.equal(await page.locator(".controls").isVisible(), false);
  await close();
});
