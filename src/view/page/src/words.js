// Phrases of the interface.

export function number(count) {
  return count.toLocaleString("en");
}

export function plural(count, noun) {
  return `${number(count)} ${noun}${count === 1 ? "" : "s"}`;
}

// "replica 1", "replicas 1 and 4", "replicas 0 to 62".
export function replicas(ids) {
  return `${ids.length === 1 ? "replica" : "replicas"} ${list(ids)}`;
}

// Ascending numbers, with ranges from three on.
function list(numbers) {
  const parts = [];
  for (let at = 0; at < numbers.length; ) {
    let end = at;
    while (numbers[end + 1] === numbers[end] + 1) end += 1;
    if (end - at >= 2) {
      parts.push(`${numbers[at]} to ${numbers[end]}`);
    } else {
      for (let i = at; i <= end; i += 1) parts.push(`${numbers[i]}`);
    }
    at = end + 1;
  }
  const last = parts.pop();
  return parts.length === 0 ? last : `${parts.join(", ")} and ${last}`;
}

// "entry 3", "entries 3 to 5".
export function entries(from, to) {
  return from === to ? `entry ${from}` : `entries ${from} to ${to}`;
}

export function range(from, to) {
  return from === to ? `${from}` : `${from}–${to}`;
}

export function sentence(text) {
  return `${text[0].toUpperCase()}${text.slice(1)}.`;
}
