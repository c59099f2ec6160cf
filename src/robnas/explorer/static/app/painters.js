// One drawing, two surfaces: a canvas, which is fast, and SVG, which is downloaded.

import { s } from "./dom.js";
import { Stamps } from "./stamps.js";

export const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif";

/**
 * @typedef {object} Look
 * @property {string} [fill] @property {string} [stroke] @property {number} [width] @property {number[]} [dash]
 * @property {number} [alpha]
 */

/** Draws on a canvas. */
export class CanvasPainter {
  /** @param {CanvasRenderingContext2D} context */
  constructor(context) { this.context = context; this.stamps = new Stamps(); }

  #begin({ alpha = 1, width = 1, dash = [] }) {
    const { context } = this;
    context.globalAlpha = alpha; context.lineWidth = width;
    context.setLineDash(dash); context.lineJoin = "round";
    context.beginPath();
  }

  #end({ fill, stroke }) {
    const { context } = this;
    if (fill) { context.fillStyle = fill; context.fill(); }
    if (stroke) { context.strokeStyle = stroke; context.stroke(); }
    context.globalAlpha = 1;
  }

  /** @param {[number, number][]} points @param {Look} look */
  line(points, look) {
    this.#begin(look);
    points.forEach(([x, y], place) => place ? this.context.lineTo(x, y) : this.context.moveTo(x, y));
    this.#end(look);
  }

  /** @param {number} x @param {number} y @param {number} radius @param {Look} look */
  disc(x, y, radius, look) { this.#begin(look); this.context.arc(x, y, radius, 0, 2 * Math.PI); this.#end(look); }

  rect(x, y, width, height, look) { this.#begin(look); this.context.rect(x, y, width, height); this.#end(look); }

  text(x, y, text, { fill, size = 12, anchor = "start", turned = false, bold = false }) {
    const { context } = this;
    context.save();
    context.translate(x, y);
    if (turned) context.rotate(-Math.PI / 2);
    context.font = `${bold ? "600 " : ""}${size}px ${FONT}`;
    context.fillStyle = fill;
    context.textAlign = { start: "left", middle: "center", end: "right" }[anchor];
    context.fillText(text, 0, 0);
    context.restore();
  }

  clipped(x, y, width, height, draw) {
    this.context.save();
    this.context.beginPath();
    this.context.rect(x, y, width, height);
    this.context.clip();
    draw();
    this.context.restore();
  }

  /** Many equal discs inside a box, see `Stamps`. */
  discs(places, radius, alpha, scale, { left, top, width, height }) {
    const { context, stamps } = this, pad = Math.ceil(radius * scale) + 2;
    const [x, y] = [Math.floor(left * scale) - pad, Math.floor(top * scale) - pad];
    stamps.clear(Math.ceil(width * scale) + 2 * pad, Math.ceil(height * scale) + 2 * pad);
    for (const { colour, xs, ys } of places) {
      stamps.add(colour, xs.map((value) => value * scale - x), ys.map((value) => value * scale - y), radius * scale, alpha);
    }
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(stamps.finish(), x, y);
    context.restore();
  }
}

/** Draws the same as SVG elements. */
export class SvgPainter {
  constructor(width, height, background) {
    this.svg = s("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "font-family": FONT });
    this.into = this.svg;
    this.clips = 0;
    this.rect(0, 0, width, height, { fill: background });
  }

  #look({ fill = "none", stroke, width, dash, alpha }) {
    return { fill, stroke, "stroke-width": stroke && width, "stroke-dasharray": dash?.length ? dash.join(" ") : null,
      "stroke-linejoin": stroke && "round", opacity: alpha };
  }

  line(points, look) {
    const path = points.map(([x, y], place) => `${place ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
    this.into.append(s("path", { d: path, ...this.#look(look) }));
  }

  disc(x, y, radius, look) { this.into.append(s("circle", { cx: x.toFixed(1), cy: y.toFixed(1), r: radius, ...this.#look(look) })); }

  rect(x, y, width, height, look) { this.into.append(s("rect", { x, y, width, height, ...this.#look(look) })); }

  text(x, y, text, { fill, size = 12, anchor = "start", turned = false, bold = false }) {
    this.into.append(s("text", { fill, "font-size": size, "text-anchor": anchor, "font-weight": bold ? 600 : null,
      transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})${turned ? " rotate(-90)" : ""}` }, text));
  }

  clipped(x, y, width, height, draw) {
    const id = `clip-${++this.clips}`, outside = this.into;
    outside.append(s("clipPath", { id }, s("rect", { x, y, width, height })));
    this.into = s("g", { "clip-path": `url(#${id})` });
    outside.append(this.into);
    draw();
    this.into = outside;
  }

  discs(places, radius, alpha) {
    for (const { colour, xs, ys } of places) {
      const group = s("g", { fill: colour, "fill-opacity": alpha });
      for (let i = 0; i < xs.length; i++) group.append(s("circle", { cx: xs[i].toFixed(1), cy: ys[i].toFixed(1), r: radius }));
      this.into.append(group);
    }
  }
}
