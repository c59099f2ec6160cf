// A search space as the page knows it: its genes. An architecture is a number here; people see its text.
// What one space knows better stands in a folder of its own, whose index.js extends this.

import { h } from "./dom.js";
import { copyButton } from "./download.js";
import { whole } from "./format.js";
import { geneEditor, geneList } from "./gene-editor.js";
import { geneColours } from "./gene-colours.js";

/** @typedef {{name: string, choices: string[], ordered: boolean}} Gene */

/** A text that cannot be read. */
export class ParseError extends Error {}

const LONGEST = 2000, SHOWN = 90; // characters of a text that is read, and of one in a list

/**
 * The space of the exported data.
 * @param {any} facts of the header
 */
export async function openSpace(facts) {
  if (!/^[a-z0-9-]+$/.test(facts.module ?? "-")) throw new Error("a module of the page that is none");
  return facts.module ? (await import(`./${facts.module}/index.js`)).open(facts) : new GeneSpace(facts);
}

export class GeneSpace {
  view = "architecture"; // in addresses
  word = "Architecture";
  noun = "architecture"; // in headings of columns
  placeholder = "Paste a text …";
  accepted = "Architecture as text";
  hint = "Choose the value of each gene, or write the architecture as text.";
  filtered = true; // by genes, on the map
  #numbers = new Map(); // by text, where there are too many to count
  #positions = [];
  #texts = new Map(); // of those that are not written as their genes
  #byText = new Map();

  /** @param {any} facts of the header */
  constructor(facts) {
    /** @type {string} */ this.name = facts.name;
    /** @type {Gene[]} */ this.genes = facts.genes;
    /** @type {number|null} null where there are too many to number */ this.size = facts.size;
    this.facts = facts;
    this.weights = facts.genes.map((_, place) => facts.genes.slice(place + 1).reduce((product, gene) => product * gene.choices.length, 1));
  }

  /** Numbers that architectures have so far. */
  get count() { return this.size ?? this.#positions.length; }

  /** Place of each gene's value among its choices. @param {number} id @returns {number[]} */
  positionsOf(id) {
    if (this.size === null) return this.#positions[id];
    return this.genes.map(({ choices }, place) => Math.floor(id / this.weights[place]) % choices.length);
  }

  /** The architecture at these places. @param {number[]} positions @returns {number} */
  at(positions) {
    if (this.size !== null) return positions.reduce((sum, position, place) => sum + position * this.weights[place], 0);
    const key = positions.join();
    if (!this.#numbers.has(key)) {
      this.#numbers.set(key, this.#positions.length);
      this.#positions.push(positions);
    }
    return this.#numbers.get(key);
  }

  /** The architectures of a table or file of scores. @returns {Uint32Array} */
  read({ count, numbers, positions, texts }, blocks) {
    const of = positions && blocks.numbers(positions, count * this.genes.length);
    const ids = numbers ? Uint32Array.from(blocks.numbers(numbers, count))
      : Uint32Array.from({ length: count }, (_, row) => this.at(this.genes.map((gene, place) => of[place * count + row])));
    texts?.forEach((text, row) => { this.#texts.set(ids[row], text); this.#byText.set(text, ids[row]); });
    return ids;
  }

  /** As the page and addresses have it. @param {number} id */
  textOf(id) {
    return this.#texts.get(id) ?? this.genes.map(({ name, choices }, place) => `${name}=${choices[this.positionsOf(id)[place]]}`).join(",");
  }

  /** The same, without the middle of a long one. @param {number} id */
  shortOf(id) {
    const text = this.textOf(id);
    return text.length > SHOWN ? `${text.slice(0, SHOWN - 20)}…${text.slice(-19)}` : text;
  }

  /** As files have it. @param {number} id */
  writtenOf(id) { return this.textOf(id); }

  /** @param {string} text @returns {number} @throws {ParseError} */
  parse(text) {
    const given = text.trim().replace(/^(['"])(.*)\1$/s, "$2");
    if (this.#byText.has(given)) return this.#byText.get(given);
    if (given.length > LONGEST) throw new ParseError(`Expected at most ${LONGEST} characters, got ${given.length}.`);
    const positions = [];
    let at = 0;
    for (const { name, choices } of this.genes) {
      const start = `${positions.length ? "," : ""}${name}=`, found = given.slice(at, at + 20);
      if (!given.startsWith(start, at)) {
        throw new ParseError(`Character ${at + 1}: expected “${start}”, got ${found ? `“${found}”` : "the end"}; an architecture is written like ${[...this.#byText.keys()][0] ?? this.textOf(this.start)}.`);
      }
      at += start.length;
      const place = choices.findIndex((choice) => given.startsWith(choice, at) && [undefined, ","].includes(given[at + choice.length]));
      if (place < 0) throw new ParseError(`Gene ${name}: expected one of ${shortened(choices)}, got “${given.slice(at).split(",")[0].slice(0, 40)}”.`);
      positions.push(place);
      at += choices[place].length;
    }
    if (at < given.length) throw new ParseError(`Character ${at + 1}: expected the end, got “${given.slice(at, at + 20)}”.`);
    return this.at(positions);
  }

  /** The one that is shown where no table says which is best. */
  get start() { return this.at(this.genes.map(() => 0)); }

  /** The architecture in words, for people who listen. @param {number} id */
  inWords(id) { return this.positionsOf(id).map((position, place) => `${this.genes[place].name} ${this.genes[place].choices[position]}`).join(", "); }

  /** To look at in passing. @param {number} id @returns {Element} */
  glance(id) { return geneList(this, id); }

  /** What changes an architecture; see `geneEditor`. */
  editor() { return geneEditor(this); }

  /** Buttons that copy texts. @param {number} id */
  copies(id) { return [copyButton("Copy text", () => this.textOf(id))]; }

  /** In a line of Python. @param {number} id */
  python(id) { return JSON.stringify(this.textOf(id)); }

  /** What points can be coloured by; see `geneColours`. */
  colours() { return geneColours(this); }

  /** Rows of facts, and what stands below them. @param {import("./data.js").Data} data @param {number} id */
  describe(data, id) {
    const sizes = [["parameters", "size~parameters"], ["MACs", "size~macs"]].map(([name, key]) => [name, data.quantities.get(key)?.at(id)])
      .filter(([, value]) => value >= 0).map(([name, value]) => [name, whole(value)]);
    return {
      rows: [["space", this.name], ["text", h("code", { class: "genotype" }, this.textOf(id))], ...sizes],
      notes: [h("p", { class: "hint" }, this.size === null ? `The space has more architectures than can be numbered; ${whole(data.known.length)} of them are held here.`
        : `${whole(data.known.length)} of the ${whole(this.size)} architectures of the space are held here.`),
      sizes.length ? h("p", { class: "hint" }, `Sizes are those of networks on 3×32×32 pixels with 10 classes.`) : null],
    };
  }

  /** What is said where another one stands in. */
  standsIn(data, asked, own, done) {
    return h("p", { class: "notice" }, `${this.textOf(asked)} itself was not ${done}: `, h("code", {}, this.textOf(own)), " of its class was.");
  }

  /** Sizes of networks, as far as they were counted. @param {import("./data.js").Data} data @returns {any[]} */
  sizes(data) {
    const held = data.tables.filter(({ counted }) => counted);
    if (!held.length) return [];
    const members = [...new Set(held.flatMap(({ indices }) => [...indices]))];
    return ["parameters", "macs"].map((which) => ({
      id: `size~${which}`, group: "size", name: which === "macs" ? "MACs" : which, kind: "size", better: -1, members: Uint32Array.from(members),
      label: `size: ${which === "macs" ? "MACs" : which} (10 classes; 3×32×32)`,
      make: () => {
        const values = new Float64Array(this.count).fill(NaN);
        for (const { indices, counted } of held) indices.forEach((id, row) => { values[id] = counted[which][row]; });
        return values;
      },
    }));
  }
}

const shortened = (choices) => choices.length > 20 ? `${choices.slice(0, 20).join(", ")} …` : choices.join(", ");
