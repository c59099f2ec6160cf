// Architectures in addresses.

import { h } from "./dom.js";
import { ParseError } from "./space.js";
import { formatHash, go } from "./state.js";

/** A text that breaks after commas where it is too long for a line. @param {string} text */
export const breakable = (text) => text.split(/(?<=,)/).flatMap((part, place) => place ? [h("wbr"), part] : [part]);

/** A link to the page of an architecture. @param {import("./data.js").Data} data @param {number} id */
export function linkTo({ space }, id) {
  const text = space.textOf(id), shown = space.shortOf(id);
  return h("a", { href: formatHash(space.view, { arch: text }), class: shown.length > 12 ? "code long" : "code", title: shown === text ? null : text }, breakable(shown));
}

/** @param {import("./data.js").Data} data @param {number} id */
export const open = ({ space }, id) => go(space.view, { arch: space.textOf(id) });

/**
 * The architecture of an address; null without one, or with one that cannot be read.
 * @param {Record<string, string>} params @param {import("./data.js").Data} data @returns {number|null}
 */
export function architectureOf(params, { space }) {
  try {
    return params.arch === undefined ? null : space.parse(params.arch);
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    return null;
  }
}
