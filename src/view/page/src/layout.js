// The heights of the rows, known before they are drawn, so that a row's place needs no other row.

import { bisectRight } from "d3-array";

// Returns { offsets, comments }: row i is from offsets[i] to offsets[i + 1], in pixels, and
// comments[i] has the lines of its comment.
export function layOut(steps, { rem, rowLines, laneLines, hasMoreLines, wrap }) {
  const offsets = new Float64Array(steps.length + 1);
  const comments = new Array(steps.length);
  steps.forEach((step, at) => {
    const lines = step.comment === undefined ? [] : wrap(step.comment);
    comments[at] = lines;
    const more = hasMoreLines(at) ? 1 : 0;
    const body = (rowLines + laneLines + more) * LINE_REM + PADDING_REM;
    const comment = lines.length === 0 ? 0 : lines.length * LINE_REM + COMMENT_PADDING_REM;
    offsets[at + 1] = offsets[at] + Math.round((body + comment) * rem);
  });
  return { offsets, comments };
}

// page.css has the same lengths.
const LINE_REM = 1.25;
const PADDING_REM = 0.625;
const COMMENT_PADDING_REM = 0.875;

// The rows that are at least partly between two heights, as [first, end).
export function rowsBetween(offsets, top, bottom) {
  const count = offsets.length - 1;
  const first = Math.max(0, bisectRight(offsets, top) - 1);
  return [Math.min(first, count), Math.min(count, bisectRight(offsets, bottom))];
}

// Fills lines up to a width. Lines of the trace are joined, except before an empty one and before
// one that is indented or an item of a list.
export function wrapper(measure, width) {
  return (text) => paragraphs(text).flatMap((paragraph) => fill(paragraph, measure, width));
}

function paragraphs(text) {
  const found = [];
  for (const line of text.split("\n")) {
    const isStart = found.length === 0 || /^(\s|[-*]\s|\d+\.\s|$)/.test(line);
    if (isStart || found.at(-1) === "") found.push(line.trimEnd());
    else found[found.length - 1] += ` ${line.trim()}`;
  }
  return found.filter((line) => line !== "");
}

function fill(paragraph, measure, width) {
  const lines = [];
  let line = "";
  for (const word of paragraph.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line !== "" && measure(longer) > width) {
      lines.push(line);
      line = word;
    } else {
      line = longer;
    }
  }
  return [...lines, line].flatMap((each) => broken(each, measure, width));
}

// A word that is wider than the row, such as a hash on a phone.
function broken(line, measure, width) {
  if (measure(line) <= width) return [line];
  const length = Math.max(8, Math.floor((line.length * width) / measure(line)) - 1);
  return line.match(new RegExp(`.{1,${length}}`, "gsu"));
}
