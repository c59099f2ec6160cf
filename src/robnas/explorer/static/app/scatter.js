// A scatter of architectures that is moved by drag, wheel, pinch and keys, with hover, click and brush.

import { drawAxes } from "./axes.js";
import { announce, h, put, token } from "./dom.js";
import { CanvasPainter, SvgPainter } from "./painters.js";
import { extent, paretoFront } from "./statistics.js";

const NEAR = 14; // pixels within which a point is hit
const CLICK = 4; // pixels that a click may move
/** What can be done with the plot; selecting only where something is done with the selection. @param {boolean} brush */
const help = (brush) => `Drag to move, wheel or pinch to zoom${brush ? ", shift-drag to select" : ""}. Keys: arrows move, plus and minus zoom, 0 shows all, `
  + `comma and full stop step through the points, Enter opens one${brush ? ", S selects what is in view, Escape clears" : ""}.`;
const TOKENS = ["text", "muted", "grid", "surface", "point", "faint", "accent", "front", "selected", "mark",
  ...Array.from({ length: 7 }, (_, level) => `level-${level}`), ...Array.from({ length: 6 }, (_, place) => `line-${place}`)];

/** @typedef {{x0: number, x1: number, y0: number, y1: number}} View in units of the quantities */

/**
 * @typedef {object} Content
 * @property {import("./data.js").Quantity|Axis} x @property {import("./data.js").Quantity|Axis} y
 * @property {{index: Uint32Array, x: Float64Array, y: Float64Array}} points
 * @property {import("./genes/colours.js").Levels|null} [levels] colour of each point
 * @property {string} [legend] what the colours are
 * @property {boolean} [front] whether the Pareto front is drawn
 * @property {number|null} [current] the architecture that is marked
 * @property {View|null} [view] what is in view, null for all
 * @property {View|null} [brush] what is selected
 * @property {(painter: CanvasPainter, place: (x: number, y: number) => [number, number], colours: Record<string, string>) => void} [over] drawn last
 * @property {boolean} [faint] points in the background
 * @property {Set<number>} [guessed] places of the points that are predicted, which are drawn faint
 * @typedef {{name: string, label: string, kind: "accuracy"|"size"|"score", better: 1|-1}} Axis
 */

export class Scatter {
  /** @type {Content|null} */ #content = null;
  #size = { width: 0, height: 0 };
  #hover = -1;
  #pointers = new Map();
  #drag = null;
  #frame = 0;

  /**
   * @param {{label: string, describe: (place: number) => any[], onOpen: (index: number) => void,
   *   onBrush?: (brush: View|null) => void, onView?: (view: View|null) => void}} options
   */
  constructor(options) {
    this.options = options;
    this.canvas = h("canvas", { tabindex: 0, role: "application", "aria-roledescription": "scatter plot", "aria-label": options.label, "aria-describedby": "plot-help" });
    this.tooltip = h("div", { class: "tooltip", hidden: true });
    this.brushing = h("button", { type: "button", class: "quiet", "aria-pressed": "false", onclick: () => this.#toggleBrushing() }, "Select");
    const button = (text, label, act) => h("button", { type: "button", class: "quiet", "aria-label": label, title: label, onclick: act }, text);
    this.element = h("div", { class: "plot" }, this.canvas, this.tooltip,
      h("div", { class: "plot-tools" }, options.onBrush ? this.brushing : null,
        button("+", "Zoom in", () => this.#zoom(1 / 1.4)), button("−", "Zoom out", () => this.#zoom(1.4)), button("All", "Show all points", () => this.#setView(null))),
      h("p", { class: "unseen", id: "plot-help" }, help(Boolean(options.onBrush))));
    this.painter = new CanvasPainter(this.canvas.getContext("2d"));
    new ResizeObserver(() => this.#resize()).observe(this.canvas);
    this.#listen();
  }

  /** @param {Content} content */
  show(content) {
    this.#content = content;
    this.view = content.view ?? this.#whole();
    this.front = content.front ? paretoFront(content.points.x, content.points.y, content.x.better, content.y.better) : [];
    this.#setHover(-1);
    this.recolour();
    this.canvas.setAttribute("aria-label", `${this.options.label}: ${content.y.label} against ${content.x.label}, ${content.points.index.length} architectures`);
  }

  /** Draws again in the colours of the style sheet. */
  recolour() {
    this.colours = Object.fromEntries(TOKENS.map((name) => [name, token(name)]));
    this.#request();
  }

  /** Places of the points inside a part of the plane. @param {View} part */
  inside({ x0, x1, y0, y1 }) {
    const { x, y } = this.#content.points, found = [];
    for (let i = 0; i < x.length; i++) if (x[i] >= x0 && x[i] <= x1 && y[i] >= y0 && y[i] <= y1) found.push(i);
    return found;
  }

  /** What is shown, as SVG. */
  svg() {
    const { width, height } = this.#size, painter = new SvgPainter(width, height, this.colours.surface);
    this.#paint(painter);
    return painter.svg;
  }

  get box() {
    const top = this.#content?.levels ? 52 : 40;
    return { left: 66, top, width: Math.max(40, this.#size.width - 82), height: Math.max(40, this.#size.height - top - 52) };
  }

  #whole() {
    const { x, y } = this.#content.points, [x0, x1] = extent(x), [y0, y1] = extent(y);
    const room = (low, high) => (high - low || Math.abs(high) || 1) * 0.04;
    return { x0: x0 - room(x0, x1), x1: x1 + room(x0, x1), y0: y0 - room(y0, y1), y1: y1 + room(y0, y1) };
  }

  /** Pixels of a point of the plane. */
  place = (x, y) => {
    const { left, top, width, height } = this.box, { x0, x1, y0, y1 } = this.view;
    return [left + width * (x - x0) / (x1 - x0), top + height * (y1 - y) / (y1 - y0)];
  };

  /** The point of the plane at some pixels. */
  unplace(px, py) {
    const { left, top, width, height } = this.box, { x0, x1, y0, y1 } = this.view;
    return [x0 + (px - left) / width * (x1 - x0), y1 - (py - top) / height * (y1 - y0)];
  }

  #resize() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    this.#size = { width, height };
    this.scale = Math.min(devicePixelRatio || 1, 2);
    this.canvas.width = Math.round(width * this.scale);
    this.canvas.height = Math.round(height * this.scale);
    this.#request();
  }

  #request() {
    this.#frame ||= requestAnimationFrame(() => { this.#frame = 0; this.#draw(); });
  }

  #draw() {
    const { width, height } = this.#size;
    if (!this.#content || !width || !height) return;
    const { context } = this.painter;
    context.setTransform(this.scale, 0, 0, this.scale, 0, 0);
    context.clearRect(0, 0, width, height);
    this.#paint(this.painter);
  }

  #paint(painter) {
    const { x, y, over, current, points } = this.#content, { box, colours, view } = this;
    drawAxes(painter, box, { ...x, low: view.x0, high: view.x1, name: x.label }, { ...y, low: view.y0, high: view.y1, name: y.label }, colours);
    painter.clipped(box.left, box.top, box.width, box.height, () => {
      this.#paintPoints(painter);
      this.#paintFront(painter);
      this.#paintBrush(painter);
      over?.(painter, this.place, colours);
      const here = current === null || current === undefined ? -1 : points.index.indexOf(current);
      for (const [place, colour] of [[here, colours.mark], [this.#hover, colours.text]]) {
        if (place >= 0) painter.disc(...this.place(points.x[place], points.y[place]), 7, { stroke: colour, width: 2.5 });
      }
    });
    if (this.#content.levels) this.#paintLegend(painter);
  }

  /** Points in view, by colour: the few that are selected last. */
  #paintPoints(painter) {
    const { points: { x, y }, levels, brush, faint, guessed } = this.#content, { colours } = this;
    const { left, top, width, height } = this.box, { x0, x1, y0, y1 } = this.view;
    const [scaleX, scaleY] = [width / (x1 - x0), height / (y1 - y0)];
    const names = levels ? levels.tokens.map((name) => colours[name]) : [faint ? colours.faint : colours.point];
    const grouped = () => [...names, colours.selected].map((colour) => ({ colour, xs: [], ys: [] })), groups = grouped(), pale = grouped();
    for (let i = 0; i < x.length; i++) {
      const a = x[i], b = y[i];
      if (a < x0 || a > x1 || b < y0 || b > y1) continue;
      const chosen = brush && a >= brush.x0 && a <= brush.x1 && b >= brush.y0 && b <= brush.y1;
      const group = (guessed?.has(i) && !chosen ? pale : groups)[chosen ? names.length : levels ? levels.of[i] : 0];
      group.xs.push(left + (a - x0) * scaleX);
      group.ys.push(top + (y1 - b) * scaleY);
    }
    const radius = x.length > 3000 ? 2.6 : x.length > 300 ? 3.4 : 5;
    if (guessed?.size) painter.discs(pale.slice(0, -1), radius, faint || brush ? 0.15 : 0.25, this.scale, this.box);
    painter.discs(groups.slice(0, -1), radius, faint ? 0.4 : brush ? 0.35 : 0.75, this.scale, this.box);
    if (brush) painter.discs(groups.slice(-1), radius + 0.4, 0.95, this.scale, this.box);
  }

  #paintFront(painter) {
    const { points: { x, y }, x: qx } = this.#content, { colours } = this;
    if (!this.front.length) return;
    const pixels = this.front.map((place) => this.place(x[place], y[place])), steps = [];
    pixels.forEach(([px, py], place) => {
      const before = pixels[place - 1];
      if (before) steps.push(qx.better < 0 ? [px, before[1]] : [before[0], py]); // what the front attains between two points
      steps.push([px, py]);
    });
    painter.line(steps, { stroke: colours.front, width: 2 });
    for (const [px, py] of pixels) painter.disc(px, py, 4, { fill: colours.surface, stroke: colours.front, width: 2 });
  }

  #paintBrush(painter) {
    const part = this.#drag?.brush ?? this.#content.brush;
    if (!part) return;
    const [left, bottom] = this.place(part.x0, part.y0), [right, top] = this.place(part.x1, part.y1);
    painter.rect(left, top, right - left, bottom - top, { fill: this.colours.accent, alpha: 0.12 });
    painter.rect(left, top, right - left, bottom - top, { stroke: this.colours.accent, width: 1.5 });
  }

  #paintLegend(painter) {
    const { colours } = this, { left, width } = this.box, { names, tokens } = this.#content.levels;
    const step = Math.min(Math.max(30, 22 + 7 * Math.max(...names.map(({ length }) => length))), Math.max(30, width / names.length));
    const letters = Math.max(1, Math.floor((step - 22) / 7));
    painter.text(left, 15, this.#content.legend, { fill: colours.muted });
    names.forEach((name, level) => {
      painter.disc(left + 6 + step * level, 31, 5, { fill: colours[tokens[level]] });
      painter.text(left + 14 + step * level, 35, name.length > letters ? `${name.slice(0, letters)}…` : name, { fill: colours.muted });
    });
  }

  // what people do

  #setView(view) {
    this.view = view ?? this.#whole();
    this.#request();
    this.options.onView?.(view);
  }

  /** @param {number} factor below 1 to come nearer @param {number} [px] @param {number} [py] the pixel that stays */
  #zoom(factor, px, py) {
    const { left, top, width, height } = this.box;
    const [x, y] = this.unplace(px ?? left + width / 2, py ?? top + height / 2), { x0, x1, y0, y1 } = this.view;
    const whole = this.#whole(), share = (x1 - x0) * factor / (whole.x1 - whole.x0);
    if (share < 1e-5 || share > 20) return;
    this.#setView({ x0: x + (x0 - x) * factor, x1: x + (x1 - x) * factor, y0: y + (y0 - y) * factor, y1: y + (y1 - y) * factor });
  }

  #pan(dx, dy) {
    const { width, height } = this.box, { x0, x1, y0, y1 } = this.view;
    const [mx, my] = [-dx / width * (x1 - x0), dy / height * (y1 - y0)];
    this.#setView({ x0: x0 + mx, x1: x1 + mx, y0: y0 + my, y1: y1 + my });
  }

  /** Place of the point nearest to a pixel, -1 if none is near. */
  #nearest(px, py) {
    const { x, y } = this.#content.points;
    let best = -1, least = NEAR ** 2;
    for (let i = 0; i < x.length; i++) {
      const [qx, qy] = this.place(x[i], y[i]), distance = (qx - px) ** 2 + (qy - py) ** 2;
      if (distance < least) { least = distance; best = i; }
    }
    return best;
  }

  #setHover(place, spoken = false) {
    if (place === this.#hover) return;
    this.#hover = place;
    this.tooltip.hidden = place < 0;
    this.canvas.classList.toggle("pointing", place >= 0);
    if (place >= 0) {
      put(this.tooltip, this.options.describe(place));
      this.#moveTooltip(place);
      if (spoken) announce(this.tooltip.textContent);
    }
    this.#request();
  }

  #moveTooltip(place) {
    const { points } = this.#content, [px, py] = this.place(points.x[place], points.y[place]), { width, height } = this.#size;
    const { offsetWidth, offsetHeight } = this.tooltip;
    const left = px + 16 + offsetWidth > width ? Math.max(4, px - 16 - offsetWidth) : px + 16;
    const top = Math.max(4, Math.min(height - offsetHeight - 4, py - offsetHeight / 2));
    this.tooltip.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
  }

  #toggleBrushing(on = this.brushing.getAttribute("aria-pressed") !== "true") {
    this.brushing.setAttribute("aria-pressed", String(on));
    this.canvas.classList.toggle("brushing", on);
  }

  #at(event) {
    const { left, top } = this.canvas.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  #listen() {
    const on = (kind, act, options) => this.canvas.addEventListener(kind, (event) => this.#content && act(event), options);
    on("pointerdown", (event) => this.#down(event));
    on("pointermove", (event) => this.#move(event));
    on("pointerup", (event) => this.#up(event));
    on("pointercancel", (event) => { this.#pointers.delete(event.pointerId); this.#drag = null; });
    on("pointerleave", (event) => { if (event.pointerType === "mouse" && !this.#pointers.size) this.#setHover(-1); });
    on("wheel", (event) => { event.preventDefault(); this.#zoom(1.0016 ** event.deltaY, ...this.#at(event)); }, { passive: false });
    on("keydown", (event) => this.#key(event));
  }

  #down(event) {
    if (event.button > 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    const at = this.#at(event);
    this.#pointers.set(event.pointerId, at);
    const brushing = this.options.onBrush && (event.shiftKey || this.brushing.getAttribute("aria-pressed") === "true");
    this.#drag = { kind: this.#pointers.size > 1 ? "pinch" : brushing ? "brush" : "pan", from: at, moved: 0, brush: null };
  }

  #move(event) {
    const at = this.#at(event), before = this.#pointers.get(event.pointerId);
    if (!before) {
      this.#setHover(this.#nearest(...at));
      return;
    }
    const drag = this.#drag;
    if (!drag) return;
    if (drag.kind === "pinch") this.#pinch(event.pointerId, at);
    this.#pointers.set(event.pointerId, at);
    drag.moved = Math.max(drag.moved, Math.hypot(at[0] - drag.from[0], at[1] - drag.from[1]));
    if (drag.moved <= CLICK) return;
    this.#setHover(-1);
    if (drag.kind === "pan") this.#pan(at[0] - before[0], at[1] - before[1]);
    if (drag.kind === "brush") { drag.brush = this.#between(drag.from, at); this.#request(); }
  }

  #pinch(id, at) {
    const other = [...this.#pointers].find(([one]) => one !== id)?.[1], before = this.#pointers.get(id);
    if (!other) return;
    const distance = (point) => Math.max(10, Math.hypot(point[0] - other[0], point[1] - other[1]));
    this.#zoom(distance(before) / distance(at), (at[0] + other[0]) / 2, (at[1] + other[1]) / 2);
  }

  #between(from, to) {
    const [ax, ay] = this.unplace(...from), [bx, by] = this.unplace(...to);
    return { x0: Math.min(ax, bx), x1: Math.max(ax, bx), y0: Math.min(ay, by), y1: Math.max(ay, by) };
  }

  #up(event) {
    const at = this.#at(event), drag = this.#drag;
    this.#pointers.delete(event.pointerId);
    if (this.#pointers.size) return;
    this.#drag = null;
    if (!drag || drag.kind === "pinch") return;
    if (drag.moved <= CLICK) this.#click(at, event.pointerType);
    else if (drag.kind === "brush") { this.#toggleBrushing(false); this.options.onBrush(drag.brush); }
  }

  /** A mouse opens what it points at; a finger sees it first, and opens it with a second touch. */
  #click(at, kind) {
    const place = this.#nearest(...at), seen = place >= 0 && place === this.#hover;
    if (place < 0) { this.#setHover(-1); if (this.#content.brush) this.options.onBrush?.(null); return; }
    if (kind === "mouse" || seen) this.options.onOpen(this.#content.points.index[place]);
    else this.#setHover(place, true);
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { width, height } = this.box;
    const acts = {
      ArrowLeft: () => this.#pan(width / 10, 0), ArrowRight: () => this.#pan(-width / 10, 0),
      ArrowUp: () => this.#pan(0, height / 10), ArrowDown: () => this.#pan(0, -height / 10),
      "+": () => this.#zoom(1 / 1.4), "=": () => this.#zoom(1 / 1.4), "-": () => this.#zoom(1.4), 0: () => this.#setView(null),
      ".": () => this.#step(1), ",": () => this.#step(-1),
      Enter: () => { if (this.#hover >= 0) this.options.onOpen(this.#content.points.index[this.#hover]); },
      s: () => this.options.onBrush?.({ ...this.view }), S: () => this.options.onBrush?.({ ...this.view }),
      Escape: () => { this.#setHover(-1); this.options.onBrush?.(null); },
    };
    if (!acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  }

  /** To the next point in view, from the best of the vertical axis down. */
  #step(by) {
    const { y } = this.#content.points, good = this.#content.y.better;
    const order = this.inside(this.view).sort((a, b) => good * (y[b] - y[a]));
    if (!order.length) return;
    const at = order.indexOf(this.#hover);
    this.#setHover(order[at < 0 ? 0 : (at + by + order.length) % order.length], true);
  }
}
