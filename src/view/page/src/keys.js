// The keyboard. Returns an action for a key, or null; controls keep the keys that they use.

import { JUMPS, MARKS } from "./marks.js";

const PAGE = 10;

const LETTERS = Object.fromEntries(JUMPS.map((kind) => [MARKS[kind].letter, kind]));

export function actionOf(event, hasLetters) {
  const { key, target } = event;
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return null;
  const dialog = target.closest("dialog");
  if (dialog?.open || target.closest("select, textarea") !== null) return null;
  // A dialog that was closed may keep the focus for a moment.
  const isInput = dialog === null && target.closest("input") !== null;
  if (isInput && !/^[a-z?]$/i.test(key)) return null;
  if (key === " ") return target.closest("button, summary, a") === null ? { play: true } : null;
  if (key === "?") return hasLetters ? { help: true } : null;
  const jump = jumpOf(key);
  if (jump !== null) return hasLetters ? jump : null;
  return moveOf(key, target);
}

function jumpOf(key) {
  if (key === "n") return { jump: "any", by: 1 };
  if (key === "p") return { jump: "any", by: -1 };
  const kind = LETTERS[key.toLowerCase()];
  return kind === undefined ? null : { jump: kind, by: key === key.toLowerCase() ? 1 : -1 };
}

// The keys that scroll move the step only if nothing scrolls by them.
function moveOf(key, target) {
  if (key === "ArrowLeft") return scrollsAcross(target) ? null : { by: -1 };
  if (key === "ArrowRight") return scrollsAcross(target) ? null : { by: 1 };
  if (scrollsDown(target)) return null;
  switch (key) {
    case "ArrowUp":
      return { by: -1 };
    case "ArrowDown":
      return { by: 1 };
    case "PageUp":
      return { by: -PAGE };
    case "PageDown":
      return { by: PAGE };
    case "Home":
      return { by: -Infinity };
    case "End":
      return { by: Infinity };
    default:
      return null;
  }
}

function scrollsAcross(target) {
  const element = target.closest("[data-scrolls-x]");
  return element !== null && element.scrollWidth > element.clientWidth;
}

function scrollsDown(target) {
  const element = target.closest("[data-scrolls]");
  return element !== null && element.scrollHeight > element.clientHeight;
}
