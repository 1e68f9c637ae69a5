// The parts of the page that need no browser.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fromDifference, partsOf } from "../../src/view/page/src/answer.js";
import { brief, briefOp, textOf } from "../../src/view/page/src/bytes.js";
import { columnsOf, piecesAt } from "../../src/view/page/src/columns.js";
import { actionOf } from "../../src/view/page/src/keys.js";
import { cut, newest, push, runs } from "../../src/view/page/src/log.js";
import { differingFields, fold } from "../../src/view/page/src/state.js";

const marked = (answer, other) =>
  partsOf(answer, other)
    .parts.map(({ text, differs }) => (differs ? `[${text}]` : text))
    .join("");

test("a log shares its nodes, and is cut within a run", () => {
  const short = push(push(null, 1, 1, 1, { name: "noop" }), 2, 9, 1, undefined);
  const long = push(short, 10, 10, 2, { name: "noop" });
  assert.deepEqual(runs(long, 0), [
    [10, 10, 2],
    [1, 9, 1],
  ]);
  const { log, removed } = cut(long, 5);
  assert.deepEqual(
    removed.map(({ from, to }) => [from, to]),
    [
      [6, 9],
      [10, 10],
    ],
  );
  assert.deepEqual(runs(log, 3), [[4, 5, 1]]);
  assert.deepEqual(runs(long, 10), []);
  assert.deepEqual(
    newest(long, 4, 9).map(({ from, to }) => [from, to]),
    [
      [5, 9],
      [10, 10],
    ],
  );
  assert.equal(newest(long, 0, 1)[0].from, 10);
});

test("ids that share a change, and a new cluster that forgets all", () => {
  const states = fold([
    {},
    { cluster: 3 },
    { isolated: [2], replicas: { "0,1": { last: 1, log: [{ entries: [[1, 1, "noop"]] }] } } },
    {},
    { cluster: 1 },
  ]);
  assert.equal(states[0], null);
  assert.deepEqual(
    states[2].replicas.map(({ last }) => last),
    [1, 1, 0],
  );
  assert.equal(states[2].replicas[2], states[1].replicas[2], "shared with the step before");
  assert.equal(states[3].replicas[0].step, null, "nothing happened in this step");
  assert.ok(states[3].isolated.has(2));
  assert.equal(states[4].replicas.length, 1);
  assert.equal(states[4].replicas[0].log, null);
});

test("a snapshot strikes out only what is cut", () => {
  const entries = [1, 2, 3].map((index) => [index, 1, "noop"]);
  const states = fold([
    { cluster: 1, replicas: { 0: { last: 3, commit: 1, log: [{ entries }] } } },
    {
      replicas: { 0: { base: 5, commit: 5, last: 5, log: [{ cut: 2 }, { install: 5, term: 2 }] } },
    },
  ]);
  const { step, log } = states[1].replicas[0];
  assert.equal(log, null);
  assert.equal(step.installed, 5);
  assert.deepEqual(
    step.struck.map(({ from }) => from),
    [3],
    "entry 2 is in the snapshot",
  );
});

test("a field that one side does not show is no difference", () => {
  const reference = { role: "leader", term: 1, hash: "aa", logHash: "bb" };
  assert.deepEqual(differingFields(reference, { role: "leader", term: 2, hash: null }), ["term"]);
  assert.deepEqual(differingFields(reference, undefined), []);
});

test("columns: singly as far as there is room, then ranges, the newest last", () => {
  const log = push(null, 1, 100, 1, undefined);
  const replica = { log, base: 0, commit: 98, last: 100, step: null };
  const ranges = (replicas, room) => columnsOf(replicas, room).map(({ from, to }) => [from, to]);
  assert.deepEqual(ranges([replica], 4), [
    [1, 97],
    [98, 98],
    [99, 99],
    [100, 100],
  ]);
  assert.deepEqual(ranges([replica], 2), [
    [1, 98],
    [99, 100],
  ]);
  assert.deepEqual(ranges([{ ...replica, base: 98 }], 9), [
    [1, 98],
    [99, 99],
    [100, 100],
  ]);
  assert.deepEqual(ranges([{ ...replica, log: null, last: 0, commit: 0 }], 9), []);
  const pieces = piecesAt({ ...replica, base: 10 }, { from: 1, to: 98 });
  assert.deepEqual(
    pieces.map(({ kind, from, to }) => [kind, from, to]),
    [
      ["base", 1, 10],
      ["entry", 11, 98],
    ],
  );
});

test("answers: the words that differ", () => {
  assert.equal(marked("ok leader=1 term=2", "ok leader=1 term=3"), "ok leader=1 term=[2]");
  assert.equal(marked("ok", "err no-leader"), "[ok]");
  assert.equal(marked("ok a", "ok a"), "ok a");
  assert.equal(marked("ok a b", "ok a"), "ok a [b]");
  const dump = "0123456789abcdef".repeat(5);
  assert.equal(marked(`ok ${dump}0`, `ok ${dump}1`), `ok ${dump}[0]`);
  const hash = dump.slice(17);
  assert.equal(marked(`ok ${hash}0`, `ok ${hash}1`), `ok [${hash}0]`);
});

test("answers: a long one is shown from a little before its difference", () => {
  const zeros = "0".repeat(100_000);
  const { parts, skipped, left } = partsOf(`ok ${zeros}1${zeros}`, `ok ${zeros}2${zeros}`);
  assert.ok(parts[1].text.startsWith("1"));
  assert.ok(skipped > 90_000 && left > 90_000 && parts[0].text.length <= 200);
  const [one, other] = fromDifference(
    "ok role=follower term=1 keys=2",
    "ok role=follower term=1 keys=3",
  );
  assert.deepEqual([one, other], ["…keys=2", "…keys=3"]);
  assert.deepEqual(fromDifference("ok 1", "ok 2"), ["ok 1", "ok 2"]);
});

test("keys: a dialog has its own, but not once it is closed", () => {
  const action = (open) => {
    const found = { dialog: { open }, input: {} };
    const target = { closest: (selector) => found[selector] ?? null };
    return actionOf({ key: "ArrowRight", target }, true);
  };
  assert.equal(action(true), null);
  assert.deepEqual(action(false), { by: 1 });
});

test("byte strings: text only if it is seen as it is", () => {
  assert.equal(textOf("6b6579"), "key");
  assert.equal(textOf("e29883"), "☃");
  assert.equal(textOf(""), "");
  for (const hex of ["ff", "00", "0a", "c3", "e280ae", "efbbbf"])
    assert.equal(textOf(hex), null, hex);
  assert.equal(textOf(["6161c3", 100]), "aa", "cut within a character");
  assert.equal(brief("", 8), "0x");
  assert.equal(brief("20", 8), "0x20");
  assert.equal(brief("6b65792d303030303331", 8), "key…0031");
  assert.equal(brief("f09f9880".repeat(9), 4), "\u2068😀…😀😀\u2069", "no half of a character");
  assert.equal(brief("61e38080", 10), "0x61e38080", "a wide space");
  const [key, value] = ["d790", "d791"];
  assert.equal(briefOp({ name: "put", key, value }, 8), "\u2068א\u2069 = \u2068ב\u2069");
});
