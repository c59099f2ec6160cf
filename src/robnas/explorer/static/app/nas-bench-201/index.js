// What the page knows of NAS-Bench-201 beyond its genes: drawings, encodings, isomorphic cells, operations, sizes.

import { h } from "../dom.js";
import { copyButton } from "../download.js";
import { whole } from "../format.js";
import { Space } from "../space.js";
import { codeOf, digitsOf, encodings, genotype, inWords, liveEdges, operationCount, OPERATIONS, SHORT } from "./cells.js";
import { miniCell } from "./drawing.js";
import { cellEditor } from "./editor.js";
import { parseArchitecture } from "./parse.js";
import { standsIn, twinRows } from "./twins.js";

/** @param {any} facts of the header */
export const open = (facts) => new CellSpace(facts);

class CellSpace extends Space {
  view = "cell";
  word = "Cell";
  noun = "cell";
  placeholder = "Paste a code, genotype, tuple …";
  accepted = "Architecture in any encoding";
  hint = "Choose an edge, then its operation. Keys: arrows for the edge, 0 to 4 for the operation.";
  filtered = false;

  textOf(id) { return codeOf(id); }
  writtenOf(id) { return genotype(id); }
  parse(text) { return parseArchitecture(text, this.#published); }
  inWords(id) { return inWords(id); }
  glance(id) { return miniCell(id); }
  editor() { return cellEditor(); }
  standsIn(data, asked, own, done) { return standsIn(data, asked, own, done); }
  python(id) { return `robnas.Architecture("${codeOf(id)}")`; }

  copies(id) { return [copyButton("Copy code", () => codeOf(id)), copyButton("Copy genotype", () => genotype(id))]; }

  /** Own index by published index, where a table brings them. */
  get #published() {
    return this.byPublished ??= this.publishedOf ? new Map(Array.from(this.publishedOf, (number, id) => [number, id])) : null;
  }

  /** How often each operation stands on live edges; 3×3 convolutions at first. */
  colours() {
    const names = Array.from({ length: 7 }, (_, level) => String(level)), tokens = names.map((level) => `level-${level}`);
    return OPERATIONS.map((value, operation) => {
      const legend = `number of ${SHORT[operation]}${operation ? " on live edges" : ""}`;
      return { value, text: legend, legend, first: operation === 3, paint: (ids) => ({ names, tokens, of: Uint8Array.from(ids, (id) => operationCount(id, operation)) }) };
    });
  }

  /** Parameters and MACs. @param {number} id @param {boolean} live count live edges only @returns {[number, number]} */
  sizeOf(id, live) {
    const counts = [0, 0, 0, 0, 0], alive = live ? liveEdges(id) : null;
    digitsOf(id).forEach((digit, edge) => { if (!alive || alive[edge]) counts[digit]++; });
    return this.facts.sizes[counts[2]][counts[3]];
  }

  sizes() {
    const members = Uint32Array.from({ length: this.size }, (_, id) => id);
    const kinds = [["parameters", 0, true], ["MACs", 1, true], ["parameters, every edge counted", 0, false], ["MACs, every edge counted", 1, false]];
    return kinds.map(([name, which, live]) => ({
      id: ["size", which ? "macs" : "parameters", ...(live ? [] : ["every-edge"])].join("~"),
      group: "size", name, kind: "size", better: -1, members,
      label: `size: ${name} (C = 16, N = 5, 10 classes; 3×32×32)`, // a table may have trained smaller networks
      make: () => Float64Array.from(members, (id) => this.sizeOf(id, live)[which]),
    }));
  }

  describe(data, id) {
    const live = this.sizeOf(id, true), every = this.sizeOf(id, false);
    const size = (which, unit) => every[which] === live[which] ? `${unit(live[which])}` : `${unit(live[which])} on live edges, ${unit(every[which])} with every edge`;
    const rows = [
      ["genotype", h("code", { class: "genotype" }, genotype(id))],
      ["parameters", size(0, whole)],
      ["MACs", size(1, (value) => `${(value / 1e6).toFixed(2)} M`)],
      this.publishedOf && ["published index", `#${this.publishedOf[id]}`],
      ["own index", String(id)],
      ...twinRows(data, id),
    ].filter(Boolean);
    const notes = [
      h("details", { class: "encodings" }, h("summary", {}, "Other encodings"), h("dl", {}, encodings(id).flatMap(([name, text]) => [h("dt", {}, name), h("dd", {}, h("code", {}, text))]))),
      h("p", { class: "hint" }, "Sizes are those of the network of NAS-RobBench-201: C = 16, N = 5, 3×32×32 pixels, 10 classes. A table may have trained smaller ones, see its notes under Data."),
    ];
    return { rows, notes };
  }
}
