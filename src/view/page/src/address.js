// The chosen step in the page's address: #step=17 is the step with the number 17, from 1.

// Browsers refuse more than about 100 changes in 30 seconds.
const INTERVAL = 350;
let timer;
let written = -INTERVAL;

// The position from 0, or null if the address has none that exists.
export function stepOfAddress(hash, count) {
  const match = /^#step=(\d{1,9})$/.exec(hash);
  if (match === null) return null;
  const step = Number(match[1]) - 1;
  return step >= 0 && step < count ? step : null;
}

// While one steps fast, only some of the steps are written, and the last.
export function writeAddress(step) {
  clearTimeout(timer);
  const wait = written + INTERVAL - performance.now();
  if (wait > 0) timer = setTimeout(() => replace(step), wait);
  else replace(step);
}

// If the address names a step that does not exist, it names the chosen one from now on.
export function correctAddress(step) {
  if (location.hash.startsWith("#step=")) writeAddress(step);
}

function replace(step) {
  const address = `#step=${step + 1}`;
  if (location.hash === address) return;
  written = performance.now();
  try {
    history.replaceState(null, "", address);
  } catch {
    // The next step writes it.
  }
}
