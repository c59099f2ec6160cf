// What is shown, as CSV and SVG, and texts for the clipboard.

import { announce, h } from "./dom.js";

function save(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
  announce(`${name} was saved`);
}

/** A cell of CSV (architectures come as genotypes: a digit code would lose its zeros); what a spreadsheet would take for a formula is quoted off. @param {unknown} value */
function csvCell(value) {
  if (typeof value === "number") return Number.isNaN(value) ? "" : String(value);
  const text = /^[=+\-@\t\r]/.test(String(value)) ? `'${value}` : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** @param {unknown[]} header @param {unknown[][]} rows */
export const csvText = (header, rows) => [header, ...rows].map((row) => `${row.map(csvCell).join(",")}\n`).join("");

/** @param {string} name @param {() => [unknown[], unknown[][]]} table header and rows, made when asked for */
export function csvButton(name, table) {
  return h("button", { type: "button", class: "quiet", onclick: () => save(`${name}.csv`, "text/csv", csvText(...table())) }, "CSV");
}

/** @param {string} name @param {() => SVGElement} draw */
export function svgButton(name, draw) {
  const write = () => {
    const svg = draw();
    svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    save(`${name}.svg`, "image/svg+xml", new XMLSerializer().serializeToString(svg));
  };
  return h("button", { type: "button", class: "quiet", onclick: write }, "SVG");
}

async function toClipboard(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = h("textarea", { value: text, "aria-hidden": "true", class: "unseen" }); // no clipboard without https
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  return area.remove();
}

/** @param {string} label @param {() => string} text */
export function copyButton(label, text) {
  const button = h("button", { type: "button", class: "quiet", onclick: async () => {
    try {
      await toClipboard(text());
      button.textContent = "Copied";
      announce(`${label}: copied`);
    } catch {
      button.textContent = "Copying is not allowed";
      announce("The browser does not allow copying");
    }
    setTimeout(() => { button.textContent = label; }, 1500);
  } }, label);
  return button;
}

const KEPT = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "opacity", "font-size", "font-weight", "font-family"];

/** A copy of an SVG of the page that looks the same without its style sheet. @param {SVGElement} svg */
export function frozen(svg) {
  const copy = /** @type {SVGElement} */ (svg.cloneNode(true));
  const [ours, theirs] = [svg.querySelectorAll("*"), copy.querySelectorAll("*")];
  ours.forEach((element, place) => {
    const style = getComputedStyle(element);
    for (const name of KEPT) theirs[place].setAttribute(name, style.getPropertyValue(name));
    for (const name of ["class", "tabindex", "role"]) theirs[place].removeAttribute(name);
  });
  const [, , width, height] = svg.getAttribute("viewBox").split(" ");
  copy.setAttribute("width", width);
  copy.setAttribute("height", height);
  return copy;
}
