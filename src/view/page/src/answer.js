// The words of two answers, each marked whether it differs from the other's at the same place.

// Longer answers are shown in part: from a little before the first difference.
const SHOWN_MAX = 2000;
const BEFORE = 200;
// The length of a hash, which differs as a whole.
const HASH = 64;
// The characters before a difference for which a row surely has room.
const ROOM = 8;

// Returns { parts: [{ text, differs }], skipped, left } for `answer`; `other` may be undefined.
export function partsOf(answer, other) {
  const first = other === undefined || other === null ? 0 : firstDifference(answer, other);
  const skipped =
    answer.length > SHOWN_MAX && first > BEFORE
      ? Math.min(first - BEFORE, answer.length - SHOWN_MAX)
      : 0;
  const shown = answer.slice(skipped, skipped + SHOWN_MAX);
  const left = answer.length - skipped - shown.length;
  if (typeof other !== "string" || other === answer) {
    return { parts: [{ text: shown, differs: false }], skipped, left };
  }
  const parts =
    skipped > 0 ? split(shown, first - skipped) : words(shown, other.slice(0, SHOWN_MAX));
  return { parts: parts.filter(({ text }) => text !== ""), skipped, left };
}

// Two answers without their common beginning, but for the last words of it, if it is long.
export function fromDifference(answer, other) {
  const at = firstDifference(answer, other);
  if (at < ROOM) return [answer, other];
  const start = Math.max(answer.lastIndexOf(" ", at - ROOM / 2) + 1, at - ROOM);
  return [`…${answer.slice(start)}`, `…${other.slice(start)}`];
}

function split(text, at) {
  return [
    { text: text.slice(0, at), differs: false },
    { text: text.slice(at), differs: true },
  ];
}

function firstDifference(one, other) {
  let at = 0;
  while (at < one.length && one[at] === other[at]) at += 1;
  return at;
}

function words(text, other) {
  const others = other.split(" ");
  return text.split(" ").flatMap((word, at) => {
    const space = at === 0 ? "" : " ";
    if (word === others[at]) return [{ text: space + word, differs: false }];
    return wordParts(space, word, others[at] ?? "");
  });
}

// Within a word, such as `term=2` or a long hex string, only the end from the difference on.
function wordParts(space, word, other) {
  const at = firstDifference(word, other);
  const name = word.slice(0, at).includes("=") ? word.indexOf("=") + 1 : 0;
  const from = word.length > HASH ? at : name;
  return [
    { text: space + word.slice(0, from), differs: false },
    { text: word.slice(from), differs: true },
  ];
}
