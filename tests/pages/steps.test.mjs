// Stepping: keys, buttons, the slider, clicks, jumps, play, and the address.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chosen, expectStep, fixture, launch, open, pageOf } from "./browser.mjs";

let browser;
let address;
before(async () => {
  browser = await launch();
  address = pageOf("story", fixture("story"));
});
after(() => browser.close());

// A test with a page of its own, which must not report anything.
function onPage(name, body, hash = "", options = {}) {
  test(name, async () => {
    const { page, errors, close } = await open(browser, address + hash, options);
    await body(page);
    assert.deepEqual(errors, []);
    await close();
  });
}

onPage("opens at the first step", async (page) => {
  assert.equal(await chosen(page), 1);
  assert.equal(await page.title(), "case-15-deposed-tail-is-truncated.trace");
  assert.match(await page.locator(".stage .caption").innerText(), /^A deposed leader's tail/);
});

onPage("keys step and move by pages", async (page) => {
  const moves = [
    ["ArrowRight", 2],
    ["ArrowRight", 3],
    ["ArrowLeft", 2],
    ["End", 20],
    ["ArrowRight", 20],
    ["PageUp", 10],
    ["PageDown", 20],
    ["Home", 1],
    ["ArrowLeft", 1],
    ["ArrowDown", 2],
    ["ArrowUp", 1],
  ];
  for (const [key, step] of moves) {
    await page.keyboard.press(key);
    await expectStep(page, step);
  }
});

onPage("keys that scroll the details do not step, but the others do", async (page) => {
  await page.setViewportSize({ width: 1280, height: 400 });
  await page.locator(".stage").focus();
  await page.keyboard.press("End");
  await page.keyboard.press("ArrowRight");
  await expectStep(page, 2);
  await page.locator(".wide").first().focus();
  await page.keyboard.press("ArrowRight");
  await expectStep(page, 3);
  await page.setViewportSize({ width: 360, height: 800 });
  await page.locator(".wide").first().focus();
  await page.keyboard.press("ArrowRight");
  await page.locator("[role=listbox]").focus();
  await page.keyboard.press("ArrowRight");
  await expectStep(page, 4);
});

onPage("keys with a modifier are the browser's", async (page) => {
  await page.keyboard.press("Control+ArrowRight");
  await page.keyboard.press("Alt+e");
  await page.keyboard.press("ArrowRight");
  await expectStep(page, 2);
});

onPage("letters can be switched off, and stay off when the page is loaded again", async (page) => {
  await page.getByRole("button", { name: "Keys and signs" }).click();
  await page.getByRole("checkbox", { name: "Letters and ? are shortcuts" }).uncheck();
  await page.keyboard.press("Escape");
  for (const reload of [false, true]) {
    if (reload) await page.reload();
    for (const key of ["e", "t", "N", "?"]) await page.keyboard.press(key);
    await page.keyboard.press("ArrowRight");
    await expectStep(page, reload ? 3 : 2);
    assert.equal(await page.getByRole("dialog").isVisible(), false);
    const title = await page.getByRole("button", { name: "Next truncation" }).getAttribute("title");
    assert.equal(title, "Next truncation");
  }
  await page.getByRole("button", { name: "Keys and signs" }).click();
  await page.getByRole("checkbox").check();
  await page.keyboard.press("Escape");
  await page.keyboard.press("t");
  await expectStep(page, 12);
});

onPage("letters jump to marks, with shift back", async (page) => {
  const jumps = [
    ["e", 3],
    ["t", 12],
    ["t", 12],
    ["E", 3],
    ["n", 12],
    ["p", 3],
    ["d", 3],
  ];
  for (const [key, step] of jumps) {
    await page.keyboard.press(key);
    await expectStep(page, step);
  }
});

onPage("buttons step and jump, and are off at the ends", async (page) => {
  const press = (name) => page.getByRole("button", { name, exact: true }).click();
  assert.equal(await page.getByRole("button", { name: "Previous step" }).isDisabled(), true);
  await press("Next step");
  await expectStep(page, 2);
  await press("Next truncation");
  await expectStep(page, 12);
  await press("Previous election");
  await expectStep(page, 3);
  await press("Last step");
  await expectStep(page, 20);
  assert.equal(await page.getByRole("button", { name: "Next step" }).isDisabled(), true);
  await press("First step");
  await expectStep(page, 1);
});

onPage("the slider steps by keys and by pointing", async (page) => {
  const slider = page.getByRole("slider", { name: "Step" });
  await slider.focus();
  await page.keyboard.press("ArrowRight");
  await expectStep(page, 2);
  assert.match(await slider.getAttribute("aria-valuetext"), /^Step 2 of 20: put a 1$/);
  const { x, y, width, height } = await slider.boundingBox();
  await page.mouse.click(x + width - 2, y + height / 2);
  await expectStep(page, 20);
});

onPage("a click chooses a row", async (page) => {
  await page.locator("#step-5 .command").click();
  await expectStep(page, 5);
  assert.match(await page.locator(".stage h2").innerText(), /at 0 put ghost stale/);
});

onPage("play goes on until it is stopped", async (page) => {
  await page.getByRole("combobox").selectOption({ label: "fast" });
  await page.locator(".stage").focus();
  await page.keyboard.press("Space");
  await page.waitForFunction(() => Number(document.querySelector(".position b").innerText) >= 3);
  await page.keyboard.press("Space");
  const stopped = await chosen(page);
  await page.waitForTimeout(500);
  assert.equal(await chosen(page), stopped);
});

onPage(
  "play ends at the last step",
  async (page) => {
    await page.getByRole("combobox").selectOption({ label: "fast" });
    await page.getByRole("button", { name: "Play" }).click();
    await expectStep(page, 20);
    await page.getByRole("button", { name: "Play" }).waitFor();
  },
  "#step=19",
);

onPage(
  "the address is the step",
  async (page) => {
    assert.equal(await chosen(page), 12);
    await page.keyboard.press("ArrowRight");
    await expectStep(page, 13);
    assert.equal(await page.evaluate(() => location.hash), "#step=13");
    await page.evaluate(() => {
      location.hash = "#step=4";
    });
    await expectStep(page, 4);
  },
  "#step=12",
);

for (const hash of ["#step=0", "#step=21", "#step=x", "#step=-1", "#other"]) {
  onPage(
    `an address without such a step opens the first: ${hash}`,
    async (page) => {
      assert.equal(await chosen(page), 1);
    },
    hash,
  );
}

onPage(
  "the address names the step that is shown, after a wrong one and after many",
  async (page) => {
    const address = (hash) => page.waitForFunction((due) => location.hash === due, hash);
    await address("#step=1");
    await page.evaluate(() => {
      location.hash = "#step=99999";
    });
    await address("#step=1");
    for (let count = 0; count < 12; count += 1) await page.keyboard.press("ArrowRight");
    await address("#step=13");
  },
  "#step=x",
);

onPage("the chosen row is in view", async (page) => {
  for (const key of ["End", "Home", "PageDown"]) {
    await page.keyboard.press(key);
    await page.waitForTimeout(100);
    const row = await page.locator(".row.chosen").boundingBox();
    const list = await page.locator(".scroller").boundingBox();
    assert.ok(row.y >= list.y && row.y + row.height <= list.y + list.height, `${key}: ${row.y}`);
  }
});

onPage("a screen reader hears the step", async (page) => {
  await page.keyboard.press("End");
  await page.keyboard.press("T");
  await expectStep(page, 12);
  const live = page.locator("[aria-live]");
  assert.match(
    await live.innerText(),
    /^Step 12 of 20: heal\. ok leader=1 term=2\. truncation, heal/,
  );
  const label = await page.locator("#step-12 .unseen").innerText();
  assert.match(label, /Replica 0: follower, term 2, 3 entries committed/);
  const list = page.getByRole("listbox");
  assert.equal(await list.getAttribute("aria-activedescendant"), "step-12");
});

onPage("the keyboard alone reaches all, with a visible focus", async (page) => {
  const reached = [];
  for (let count = 0; count < 30; count += 1) {
    await page.keyboard.press("Tab");
    const [name, isOutlined] = await page.evaluate(() => {
      const { activeElement: element } = document;
      const name = element.getAttribute("aria-label") ?? element.tagName;
      return [name, getComputedStyle(element).outlineStyle !== "none"];
    });
    if (name === "BODY") break;
    assert.ok(isOutlined, `${name} has an outline`);
    reached.push(name);
  }
  for (const name of ["Next step", "Play", "Next election", "Step", "Steps", "The chosen step"]) {
    assert.ok(reached.includes(name), `${name} among ${reached}`);
  }
  assert.ok(reached.indexOf("Step") < reached.indexOf("Steps"), "the order of the page");
});

onPage("the list of keys opens, and closes to where one was", async (page) => {
  await page.keyboard.press("?");
  const dialog = page.getByRole("dialog");
  await dialog.waitFor();
  await page.keyboard.press("ArrowRight");
  assert.equal(await chosen(page), 1);
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
  await page.keyboard.press("ArrowRight");
  await expectStep(page, 2);
  await page.keyboard.press("?");
  await dialog.waitFor();
});
