// Where the numbers come from, how they were measured, and what is known about their noise.

import { h, put } from "./dom.js";
import { csvButton } from "./download.js";
import { counted, percent, whole } from "./format.js";
import { genotype } from "./space.js";

/** @param {import("./data.js").Data} data */
export function aboutView(data) {
  const element = h("div", { class: "view" });
  return {
    element, title: () => "Data",
    update: () => put(element, h("h1", {}, "What is shown here"), data.tables.map(tableCard), data.scores.map(scoreCard),
      h("p", { class: "hint" }, `Made by ${data.header.made_by}, export format ${data.header.version}. Nothing on this page comes from elsewhere, and nothing is sent anywhere.`)),
  };
}

function tableCard(table) {
  return h("section", { class: "card", "aria-label": table.name },
    h("div", { class: "headline" }, h("h2", {}, table.name), h("div", { class: "actions" }, csvButton(table.name.replaceAll(/[^\w.-]+/g, "-"), () => wholeTable(table)))),
    h("p", {}, `${counted(table.indices.length, "architecture")}, ${table.partition ? `one per class of the partition “${table.partition}”` : "each standing for itself"}.`),
    definitions(table.provenance),
    h("div", { class: "scroll", role: "region", "aria-label": `Columns of ${table.name}`, tabindex: 0 }, h("table", {},
      h("thead", {}, h("tr", {}, ["data set", "split", "metric", "values", "runs", "noise of one training", "measured on"].map((text) => h("th", { scope: "col" }, text)))),
      h("tbody", {}, table.columns.map(columnRow)))),
    table.left_out.map((text) => h("p", { class: "notice" }, `Left out: ${text}`)));
}

function columnRow(column) {
  const known = column.values.filter((value) => !Number.isNaN(value)).length, { noise, facts } = column;
  const noiseText = noise?.kind === "trainings" ? `${(100 * noise.run_sd).toFixed(2)} points, from ${counted(noise.groups, "network")} with ${whole(noise.members)} trainings (${noise.source})` : "not known";
  const images = facts.images ? `${whole(facts.images)} images` : "–";
  return h("tr", {}, [column.dataset, column.split, column.metric, whole(known), column.runs_vary ? "varies" : String(column.runs), noiseText,
    [images, facts.recipe_name ? `recipe ${facts.recipe_name}` : "", facts.recipe ? `(${facts.recipe})` : ""].filter(Boolean).join(", ")].map((text) => h("td", {}, text)));
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

function wholeTable(table) {
  return [["architecture", ...table.columns.map(({ name }) => name)],
    Array.from(table.indices, (index, row) => [genotype(index), ...table.columns.map(({ values }) => values[row])])];
}
