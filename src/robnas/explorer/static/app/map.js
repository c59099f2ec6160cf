// Any two quantities against each other, over all architectures that have both.

import { announce, dropdown, h, put } from "./dom.js";
import { csvButton, svgButton } from "./download.js";
import { isPredicted, pairs } from "./data.js";
import { counted, shownOf, whole } from "./format.js";
import { filterControls, filterOf } from "./genes/filters.js";
import { architectureOf, breakable, linkTo, open } from "./links.js";
import { quantitySelect } from "./quantity-select.js";
import { Scatter } from "./scatter.js";
import { change, changeSoon } from "./state.js";

const LISTED = 100;

/** A part of the plane as it stands in addresses. */
const partText = (part) => part && [part.x0, part.x1, part.y0, part.y1].map((value) => Number(value.toPrecision(9))).join(",");

/** @returns {import("./scatter.js").View|null} */
function parsePart(text) {
  const [x0, x1, y0, y1] = (text ?? "").split(",").map(Number);
  return x0 < x1 && y0 < y1 ? { x0, x1, y0, y1 } : null;
}

/** A link to an architecture, marked if its network is constant in a table that one of the quantities belongs to. */
export function markedLink(data, index, quantities) {
  const constant = quantities.some((quantity) => quantity.table?.isConstant(quantity.column, index));
  return [linkTo(data, index),
    constant ? h("span", { title: "Gives one answer whatever the image shows, or learned nothing, as far as accuracies tell" }, " †") : null];
}

/** @param {import("./data.js").Data} data @param {import("./data.js").Quantity} x @param {import("./data.js").Quantity} y @param {any} points */
export const describePoint = (data, x, y, points) => (place) => [
  h("b", { class: "code" }, breakable(data.space.shortOf(points.index[place]))), data.space.glance(points.index[place]),
  h("dl", {}, [x, y].flatMap((q, axis) => [h("dt", {}, q.name), h("dd", {}, shownOf(q, (axis ? points.y : points.x)[place], points.index[place]))])),
  Object.assign(linkTo(data, points.index[place]), { textContent: `Open the ${data.space.noun}`, className: "" }),
];

/** Which architectures of two tables were put together; nothing where there is one table. */
export function pairedText(base, x, y) {
  if (!x.table || !y.table || x.table === y.table) return "";
  const other = (base === x ? y : x).table;
  return `Those of ${base.table.name}, each with what ${other.name} has measured of it${other.partition ? " or of an isomorphic one" : ""}.`;
}

/** How many of the points have a predicted value, which is drawn faint and marked with ~; nothing where none has. */
export function predictedText(points, x, y) {
  const count = predictedPlaces(points, x, y).size;
  return count ? `Of ${whole(count)} a value is predicted, not measured: faint points, and ~ with the standard deviation of what one training would measure.` : "";
}

/** Places of the points of which a value is predicted. */
export function predictedPlaces({ index }, x, y) {
  const some = [x, y].some(({ column }) => column?.guessed);
  return new Set(some ? [...index.keys()].filter((place) => isPredicted(x, index[place]) || isPredicted(y, index[place])) : []);
}

/** A list of architectures with two values each. */
export function pointTable(data, caption, places, points, x, y) {
  return h("div", { class: "scroll", role: "region", "aria-label": caption, tabindex: 0 }, h("table", { class: "points" },
    h("caption", { class: "unseen" }, caption),
    h("thead", {}, h("tr", {}, [data.space.noun, x.name, y.name].map((text, place) => h("th", { scope: "col", class: place ? "number" : null }, text)))),
    h("tbody", {}, places.slice(0, LISTED).map((place) => h("tr", {},
      h("th", { scope: "row" }, markedLink(data, points.index[place], [x, y])),
      h("td", { class: "number" }, shownOf(x, points.x[place], points.index[place])), h("td", { class: "number" }, shownOf(y, points.y[place], points.index[place])))))));
}

/** @param {import("./data.js").Data} data */
export function mapView(data) {
  const controls = h("div", { class: "controls" }), list = h("section", { class: "card list", "aria-label": "List" });
  const state = { all: null, points: null, x: null, y: null, listed: [] }, colours = data.space.colours();
  const filters = h("details", { class: "card low" }, h("summary", {}, "Filter by genes"));
  const scatter = new Scatter({
    label: "Map of architectures",
    describe: (place) => describePoint(data, state.x, state.y, state.points)(place),
    onOpen: (index) => open(data, index),
    onBrush: (brush) => change({ brush: partText(brush) }),
    onView: (view) => changeSoon("map", { view: partText(view) }, 250),
  });
  const count = h("p", { class: "hint" });
  const csv = () => [["architecture", state.x.label, state.y.label, ...guessedHeads(state)], state.listed.map((place) =>
    [data.space.writtenOf(state.points.index[place]), state.points.x[place], state.points.y[place], ...guessedCells(state, place)])];
  const element = h("div", { class: "view" }, h("h1", { class: "unseen" }, "Map"), controls, data.space.filtered ? filters : null,
    h("div", { class: "split wide" },
      h("section", { class: "card", "aria-label": "Plot" }, scatter.element,
        h("div", { class: "actions" }, count, svgButton("map", () => scatter.svg()), csvButton("map", csv))), list));

  function update(params) {
    const x = data.find(params.x, data.companion.id), y = data.find(params.y);
    const colour = params.colour === undefined ? colours.find(({ first }) => first) ?? colours[0] : colours.find(({ value }) => value === params.colour);
    const front = params.front !== "no", brush = parsePart(params.brush);
    if (state.x !== x || state.y !== y) Object.assign(state, { x, y, all: pairs(x, y) });
    const keep = filterOf(data.space, params), points = state.points = keep ? filtered(state.all, keep) : state.all;
    if (keep && !state.all.shown) filters.open = true; // a link shows by what it filters
    state.all.shown = true;
    if (data.space.filtered) put(filters, filters.firstChild, filterControls(data.space, params, (changes) => change(changes)), keep ? h("button", { type: "button", class: "quiet", onclick: () => change(cleared(params)) }, "Show all") : null);
    const reset = { view: null, brush: null };
    put(controls, quantitySelect(data, "Across", x, (id) => change({ x: id, ...reset })), quantitySelect(data, "Up", y, (id) => change({ y: id, ...reset })),
      colourSelect(colours, colour), checkbox("Pareto front", front, (on) => change({ front: on ? null : "no" })));
    scatter.show({
      x, y, points, front, brush, view: parsePart(params.view), current: architectureOf(params, data),
      levels: colour?.paint(points.index) ?? null, legend: colour?.legend ?? "", guessed: predictedPlaces(points, x, y),
    });
    state.listed = (brush ? scatter.inside(brush) : front ? scatter.front : points.index.map((_, place) => place)).slice();
    state.listed = Array.from(state.listed).sort((a, b) => y.better * (points.y[b] - points.y[a]));
    showList(brush ? "Selected" : front ? "Pareto front" : "All", data, state, list);
    put(count, points.index.length ? `${counted(points.index.length, "architecture")} with both values${keep ? ` and the genes that are asked for, of ${whole(state.all.index.length)}` : ""}. ${pairedText(points.base, x, y)} ${predictedText(points, x, y)}`.trim() : keep ? "No architecture has both values and these genes." : "No architecture has both values.");
    if (brush) announce(`${counted(state.listed.length, "architecture")} selected`);
  }
  return { element, update, recolour: () => scatter.recolour(), title: () => "Map" };
}

function showList(what, data, { listed, points, x, y }, list) {
  const more = listed.length > LISTED ? `, the first ${LISTED} are listed; the CSV holds all` : "";
  put(list, h("h2", {}, what), h("p", { class: "hint", "data-count": listed.length }, `${counted(listed.length, "architecture")}${more}`),
    listed.length ? pointTable(data, `${what}: ${whole(listed.length)}`, listed, points, x, y) : null,
    what === "Selected" ? h("button", { type: "button", class: "quiet", onclick: () => change({ brush: null }) }, "Clear the selection")
      : h("p", { class: "hint" }, "Shift-drag in the plot, or press Select and drag, to choose architectures."));
}

/** Further columns of a CSV: whether each value is measured, where some are not. */
const guessedHeads = ({ x, y }) => [x, y].filter(({ column }) => column?.guessed).map(({ label }) => `${label} measured`);
const guessedCells = ({ x, y, points }, place) => [x, y].filter(({ column }) => column?.guessed).map((q) => isPredicted(q, points.index[place]) ? "no" : "yes");

/** Some of the points. */
function filtered({ index, x, y, base }, keep) {
  const places = [...index.keys()].filter((place) => keep(index[place]));
  return { index: Uint32Array.from(places, (place) => index[place]), x: Float64Array.from(places, (place) => x[place]), y: Float64Array.from(places, (place) => y[place]), base };
}

/** Changes that take every filter out of an address. */
const cleared = (params) => Object.fromEntries(Object.keys(params).filter((name) => name.startsWith("only.")).map((name) => [name, null]));

function colourSelect(colours, current) {
  return dropdown("Colour", [{ value: "nothing", text: "nothing" }, ...colours], current?.value ?? "nothing", (value) => change({ colour: value }));
}

/** @param {string} label @param {boolean} on @param {(on: boolean) => void} choose */
export function checkbox(label, on, choose) {
  const box = h("input", { type: "checkbox", checked: on, onchange: () => choose(box.checked) });
  return h("label", { class: "check" }, box, label);
}
