// Where the numbers come from, how they were measured, and what is known about their noise.

import { h, put } from "./dom.js";
import { csvButton } from "./download.js";
import { counted, percent, whole } from "./format.js";

const NOISE = "The standard deviation of one training is in percentage points, pooled over the networks that were trained several times, with its 95 % interval. "
  + "Of the best: that of networks as accurate as the best. Each value has that of networks of similar accuracy (local noise), or the same where too few were trained again to tell. "
  + "May be the best: the truly best one is among so many with a probability of at least 95 %.";

/** @param {import("./data.js").Data} data */
export function aboutView(data) {
  const element = h("div", { class: "view" });
  return {
    element, title: () => "Data",
    update: () => put(element, h("h1", {}, "What is shown here"), data.tables.map((table) => tableCard(data.space, table)), data.scores.map(scoreCard),
      h("p", { class: "hint" }, `Made by ${data.header.made_by}, export format ${data.header.version}. Nothing on this page comes from elsewhere, and nothing is sent anywhere.`)),
  };
}

function tableCard(space, table) {
  return h("section", { class: "card", "aria-label": table.name },
    h("div", { class: "headline" }, h("h2", {}, table.name), h("div", { class: "actions" }, csvButton(table.name.replaceAll(/[^\w.-]+/g, "-"), () => wholeTable(space, table)))),
    h("p", {}, `${counted(table.indices.length, "architecture")}${space.filtered ? ` of space ${table.space}` : ""}, ${table.partition ? `one per class of the partition “${table.partition}”` : "each standing for itself"}.`),
    definitions(table.provenance),
    h("div", { class: "scroll", role: "region", "aria-label": `Columns of ${table.name}`, tabindex: 0 }, h("table", {},
      h("thead", {}, h("tr", {}, ["data set", "split", "metric", "values", "runs", "sd of one training", "of the best", "from", "may be the best", "measured on"].map((text) => h("th", { scope: "col" }, text)))),
      h("tbody", {}, table.columns.map(columnRow)))),
    h("p", { class: "hint" }, NOISE),
    table.left_out.map((text) => h("p", { class: "notice" }, `Left out: ${text}`)));
}

function columnRow(column) {
  const known = column.values.filter((value) => !Number.isNaN(value)).length, guessed = column.values.filter((_, row) => column.isPredicted(row)).length, { facts } = column;
  const images = facts.images ? `${whole(facts.images)} images` : "–";
  return h("tr", {}, [column.dataset, column.split, column.apart ? `${column.metric} ${column.apart}` : column.metric, column.guessed ? `${whole(known)}, ${whole(guessed)} predicted` : whole(known), column.runs_vary ? "varies" : String(column.runs), ...noiseTexts(column), column.best.size ? whole(column.best.size) : "not known",
    [images, facts.recipe_name ? `recipe ${facts.recipe_name}` : "", facts.recipe ? `(${facts.recipe})` : ""].filter(Boolean).join(", ")].map((text) => h("td", {}, text)));
}

/** Standard deviation of one training in percentage points with its interval, that of the best where noise is local, and its source. */
function noiseTexts({ noise, values, spread, counts, runs }) {
  if (!noise || noise.kind === "images") return ["not known", "–", "–"];
  const points = (value) => (100 * value).toFixed(2);
  const interval = noise.interval.includes(null) ? "" : ` [${noise.interval.map(points).join(", ")}]`;
  const best = values.reduce((found, value, row) => value <= values[found] || Number.isNaN(value) ? found : row, 0);
  const ofBest = Math.sqrt(spread.variances[best] * (counts?.[best] ?? runs));
  return [`${points(noise.run_sd)}${interval}`, noise.kind === "local" ? points(ofBest) : "the same", `${counted(noise.groups, "network")}, ${whole(noise.members)} trainings (${noise.source})`];
}

function definitions(facts) {
  const rows = Object.entries(facts).filter(([, value]) => value !== null && value !== "" && !(Array.isArray(value) && !value.length));
  const text = (value) => typeof value === "object" ? entries(value) : String(value);
  return h("dl", { class: "provenance" }, rows.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, text(value))]));
}

/** Nested facts, a line each. */
const entries = (value) => Object.entries(value).map(([name, inner]) => h("div", {}, Array.isArray(value) ? "" : `${name}: `, typeof inner === "object" ? JSON.stringify(inner) : String(inner)));

function scoreCard(file) {
  return h("section", { class: "card", "aria-label": `Scores ${file.name}` }, h("h2", {}, `Scores: ${file.name}`),
    h("p", {}, `${counted(file.indices.length, "architecture")}: ${file.columns.map(({ name, values }) => `${name} (${percent(values.filter((v) => !Number.isNaN(v)).length / values.length, 0)} there)`).join(", ")}`),
    definitions(file.settings));
}

function wholeTable(space, table) {
  const heads = table.columns.flatMap(({ name, guessed }) => guessed ? [name, `${name}:sd`, `${name}:measured`] : [name]);
  const cells = (column, row) => column.guessed ? [column.values[row], column.isPredicted(row) ? column.sdOf(row) : "", !column.isPredicted(row) && !Number.isNaN(column.values[row])] : [column.values[row]];
  return [["architecture", ...heads],
    Array.from(table.indices, (index, row) => [space.writtenOf(index), ...table.columns.flatMap((column) => cells(column, row))])];
}
