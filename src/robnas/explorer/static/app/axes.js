// Ticks, grid lines and names of two axes.

/** Round numbers between two others. @param {number} low @param {number} high @param {number} wanted */
export function ticks(low, high, wanted) {
  const rough = (high - low) / Math.max(wanted, 1);
  if (!(rough > 0) || !Number.isFinite(rough)) return [low];
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = size * [1, 2, 5, 10].find((factor) => factor * size >= rough);
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at++) found.push(at * step);
  return found;
}

/** Texts of ticks, all with the same number of decimals. @param {number[]} values @param {"accuracy"|"size"|"score"} kind */
export function tickTexts(values, kind) {
  const step = values.length > 1 ? values[1] - values[0] : Math.abs(values[0]) || 1;
  const decimals = (factor) => Math.max(0, Math.min(6, Math.ceil(-Math.log10(step * factor) - 1e-9)));
  if (kind === "accuracy") return values.map((value) => `${(100 * value).toFixed(decimals(100))} %`);
  const largest = Math.max(...values.map(Math.abs));
  if (largest >= 1e6) return values.map((value) => `${(value / 1e6).toFixed(decimals(1e-6))} M`);
  if (largest >= 1e4) return values.map((value) => `${(value / 1e3).toFixed(decimals(1e-3))} k`);
  if (largest < 1e-3 && largest > 0) return values.map((value) => value.toExponential(1));
  return values.map((value) => value.toFixed(decimals(1)));
}

/**
 * @param {import("./painters.js").CanvasPainter} painter
 * @param {{left: number, top: number, width: number, height: number}} box of the points
 * @param {{low: number, high: number, kind: any, name: string}} x @param {{low: number, high: number, kind: any, name: string}} y
 * @param {Record<string, string>} colours
 */
export function drawAxes(painter, box, x, y, colours) {
  const { left, top, width, height } = box, bottom = top + height;
  const across = ticks(x.low, x.high, width / 90), up = ticks(y.low, y.high, height / 60);
  const [xTexts, yTexts] = [tickTexts(across, x.kind), tickTexts(up, y.kind)];
  across.forEach((value, place) => {
    const at = left + width * (value - x.low) / (x.high - x.low);
    painter.line([[at, top], [at, bottom]], { stroke: colours.grid });
    painter.text(at, bottom + 18, xTexts[place], { fill: colours.muted, anchor: "middle" });
  });
  up.forEach((value, place) => {
    const at = bottom - height * (value - y.low) / (y.high - y.low);
    painter.line([[left, at], [left + width, at]], { stroke: colours.grid });
    painter.text(left - 8, at + 4, yTexts[place], { fill: colours.muted, anchor: "end" });
  });
  painter.text(left + width / 2, bottom + 40, fitted(x.name, width), { fill: colours.text, anchor: "middle", size: 13 });
  painter.text(15, top + height / 2, fitted(y.name, height), { fill: colours.text, anchor: "middle", size: 13, turned: true });
}

/** A name shortened to the room there is, at about 6.6 pixels a letter. */
function fitted(name, room) {
  const letters = Math.max(8, Math.floor(room / 6.6));
  return name.length <= letters ? name : `…${name.slice(1 - letters)}`;
}
