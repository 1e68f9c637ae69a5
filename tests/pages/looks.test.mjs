// Schemes, widths, paper, and what axe-core finds.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { fixture, LAPTOP, launch, open, PHONE, pageOf, require } from "./browser.mjs";
import { longRun } from "./long-run.mjs";

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

test("a phone has the caption of a step once", async () => {
  const captions = async (viewport) => {
    const { page, close } = await open(browser, pageOf("story", fixture("story")), { viewport });
    const count = await page.locator(".caption, .row.chosen .comment").count();
    await close();
    return count;
  };
  assert.deepEqual([await captions(PHONE), await captions(LAPTOP)], [1, 2]);
});

test("the chosen row and isolated lanes are seen in forced colours", async () => {
  const { page, close } = await open(browser, `${pageOf("story", fixture("story"))}#step=5`, {
    forcedColors: "active",
  });
  const styles = await page.evaluate(() => [
    getComputedStyle(document.querySelector(".row.chosen"), "::before").borderStyle,
    getComputedStyle(document.querySelector(".lane.isolated")).outlineStyle,
  ]);
  assert.deepEqual(styles, ["solid", "dashed"]);
  await close();
});

test("long words of an explanation stay within the page", async () => {
  const data = fixture("divergence");
  data.divergence.explanation = [`after key 0x${"6b".repeat(200)}`];
  const { page, close } = await open(browser, pageOf("words", data));
  const isWide = (element) => element.scrollWidth > element.clientWidth;
  assert.equal(await page.locator(".stage").evaluate(isWide), false);
  await close();
});

test("paper is light even if the screen is dark", async () => {
  const { page, close } = await open(browser, pageOf("story", fixture("story")), {
    colorScheme: "dark",
  });
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  const [ink, paper] = await page.evaluate(() => {
    const brightness = (colour) => Number(colour.match(/\d+/)[0]);
    const { color } = getComputedStyle(document.body);
    const { backgroundColor } = getComputedStyle(document.querySelector(".top"));
    return [color, backgroundColor].map(brightness);
  });
  assert.ok(ink < 60 && paper > 200, `${ink} on ${paper}`);
  await close();
});

test("paper says which steps and replicas it has no room for", async () => {
  const data = longRun(700);
  data.frames[0] = { cluster: 64 };
  const { page, close } = await open(browser, pageOf("paper", data));
  assert.equal(await page.locator(".left-out").count(), 0);
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  await page.emulateMedia({ media: "print" });
  assert.equal(
    await page.locator(".left-out").innerText(),
    "Printed: steps 1 to 500 of 700. Printed: the lanes of the first 12 of 64 replicas.",
  );
  assert.equal(await page.locator(".row.chosen .lane").count(), 12);
  await close();
});

test("one step alone is a mark in the strip, and not half of it", async () => {
  const data = { format: 1, title: "one", kind: "cluster", steps: [{ line: "new 1" }] };
  const { page, close } = await open(browser, pageOf("one", { ...data, frames: [{ cluster: 1 }] }));
  const isPainted = await page.evaluate(() => {
    const canvas = document.querySelector("canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 3, canvas.width, 1);
    return [8, canvas.width / 4].map((x) => data[4 * Math.floor(x) + 3] > 0);
  });
  assert.deepEqual(isPainted, [true, false]);
  await close();
});

test("a row says how many replicas it does not speak of", async () => {
  const data = { format: 1, title: "many", kind: "cluster", steps: [{ line: "new 64" }] };
  const { page, close } = await open(
    browser,
    pageOf("many", { ...data, frames: [{ cluster: 64 }] }),
  );
  const words = await page.locator("#step-1 .unseen").innerText();
  assert.match(words, /Replica 8: follower.*\. And 55 more replicas$/);
  await close();
});

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
