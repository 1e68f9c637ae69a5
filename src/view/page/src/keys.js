// The keyboard. Returns an action for a key, or null; controls keep the keys that they use.

import { JUMPS, MARKS } from "./marks.js";

const PAGE = 10;

const LETTERS = Object.fromEntries(JUMPS.map((kind) => [MARKS[kind].letter, kind]));

export function actionOf(event) {
  const { key, target } = event;
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return null;
  if (target.closest("dialog, select, textarea") !== null) return null;
  if (target.closest("input") !== null && !/^[a-z?]$/i.test(key)) return null;
  if (key === " ") return target.closest("button, summary, a") === null ? { play: true } : null;
  if (key === "?") return { help: true };
  const jump = jumpOf(key);
  return jump ?? moveOf(key, target);
}

function jumpOf(key) {
  if (key === "n") return { jump: "any", by: 1 };
  if (key === "p") return { jump: "any", by: -1 };
  const kind = LETTERS[key.toLowerCase()];
  return kind === undefined ? null : { jump: kind, by: key === key.toLowerCase() ? 1 : -1 };
}

// The keys that scroll move the step only outside of what scrolls by itself.
function moveOf(key, target) {
  if (key === "ArrowLeft") return target.closest("[data-scrolls-x]") === null ? { by: -1 } : null;
  if (key === "ArrowRight") return target.closest("[data-scrolls-x]") === null ? { by: 1 } : null;
  if (target.closest("[data-scrolls]") !== null) return null;
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
