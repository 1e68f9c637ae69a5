// A log is its newest node, or null if it is empty. Nodes never change, so the logs of all steps
// share them, and a step costs no more than the entries that it adds or removes.
//
// A node is one entry, or a run of entries of one term whose ops the data does not list (op is
// undefined). `below` is the node under it; `runFrom` and `belowRun` skip the nodes of one term.

export function push(log, from, to, term, op) {
  const extends_ = log !== null && log.term === term;
  return {
    from,
    to,
    term,
    op,
    below: log,
    runFrom: extends_ ? log.runFrom : from,
    belowRun: extends_ ? log.belowRun : log,
  };
}

// Removes the entries above the index. The removed ones are returned in ascending order.
export function cut(log, index) {
  const removed = [];
  let rest = log;
  while (rest !== null && rest.from > index) {
    removed.push(rest);
    rest = rest.below;
  }
  if (rest !== null && rest.to > index) {
    removed.push({ ...rest, from: index + 1 });
    rest = push(rest.below, rest.from, index, rest.term, rest.op);
  }
  return { log: rest, removed: removed.reverse() };
}

// The newest nodes above the base, at most `count`, in ascending order.
export function newest(log, base, count) {
  const nodes = [];
  for (let node = log; node !== null && node.to > base && nodes.length < count; node = node.below) {
    nodes.push(node.from > base ? node : { ...node, from: base + 1 });
  }
  return nodes.reverse();
}

// The runs of one term above the base, newest first, as [from, to, term].
export function runs(log, base) {
  const found = [];
  for (let node = log; node !== null && node.to > base; node = node.belowRun) {
    found.push([Math.max(node.runFrom, base + 1), node.to, node.term]);
  }
  return found;
}

// The nodes at the indexes from `first` to `last`, as a function from an index to its node.
export function finder(log, first) {
  const nodes = [];
  for (let node = log; node !== null && node.to >= first; node = node.below) nodes.push(node);
  return (index) => nodes.find((node) => node.from <= index && index <= node.to);
}
