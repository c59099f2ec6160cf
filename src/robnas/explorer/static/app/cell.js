// One architecture: its cell to change, its sizes and twins, what every table says about it.

import { drawCell, swatch } from "./cell-drawing.js";
import { announce, h, put } from "./dom.js";
import { copyButton, csvButton, svgButton } from "./download.js";
import { percent, short, whole } from "./format.js";
import { architectureOf, parseArchitecture, ParseError } from "./parse.js";
import { codeOf, digitsOf, EDGES, genotype, HPOBENCH_KEYS, NASLIB_EDGES, NASLIB_OPERATIONS, OPERATIONS, SHORT, withOperation } from "./space.js";
import { change, go } from "./state.js";
import { frozen } from "./painters.js";
import { GUARANTEE, measurements } from "./strips.js";
import { standsIn, twinRows } from "./twins.js";

const pythonString = (text) => JSON.stringify(text);
const shellWord = (text) => /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

/** @param {import("./data.js").Data} data */
export function cellView(data) {
  const element = h("div", { class: "view cell-view" });
  let edge = 5, focused = false;

  /** The index of an address, null if it is unreadable; the best of the first table without one. */
  const chosen = (params) => params.arch === undefined ? bestOf(data) : architectureOf(params, data);
  function update(params) {
    const index = chosen(params);
    if (index === null) {
      put(element, pasteForm(data, params.arch), h("p", {}, "The address names no architecture."));
      element.querySelector("form").requestSubmit();
      return;
    }
    const set = (next, keep = true) => { focused = keep; change({ arch: codeOf(next) }); };
    const pick = (next) => { edge = next; focused = true; update(params); };
    const keys = (event) => edgeKey(event, index, edge, pick, set);
    const drawing = drawCell(index, edge, { onPick: pick, onKey: keys });
    put(element,
      h("div", { class: "split" },
        h("section", { class: "card drawing", "aria-label": "Cell" },
          h("div", { class: "headline" }, h("h1", {}, codeOf(index)), pasteForm(data)),
          drawing, palette(index, edge, (operation) => set(withOperation(index, edge, operation), false)),
          h("p", { class: "hint" }, "Choose an edge, then its operation. Keys: arrows for the edge, 0 to 4 for the operation."),
          h("div", { class: "actions" }, copies(index),
            svgButton(`cell-${codeOf(index)}`, () => frozen(drawing)), csvButton(`cell-${codeOf(index)}`, () => csv(data, index)))),
        facts(data, index)),
      data.tables.map((table) => tableCard(data, table, index)), scoreCard(data, index));
    if (focused) element.querySelector(`[data-edge="${edge}"]`).focus();
    focused = false;
    announce(`Architecture ${codeOf(index)}. ${summary(data, index)}`);
  }
  return { element, update, title: (params) => { const index = chosen(params); return index === null ? "Cell" : codeOf(index); } };
}

function bestOf(data) {
  const { table, column } = data.main;
  if (!column) return 0;
  let best = 0;
  column.values.forEach((value, row) => { if (!(value <= column.values[best])) best = Number.isNaN(value) ? best : row; });
  return table.indices[best];
}

function edgeKey(event, index, edge, pick, set) {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: 5, ArrowUp: 5 }[event.key];
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (step) pick((edge + step) % 6);
  else if ("01234".includes(event.key)) set(withOperation(index, edge, Number(event.key)));
  else if (event.key === "Enter" || event.key === " ") set(withOperation(index, edge, (digitsOf(index)[edge] + 1) % 5));
  else return;
  event.preventDefault();
}

/** The five operations for the chosen edge. */
function palette(index, edge, choose) {
  const current = digitsOf(index)[edge];
  return h("div", { class: "palette", role: "group", "aria-label": `Operation of edge ${EDGES[edge].join(" to ")}` },
    h("span", { class: "edge-name" }, `${EDGES[edge].join(" → ")}`),
    OPERATIONS.map((name, operation) =>
      h("button", { type: "button", class: "operation", "aria-pressed": String(operation === current), title: `${name} (key ${operation})`, onclick: () => choose(operation) },
        swatch(operation), SHORT[operation])));
}

/** A field that takes any encoding. */
function pasteForm(data, text = "") {
  const error = h("p", { class: "error", role: "alert", id: "paste-error" });
  const input = h("input", {
    type: "text", id: "paste", value: text, placeholder: "Paste a code, genotype, tuple …", autocomplete: "off", spellcheck: "false",
    "aria-describedby": "paste-error", "aria-label": "Architecture in any encoding",
  });
  const submit = (event) => {
    event.preventDefault();
    try {
      go("cell", { arch: codeOf(parseArchitecture(input.value, data.published)) });
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
  const live = data.sizeOf(index, true), every = data.sizeOf(index, false);
  const size = (which, unit) => every[which] === live[which] ? `${unit(live[which])}` : `${unit(live[which])} on live edges, ${unit(every[which])} with every edge`;
  const published = data.tables.find((table) => table.publishedOf)?.publishedOf[index];
  const rows = [
    ["genotype", h("code", { class: "genotype" }, genotype(index))],
    ["parameters", size(0, whole)],
    ["MACs", size(1, (value) => `${(value / 1e6).toFixed(2)} M`)],
    published !== undefined && ["published index", `#${published}`],
    ["own index", String(index)],
    ...twinRows(data, index),
  ].filter(Boolean);
  return h("section", { class: "card facts", "aria-label": "Facts" },
    h("dl", {}, rows.flatMap(([term, value]) => [h("dt", {}, term), h("dd", {}, value)])),
    h("details", { class: "encodings" }, h("summary", {}, "Other encodings"), h("dl", {}, encodings(index).flatMap(([name, text]) => [h("dt", {}, name), h("dd", {}, h("code", {}, text))]))),
    h("p", { class: "hint" }, "Sizes are those of the network of NAS-RobBench-201: C = 16, N = 5, 3×32×32 pixels, 10 classes. A table may have trained smaller ones, see its notes under Data."));
}

function encodings(index) {
  const digits = digitsOf(index), quoted = digits.map((digit) => `'${OPERATIONS[digit]}'`);
  return [
    ["operations", `(${quoted.join(", ")})`],
    ["NASLib", `(${NASLIB_EDGES.map((edge) => NASLIB_OPERATIONS[digits[edge]]).join(", ")})`],
    ["HPOBench", `{${HPOBENCH_KEYS.map((key, edge) => `'${key}': ${quoted[edge]}`).join(", ")}}`],
  ];
}

function copies(index) {
  return [
    copyButton("Copy code", () => codeOf(index)), copyButton("Copy genotype", () => genotype(index)), copyButton("Copy link", () => location.href),
  ];
}

function pythonText(table, column, index) {
  const row = table.rowOf(index), known = row >= 0 && !Number.isNaN(column.values[row]), value = known ? `  # ${column.values[row].toFixed(4)}` : "";
  return `import robnas\n\ntable = robnas.load(${pythonString(table.source)})\narch = robnas.Architecture("${codeOf(index)}")\n`
    + `table.query(arch, dataset=${pythonString(column.dataset)}, metric=${pythonString(column.metric)}, split=${pythonString(column.split)}, seed="mean")${value}\n`;
}

const commandText = (table, column, index) => `robnas query ${codeOf(index)} --table ${shellWord(table.source)} --dataset ${shellWord(column.dataset)} `
  + `--metric ${shellWord(column.metric)} --split ${shellWord(column.split)}`;

function tableCard(data, table, index) {
  const row = table.rowOf(index), main = table.columns[table.main];
  const head = h("div", { class: "headline" }, h("h2", {}, table.name),
    h("div", { class: "actions" }, main && [copyButton("Copy as Python", () => pythonText(table, main, index)), copyButton("Copy as command", () => commandText(table, main, index))]));
  if (row < 0) {
    return h("section", { class: "card", "aria-label": table.name }, head,
      h("p", { class: "notice" }, `This table has not measured ${codeOf(index)}${table.partition ? ", nor an isomorphic architecture" : ""}.`));
  }
  const own = table.indices[row];
  const open = (column) => go("map", { arch: codeOf(index), x: "size~parameters", y: [...data.quantities.values()].find((q) => q.column === column).id });
  return h("section", { class: "card", "aria-label": table.name }, head,
    own !== index && standsIn(data, index, own, "trained"),
    h("div", { class: "blocks" }, measurements(table, row, open)), constantNotes(table, row), noiseNote(table),
    table.left_out.map((text) => h("p", { class: "notice" }, `Left out: ${text}`)));
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
  ].filter(Boolean);
  return h("p", { class: "hint" }, texts.join(" "));
}

function scoreCard(data, index) {
  if (!data.scores.length) return null;
  const found = data.scores.map((file) => ({ file, row: data.scoredRow(file, index) }));
  const rows = found.flatMap(({ file, row }) => file.columns.map((column) => [file.name, column.name, scoreText(column, row, file.indices[row])]));
  const twins = [...new Set(found.map(({ file, row }) => file.indices[row]))].filter((other) => other !== undefined && other !== index);
  return h("section", { class: "card", "aria-label": "Scores" }, h("h2", {}, "Scores before training"),
    twins.map((other) => standsIn(data, index, other, "scored")),
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Scores of the untrained network" }, h("table", {},
      h("thead", {}, h("tr", {}, ["file", "score", "value"].map((text) => h("th", { scope: "col" }, text)))),
      h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((text) => h("td", {}, text))))))));
}

function scoreText(column, row, index) {
  if (row < 0) return "not scored";
  const value = column.values[row], error = column.errors?.[row];
  if (Number.isNaN(value)) return `missing: ${Object.entries(column.missing).find(([, members]) => members.includes(index))?.[0] ?? "no reason recorded"}`;
  return error >= 0 ? `${short(value)} ± ${short(error)}` : short(value);
}

const rankWords = ({ rank, sharing }) => sharing > 1 ? `${rank}, shared by ${sharing}` : `${rank}`;

function summary(data, index) {
  const { table, column } = data.main, row = table?.rowOf(index) ?? -1;
  if (row < 0 || !column) return "Not in the table.";
  return Number.isNaN(column.values[row]) ? `${column.name} not measured.` : `${column.name} ${percent(column.values[row])}, rank ${rankWords(column.rankOf(row))}.`;
}

function csv(data, index) {
  const rows = data.tables.flatMap((table) => {
    const row = table.rowOf(index);
    return row < 0 ? [] : table.columns.map((column) => {
      const rank = column.rankOf(row);
      return [genotype(index), genotype(table.indices[row]), table.name, column.dataset, column.split, column.metric, column.values[row], column.sdOf(row), column.runsOf(row), rank.rank, rank.sharing, rank.low, rank.high, rank.count, column.noise?.kind ?? "none", column.best.has(row) ? "yes" : "no", data.areIdentical(index, table.indices[row]) ? "yes" : "no"];
    });
  });
  return [["asked", "architecture", "table", "dataset", "split", "metric", "accuracy", "sd", "runs", "rank", "rank_shared_by", "rank_low", "rank_high", "of", "noise", "may_be_best", "same_network"], rows];
}
