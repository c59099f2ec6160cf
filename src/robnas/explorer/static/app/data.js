// The exported data: a JSON header and binary columns, as tables, scores and quantities that can be shown on an axis.

import { DataError, Files } from "./files.js";
import { openSpace } from "./space.js";
import { rankOf } from "./statistics.js";

const MISSING = 65535;

const DAMAGED = "data/explorer.json is damaged: what a table or score should say of itself is missing. Export the site again";

/**
 * A number per architecture.
 * @typedef {object} Quantity
 * @property {string} id as it stands in addresses
 * @property {string} group what it belongs to: a table, the sizes, a file of scores
 * @property {string} label with the group
 * @property {string} name without the group
 * @property {"accuracy"|"size"|"score"} kind
 * @property {1|-1} better 1 if more is better
 * @property {Table|null} table
 * @property {Column|null} column
 * @property {Uint32Array} members the architectures that may have a value, of scores in increasing order
 * @property {(index: number) => number} at value of an architecture itself, NaN without
 * @property {(index: number) => number} resolve the same, by an isomorphic one where the table says so
 */

/** Typed arrays of one binary file. */
class Blocks {
  constructor(path, buffer) { this.path = path; this.buffer = buffer; }

  static async read(site, path) { return new Blocks(path, await site.read(path)); }

  /** @template T @param {new (b: ArrayBuffer, o: number, n: number) => T} kind @param {number} offset @param {number} count @returns {T} */
  take(kind, offset, count) {
    if (offset + count * kind.BYTES_PER_ELEMENT > this.buffer.byteLength) {
      throw new DataError(`${this.path} is shorter than its header says: the export is damaged. Export the site again.`);
    }
    return new kind(this.buffer, offset, count);
  }

  /** Whole numbers, in as few bytes as they needed. @param {{offset: number, type: string}} place @param {number} count */
  numbers({ offset, type }, count) { return this.take({ u1: Uint8Array, u2: Uint16Array, u4: Uint32Array }[type], offset, count); }
}

/** One metric on one split of one data set. */
export class Column {
  constructor(facts, blocks, rows) {
    Object.assign(this, facts);
    this.name = `${facts.dataset} ${facts.split} ${facts.metric}${facts.apart ? ` ${facts.apart}` : ""}`;
    /** @type {Float64Array} fraction per row, NaN where missing */
    this.values = facts.divisor
      ? Float64Array.from(blocks.take(Uint16Array, facts.offset, rows), (v) => v === MISSING ? NaN : v / facts.divisor)
      : blocks.take(Float64Array, facts.offset, rows);
    this.counts = facts.runs_vary ? blocks.take(Uint16Array, facts.runs, rows) : null;
    this.spread = readSpread(facts.noise, this.values, blocks);
    /** @type {Float32Array|null} standard deviation around each predicted value; null where all are measured */
    this.guessed = facts.predicted ? blocks.take(Float32Array, facts.predicted.sd, rows) : null;
    this.guesses = facts.predicted ? blocks.take(Uint8Array, facts.predicted.rows, Math.ceil(rows / 8)) : null;
    /** @type {Set<number>} rows that may be the best; not known where values are predicted */
    this.best = new Set(this.guessed ? [] : this.spread.best);
  }

  /** Whether a row's value is predicted, not measured. @param {number} row */
  isPredicted(row) { return this.guesses !== null && (this.guesses[row >> 3] >> (row & 7) & 1) === 1; }

  /** Trainings behind a row's mean. */
  runsOf(row) { return this.counts ? this.counts[row] : this.runs; }

  /** Standard error of a row's value (as robnas.statistics.standard_errors), of a predicted one what a training would differ; NaN where not known. */
  sdOf(row) { return this.isPredicted(row) ? this.guessed[row] : this.spread.errors[row]; }

  /** The same as text: ±1.23 or, where that would leave the scale from 0 to 1, to each side; empty if it is not known. */
  sdText(row) {
    const value = this.values[row], sd = this.sdOf(row);
    if (Number.isNaN(value) || Number.isNaN(sd)) return "";
    const [up, down] = [Math.min(sd, 1 - value), Math.min(sd, value)].map((part) => (100 * part).toFixed(2));
    return up === down ? `±${up}` : `+${up} −${down}`;
  }

  /** Rank of a row with its confidence set, of which no noise tells where values are predicted. */
  rankOf(row) {
    const { variances, critical } = this.spread, own = variances[row], factor = this.guessed ? NaN : critical[row];
    return rankOf(this.values, row, Number.isNaN(factor) ? null : (other) => factor * Math.sqrt(variances[other] + own));
  }
}

/**
 * Standard error of each row, and what its set of ranks is made of: the variance of its value, and the critical value of
 * the differences from it (as robnas.statistics.rank_set); NaN where not known. And the rows that may be the best.
 * @returns {{errors: Float64Array, variances: Float64Array, critical: Float64Array, best: number[]}}
 */
function readSpread(noise, values, blocks) {
  const unknown = new Float64Array(values.length).fill(NaN);
  if (!noise) return { errors: unknown, variances: unknown, critical: unknown, best: [] };
  if (noise.kind === "images") {
    const counts = blocks.take(Uint16Array, noise.errors, values.length);
    return { errors: Float64Array.from(counts, (count) => count === MISSING ? NaN : count / noise.fine), variances: unknown, critical: unknown, best: [] };
  }
  const of = blocks.take(noise.distinct < MISSING ? Uint16Array : Uint32Array, noise.of, values.length);
  const [variances, critical] = [noise.variances, noise.critical].map((offset) => {
    const distinct = blocks.take(Float64Array, offset, noise.distinct);
    return Float64Array.from(of, (place) => place < distinct.length ? distinct[place] : NaN);
  });
  const errors = variances.map(Math.sqrt);
  for (const [row, error] of noise.apart) errors[row] = error ?? NaN;
  const bits = blocks.take(Uint8Array, noise.best, Math.ceil(values.length / 8));
  return { errors, variances, critical, best: [...values.keys()].filter((row) => bits[row >> 3] >> (row & 7) & 1) };
}

/** A row is an architecture: more than there are cannot be. @throws {DataError} */
function checkCount(facts, { size }) {
  if (!(facts.rows?.count <= (size ?? Infinity))) {
    throw new DataError(`${facts.name} has ${facts.rows?.count} rows, at most ${size} were expected: it was not written by robnas.`);
  }
}

export class Table {
  constructor(facts, blocks, place, space, classes) {
    Object.assign(this, facts);
    this.place = place;
    checkCount(facts, space);
    const { count } = facts.rows;
    /** @type {Uint32Array} architecture of each row */
    this.indices = space.read(facts.rows, blocks);
    this.classOf = facts.partition === null ? null : classes[facts.partition];
    this.publishedOf = facts.published && blocks.numbers(facts.published, space.size);
    this.counted = facts.sizes && !facts.sizes.left_out
      ? { parameters: blocks.take(Float64Array, facts.sizes.parameters, count), macs: blocks.take(Float64Array, facts.sizes.macs, count) } : null;
    /** @type {Column[]} */
    this.columns = facts.columns.map((column) => new Column(column, blocks, facts.rows.count));
    if (this.indices.some((index) => index >= space.count)) throw new DataError(`Table ${facts.name}: an architecture out of range.`);
    this.rowOfIndex = this.#rows(space.count);
  }

  /** Row of each architecture, itself or the first of its class; -1 where there is none. */
  #rows(count) {
    const found = new Int32Array(count).fill(-1), { classOf, indices } = this;
    if (classOf) {
      const first = new Int32Array(count).fill(-1); // by class
      for (let row = indices.length - 1; row >= 0; row--) first[classOf[indices[row]]] = row;
      for (let index = 0; index < count; index++) found[index] = first[classOf[index]];
    }
    indices.forEach((index, row) => { found[index] = row; });
    return found;
  }

  /** Row of an architecture, itself or an isomorphic one; -1 where the table lacks it. */
  rowOf(index) { return this.rowOfIndex[index] ?? -1; }

  /** Whether the network that the table has for an architecture is constant; false also where that cannot be told. */
  isConstant(column, index) {
    return column !== null && (this.constant?.[column.measured_on]?.includes(this.rowOf(index)) ?? false);
  }
}

class ScoreFile {
  constructor(facts, blocks, space) {
    Object.assign(this, facts);
    checkCount(facts, space);
    this.indices = space.read(facts.rows, blocks);
    /** @type {Uint32Array} in increasing order */
    this.members = this.indices.slice().sort();
    this.columns = facts.columns.map((column) => ({
      ...column,
      values: Float64Array.from(blocks.take(Float32Array, column.offset, facts.rows.count)),
      errors: column.standard_errors === null ? null : blocks.take(Float32Array, column.standard_errors, facts.rows.count),
    }));
  }
}

/** Spreads rows over all architectures, NaN elsewhere. */
function spread(count, indices, values) {
  const found = new Float64Array(count).fill(NaN);
  indices.forEach((index, row) => { found[index] = values[row]; });
  return found;
}

/** A quantity whose values are made when first asked for. @returns {Quantity} */
function quantity(facts, make, resolve) {
  let values = null;
  const at = (index) => (values ??= make())[index] ?? NaN; // one that was chosen since has no value
  return { table: null, column: null, better: 1, label: `${facts.group}: ${facts.name}`, ...facts, at, resolve: resolve ?? at };
}

/** Whether a quantity of an architecture is predicted, not measured. @param {Quantity} quantity @param {number} index */
export function isPredicted({ table, column }, index) {
  const row = table?.rowOf(index) ?? -1;
  return row >= 0 && column !== null && column.isPredicted(row);
}

export class Data {
  /** Reads the site. @throws {DataError} */
  static async load() {
    const site = await Files.open();
    const header = await site.json("data/explorer.json");
    const files = [header?.space, header?.tables, header?.scores].flat();
    if (!header?.tables?.length || !files.every((facts) => facts && typeof facts === "object")) throw new DataError(`${DAMAGED}.`);
    try {
      const [space, common, ...blocks] = await Promise.all([openSpace(header.space), ...files.map((facts) => Blocks.read(site, facts.file))]);
      return new Data(site, header, space, common, blocks);
    } catch (error) {
      throw error instanceof DataError ? error : new DataError(`${DAMAGED} (${error.message}).`);
    }
  }

  constructor(site, header, space, common, blocks) {
    this.site = site;
    this.header = header;
    /** @type {import("./space.js").Space} */
    this.space = space;
    /** @type {Record<string, Uint16Array>} class of each architecture, by partition */
    this.classes = Object.fromEntries(Object.entries(header.space.classes).map(([name, place]) => [name, common.numbers(place, space.size)]));
    /** @type {Table[]} */
    this.tables = header.tables.map((facts, place) => new Table(facts, blocks[place], place, space, this.classes));
    this.scores = header.scores.map((facts, place) => new ScoreFile(facts, blocks[this.tables.length + place], space));
    space.publishedOf = this.tables.find((table) => table.publishedOf)?.publishedOf;
    /** @type {number[]} architectures that a table has measured */
    this.known = [...new Set(this.tables.flatMap(({ indices }) => [...indices]))];
    /** @type {Map<string, Quantity>} */
    this.quantities = new Map();
    for (const made of [...this.#accuracies(), ...this.#scoreQuantities(), ...this.#sizes()]) {
      let id = made.id;
      for (let copy = 2; this.quantities.has(id); copy++) id = `${made.id}~${copy}`;
      this.quantities.set(id, { ...made, id });
    }
    for (const table of this.tables) table.classCount = table.classOf ? new Set(table.classOf).size : space.size ?? Infinity;
    this.main = this.#mainQuantity();
    this.companion = this.#companion();
  }

  #accuracies() {
    return this.tables.flatMap((table) => table.columns.map((column) => quantity({
      id: [table.name, column.dataset, column.split, column.metric, ...(column.apart ? [column.apart] : [])].join("~"),
      group: table.name, name: column.name, kind: "accuracy", table, column, members: table.indices,
    }, () => spread(this.space.count, table.indices, column.values), (index) => {
      const row = table.rowOf(index);
      return row < 0 ? NaN : column.values[row];
    })));
  }

  #scoreQuantities() {
    return this.scores.flatMap((file) => file.columns.map((column) => quantity({
      id: ["score", file.name, column.name].join("~"), group: file.name === "scores" ? "scores" : `scores ${file.name}`, name: column.name,
      kind: "score", members: file.members,
    }, () => spread(this.space.count, file.indices, column.values))));
  }

  #sizes() { return this.space.sizes(this).map(({ make, ...facts }) => quantity(facts, make)); }

  #mainQuantity() {
    const [table] = this.tables;
    const column = table.columns[table.main] ?? null;
    return [...this.quantities.values()].find((q) => q.column === column) ?? [...this.quantities.values()][0];
  }

  /** What stands against the main quantity at first: clean accuracy on the same images, or the number of parameters. */
  #companion() {
    const { table, column } = this.main;
    return [...this.quantities.values()].find((q) => q !== this.main && q.table === table && column && q.column?.metric === "clean"
      && q.column.dataset === column.dataset && q.column.split === column.split && q.column.space === column.space)
      ?? this.quantities.get("size~parameters") ?? [...this.quantities.values()].find((q) => q !== this.main) ?? this.main;
  }

  /** The partition by which isomorphic architectures stand in for each other: that of the first table that has one. */
  get partition() { return this.tables.map((table) => table.partition).find(Boolean) ?? null; }

  /** Row of an architecture in a file of scores, itself or an isomorphic one; -1 where none was scored. */
  scoredRow(file, index) {
    const row = file.indices.indexOf(index), classes = this.classes[this.partition];
    return row < 0 && classes ? file.indices.indexOf(file.members.find((other) => classes[other] === classes[index])) : row;
  }

  /** The other members of an architecture's class. @param {number} index @param {string} partition @returns {number[]} */
  twins(index, partition) {
    const classes = this.classes[partition], found = [];
    for (let other = 0; other < classes.length; other++) if (other !== index && classes[other] === classes[index]) found.push(other);
    return found;
  }

  /** Whether two architectures are the same network exactly. @param {number} one @param {number} other */
  areIdentical(one, other) { return one === other || (this.classes.identical ? this.classes.identical[one] === this.classes.identical[other] : false); }

  /** A quantity by its id, or the first of the fallbacks that exists. @returns {Quantity} */
  find(id, ...fallbacks) {
    return [id, ...fallbacks].map((one) => this.quantities.get(one)).find(Boolean) ?? this.main;
  }

  /** Searches, read when first asked for. */
  searches() {
    this.searchesRead ??= this.header.searches ? this.site.json(this.header.searches.file) : Promise.resolve([]);
    return this.searchesRead;
  }
}

/**
 * The one whose architectures are taken: scores, each of which a table may know by the name of an isomorphic one; of two
 * tables that of fewer classes, in either order, since one row of it may stand for several of the other.
 */
function baseOf(x, y) {
  if (!x.table || !y.table) return [x, y].find(({ kind }) => kind === "score") ?? (y.table ? y : x);
  const by = [y.table.classCount - x.table.classCount, y.members.length - x.members.length, y.table.place - x.table.place].find(Boolean) ?? 0;
  return by < 0 ? y : x;
}

/**
 * The architectures that have both quantities, with their values.
 * @param {Quantity} x @param {Quantity} y @param {boolean} measured leave out those of which a value is predicted
 * @returns {{index: Uint32Array, x: Float64Array, y: Float64Array, base: Quantity}} base: whose architectures they are
 */
export function pairs(x, y, measured = false) {
  const base = baseOf(x, y), table = base.table ? null : (x.table ?? y.table), rows = new Set();
  const index = [], first = [], second = [];
  for (const one of base.members) {
    const row = table?.rowOf(one);
    if (measured && (isPredicted(x, one) || isPredicted(y, one))) continue;
    if (rows.has(row)) continue; // scored under two names, trained once
    if (table) rows.add(row);
    const a = x === base ? x.at(one) : x.resolve(one), b = y === base ? y.at(one) : y.resolve(one);
    if (Number.isNaN(a) || Number.isNaN(b)) continue;
    index.push(one); first.push(a); second.push(b);
  }
  return { index: Uint32Array.from(index), x: Float64Array.from(first), y: Float64Array.from(second), base };
}
