// Two quantities of the same architectures: correlation, ranks that change most, how much of the best they share.

import { h, put, segmented } from "./dom.js";
import { csvButton, svgButton } from "./download.js";
import { pairs } from "./data.js";
import { correlation, counted, shownOf, whole } from "./format.js";
import { architectureOf, open } from "./links.js";
import { describePoint, markedLink, pairedText, predictedPlaces, predictedText } from "./map.js";
import { quantitySelect } from "./quantity-select.js";
import { Scatter } from "./scatter.js";
import { change } from "./state.js";
import { competitionRanks, INTERVALS, kendallInterval, resolutionOf, spearmanInterval, tied } from "./statistics.js";

const RANKS = "A rank is 1 plus the number of better ones among the architectures shown here; equal values share it.";
const LISTED = 12, TOPS = [10, 100, 1000];

/** Ranks of the architectures shown, as the cell view counts them; sizes and scores have no resolution. */
const ranksBy = (quantity, values) => competitionRanks(values, quantity.better, resolutionOf(quantity));

/** A correlation and its interval as text. */
export const intervalText = ({ value, low, high }) => Number.isNaN(value) ? "not defined: one side is constant, or there are too few"
  : Number.isNaN(low) ? correlation(value) : `${correlation(value)} [${correlation(low)}, ${correlation(high)}]`;

/** Pairs worth a click: the same metric with another training, another data set, clean against attacked. */
function presets(data) {
  const all = [...data.quantities.values()].filter((q) => q.kind === "accuracy"), main = data.main.column, found = [];
  if (!main) return found;
  const clean = all.find((q) => q.table === data.main.table && q.column.dataset === main.dataset && q.column.split === main.split && q.column.metric === "clean");
  if (clean && clean !== data.main) found.push(["clean and attacked", clean, data.main]);
  const other = all.find((q) => q.table === data.main.table && q.column.metric === main.metric && q.column.split === main.split && q.column.dataset !== main.dataset);
  if (other) found.push([`${main.dataset} and ${other.column.dataset}`, data.main, other]);
  for (const table of data.tables.slice(1)) {
    const same = all.find((q) => q.table === table && clean && q.column.name === clean.column.name) ?? all.find((q) => q.table === table && q.column.dataset === main.dataset);
    if (same) found.push([`${data.tables[0].name} and ${table.name}`, clean && same.column.name === clean.column.name ? clean : data.main, same]);
  }
  return found;
}

/** @param {import("./data.js").Data} data */
export function compareView(data) {
  const controls = h("div", { class: "controls" }), side = h("section", { class: "card list", "aria-label": "Correlation" });
  const changes = h("section", { class: "card", "aria-label": "Ranks that change most" });
  const state = { a: null, b: null, points: null, statistics: null };
  let shownPoints = null;
  const scatter = new Scatter({
    label: "Comparison",
    describe: (place) => [...describePoint(data, state.a, state.b, state.points)(place), h("p", {}, `ranks ${whole(state.statistics.ranksA[place])} and ${whole(state.statistics.ranksB[place])}`)],
    onOpen: (index) => open(data, index),
  });
  const csv = () => [["architecture", state.a.label, state.b.label, "rank_first", "rank_second"], Array.from(state.points.index, (index, place) =>
    [data.space.writtenOf(index), state.points.x[place], state.points.y[place], state.statistics.ranksA[place], state.statistics.ranksB[place]])];
  const element = h("div", { class: "view" }, h("h1", { class: "unseen" }, "Compare"), controls,
    h("div", { class: "split wide" }, h("section", { class: "card", "aria-label": "Plot" }, scatter.element,
      h("div", { class: "actions" }, svgButton("compare", () => scatter.svg()), csvButton("compare", csv))), side), changes);

  function update(params) {
    const given = presets(data), a = data.find(params.a, given.at(-1)?.[1].id), b = data.find(params.b, given.at(-1)?.[2].id);
    const asRanks = params.as === "ranks";
    if (state.a !== a || state.b !== b) Object.assign(state, compared(a, b));
    put(controls, quantitySelect(data, "First", a, (id) => change({ a: id })), quantitySelect(data, "Second", b, (id) => change({ b: id })),
      segmented("Show", [["values", "Values"], ["ranks", "Ranks"]], asRanks ? "ranks" : "values", (as) => change({ as: as === "ranks" ? as : null })),
      h("div", { class: "presets" }, given.map(([text, one, two]) => h("button", { type: "button", class: "quiet", onclick: () => change({ a: one.id, b: two.id }) }, text))));
    shownPoints = asRanks ? { ...state.points, x: state.statistics.ranksA, y: state.statistics.ranksB } : state.points;
    scatter.show({ x: axis(a, asRanks), y: axis(b, asRanks), points: shownPoints, current: architectureOf(params, data), guessed: predictedPlaces(state.points, a, b) });
    showStatistics(data, side, state);
    showChanges(data, changes, state, params.falls === "yes");
  }
  return { element, update, recolour: () => scatter.recolour(), title: () => "Compare" };
}

const axis = (quantity, asRanks) => asRanks ? { ...quantity, kind: "size", better: -1, label: `rank, ${quantity.label}` } : quantity;

function compared(a, b) {
  const points = pairs(a, b), ranksA = ranksBy(a, points.x), ranksB = ranksBy(b, points.y);
  const x = tied(points.x, resolutionOf(a)), y = tied(points.y, resolutionOf(b));
  return { a, b, points, statistics: { ranksA, ranksB, spearman: spearmanInterval(x, y), kendall: kendallInterval(x, y) } };
}

function showStatistics(data, side, { a, b, points, statistics }) {
  const { ranksA, ranksB, spearman, kendall } = statistics, count = points.index.length;
  const shared = TOPS.filter((top) => top < count).map((top) => {
    let first = 0, second = 0, both = 0;
    for (let place = 0; place < count; place++) {
      const inFirst = ranksA[place] <= top, inSecond = ranksB[place] <= top;
      first += inFirst; second += inSecond; both += inFirst && inSecond;
    }
    const ties = first > top || second > top ? `, with ties ${whole(first)} and ${whole(second)}` : "";
    return h("tr", {}, h("th", { scope: "row" }, `best ${whole(top)}${ties}`), h("td", { class: "number" }, `${whole(both)} shared`),
      h("td", { class: "number" }, `${whole(first * second / count)} by chance`));
  });
  const sizes = [a, b].some(({ better }) => better < 0) ? h("p", { class: "hint" }, "Correlations are those of the values; in ranks the smallest size comes first.") : null;
  put(side, h("h2", {}, "Agreement"), h("p", { class: "hint", "data-paired": "" }, `${counted(count, "architecture")}. ${pairedText(points.base, a, b)} ${predictedText(points, a, b)}`.trim()),
    [a, b].some(({ column }) => column?.guessed) ? h("p", { class: "notice" }, "Predicted values were made by a model: a correlation with them tells of the model, too.") : null,
    h("dl", { class: "figures" }, h("dt", {}, "Spearman ρ"), h("dd", { "data-figure": "spearman" }, intervalText(spearman)),
      h("dt", {}, "Kendall τ-b"), h("dd", { "data-figure": "kendall" }, intervalText(kendall))),
    sizes, h("p", { class: "hint" }, INTERVALS), h("p", { class: "hint" }, RANKS), shared.length ? h("table", {}, h("caption", {}, "Of the best by each"), h("tbody", {}, shared)) : null,
    bestOf(data, "Best by the first", points, ranksA, ranksB, a, b));
}

function bestOf(data, caption, points, ranksA, ranksB, a, b) {
  const place = ranksA.indexOf(Math.min(...ranksA));
  if (place < 0) return null;
  const equal = ranksA.filter((rank) => rank === ranksA[place]).length;
  return h("p", {}, `${caption}${equal > 1 ? `, one of ${whole(equal)} that are equal` : ""}: `, markedLink(data, points.index[place], [a, b]),
    `, ${shownOf(a, points.x[place], points.index[place])}; by the second it has rank ${whole(ranksB[place])} with ${shownOf(b, points.y[place], points.index[place])}.`);
}

function showChanges(data, card, { a, b, points, statistics: { ranksA, ranksB } }, falls) {
  const order = Array.from(points.index, (_, place) => place).sort((p, q) => (falls ? -1 : 1) * ((ranksA[q] - ranksB[q]) - (ranksA[p] - ranksB[p])));
  const row = (place) => h("tr", {}, h("th", { scope: "row" }, markedLink(data, points.index[place], [a, b])),
    [shownOf(a, points.x[place], points.index[place]), whole(ranksA[place]), shownOf(b, points.y[place], points.index[place]), whole(ranksB[place]), changeText(ranksA[place] - ranksB[place])].map((text) => h("td", { class: "number" }, text)));
  put(card, h("div", { class: "headline" }, h("h2", {}, "Ranks that change most"),
    segmented("Direction", [["rises", "Rises"], ["falls", "Falls"]], falls ? "falls" : "rises", (which) => change({ falls: which === "falls" ? "yes" : null }, { replace: true }))),
  h("div", { class: "scroll", role: "region", "aria-label": "Changes of rank", tabindex: 0 }, h("table", {},
    h("thead", {}, h("tr", {}, [data.space.noun, a.label, "rank", b.label, "rank", "change"].map((text, place) => h("th", { scope: "col", class: place ? "number" : null }, text)))),
    h("tbody", {}, order.slice(0, LISTED).map(row)))),
  h("p", { class: "hint" }, `Neighbouring ranks differ by less than the noise of one training: see the sets of ranks of each ${data.space.noun}.`));
}

const changeText = (by) => by > 0 ? `▲ ${whole(by)}` : by < 0 ? `▼ ${whole(-by)}` : "0";
