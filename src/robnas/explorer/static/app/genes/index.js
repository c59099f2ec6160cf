// Any space: its genes as a table to choose from, to colour and to filter by.

import { h } from "../dom.js";
import { copyButton } from "../download.js";
import { whole } from "../format.js";
import { Space } from "../space.js";
import { geneColours } from "./colours.js";
import { geneEditor, geneList } from "./editor.js";

/** @param {any} facts of the header */
export const open = (facts) => new GeneSpace(facts);

class GeneSpace extends Space {
  view = "architecture"; // in addresses
  word = "Architecture";
  noun = "architecture"; // in headings of columns
  placeholder = "Paste a text …";
  accepted = "Architecture as text";
  hint = "Choose the value of each gene, or write the architecture as text.";
  filtered = true; // by genes, on the map

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

  /** Rows of facts, and what stands below them. @param {import("../data.js").Data} data @param {number} id */
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

  /** Sizes of networks, as far as they were counted. @param {import("../data.js").Data} data @returns {any[]} */
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
