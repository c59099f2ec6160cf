// Numbers for people.

/** @param {number} value a fraction @param {number} [digits] */
export const percent = (value, digits = 2) => Number.isNaN(value) ? "–" : `${(100 * value).toFixed(digits)} %`;

/** @param {number} value */
export const whole = (value) => Math.round(value).toLocaleString("en-GB");

/** @param {number} value of unknown size */
export function short(value) {
  if (Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(2);
  return String(Number(value.toPrecision(4)));
}

/** @param {number} value a correlation */
export const correlation = (value) => Number.isNaN(value) ? "not defined" : value.toFixed(3).replace("-", "−");

/** A quantity's value with its unit. @param {import("./data.js").Quantity} quantity @param {number} value */
export function shown(quantity, value) {
  if (Number.isNaN(value)) return "–";
  if (quantity.kind === "accuracy") return percent(value);
  if (quantity.kind === "size") return whole(value);
  return short(value);
}

/**
 * The same of an architecture, marked where it is predicted: ~48.11 % ±0.42.
 * @param {import("./data.js").Quantity} quantity @param {number} value @param {number} index
 */
export function shownOf(quantity, value, index) {
  const { table, column } = quantity, row = table?.rowOf(index) ?? -1;
  return row >= 0 && column?.isPredicted(row) ? `~${shown(quantity, value)} ${column.sdText(row)}`.trim() : shown(quantity, value);
}

/** One of something or several. @param {number} count @param {string} one @param {string} [many] */
export const counted = (count, one, many = `${one}s`) => `${whole(count)} ${count === 1 ? one : many}`;
