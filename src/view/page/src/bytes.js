// Byte strings of the data: "6162", or ["6162…", LENGTH] of which only the beginning is there.

export function hexOf(bytes) {
  return Array.isArray(bytes) ? bytes[0] : bytes;
}

export function lengthOf(bytes) {
  return Array.isArray(bytes) ? bytes[1] : bytes.length / 2;
}

// The text that the bytes encode; null if they are not UTF-8, or hold what is not seen.
export function textOf(bytes) {
  const hex = hexOf(bytes);
  const octets = new Uint8Array(hex.length / 2);
  for (let at = 0; at < octets.length; at += 1) {
    octets[at] = Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16);
  }
  try {
    // The beginning of a longer string may end within a character.
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(octets, {
      stream: Array.isArray(bytes),
    });
    return /[\p{C}\p{Zl}\p{Zp}]/u.test(text) ? null : text;
  } catch {
    return null;
  }
}

// Keeps the direction of a text, such as Arabic, from the text around it.
function isolated(text) {
  return /^\p{ASCII}*$/u.test(text.replace("…", "")) ? text : `\u2068${text}\u2069`;
}

// One short line: the text if it is text, hex otherwise.
export function brief(bytes, length) {
  const text = textOf(bytes);
  const isShown = text !== null && text !== "" && !/\s/u.test(text);
  const characters = isShown ? [...text] : [...`0x${hexOf(bytes)}`];
  const short = shortened(characters, Array.isArray(bytes), length);
  return isShown ? isolated(short) : short;
}

// Keys often differ only at their ends.
function shortened(characters, isCut, length) {
  if (!isCut && characters.length <= length) return characters.join("");
  const end = isCut ? 0 : Math.floor(length / 2);
  const beginning = characters.slice(0, length - end - 1);
  return [...beginning, "…", ...characters.slice(characters.length - end)].join("");
}

// "NoOp", "a = 1", "del a".
export function briefOp(op, length) {
  if (op.name === "noop") return "NoOp";
  const key = brief(op.key, length);
  return op.name === "put" ? `${key} = ${brief(op.value, length)}` : `${op.name} ${key}`;
}
