// Light and dark: as the system says, or as chosen by the button.

const KEY = "robnas-theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

function stored() {
  try { return localStorage.getItem(KEY); } catch { return null; } // storage may be forbidden
}

function store(theme) {
  try { localStorage.setItem(KEY, theme); } catch { /* then it lasts as long as the page */ }
}

/** @param {HTMLElement} button @param {() => void} changed called when the colours are others */
export function startTheme(button, changed) {
  const root = document.documentElement;
  const apply = () => {
    const theme = root.dataset.chosen ?? stored() ?? (dark.matches ? "dark" : "light");
    root.dataset.theme = theme === "dark" ? "dark" : "light";
    const other = root.dataset.theme === "dark" ? "light" : "dark";
    button.textContent = other === "dark" ? "Dark" : "Light";
    button.setAttribute("aria-label", `Change to ${other} colours`);
    changed();
  };
  button.addEventListener("click", () => {
    root.dataset.chosen = root.dataset.theme === "dark" ? "light" : "dark";
    store(root.dataset.chosen);
    apply();
  });
  dark.addEventListener("change", apply);
  apply();
}
