// One architecture: what it is made of, to be changed; its sizes; what every table says about it.

import { announce, h, put } from "./dom.js";
import { copyButton, csvButton, svgButton } from "./download.js";
import { counted, percent, short } from "./format.js";
import { architectureOf, breakable, linkTo, open } from "./links.js";
import { ParseError } from "./space.js";
import { change, go } from "./state.js";
import { GUARANTEE, measurements } from "./strips.js";

const NEAREST = 5; // held architectures that are named where one is not held

const pythonString = (text) => JSON.stringify(text);
const shellWord = (text) => /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

/** @param {import("./data.js").Data} data */
export function architectureView(data) {
  const element = h("div", { class: "view cell-view" }), { space } = data, editor = space.editor();

  /** The architecture of an address, null if it is unreadable; the best of the first table without one. */
  const chosen = (params) => params.arch === undefined ? bestOf(data) : architectureOf(params, data);
  function update(params) {
    const index = chosen(params);
    if (index === null) {
      put(element, pasteForm(data, params.arch), h("p", {}, "The address names no architecture."));
      element.querySelector("form").requestSubmit();
      return;
    }
    const text = space.textOf(index), file = `${space.view}-${text.replaceAll(/[^\w.=-]+/g, "-").slice(0, 80)}`;
    const edited = editor.show(index, { set: (next) => change({ arch: space.textOf(next) }), again: () => update(params) });
    put(element,
      h("div", { class: "split" },
        h("section", { class: "card drawing", "aria-label": space.word },
          h("div", { class: "headline" }, h("h1", { class: text.length > 12 ? "long" : null }, breakable(text)), pasteForm(data)),
          edited.nodes,
          h("p", { class: "hint" }, space.hint),
          h("div", { class: "actions" }, space.copies(index), copyButton("Copy link", () => location.href),
            edited.svg ? svgButton(file, edited.svg) : null, csvButton(file, () => csv(data, index)))),
        facts(data, index)),
      data.tables.map((table) => tableCard(data, table, index)), scoreCard(data, index));
    edited.focus?.();
    announce(`Architecture ${text}. ${summary(data, index)}`);
  }
  return { element, update, title: (params) => { const index = chosen(params); return index === null ? space.word : space.textOf(index); } };
}

function bestOf(data) {
  const { table, column } = data.main;
  if (!column) return data.space.start;
  let best = 0;
  column.values.forEach((value, row) => { if (!(value <= column.values[best])) best = Number.isNaN(value) ? best : row; });
  return table.indices[best];
}

/** A field that takes any encoding. */
function pasteForm(data, text = "") {
  const error = h("p", { class: "error", role: "alert", id: "paste-error" });
  const input = h("input", {
    type: "text", id: "paste", value: text, placeholder: data.space.placeholder, autocomplete: "off", spellcheck: "false",
    "aria-describedby": "paste-error", "aria-label": data.space.accepted,
  });
  const submit = (event) => {
    event.preventDefault();
    try {
      open(data, data.space.parse(input.value));
      input.value = "";
      input.removeAttribute("aria-invalid");
      put(error);
    } catch (found) {
      if (!(found instanceof ParseError)) throw found;
      input.setAttribute("aria-invalid", "true");
      put(error, found.message);
    }
  };
  return h("form", { class: "paste", onsubmit: submit }, input, h("button", { type: "submit" }, "Show"), error);
}

function facts(data, index) {
  const { rows, notes } = data.space.describe(data, index);
  return h("section", { class: "card facts", "aria-label": "Facts" },
    h("dl", {}, rows.flatMap(([term, value]) => [h("dt", {}, term), h("dd", {}, value)])), notes,
    data.tables.filter(({ sizes }) => sizes?.left_out).map(({ name, sizes }) => h("p", { class: "hint" }, `Without sizes for ${name}: ${sizes.left_out}.`)));
}

function pythonText({ space }, table, column, index) {
  const row = table.rowOf(index), known = row >= 0 && !Number.isNaN(column.values[row]), value = known ? `  # ${column.values[row].toFixed(4)}` : "";
  return `import robnas\n\ntable = robnas.load(${pythonString(table.source)})\narch = ${space.python(index)}\n`
    + `table.query(arch, dataset=${pythonString(column.dataset)}, metric=${pythonString(column.metric)}, split=${pythonString(column.split)}, ${column.space_needed ? `space=${pythonString(column.space_needed)}, ` : ""}${column.beta_needed === undefined ? "" : `beta=${column.beta_needed}, `}seed="mean")${value}\n`;
}

const commandText = ({ space }, table, column, index) => `robnas query ${shellWord(space.textOf(index))} --table ${shellWord(table.source)} --dataset ${shellWord(column.dataset)} `
  + `--metric ${shellWord(column.metric)} --split ${shellWord(column.split)}${column.space_needed ? ` --space ${shellWord(column.space_needed)}` : ""}${column.beta_needed === undefined ? "" : ` --beta ${column.beta_needed}`}${importsOf(table)}`;

/** Files of one's own that the plan of a table names: where a space is one's own, it is in one of them. */
const importsOf = ({ provenance }) => (provenance?.plan?.imports ?? []).map(({ file }) => ` --import ${shellWord(file)}`).join("");

function tableCard(data, table, index) {
  const row = table.rowOf(index), main = table.columns[table.main];
  const head = h("div", { class: "headline" }, h("h2", {}, table.name),
    h("div", { class: "actions" }, main && [copyButton("Copy as Python", () => pythonText(data, table, main, index)), copyButton("Copy as command", () => commandText(data, table, main, index))]));
  if (row < 0) {
    return h("section", { class: "card", "aria-label": table.name }, head,
      h("p", { class: "notice" }, `This table has not measured ${data.space.shortOf(index)}${table.partition ? ", nor an isomorphic architecture" : ""}.`),
      table.partition ? null : nearest(data, table, index));
  }
  const own = table.indices[row];
  const show = (column) => go("map", { arch: data.space.textOf(index), x: data.quantities.has("size~parameters") ? "size~parameters" : null, y: [...data.quantities.values()].find((q) => q.column === column).id });
  return h("section", { class: "card", "aria-label": table.name }, head,
    own !== index && data.space.standsIn(data, index, own, "trained"),
    h("div", { class: "blocks" }, measurements(table, row, show)), constantNotes(table, row), noiseNote(table),
    table.left_out.map((text) => h("p", { class: "notice" }, `Left out: ${text}`)));
}

/** Those that the table holds and that differ in the fewest genes. */
function nearest(data, table, index) {
  const { space } = data, here = space.positionsOf(index);
  const found = Array.from(table.indices, (id) => ({ id, genes: space.positionsOf(id).filter((position, place) => position !== here[place]).length }));
  const shown = found.sort((a, b) => a.genes - b.genes).slice(0, NEAREST);
  return [h("p", {}, "Nearest that it has measured:"), h("ul", {}, shown.map(({ id, genes }) => h("li", {}, linkTo(data, id), ` (${counted(genes, "other gene")})`)))];
}

/** Whether the network is constant, per data set and split; that it could not be told is said, too. */
function constantNotes(table, row) {
  const known = Object.entries(table.constant ?? {}), such = known.filter(([, rows]) => rows?.includes(row)).map(([name]) => name);
  const open = known.filter(([, rows]) => rows === null).map(([name]) => name);
  return [
    such.length > 0 && h("p", { class: "notice" }, `On ${such.join(", ")} this network gives one answer whatever the image shows, or learned nothing, as far as accuracies tell: what it keeps under attack is no robustness.`),
    open.length > 0 && h("p", { class: "hint" }, `Not checked on ${open.join(", ")} whether the network is constant: the number of classes or the clean accuracy is unknown.`),
  ];
}

/** What the bars and sets mean, once per kind of noise. */
function noiseNote(table) {
  const kinds = table.columns.map((column) => column.noise?.kind ?? "none");
  const texts = [
    kinds.includes("local") && "± is the standard deviation of the mean over its runs, measured from repeated trainings of networks of similar accuracy.",
    kinds.includes("pooled") && `± is the standard deviation of the mean over its runs, measured from ${kinds.includes("local") ? "the repeated trainings of all networks where they" : "repeated trainings of all networks, which"} are too few to tell how noise changes with accuracy.`,
    (kinds.includes("local") || kinds.includes("pooled")) && `Under the rank, the ranks that this noise leaves possible: ${GUARANTEE}.`,
    kinds.includes("images") && "± is the standard error of a finite number of images; the noise of training is not known, so no set of ranks can be given.",
    kinds.includes("none") && "Without ±, nothing is known about the noise.",
    table.columns.some(({ guessed }) => guessed) && "Values with ~ are predicted, not measured; their ± is the standard deviation of what one training would measure. Ranks count both, and no noise tells which ranks are possible.",
  ].filter(Boolean);
  return h("p", { class: "hint" }, texts.join(" "));
}

function scoreCard(data, index) {
  if (!data.scores.length) return null;
  const found = data.scores.map((file) => ({ file, row: data.scoredRow(file, index) }));
  const rows = found.flatMap(({ file, row }) => file.columns.map((column) => [file.name, column.name, scoreText(column, row)]));
  const twins = [...new Set(found.map(({ file, row }) => file.indices[row]))].filter((other) => other !== undefined && other !== index);
  return h("section", { class: "card", "aria-label": "Scores" }, h("h2", {}, "Scores before training"),
    twins.map((other) => data.space.standsIn(data, index, other, "scored")),
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Scores of the untrained network" }, h("table", {},
      h("thead", {}, h("tr", {}, ["file", "score", "value"].map((text) => h("th", { scope: "col" }, text)))),
      h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((text) => h("td", {}, text))))))));
}

function scoreText(column, row) {
  if (row < 0) return "not scored";
  const value = column.values[row], error = column.errors?.[row];
  if (Number.isNaN(value)) return `missing: ${Object.entries(column.missing).find(([, members]) => members.includes(row))?.[0] ?? "no reason recorded"}`;
  return error >= 0 ? `${short(value)} ± ${short(error)}` : short(value);
}

const rankWords = ({ rank, sharing }) => sharing > 1 ? `${rank}, shared by ${sharing}` : `${rank}`;

function summary(data, index) {
  const { table, column } = data.main, row = table?.rowOf(index) ?? -1;
  if (row < 0 || !column) return "Not in the table.";
  return Number.isNaN(column.values[row]) ? `${column.name} not measured.` : `${column.name} ${column.isPredicted(row) ? "predicted " : ""}${percent(column.values[row])}, rank ${rankWords(column.rankOf(row))}.`;
}

function csv(data, index) {
  const rows = data.tables.flatMap((table) => {
    const row = table.rowOf(index);
    return row < 0 ? [] : table.columns.map((column) => {
      const rank = column.rankOf(row);
      return [data.space.writtenOf(index), data.space.writtenOf(table.indices[row]), table.name, column.dataset, column.split, column.metric, column.values[row], column.sdOf(row), column.runsOf(row), rank.rank, rank.sharing, rank.low, rank.high, rank.count, column.noise?.kind ?? "none", column.best.has(row) ? "yes" : "no", column.isPredicted(row) ? "no" : "yes", data.areIdentical(index, table.indices[row]) ? "yes" : "no"];
    });
  });
  return [["asked", "architecture", "table", "dataset", "split", "metric", "accuracy", "sd", "runs", "rank", "rank_shared_by", "rank_low", "rank_high", "of", "noise", "may_be_best", "measured", "same_network"], rows];
}
