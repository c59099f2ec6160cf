// Accuracy of one architecture in every column of a table, each on the distribution of all architectures.

import { corruptions } from "./corruptions.js";
import { h, s } from "./dom.js";
import { percent, whole } from "./format.js";
import { extent, histogram } from "./statistics.js";

/** What a set of ranks promises (as robnas.statistics.RankSet.guarantee). */
export const GUARANTEE = "at least 95 %, for this architecture alone";
const WIDTH = 240, HEIGHT = 34, BINS = 60;

function areaPath(counts) {
  const highest = Math.max(1, ...counts), step = WIDTH / counts.length;
  const points = Array.from(counts, (count, bin) =>
    `${(bin * step).toFixed(1)} ${(HEIGHT - 3 - (HEIGHT - 10) * Math.sqrt(count / highest)).toFixed(1)}H${((bin + 1) * step).toFixed(1)}`);
  return `M0 ${HEIGHT - 3}V${points.join("L").replace(/^0\.0 /, "")}V${HEIGHT - 3}Z`;
}

/** The distribution, the value and its noise bar (one standard deviation to each side). */
function strip(column, row) {
  const [low, high] = extent(column.values), room = (high - low) * 0.03 || 0.01;
  const [from, to] = [low - room, high + room];
  const place = (value) => Math.max(0, Math.min(WIDTH, WIDTH * (value - from) / (to - from)));
  const value = column.values[row], sd = column.sdOf(row);
  return s("svg", { class: "strip", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    s("path", { class: "all", d: areaPath(histogram(column.values, from, to, BINS)) }),
    !Number.isNaN(value) && !Number.isNaN(sd) && s("rect", { class: "noise", x: place(Math.max(0, value - sd)), width: Math.max(1, place(Math.min(1, value + sd)) - place(Math.max(0, value - sd))), y: 3, height: HEIGHT - 6 }),
    !Number.isNaN(value) && s("rect", { class: "mark", x: place(value) - 1.25, width: 2.5, y: 0, height: HEIGHT }));
}

/** @param {import("./data.js").Column} column @param {number} row */
function rankText(column, row) {
  const { rank, sharing, low, high, count } = column.rankOf(row);
  const set = Number.isNaN(low) ? "" : `${whole(low)} – ${whole(high)}`;
  return { rank: `${whole(rank)} of ${whole(count)}`, shared: sharing > 1 ? `shared by ${whole(sharing)}` : "", set };
}

/** What is known of those that may be the best (as robnas.statistics.tied_with_best). */
const bestTitle = (size) => size > 1 ? `One of ${whole(size)}, among which the truly best one is with a probability of at least 95 %` : "The truly best one, with a probability of at least 95 %";

function line(column, row, open) {
  const value = column.values[row], known = !Number.isNaN(value);
  const rank = known ? rankText(column, row) : { rank: "–", shared: "", set: "" };
  const runs = column.runsOf(row);
  return h("tr", { "data-column": column.name, role: "row" },
    h("th", { scope: "row", role: "rowheader" }, h("button", { type: "button", class: "link", title: "Show on the map", onclick: () => open(column) }, column.metric), column.apart ? h("span", { class: "set" }, column.apart) : null),
    h("td", { class: "number", role: "cell" }, h("b", {}, `${column.isPredicted(row) ? "~" : ""}${percent(value)}`), known && column.sdText(row) ? h("span", { class: "sd" }, ` ${column.sdText(row)}`) : null),
    h("td", { class: "distribution", role: "cell" }, strip(column, row)),
    h("td", { class: "number rank", role: "cell" }, rank.rank, rank.shared ? h("span", { class: "set" }, rank.shared) : null, rank.set ? h("span", { class: "set", title: `Ranks that the noise of repeated trainings leaves possible: ${GUARANTEE}` }, rank.set) : null,
      known && column.best.has(row) ? h("span", { class: "set", title: bestTitle(column.best.size) }, column.best.size > 1 ? "may be the best" : "the best") : null),
    h("td", { class: "number runs", role: "cell" }, column.isPredicted(row) ? "predicted" : known ? String(runs) : "not measured"));
}

/**
 * A block per data set and split.
 * @param {import("./data.js").Table} table @param {number} row @param {(column: import("./data.js").Column) => void} open
 */
export function measurements(table, row, open) {
  const groups = Map.groupBy ? Map.groupBy(table.columns, (c) => `${c.dataset} · ${c.split}`) : grouped(table.columns);
  return [...groups].map(([name, columns]) => h("div", {},
    h("div", { class: "scroll", role: "region", "aria-label": `${table.name}, accuracy on ${name}`, tabindex: 0 },
      h("table", { class: "measurements", role: "table" },
        h("caption", {}, name),
        h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, ["metric", "accuracy", "among all", "rank", "runs"].map((text) => h("th", { scope: "col", role: "columnheader", class: ["metric", "among all"].includes(text) ? null : "number" }, text)))),
        h("tbody", { role: "rowgroup" }, columns.filter(({ corruption }) => !corruption).map((column) => line(column, row, open))))),
    corruptions(columns.filter(({ corruption }) => corruption), row, open)));
}

function grouped(columns) {
  const groups = new Map();
  for (const column of columns) {
    const name = `${column.dataset} · ${column.split}`;
    groups.set(name, [...(groups.get(name) ?? []), column]);
  }
  return groups;
}
