// The chosen step in the page's address: #step=17 is the step with the number 17, from 1.

// The position from 0, or null if the address has none that exists.
export function stepOfAddress(hash, count) {
  const match = /^#step=(\d{1,9})$/.exec(hash);
  if (match === null) return null;
  const step = Number(match[1]) - 1;
  return step >= 0 && step < count ? step : null;
}

export function writeAddress(step) {
  const address = `#step=${step + 1}`;
  if (location.hash === address) return;
  try {
    history.replaceState(null, "", address);
  } catch {
    // Browsers limit the rate of changes; the next step writes it.
  }
}
