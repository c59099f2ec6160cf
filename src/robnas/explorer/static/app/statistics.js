// Ranks, rank correlations with intervals, Pareto fronts.

const RESAMPLES = 1000;
export const INTERVALS = "Spearman: percentile bootstrap over architectures, 1,000 resamples; "
  + "Kendall τ-b: normal approximation of Fisher's z (Fieller, Hartley and Pearson 1957). 95 %. "
  + "They tell of other samples of architectures, not of other trainings.";

/** Accuracies that differ by less are equal (as robnas.benchmarks.RESOLUTION). */
export const RESOLUTION = 1e-7;

/** How far apart values of a quantity are equal. @param {{kind: string}} quantity */
export const resolutionOf = (quantity) => quantity.kind === "accuracy" ? RESOLUTION : 0;

/**
 * Standard competition ranks ("1224", as robnas.benchmarks.competition_ranks): 1 plus the number of values that are strictly better.
 * @param {ArrayLike<number>} values without NaN @param {1|-1} better 1 if higher is better @param {number} resolution values that differ by less are equal
 */
export function competitionRanks(values, better, resolution) {
  const good = Float64Array.from(values, (value) => better * value), sorted = good.slice().sort();
  return good.map((value) => {
    let low = 0, high = sorted.length; // the first that is better
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle] > value + resolution) high = middle; else low = middle + 1;
    }
    return 1 + sorted.length - low;
  });
}

/**
 * The values with neighbours that differ by no more than `resolution` made equal (as robnas.benchmarks.tied).
 * @param {ArrayLike<number>} values without NaN @param {number} resolution
 */
export function tied(values, resolution) {
  const levels = new Map();
  let level = NaN, before = -Infinity;
  for (const value of Float64Array.from(values).sort()) {
    if (value - before > resolution) level = value;
    levels.set(value, level);
    before = value;
  }
  return Float64Array.from(values, (value) => levels.get(value));
}

/** Ranks 1 … n for correlations, ties averaged. @param {ArrayLike<number>} values */
export function averagedRanks(values) {
  const order = Uint32Array.from(values, (_, place) => place).sort((a, b) => values[a] - values[b]);
  const found = new Float64Array(values.length);
  for (let begin = 0, end; begin < order.length; begin = end) {
    for (end = begin + 1; end < order.length && values[order[end]] === values[order[begin]]; end++);
    for (let place = begin; place < end; place++) found[order[place]] = (begin + end + 1) / 2;
  }
  return found;
}

/** Pearson's correlation; NaN if one side is constant. @param {ArrayLike<number>} a @param {ArrayLike<number>} b */
export function pearson(a, b) {
  const n = a.length;
  let meanA = 0, meanB = 0;
  for (let i = 0; i < n; i++) { meanA += a[i]; meanB += b[i]; }
  meanA /= n; meanB /= n; // sums of ranks are exact, so that equal ones have no spread
  let ab = 0, aa = 0, bb = 0;
  for (let i = 0; i < n; i++) {
    const da = a[i] - meanA, db = b[i] - meanB;
    ab += da * db; aa += da * da; bb += db * db;
  }
  return aa > 0 && bb > 0 ? ab / Math.sqrt(aa * bb) : NaN;
}

/** Spearman's ρ. @param {ArrayLike<number>} a @param {ArrayLike<number>} b */
export const spearman = (a, b) => pearson(averagedRanks(a), averagedRanks(b));

/** Whole numbers 0 … levels − 1 in the order of the values, equal ones for ties. */
function dense(values) {
  const levels = [...new Set(values)].sort((a, b) => a - b);
  const place = new Map(levels.map((value, rank) => [value, rank]));
  return { rank: Uint32Array.from(values, (value) => place.get(value)), levels: levels.length };
}

/** Random numbers in [0, 1) from a seed (mulberry32), so that an interval is the same each time. */
function generator(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Averaged ranks in a resample, by dense rank: counting takes the place of sorting. */
function midranks(rank, drawn, levels) {
  const counts = new Float64Array(levels);
  for (let i = 0; i < drawn.length; i++) counts[rank[drawn[i]]]++;
  let below = 0;
  for (let level = 0; level < levels; level++) {
    const here = counts[level];
    counts[level] = below + (here + 1) / 2;
    below += here;
  }
  return counts;
}

/**
 * Spearman's ρ with the percentile bootstrap over architectures (Efron 1979).
 * @param {ArrayLike<number>} a @param {ArrayLike<number>} b
 * @returns {{value: number, low: number, high: number, count: number}}
 */
export function spearmanInterval(a, b) {
  const count = a.length, value = count > 1 ? spearman(a, b) : NaN;
  if (count < 3 || Number.isNaN(value)) return { value: count < 3 ? NaN : value, low: NaN, high: NaN, count };
  const [first, second, random] = [dense(a), dense(b), generator(1)];
  const drawn = new Uint32Array(count), x = new Float64Array(count), y = new Float64Array(count), found = [];
  for (let sample = 0; sample < RESAMPLES; sample++) {
    for (let i = 0; i < count; i++) drawn[i] = random() * count;
    const rankA = midranks(first.rank, drawn, first.levels), rankB = midranks(second.rank, drawn, second.levels);
    for (let i = 0; i < count; i++) { x[i] = rankA[first.rank[drawn[i]]]; y[i] = rankB[second.rank[drawn[i]]]; }
    const rho = pearson(x, y);
    if (!Number.isNaN(rho)) found.push(rho);
  }
  found.sort((p, q) => p - q);
  return { value, low: quantile(found, 0.025), high: quantile(found, 0.975), count };
}

/** Linear interpolation between order statistics. @param {ArrayLike<number>} sorted @param {number} level */
export function quantile(sorted, level) {
  if (!sorted.length) return NaN;
  const place = level * (sorted.length - 1), low = Math.floor(place), high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (place - low) * (sorted[high] - sorted[low]);
}

/** Pairs of equal values, Σ t(t−1)/2 over runs of a sorted sequence. */
function tiedPairs(count, same) {
  let pairs = 0;
  for (let begin = 0, end; begin < count; begin = end) {
    for (end = begin + 1; end < count && same(begin, end); end++);
    pairs += (end - begin) * (end - begin - 1) / 2;
  }
  return pairs;
}

/** Exchanges that sorting needs, by merging. @param {Float64Array} values sorted in place */
function exchanges(values) {
  const spare = new Float64Array(values.length);
  let found = 0;
  for (let width = 1; width < values.length; width *= 2) {
    for (let begin = 0; begin < values.length; begin += 2 * width) {
      const middle = Math.min(begin + width, values.length), end = Math.min(begin + 2 * width, values.length);
      for (let at = begin, left = begin, right = middle; at < end; at++) {
        if (left < middle && (right >= end || values[left] <= values[right])) spare[at] = values[left++];
        else { spare[at] = values[right++]; found += middle - left; }
      }
    }
    values.set(spare);
  }
  return found;
}

/** Kendall's τ-b (Knight 1966). @param {ArrayLike<number>} a @param {ArrayLike<number>} b */
export function kendall(a, b) {
  const n = a.length, total = n * (n - 1) / 2;
  const order = Uint32Array.from(a, (_, place) => place).sort((p, q) => a[p] - a[q] || b[p] - b[q]);
  const tiedA = tiedPairs(n, (p, q) => a[order[p]] === a[order[q]]);
  const tiedBoth = tiedPairs(n, (p, q) => a[order[p]] === a[order[q]] && b[order[p]] === b[order[q]]);
  const second = Float64Array.from(order, (place) => b[place]);
  const swaps = exchanges(second);
  const tiedB = tiedPairs(n, (p, q) => second[p] === second[q]);
  const scale = Math.sqrt((total - tiedA) * (total - tiedB));
  return scale > 0 ? (total - tiedA - tiedB + tiedBoth - 2 * swaps) / scale : NaN;
}

/** Kendall's τ-b with the interval of Fieller, Hartley and Pearson 1957: z has variance 0.437 / (n − 4). */
export function kendallInterval(a, b) {
  const count = a.length, value = count > 1 ? kendall(a, b) : NaN;
  if (count < 5 || Number.isNaN(value)) return { value, low: NaN, high: NaN, count };
  const z = Math.atanh(Math.max(-1 + 1e-12, Math.min(1 - 1e-12, value))), margin = 1.959964 * Math.sqrt(0.437 / (count - 4));
  return { value, low: Math.tanh(z - margin), high: Math.tanh(z + margin), count };
}

/**
 * Competition rank of one accuracy among many, how many share it, and the ranks that noise leaves possible (as
 * robnas.statistics.rank_set); NaN without a value.
 * @param {ArrayLike<number>} values @param {number} place @param {((other: number) => number)|null} margin
 */
export function rankOf(values, place, margin) {
  const own = values[place], near = [];
  let above = 0, better = 0, worse = 0, count = 0, next = Infinity, last = own; // values beside the end of those that are equal
  for (let other = 0; other < values.length; other++) {
    const value = values[other];
    if (Number.isNaN(value)) continue;
    count++;
    if (value > own + RESOLUTION) { above++; next = Math.min(next, value); }
    else if (value >= own - RESOLUTION) { near.push(value); last = Math.max(last, value); }
    if (!margin) continue;
    const room = Math.max(margin(other), RESOLUTION);
    if (value > own + room) better++;
    else if (value < own - room) worse++;
  }
  if (Number.isNaN(own)) return { rank: NaN, sharing: 0, low: NaN, high: NaN, count };
  const sharing = near.filter((value) => value > own ? next > value + RESOLUTION : last <= value + RESOLUTION).length;
  return { rank: above + 1, sharing, low: margin ? better + 1 : NaN, high: margin ? count - worse : NaN, count };
}

/**
 * Places of the points that no other one beats or equals in both and beats in one, by increasing x.
 * @param {Float64Array} x @param {Float64Array} y @param {number} goodX 1 or -1 @param {number} goodY 1 or -1
 */
export function paretoFront(x, y, goodX, goodY) {
  const order = Uint32Array.from(x, (_, place) => place)
    .sort((a, b) => goodX * (x[b] - x[a]) || goodY * (y[b] - y[a]));
  const front = [];
  let best = -Infinity, last = NaN;
  for (const place of order) {
    const value = goodY * y[place];
    if (value > best || (value === best && x[place] === last)) { front.push(place); best = value; last = x[place]; }
  }
  return front.sort((a, b) => x[a] - x[b] || y[a] - y[b]);
}

/** Counts in equal bins. @param {ArrayLike<number>} values @param {number} low @param {number} high @param {number} bins */
export function histogram(values, low, high, bins) {
  const counts = new Float64Array(bins), scale = bins / (high - low || 1);
  for (let i = 0; i < values.length; i++) {
    if (!Number.isNaN(values[i])) counts[Math.min(bins - 1, Math.floor((values[i] - low) * scale))]++;
  }
  return counts;
}

/** Smallest and largest, without NaN. @param {ArrayLike<number>} values @returns {[number, number]} */
export function extent(values) {
  let low = Infinity, high = -Infinity;
  for (let i = 0; i < values.length; i++) {
    if (values[i] < low) low = values[i];
    if (values[i] > high) high = values[i];
  }
  return low <= high ? [low, high] : [0, 1];
}
