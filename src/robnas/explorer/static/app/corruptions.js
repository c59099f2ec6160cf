// Accuracy of one architecture by corruption and severity, shaded: too many columns for a line each.

import { h } from "./dom.js";
import { percent, whole } from "./format.js";

const LEVELS = [1, 2, 3, 4, 5];

/** One severity: the accuracy, with its noise and rank in words, and the way to the map. */
function cell(column, row, open) {
  const value = column?.values[row] ?? NaN;
  if (Number.isNaN(value)) return h("td", { class: "number" }, "–");
  const mark = column.isPredicted(row) ? "~" : "", { rank, count } = column.rankOf(row), title = `${column.name}: ${mark}${percent(value)} ${column.sdText(row)}${mark && " (predicted)"}, rank ${whole(rank)} of ${whole(count)}`;
  const found = h("td", { class: "number" }, h("button", { type: "button", class: "link", title, "data-column": column.name, onclick: () => open(column) }, mark + (100 * value).toFixed(1)));
  found.style.setProperty("--share", String(value));
  return found;
}

/**
 * A grid per table, images and size of networks, of those columns of one data set and split that are of one corruption and severity.
 * @param {import("./data.js").Column[]} columns @param {number} row @param {(column: import("./data.js").Column) => void} open
 */
export function corruptions(columns, row, open) {
  const grids = new Map(), titleOf = ({ apart, corruption: { source, label } }) =>
    ["Accuracy in % by corruption and severity", source, label && `images “${label}”, no official ones`, apart].filter(Boolean).join(", ");
  for (const column of columns) {
    const { name, severity } = column.corruption, title = titleOf(column), by = grids.get(title) ?? grids.set(title, new Map()).get(title);
    if (!by.has(name)) by.set(name, []);
    by.get(name)[severity] = column;
  }
  return [...grids].map(([title, by]) =>
    h("details", { open: true, class: "corrupted" }, h("summary", {}, title),
      h("div", { class: "scroll", role: "region", "aria-label": `${columns[0].dataset} ${columns[0].split}: ${title}`, tabindex: 0 }, h("table", {},
        h("thead", {}, h("tr", {}, ["corruption", ...LEVELS, "mean"].map((text) => h("th", { scope: "col", class: text === "corruption" ? null : "number" }, String(text))))),
        h("tbody", {}, [...by].map(([name, at]) => {
          const known = LEVELS.map((level) => at[level]?.values[row] ?? NaN), mean = known.reduce((sum, value) => sum + value, 0) / LEVELS.length;
          const synthetic = name === "frost" && at.some((column) => column?.corruption.label) ? " (synthetic)" : "";
          return h("tr", {}, h("th", { scope: "row" }, name.replaceAll("_", " ") + synthetic), LEVELS.map((level) => cell(at[level], row, open)), h("td", { class: "number" }, Number.isNaN(mean) ? "–" : (100 * mean).toFixed(1)));
        }))))));
}
