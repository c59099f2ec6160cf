// Architectures that stand for each other: which are listed beside a cell, and which one a table has trained instead of it.

import { h } from "../dom.js";
import { whole } from "../format.js";
import { linkTo } from "../links.js";
import { codeOf } from "./cells.js";

const SHOWN = 12;
const TWINS = [
  ["official", "isomorphic (official)", "Same class of NAS-Bench-201's 6,466, of which one architecture was trained; it may hold networks that differ"],
  ["effective", "isomorphic (effective)", "The same family of functions, up to constants that dead branches add"],
  ["identical", "identical network", "The same network exactly: the same convolutions between the same sums"],
];

/**
 * Terms and lists of the other members of an architecture's classes; those of the first that are another network are marked.
 * @param {import("../data.js").Data} data @param {number} index
 */
export const twinRows = (data, index) => TWINS.map(([partition, label, title]) => [h("span", { title }, label), twinList(data, index, partition)]);

function twinList(data, index, partition) {
  const members = data.twins(index, partition), rest = members.slice(SHOWN);
  if (!members.length) return "none";
  const others = partition === "official" ? members.filter((other) => !data.areIdentical(index, other)) : [];
  const resized = others.filter((other) => liveParameters(data, other) !== liveParameters(data, index)).length;
  const mark = h("span", { title: "another network" }, " ≠");
  const link = (other) => others.includes(other) ? h("span", { class: "whole" }, linkTo(data, other), mark.cloneNode(true)) : linkTo(data, other);
  const links = (some) => some.flatMap((other, place) => place ? [" ", link(other)] : [link(other)]);
  return [...links(members.slice(0, SHOWN)), rest.length ? h("details", {}, h("summary", {}, `and ${whole(rest.length)} more`), links(rest)) : null,
    others.length ? h("span", { class: "set" }, `≠ ${whole(others.length)} of ${whole(members.length)} are another network${resized ? `, ${whole(resized)} of another size` : ""}`) : null];
}

const liveParameters = (data, index) => data.space.sizeOf(index, true)[0];

/**
 * What is said where a relative stands in, as robnas query says it.
 * @param {import("../data.js").Data} data @param {number} asked @param {number} own the one that was measured @param {string} done to it
 */
export function standsIn(data, asked, own, done) {
  const [ours, theirs] = [asked, own].map((index) => liveParameters(data, index));
  const { effective } = data.classes;
  const sizes = ours === theirs ? "" : `, of ${whole(theirs)} parameters on live edges where ${codeOf(asked)} has ${whole(ours)}`;
  return h("p", { class: "notice" }, `${codeOf(asked)} itself was not ${done}: `, linkTo(data, own),
    data.areIdentical(asked, own) ? " is isomorphic to it and was." : effective[asked] === effective[own] ? " of its class was, which computes the same functions up to a constant." :
      ` of its class was, which is another network${sizes}.`);
}
