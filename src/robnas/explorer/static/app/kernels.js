// Scores of untrained networks, kernels among them, against accuracy after training.

import { h, put, s } from "./dom.js";
import { intervalText } from "./compare.js";
import { csvButton, svgButton } from "./download.js";
import { pairs } from "./data.js";
import { correlation, counted } from "./format.js";
import { architectureOf, open } from "./links.js";
import { describePoint } from "./map.js";
import { quantitySelect } from "./quantity-select.js";
import { Scatter } from "./scatter.js";
import { change } from "./state.js";
import { resolutionOf, spearmanInterval, tied } from "./statistics.js";

/** @param {import("./data.js").Data} data */
export function kernelsView(data) {
  const scores = [...data.quantities.values()].filter(({ kind }) => kind === "score");
  if (!scores.length) return { element: h("div", { class: "view" }, h("h1", { class: "unseen" }, "Kernels"), nothing()), update() {}, title: () => "Kernels" };
  const controls = h("div", { class: "controls" }), list = h("section", { class: "card list", "aria-label": "Scores" });
  const state = { x: null, y: null, points: null, all: new Map() };
  const scatter = new Scatter({
    label: "Scores", describe: (place) => describePoint(data, state.x, state.y, state.points)(place), onOpen: (index) => open(data, index),
  });
  const csv = () => [["architecture", state.x.label, state.y.label], Array.from(state.points.index, (index, place) => [data.space.writtenOf(index), state.points.x[place], state.points.y[place]])];
  const element = h("div", { class: "view" }, h("h1", { class: "unseen" }, "Kernels"), controls, h("div", { class: "split wide" },
    h("section", { class: "card", "aria-label": "Plot" }, scatter.element, h("div", { class: "actions" }, svgButton("score", () => scatter.svg()), csvButton("score", csv))), list));

  function update(params) {
    const x = data.find(params.score, scores[0].id), y = data.find(params.accuracy);
    Object.assign(state, { x, y, points: pairs(x, y, true) });
    put(controls, quantitySelect(data, "Score", x, (score) => change({ score }), ({ kind }) => kind !== "accuracy"),
      quantitySelect(data, "Accuracy", y, (accuracy) => change({ accuracy }), ({ kind }) => kind === "accuracy"));
    scatter.show({ x, y, points: state.points, current: architectureOf(params, data) });
    if (!state.all.has(y.id)) state.all.set(y.id, correlations(scores, y));
    showList(list, data, [...state.all.get(y.id), ...rivals(data, state.points, y)].sort(byValue), x, y);
  }
  return { element, update, recolour: () => scatter.recolour(), title: () => "Kernels" };
}

const nothing = () => h("section", { class: "card empty" }, h("h2", {}, "No scores"),
  h("p", {}, "Score untrained networks, by their neural tangent kernels or other proxies, and show the file:"),
  h("pre", { tabindex: 0 }, "robnas score --all --proxy nwot,synflow --data cifar10 --out scores.parquet\nrobnas explore nas-robbench-201 --scores scores.parquet"));

/** Every score with its correlation, over the architectures that have it. */
function correlations(scores, y) {
  return scores.map((quantity) => {
    const points = pairs(quantity, y, true);
    return { quantity, ...spearmanInterval(points.x, tied(points.y, resolutionOf(y))) };
  });
}

/** The sizes for comparison, of the same architectures as those of the chosen score. */
const rivals = (data, points, y) => ["size~parameters", "size~macs"].flatMap((id) => data.quantities.get(id) ?? [])
  .map((quantity) => ({ quantity, ...spearmanInterval(Float64Array.from(points.index, (index) => quantity.at(index)), tied(points.y, resolutionOf(y))) }));

/** The strongest first. */
const byValue = (a, b) => (Number.isNaN(b.value) ? -2 : b.value) - (Number.isNaN(a.value) ? -2 : a.value);

/** A correlation on a line from −1 to 1, with its interval. */
function bar({ value, low, high }) {
  const at = (rho) => 100 + 96 * rho;
  return s("svg", { class: "interval", viewBox: "0 0 200 18", "aria-hidden": "true" },
    s("path", { class: "zero", d: "M100 1V17" }), s("path", { class: "axis", d: "M4 9H196" }),
    !Number.isNaN(low) && s("path", { class: "span", d: `M${at(low)} 9H${at(high)}` }), !Number.isNaN(value) && s("circle", { class: "value", cx: at(value), cy: 9, r: 4.5 }));
}

function showList(list, data, found, x, y) {
  const row = (one) => h("tr", { class: one.quantity === x ? "current" : null },
    h("th", { scope: "row" }, h("button", { type: "button", class: "link", "aria-pressed": String(one.quantity === x), onclick: () => change({ score: one.quantity.id }) }, one.quantity.name)),
    h("td", { class: "distribution" }, bar(one)), h("td", { class: "number", title: intervalText(one) }, correlation(one.value)), h("td", { class: "number" }, String(one.count)));
  const current = found.find(({ quantity }) => quantity === x);
  put(list, h("h2", {}, "Rank correlation"), h("p", { class: "hint" }, `with ${y.label}${y.column?.guessed ? ", measured values alone: what is predicted was made of such scores" : ""}`),
    current ? h("dl", { class: "figures" }, h("dt", {}, x.name), h("dd", { "data-figure": "spearman" }, intervalText(current)), h("dt", {}, "over"), h("dd", {}, counted(current.count, "architecture"))) : null,
    h("div", { class: "scroll", role: "region", "aria-label": "Correlation of each score", tabindex: 0 }, h("table", {},
      h("thead", {}, h("tr", {}, ["score", "−1 … 1", "ρ", "n"].map((text, place) => h("th", { scope: "col", class: place > 1 ? "number" : null }, text)))), h("tbody", {}, found.map(row)))),
    h("p", { class: "hint" }, "Percentile bootstrap over architectures, 1,000 resamples, 95 %. Scores are higher for what should be better"
      + (data.quantities.has("size~parameters") ? "; the sizes, of the architectures that have the chosen score, stand here because a score that does not beat them is not worth computing." : ".")),
    data.scores.map((file) => settings(file)));
}

const settings = (file) => h("details", {}, h("summary", {}, `Settings of ${file.name}`),
  h("dl", {}, Object.entries(file.settings).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, typeof value === "object" ? JSON.stringify(value) : String(value))])));
