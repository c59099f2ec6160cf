// Any written form of an architecture → its index. An error says in one line what is wrong and what is accepted.

import { ParseError } from "../space.js";
import { EDGES, HPOBENCH_KEYS, NASLIB_EDGES, NASLIB_OPERATIONS, OPERATIONS, SIZE } from "./cells.js";

const LONGEST = 400;
const FORMS = "a digit code such as 323133, a genotype, six operation names, a NASLib tuple, an HPOBench dictionary, "
  + "a published index such as #2581, or “index 11043” of the project's own order";

/**
 * @param {string} text @param {Map<number, number>|null} [published] own index by published index, where known
 * @returns {number} own index @throws {ParseError}
 */
export function parseArchitecture(text, published = null) {
  const given = text.trim().replace(/^(?:robnas\.)?Architecture\((.*)\)$/s, "$1").trim();
  if (!given) throw new ParseError(`Nothing to read: expected ${FORMS}.`);
  if (given.length > LONGEST) throw new ParseError(`Expected at most ${LONGEST} characters, got ${given.length}.`);
  const bare = given.replace(/^(['"])(.*)\1$/s, "$2");
  if (bare.startsWith("#")) return ofPublished(bare.slice(1), published);
  const own = /^index\s*[:=]?\s*([\d,]+)$/i.exec(bare);
  if (own) return checked(Number(own[1].replaceAll(",", "")), "index");
  if (bare.startsWith("|")) return ofGenotype(bare);
  if (/^[([]/.test(bare)) return ofList(bare);
  if (bare.startsWith("{")) return ofDictionary(bare);
  return ofCode(bare);
}

function checked(number, what) {
  if (!(number < SIZE)) throw new ParseError(`Expected ${what} 0 to ${SIZE - 1}, got ${number}.`);
  return number;
}

function ofPublished(digits, published) {
  if (!/^\d+$/.test(digits)) throw new ParseError(`Expected digits after #, got “${digits}”.`);
  if (!published) throw new ParseError("No table here brings published indices: write the code or genotype.");
  return published.get(checked(Number(digits), "published index"));
}

function ofCode(text) {
  const place = [...text.slice(0, 6)].findIndex((letter) => !"01234".includes(letter));
  if (place >= 0 && !/^\d+$/.test(text)) throw new ParseError(`Cannot read “${text}”: expected ${FORMS}.`);
  if (place >= 0) throw new ParseError(`Character ${place + 1}: expected one of the digits 0 to 4, got “${text[place]}”.`);
  if (text.length !== 6) throw new ParseError(`Expected 6 digits, one per edge, got ${text.length} characters; a published index is written #${text}.`);
  return parseInt(text, 5);
}

function ofGenotype(text) {
  let at = 0, index = 0;
  const wrong = (expected) => {
    const found = text.slice(at, at + 20);
    throw new ParseError(`Character ${at + 1}: expected ${expected}, got ${found ? `“${found}”` : "the end"}.`);
  };
  const take = (part) => { if (!text.startsWith(part, at)) wrong(`“${part}”`); at += part.length; };
  for (const [source, target] of EDGES) {
    if (source === 0) take(target === 1 ? "|" : "+|");
    const end = text.indexOf("~", at);
    const operation = OPERATIONS.indexOf(text.slice(at, end < 0 ? undefined : end));
    if (operation < 0) wrong(`one of ${OPERATIONS.join(", ")} (edge ${source}→${target})`);
    index = 5 * index + operation;
    at += OPERATIONS[operation].length;
    take(`~${source}|`);
  }
  if (at !== text.length) wrong("the end");
  return index;
}

function ofList(text) {
  const close = { "(": ")", "[": "]" }[text[0]];
  if (!text.endsWith(close)) throw new ParseError(`Expected “${close}” at the end.`);
  const parts = text.slice(1, -1).split(",").map((part) => part.trim());
  if (parts.at(-1) === "") parts.pop();
  if (parts.length !== 6) throw new ParseError(`Expected 6 operations, one per edge, got ${parts.length}.`);
  const numbers = parts.every((part) => /^\d+$/.test(part));
  if (numbers && text[0] === "[") {
    throw new ParseError("Expected round brackets if the numbers are NASLib's, or the digits as one text such as 323133.");
  }
  const digits = numbers ? ofNaslib(parts.map(Number)) : parts.map((part, place) =>
    operationOf(part, `Element ${place + 1} of 6 (edge ${EDGES[place].join("→")})`));
  return parseInt(digits.join(""), 5);
}

function ofNaslib(values) {
  const digits = Array(6);
  values.forEach((value, place) => {
    const operation = NASLIB_OPERATIONS.indexOf(value);
    if (operation < 0) {
      throw new ParseError(`Element ${place + 1} of a NASLib tuple: expected 0 skip_connect, 1 none, 2 nor_conv_3x3, `
        + `3 nor_conv_1x1 or 4 avg_pool_3x3, got ${value}.`);
    }
    digits[NASLIB_EDGES[place]] = operation;
  });
  return digits;
}

function ofDictionary(text) {
  if (!text.endsWith("}")) throw new ParseError("Expected “}” at the end.");
  const found = new Map();
  for (const part of text.slice(1, -1).split(",").filter((part) => part.trim())) {
    const match = /^\s*(['"])([^'"]*)\1\s*:\s*(.*?)\s*$/s.exec(part);
    if (!match) throw new ParseError(`Expected 'edge': 'operation', got “${part.trim().slice(0, 40)}”.`);
    if (!HPOBENCH_KEYS.includes(match[2])) throw new ParseError(`Expected the keys ${HPOBENCH_KEYS.join(", ")}, got “${match[2]}”.`);
    found.set(match[2], operationOf(match[3], `Key ${match[2]}`));
  }
  const missing = HPOBENCH_KEYS.find((key) => !found.has(key));
  if (missing) throw new ParseError(`Expected the keys ${HPOBENCH_KEYS.join(", ")}: ${missing} is missing.`);
  return parseInt(HPOBENCH_KEYS.map((key) => found.get(key)).join(""), 5);
}

function operationOf(text, what) {
  const match = /^(['"])(.*)\1$/s.exec(text);
  const operation = OPERATIONS.indexOf(match ? match[2] : text);
  if (operation < 0) throw new ParseError(`${what}: expected one of ${OPERATIONS.join(", ")}, got “${text.slice(0, 40)}”.`);
  return operation;
}
