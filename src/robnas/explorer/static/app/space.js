// A search space as numbers and texts: an architecture is a number here, people see its text. How it is shown stands in
// a folder, whose index.js extends this: that of genes, or one of a space that is known better.

/** @typedef {{name: string, choices: string[], ordered: boolean}} Gene */

/** A text that cannot be read. */
export class ParseError extends Error {}

const LONGEST = 2000, SHOWN = 90; // characters of a text that is read, and of one in a list

/**
 * The space of the exported data.
 * @param {any} facts of the header
 */
export async function openSpace(facts) {
  if (!/^[a-z0-9-]+$/.test(facts.module)) throw new Error("no module of the page is named");
  return (await import(`./${facts.module}/index.js`)).open(facts);
}

export class Space {
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
    return this.#texts.get(id) ?? this.positionsOf(id).map((position, place) => `${this.genes[place].name}=${this.genes[place].choices[position]}`).join(",");
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
}

const shortened = (choices) => choices.length > 20 ? `${choices.slice(0, 20).join(", ")} …` : choices.join(", ");
