// A cell as SVG: nodes on a line, an arc per edge in the colour of its operation, dashed where nothing flows.

import { s } from "../dom.js";
import { digitsOf, EDGES, inWords, liveEdges, SHORT } from "./cells.js";

const X = [60, 253, 447, 640], MIDDLE = 205;
/** Path of each edge, and the place of its label. */
const SHAPES = [
  { path: "M84 205H225", at: [156, MIDDLE] },
  { path: "M70 182C130 88 377 88 437 178", at: [253, 111] },
  { path: "M277 205H419", at: [350, MIDDLE] },
  { path: "M56 180C76 -22 624 -22 643 176", at: [350, 29] },
  { path: "M263 228C323 322 570 322 630 232", at: [447, 299] },
  { path: "M471 205H612", at: [543, MIDDLE] },
];
const LABEL = { width: 104, height: 34 };

/** The tip of an arrow at the end of a path, turned along it. */
function tip(edge) {
  const [x, y, angle] = [[229, 205, 0], [441, 186, 60], [423, 205, 0], [644, 184, 84], [634, 224, -60], [616, 205, 0]][edge];
  return s("path", { d: "M-12 -7L2 0L-12 7Z", class: "tip", transform: `translate(${x} ${y}) rotate(${angle})` });
}

/** An operation's mark: a colour and a letter-free shape, so that neither alone carries the meaning. */
export const swatch = (operation) => s("svg", { class: `swatch op-${operation}`, viewBox: "0 0 20 20", width: 16, height: 16, "aria-hidden": "true" },
  s("rect", { x: 1, y: 1, width: 18, height: 18, rx: 5 }));

function edgeGroup(edge, digit, live, { selected, onPick, onKey }) {
  const [source, target] = EDGES[edge], { path, at } = SHAPES[edge];
  const label = `Edge ${source} to ${target}: ${SHORT[digit]}${live || digit === 0 ? "" : ", carries nothing to the output"}`;
  return s("g", {
    class: `edge op-${digit}${live ? "" : " dead"}${selected ? " selected" : ""}`, "data-edge": edge, role: "radio", tabindex: selected ? 0 : -1,
    "aria-checked": String(selected), "aria-label": label,
    onclick: () => onPick(edge), onkeydown: (event) => onKey(event, edge),
  },
  s("path", { d: path, class: "hit" }), s("path", { d: path, class: "line" }), tip(edge),
  s("g", { transform: `translate(${at[0]} ${at[1]})` },
    s("rect", { class: "label", x: -LABEL.width / 2, y: -LABEL.height / 2, width: LABEL.width, height: LABEL.height, rx: 17 }),
    s("text", { y: 6, "text-anchor": "middle" }, labelParts(digit))));
}

/** The name of an operation, of which narrow screens show the first part. */
function labelParts(digit) {
  const [first, ...rest] = SHORT[digit] === "avg pool" ? ["pool"] : SHORT[digit].split(" ");
  return [first, rest.length ? s("tspan", { class: "rest" }, ` ${rest.join(" ")}`) : null];
}

function node(number) {
  const text = ["in", "1", "2", "out"][number];
  return s("g", { class: "node", transform: `translate(${X[number]} ${MIDDLE})`, "aria-hidden": "true" },
    s("circle", { r: 24 }), s("text", { y: 6, "text-anchor": "middle" }, text));
}

/**
 * The cell to work with.
 * @param {number} index @param {number} selected edge
 * @param {{onPick: (edge: number) => void, onKey: (event: KeyboardEvent, edge: number) => void}} handlers
 */
export function drawCell(index, selected, handlers) {
  const digits = digitsOf(index), live = liveEdges(index);
  return s("svg", { class: "cell", viewBox: "0 0 700 335", role: "radiogroup", "aria-label": "Edges of the cell" },
    EDGES.map((_, edge) => edgeGroup(edge, digits[edge], live[edge], { ...handlers, selected: edge === selected })),
    [0, 1, 2, 3].map(node));
}

/** A cell to glance at. @param {number} index @param {number} [width] */
export function miniCell(index, width = 132) {
  const digits = digitsOf(index), live = liveEdges(index);
  return s("svg", { class: "cell mini", viewBox: "20 0 660 335", width, height: width * 335 / 660, role: "img", "aria-label": inWords(index) },
    SHAPES.map(({ path }, edge) => s("g", { class: `edge op-${digits[edge]}${live[edge] ? "" : " dead"}` }, s("path", { d: path, class: "line" }))),
    X.map((x) => s("circle", { class: "dot", cx: x, cy: MIDDLE, r: 20 })));
}
