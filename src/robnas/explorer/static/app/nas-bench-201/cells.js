// The NAS-Bench-201 cell: 4 nodes, 6 edges, 5 operations. An architecture is its index, the base-5 value of its code.

export const OPERATIONS = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"];
export const SHORT = ["none", "skip", "1×1 conv", "3×3 conv", "avg pool"];
/** @type {[number, number][]} source and target of each place of the code */
export const EDGES = [[0, 1], [0, 2], [1, 2], [0, 3], [1, 3], [2, 3]];
export const SIZE = 5 ** 6;
export const NASLIB_EDGES = [0, 1, 3, 2, 4, 5];
export const NASLIB_OPERATIONS = [1, 0, 3, 2, 4];
export const HPOBENCH_KEYS = EDGES.map(([source, target]) => `${target}<-${source}`);

/** Six digits of an index. @param {number} index */
export const codeOf = (index) => index.toString(5).padStart(6, "0");
/** Operation numbers of the six edges. @param {number} index */
export const digitsOf = (index) => Array.from(codeOf(index), Number);
/** @param {number} index @param {number} edge @param {number} operation */
export const withOperation = (index, edge, operation) =>
  index + (operation - digitsOf(index)[edge]) * 5 ** (5 - edge);

/** The NAS-Bench-201 string. @param {number} index */
export function genotype(index) {
  const terms = digitsOf(index).map((digit, edge) => `${OPERATIONS[digit]}~${EDGES[edge][0]}|`);
  return `|${terms[0]}+|${terms[1]}${terms[2]}+|${terms[3]}${terms[4]}${terms[5]}`;
}

/** Per edge: whether it lies on a path without "none" from the input to the output. @param {number} index */
export function liveEdges(index) {
  const digits = digitsOf(index);
  const reached = [true, false, false, false], reaches = [false, false, false, true];
  EDGES.forEach(([source, target], edge) => { if (digits[edge] && reached[source]) reached[target] = true; });
  for (let edge = 5; edge >= 0; edge--) {
    const [source, target] = EDGES[edge];
    if (digits[edge] && reaches[target]) reaches[source] = true;
  }
  return digits.map((digit, edge) => digit !== 0 && reached[EDGES[edge][0]] && reaches[EDGES[edge][1]]);
}

/** How often an operation stands on a live edge; "none", which is on no such edge, on any. @param {number} index @param {number} operation */
export function operationCount(index, operation) {
  const live = liveEdges(index);
  return digitsOf(index).filter((digit, edge) => digit === operation && (live[edge] || operation === 0)).length;
}

/** The cell in words, for people who listen. @param {number} index */
export const inWords = (index) =>
  digitsOf(index).map((digit, edge) => `${EDGES[edge].join(" to ")} ${SHORT[digit]}`).join(", ");

/** Other written forms, with what they are called. @param {number} index */
export function encodings(index) {
  const digits = digitsOf(index), quoted = digits.map((digit) => `'${OPERATIONS[digit]}'`);
  return [
    ["operations", `(${quoted.join(", ")})`],
    ["NASLib", `(${NASLIB_EDGES.map((edge) => NASLIB_OPERATIONS[digits[edge]]).join(", ")})`],
    ["HPOBench", `{${HPOBENCH_KEYS.map((key, edge) => `'${key}': ${quoted[edge]}`).join(", ")}}`],
  ];
}
