// Which architectures are shown, by their genes: a range of ordered values, or a choice of the others.
// In addresses as only.width=4|16 (from, to) and only.activation=relu|gelu.

import { dropdown, h } from "../dom.js";

const BOXES = 12; // choices that have a box each; of more, one is chosen

const key = (gene) => `only.${gene.name}`;
const escaped = (text) => text.replace(/[%|]/g, encodeURIComponent);

/** Places of the choices that an address leaves, null for all. */
function kept(gene, params) {
  const given = params[key(gene)];
  if (given === undefined) return null;
  const places = given.split("|").map((part) => gene.choices.findIndex((text) => escaped(text) === part)).filter((place) => place >= 0);
  if (gene.ordered && places.length === 2) return new Set([...gene.choices.keys()].filter((place) => place >= places[0] && place <= places[1]));
  return new Set(places);
}

/** Whether an architecture is shown; null where all are. @param {import("../space.js").Space} space @param {Record<string, string>} params */
export function filterOf(space, params) {
  const wanted = space.filtered ? space.genes.map((gene) => kept(gene, params)) : [];
  if (wanted.every((places) => places === null)) return null;
  return (id) => space.positionsOf(id).every((position, place) => wanted[place]?.has(position) ?? true);
}

/**
 * A control per gene.
 * @param {import("../space.js").Space} space @param {Record<string, string>} params
 * @param {(changes: Record<string, string|null>) => void} change
 */
export function filterControls(space, params, change) {
  const varied = space.genes.filter(({ choices }) => choices.length > 1);
  if (!space.filtered || !varied.length) return null;
  const set = (gene, places, all) => change({ [key(gene)]: all ? null : places.map((place) => escaped(gene.choices[place])).join("|") });
  const control = (gene) => {
    const places = kept(gene, params), last = gene.choices.length - 1;
    if (gene.ordered) {
      const [from, to] = places?.size ? [Math.min(...places), Math.max(...places)] : [0, last];
      const options = gene.choices.map((text, place) => ({ value: String(place), text }));
      const range = (low, high) => set(gene, [low, high], low === 0 && high === last);
      return h("fieldset", { "aria-label": `Filter by ${gene.name}` }, h("legend", {}, gene.name),
        dropdown("from", options, String(from), (value) => range(Number(value), Math.max(to, Number(value)))),
        dropdown("to", options, String(to), (value) => range(Math.min(from, Number(value)), Number(value))));
    }
    if (gene.choices.length > BOXES) {
      const one = places?.size === 1 ? String([...places][0]) : "";
      return h("fieldset", { "aria-label": `Filter by ${gene.name}` }, h("legend", {}, gene.name),
        dropdown("value", [{ value: "", text: places && !one ? "several" : "all" }, ...gene.choices.map((text, place) => ({ value: String(place), text }))], one, (value) => set(gene, [Number(value)], value === "")));
    }
    return h("fieldset", { "aria-label": `Filter by ${gene.name}` }, h("legend", {}, gene.name), gene.choices.map((text, place) => {
      const box = h("input", { type: "checkbox", checked: places?.has(place) ?? true, onchange: () => {
        const next = [...gene.choices.keys()].filter((other) => other === place ? box.checked : places?.has(other) ?? true);
        set(gene, next, next.length === gene.choices.length);
      } });
      return h("label", { class: "check" }, box, text);
    }));
  };
  return h("div", { class: "filters" }, varied.map(control));
}
