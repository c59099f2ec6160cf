// Genes to read and to choose from.

import { h } from "../dom.js";

const GLANCED = 12;

/** Names and values, of many genes the first. @param {import("../space.js").Space} space @param {number} id */
export function geneList(space, id) {
  const positions = space.positionsOf(id);
  const rest = space.genes.length - GLANCED;
  return h("dl", { class: "genes" }, space.genes.slice(0, GLANCED).flatMap(({ name, choices }, place) => [h("dt", {}, name), h("dd", {}, choices[positions[place]])]),
    rest > 0 ? [h("dt", {}, "…"), h("dd", {}, `${rest} more`)] : null);
}

/** A table of genes with a list of choices each, ordered ones in their order. @param {import("../space.js").Space} space */
export function geneEditor(space) {
  const row = (gene, place, positions, set) => {
    const select = h("select", {
      "aria-label": `Gene ${gene.name}`, "data-gene": gene.name,
      onchange: () => set(space.at(positions.map((position, other) => other === place ? Number(select.value) : position))),
    }, gene.choices.map((text, position) => h("option", { value: String(position), selected: position === positions[place] }, text)));
    return h("tr", {}, h("th", { scope: "row" }, gene.name), h("td", {}, select),
      h("td", { class: "hint" }, `${gene.ordered ? "ordered, " : ""}${positions[place] + 1} of ${gene.choices.length}`));
  };
  return {
    /** @param {number} id @param {(next: number) => void} set */
    show(id, { set }) {
      const positions = space.positionsOf(id);
      return { nodes: [h("div", { class: "scroll chosen", role: "region", "aria-label": "Choice of genes", tabindex: 0 }, h("table", { class: "genes", "aria-label": "Genes" },
        h("thead", {}, h("tr", {}, ["gene", "value", "choice"].map((text) => h("th", { scope: "col" }, text)))),
        h("tbody", {}, space.genes.map((gene, place) => row(gene, place, positions, set)))))] };
    },
  };
}
