// Mean regret after each query, a line and a band per algorithm.

import { drawAxes } from "./axes.js";
import { h, token } from "./dom.js";
import { short } from "./format.js";
import { CanvasPainter, SvgPainter } from "./painters.js";

const DASHES = [[], [7, 4], [2, 3]];
export const LINES = 6; // colours of lines in the style sheet

/** Colour and dashes of the n-th algorithm. @param {number} place */
export const lineLook = (place) => ({ stroke: token(`line-${place % LINES}`), dash: DASHES[Math.floor(place / LINES) % DASHES.length], width: 2.2 });

/**
 * @typedef {{name: string, place: number, mean: number[], error: number[]|null}} Curve error: null for a single run
 */
export class Curves {
  #content = null;

  /** @param {string} label */
  constructor(label) {
    this.canvas = h("canvas", { role: "img", "aria-label": label });
    this.element = h("div", { class: "plot low" }, this.canvas);
    this.painter = new CanvasPainter(this.canvas.getContext("2d"));
    new ResizeObserver(() => this.draw()).observe(this.canvas);
  }

  /** @param {Curve[]} curves @param {string} yName @param {number|null} query that is marked @param {string|null} [unit] that of shares, shown in percent, if none */
  show(curves, yName, query, unit = null) {
    const own = typeof unit === "string", name = own && unit ? `${yName}, ${unit}` : yName;
    this.#content = { curves, yName: name, query, kind: own ? "score" : "accuracy" };
    const ends = curves.map(({ name, mean }) => `${name} ${own ? short(mean.at(-1)) : (100 * mean.at(-1)).toFixed(2)}`);
    this.canvas.setAttribute("aria-label", `${name} after each query; at the end, ${own ? "" : "in percent"}: ${ends.join(", ") || "no curve"}`);
    this.draw();
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.canvas, scale = Math.min(devicePixelRatio || 1, 2);
    if (!this.#content || !width || !height) return;
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(height * scale);
    this.painter.context.setTransform(scale, 0, 0, scale, 0, 0);
    this.#paint(this.painter, width, height);
  }

  svg() {
    const { clientWidth: width, clientHeight: height } = this.canvas, painter = new SvgPainter(width, height, token("surface"));
    this.#paint(painter, width, height);
    return painter.svg;
  }

  #paint(painter, width, height) {
    const { curves, yName, query, kind } = this.#content, box = { left: 66, top: 14, width: width - 82, height: height - 66 };
    const last = Math.max(2, ...curves.map(({ mean }) => mean.length)), top = 1.05 * curves.reduce((most, { mean }) => mean.slice(Math.floor(mean.length / 30)).reduce((a, b) => Math.max(a, b), most), 1e-6);
    const colours = { grid: token("grid"), muted: token("muted"), text: token("text") };
    const place = (at, value) => [box.left + box.width * (at - 1) / (last - 1), box.top + box.height * (1 - value / top)];
    drawAxes(painter, box, { low: 1, high: last, kind: "size", name: "queries" }, { low: 0, high: top, kind, name: yName }, colours);
    painter.clipped(box.left, box.top - 2, box.width, box.height + 4, () => {
      for (const { place: number, mean, error } of curves) {
        const look = lineLook(number), edge = (side) => mean.map((value, at) => place(at + 1, Math.max(0, value + side * 1.96 * error[at])));
        if (error) painter.line([...edge(1), ...edge(-1).reverse()], { fill: look.stroke, alpha: 0.15 });
        painter.line(mean.map((value, at) => place(at + 1, value)), look);
      }
      if (query) painter.line([place(query, 0), place(query, top)], { stroke: colours.text, dash: [3, 3] });
    });
  }
}
