// The columns of the grid of logs: indexes, the same for all replicas, so that an entry stands
// above the entry that takes its place. Indexes between which no replica's log changes its nature
// are one column as long as the room does not suffice for each.

import { runs } from "./log.js";

// Returns [{ from, to }], ascending, at most `room` of them, which is at least 2.
export function columnsOf(replicas, room) {
  const intervals = intervalsOf(replicas);
  const compacted = Math.min(...replicas.map(({ base }) => base));
  let used = intervals.length;
  const columns = [];
  for (const interval of intervals.reverse()) {
    // The newest entries are the ones that steps are about. None is left of what all have compacted.
    const length = interval.to - interval.from + 1;
    const spare = interval.to <= compacted ? 0 : Math.max(0, room - used);
    const single = length <= spare + 1 ? length : spare;
    for (let index = interval.to; index > interval.to - single; index -= 1) {
      columns.push({ from: index, to: index });
    }
    if (single < length) columns.push({ from: interval.from, to: interval.to - single });
    used += single < length ? single : length - 1;
  }
  return mergeOldest(columns, room).reverse();
}

// Newest first. If even the intervals are too many, the oldest become one.
function mergeOldest(columns, room) {
  if (columns.length <= room) return columns;
  const kept = columns.slice(0, Math.max(1, room - 1));
  const rest = columns.slice(kept.length);
  return [...kept, { from: rest.at(-1).from, to: rest[0].to }];
}

// Ascending intervals of indexes from 1, split at each index at which some log changes.
function intervalsOf(replicas) {
  const starts = new Set([1]);
  let last = 0;
  for (const { log, base, commit, last: own, step } of replicas) {
    last = Math.max(last, own, base);
    for (const index of [base, commit, own]) starts.add(index + 1);
    for (const [from, to] of runs(log, base)) {
      starts.add(from);
      starts.add(to + 1);
    }
    for (const node of step?.struck ?? []) {
      starts.add(node.from);
      starts.add(node.to + 1);
      last = Math.max(last, node.to);
    }
    for (const [from] of step?.appended ?? []) starts.add(from);
  }
  const ascending = [...starts].filter((start) => start <= last).sort((a, b) => a - b);
  return ascending.map((from, at) => ({
    from,
    to: at + 1 < ascending.length ? ascending[at + 1] - 1 : last,
  }));
}

// The pieces of a replica's log at a column: { kind, from, to, term }, of the kinds "base", "entry"
// and "struck". The entries of a merged column may have several terms, `firstTerm` to `term`.
export function piecesAt(replica, { from, to }) {
  const { log, base, commit, step } = replica;
  const pieces = [];
  if (from <= base) pieces.push({ kind: "base", from, to: Math.min(to, base) });
  let entries = null;
  for (const [runFrom, runTo, term] of runs(log, base)) {
    if (runTo < from) break;
    if (runFrom > to) continue;
    entries ??= {
      kind: "entry",
      to: Math.min(runTo, to),
      term,
      committed: Math.min(runTo, to) <= commit,
    };
    entries.from = Math.max(runFrom, from);
    entries.firstTerm = term;
  }
  if (entries !== null) pieces.push(entries);
  for (const node of step?.struck ?? []) {
    if (node.to < from || node.from > to) continue;
    const piece = { from: Math.max(node.from, from), to: Math.min(node.to, to), term: node.term };
    const before = pieces.at(-1);
    if (before?.kind === "struck" && before.term === node.term) before.to = piece.to;
    else pieces.push({ ...piece, kind: "struck", op: node.op });
  }
  return pieces;
}
