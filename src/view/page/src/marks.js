// What a step is marked with, and the jumps between marks.

export const MARKS = {
  election: { label: "Election", sign: "★", letter: "e" },
  truncation: { label: "Truncation", sign: "✕", letter: "t" },
  snapshot: { label: "Snapshot", sign: "↓", letter: "s" },
  error: { label: "Error", sign: "!", letter: "x" },
  divergence: { label: "Divergence", sign: "≠", letter: "d" },
  partition: { label: "Partition", sign: "⊘" },
  heal: { label: "Heal", sign: "↺" },
  compaction: { label: "Compaction", sign: "≡" },
};

// The kinds that one jumps between, in the order of the controls.
export const JUMPS = Object.keys(MARKS).filter((kind) => MARKS[kind].letter !== undefined);

// KIND -> the steps with it, ascending; `any` is those of all kinds that have a jump.
export function indexMarks(steps) {
  const index = { any: [] };
  for (const kind of JUMPS) index[kind] = [];
  steps.forEach((step, at) => {
    const kinds = JUMPS.filter((kind) => hasMark(step, kind));
    for (const kind of kinds) index[kind].push(at);
    if (kinds.length > 0) index.any.push(at);
  });
  return index;
}

export function hasMark(step, kind) {
  return (step.marks ?? []).includes(kind) || (kind === "divergence" && step.differs === true);
}
