// Colours of points by the value of a gene: a sequence where values have an order, else a colour each.

const SEQUENCE = 7, DISTINCT = 6; // colours of levels and of lines in the style sheet

/**
 * @typedef {{of: Uint8Array, names: string[], tokens: string[]}} Levels level of each point; what each is called; its
 *   colour in the style sheet
 * @typedef {{value: string, text: string, legend: string, paint: (ids: Uint32Array) => Levels}} Colour
 */

/** One per gene that varies, the first of which is shown at first. @param {import("../space.js").Space} space @returns {Colour[]} */
export const geneColours = (space) => space.genes.map((gene, place) => ({ gene, place })).filter(({ gene }) => gene.choices.length > 1)
  .map(({ gene, place }) => {
    const { names, tokens, level } = gene.ordered ? sequence(gene) : distinct(gene);
    return { value: gene.name, text: gene.name, legend: gene.name, paint: (ids) => ({ names, tokens, of: Uint8Array.from(ids, (id) => level(space.positionsOf(id)[place])) }) };
  });

/** As many steps as there are values, at most seven. */
function sequence({ choices }) {
  const count = Math.min(choices.length, SEQUENCE), names = [];
  const level = (position) => Math.floor(position * count / choices.length);
  for (let step = 0; step < count; step++) {
    const inside = choices.filter((_, position) => level(position) === step);
    names.push(inside.length > 1 ? `${inside[0]}–${inside.at(-1)}` : inside[0]);
  }
  return { names, level, tokens: names.map((_, step) => `level-${Math.round(step * (SEQUENCE - 1) / Math.max(1, count - 1))}`) };
}

/** A colour each; beyond six the others share a faint one. */
function distinct({ choices }) {
  const own = choices.length > DISTINCT ? DISTINCT : choices.length, names = choices.slice(0, own);
  const tokens = names.map((_, place) => `line-${place}`);
  if (choices.length > own) { names.push("others"); tokens.push("faint"); }
  return { names, tokens, level: (position) => Math.min(position, own) };
}
