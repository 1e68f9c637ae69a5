// Whether letters and ? are shortcuts. They can be switched off, since those who speak to their
// computer, or touch keys by accident, would jump about. The choice lasts as long as the tab.

const NAME = "dkv20-letters";

export function readLetters() {
  try {
    return sessionStorage.getItem(NAME) !== "off";
  } catch {
    return true;
  }
}

export function keepLetters(areOn) {
  try {
    sessionStorage.setItem(NAME, areOn ? "on" : "off");
  } catch {
    // Without storage the choice lasts until the page is left.
  }
}
