// Recorded searches: how fast each algorithm gets near the best, and single runs again, query by query.

import { announce, calm, dropdown, h, put } from "./dom.js";
import { csvButton, svgButton } from "./download.js";
import { pairs } from "./data.js";
import { percent, short, whole } from "./format.js";
import { linkTo, open } from "./links.js";
import { describePoint } from "./map.js";
import { Curves, lineLook } from "./curves.js";
import { quantitySelect } from "./quantity-select.js";
import { Scatter } from "./scatter.js";
import { change, changeSoon } from "./state.js";

const FRAMES = 12; // queries per second of a replay
const AGAINST = "Counted against the table's maximum. That is a measured value, too, and the luckiest of many: trained again, the architecture "
  + "that has it would be expected to show less, and so would the best that a search found by its value.";
const AGAINST_FRONT = "Counted against the hypervolume of the table's Pareto front, which noise makes too large: its points are the luckiest of many.";
const AGAINST_EXPECTED = "Accuracies are what the mean of ever more trainings is expected to come to, of the best as of what a search found: luck is taken off both.";

/** A value in its unit; without one it is a fraction, shown in percent under the name `share`. */
const inUnit = (value, unit, share) => typeof unit === "string" ? `${short(value)} ${unit}`.trim() : `${(100 * value).toFixed(2)} ${share}`;

/** What regrets are against, and the sample that it is of; empty for searches kept before they named it. */
function optimumText({ task, unit }) {
  const optimum = task.optimum;
  if (!optimum) return "";
  const value = optimum.value === null ? "" : ` ${inUnit(optimum.value, unit, "%")}`;
  return `Regret is against the ${optimum.is}${value} of ${optimum.architectures.toLocaleString("en")} architectures of ${task.table}${optimum.predicted ? `, ${optimum.predicted.toLocaleString("en")} of them predicted: it is an estimate` : ""}. `;
}

/** The whole name of a column, as tasks have it: its source stands before the data set. */
const wholeName = ({ source, dataset, split, metric }) => source ? `${source}:${dataset} ${split} ${metric.slice(source.length + 1)}` : `${dataset} ${split} ${metric}`;

/** The first accuracy that a search was told of: of several of one name, that of its space. */
function seenColumn(table, task) {
  const names = table?.columns.map(wholeName) ?? [], first = task.seen.find((name) => names.includes(name));
  const named = table?.columns.filter((_, place) => names[place] === first) ?? [];
  return named.find(({ space }) => space === task.space) ?? named[0];
}

/** Queries that beat everything before them. @param {(number|null)[]} values */
export function incumbents(values) {
  let best = -1;
  return values.map((value, query) => {
    if (value !== null && (best < 0 || value > values[best])) best = query;
    return best;
  });
}

/** @param {import("./data.js").Data} data */
export function searchView(data) {
  const element = h("div", { class: "view" }, h("h1", { class: "unseen" }, "Search"), h("p", { class: "loading" }, "Reading the searches …"));
  let view = null, params = {};
  data.searches().then((searches) => {
    view = searches.length ? new SearchView(data, searches) : null;
    put(element, h("h1", { class: "unseen" }, "Search"), view ? view.parts : nothing());
    view?.update(params);
  }, (error) => put(element, h("p", { class: "error", role: "alert" }, error.message)));
  return {
    element, title: () => "Search",
    update(next) { params = next; view?.update(next); },
    recolour: () => view?.recolour(), leave: () => view?.stop(),
  };
}

const nothing = () => h("section", { class: "card empty" }, h("h2", {}, "No recorded search"),
  h("p", {}, "Run some algorithms, keep what they did, and show it:"),
  h("pre", { tabindex: 0 }, "robnas search --table nas-robbench-201 --dataset cifar10 --metric pgd@8/255 --algorithm regularized-evolution \\\n"
    + "    --algorithm local-search --budget 150 --runs 100 --out runs/search\nrobnas explore nas-robbench-201 --search runs/search"));

class SearchView {
  constructor(data, searches) {
    this.data = data;
    this.searches = searches.map((search) => ({ ...search, traces: search.traces.map((trace) => ({ ...trace, architectures: trace.architectures.map((text) => data.space.parse(text)) })) }));
    this.tasks = [...new Set(searches.map(({ task }) => task.name))];
    this.controls = h("div", { class: "controls" });
    this.legend = h("div", { class: "legend" });
    this.against = h("p", { class: "hint" });
    this.curves = new Curves("Regret");
    this.player = h("div", { class: "player" });
    this.told = h("p", { class: "told" });
    this.points = null;
    this.timer = 0;
    this.scatter = new Scatter({
      label: "Replay", describe: (place) => describePoint(this.data, this.x, this.y, this.points)(place), onOpen: (index) => open(data, index),
    });
    this.replayCard = h("section", { class: "card", "aria-label": "Replay" });
    this.parts = [this.controls,
      h("section", { class: "card", "aria-label": "Regret" }, h("h2", {}, "How much is missing"), this.curves.element, this.legend, this.against,
        h("div", { class: "actions" }, svgButton("regret", () => this.curves.svg()), csvButton("regret", () => this.#curvesCsv()))),
      this.replayCard];
  }

  recolour() { this.scatter.recolour(); this.curves.draw(); }

  update(params) {
    this.params = params;
    const signature = JSON.stringify({ ...params, step: null });
    if (signature === this.signature) { // the slider is not taken out of the hand that moves it
      const step = Number(params.step) || this.run?.trace.architectures.length;
      if (this.run && step !== this.step) this.#seek(step);
      return;
    }
    this.signature = signature;
    this.task = this.tasks.includes(params.task) ? params.task : this.tasks[0];
    this.here = this.searches.filter(({ task }) => task.name === this.task);
    const hidden = new Set((params.hide ?? "").split("~"));
    this.shown = this.here.map((search, place) => ({ ...search, place })).filter((search) => search.mean && !hidden.has(search.algorithm));
    this.runs = this.here.flatMap((search, place) => search.traces.map((trace) => ({ key: `${search.algorithm}~${trace.seed}`, search, place, trace })));
    this.run = this.runs.find(({ key }) => key === params.run) ?? this.runs[0] ?? null;
    this.step = this.run ? Math.max(1, Math.min(Number(params.step) || this.run.trace.architectures.length, this.run.trace.architectures.length)) : 0;
    put(this.controls, dropdown("Task", this.tasks.map((value) => ({ value, text: value })), this.task, (task) => change({ task, run: null, step: null })));
    this.#showLegend(hidden);
    this.#showCurves();
    this.#showReplay();
  }

  #showCurves() {
    const several = this.here.some((search) => search.several);
    const expected = this.here.some(({ task }) => task.regret === "expected");
    put(this.against, this.here.length ? optimumText(this.here[0]) : "", several ? AGAINST_FRONT : expected ? AGAINST_EXPECTED : typeof this.here[0]?.unit === "string" ? "" : AGAINST);
    this.curves.show(this.shown.map((s) => ({ name: s.algorithm, place: s.place, mean: s.mean, error: s.standard_error })),
      several ? "hypervolume missing" : this.shown.some((search) => search.standard_error) ? "regret, mean ± 1.96 standard errors" : "regret", this.run ? this.step : null, this.here[0]?.unit);
  }

  #showLegend(hidden) {
    const unit = this.here[0]?.unit, number = (value) => inUnit(value, unit, "").replace(` ${unit}`, "").trim();
    const row = (search, place) => {
      const look = lineLook(place), swatch = h("i", { class: "line-swatch", "aria-hidden": "true" });
      swatch.style.borderTop = `3px ${look.dash.length ? "dashed" : "solid"} ${look.stroke}`;
      const box = h("input", { type: "checkbox", checked: !hidden.has(search.algorithm), onchange: () => this.#toggle(search.algorithm, hidden) });
      const last = search.mean?.at(-1), error = search.standard_error?.at(-1);
      return h("tr", {}, h("th", { scope: "row" }, h("label", { class: "check" }, box, swatch, search.algorithm)),
        h("td", { class: "number" }, last === undefined ? "one run" : `${number(last)}${error === undefined ? "" : ` ±${number(error)}`}`),
        h("td", { class: "number" }, search.mean ? percent(search.found_best, 1) : "–"), h("td", { class: "number" }, search.mean ? whole(search.runs) : "1"));
    };
    const oracle = [...new Set(this.here.flatMap((search) => search.oracle_selection ?? []))];
    put(this.legend, h("div", { class: "scroll", role: "region", "aria-label": "Algorithms", tabindex: 0 }, h("table", {},
      h("thead", {}, h("tr", {}, ["algorithm", `missing at the end, ${unit ?? "points"}`, "found the optimum", "runs"].map((text, place) => h("th", { scope: "col", class: place ? "number" : null }, text)))),
      h("tbody", {}, this.here.map(row)))),
    oracle.length ? h("p", { class: "notice" }, `Oracle selection: the search saw test accuracy (${oracle.join(", ")}).`) : null);
  }

  #toggle(algorithm, hidden) {
    const next = new Set([...hidden].filter(Boolean));
    if (!next.delete(algorithm)) next.add(algorithm);
    change({ hide: [...next].join("~") }, { replace: true });
  }

  #showReplay() {
    const notes = [...new Set(this.here.filter((search) => !search.traces.length).map(({ algorithm, note }) => `${algorithm}: ${note || "no replay"}`))];
    const table = this.data.tables.find(({ name }) => name === this.here[0].task.table);
    const seen = seenColumn(table, this.here[0].task);
    if (!this.run || !seen) {
      const why = table ? "What the search saw is no accuracy of the table, so there is no picture of a run." : "The table that was searched is not loaded.";
      put(this.replayCard, h("h2", {}, "Replay"), notes.map((text) => h("p", { class: "notice" }, text)), seen ? null : h("p", { class: "notice" }, why));
      return;
    }
    this.y = [...this.data.quantities.values()].find(({ column }) => column === seen);
    this.x = this.data.find(this.params.x, "size~parameters", this.data.companion.id);
    this.points = pairs(this.x, this.y);
    this.best = incumbents(this.run.trace.values);
    const { architectures } = this.run.trace;
    this.slider = h("input", { type: "range", min: 1, max: architectures.length, value: this.step, "aria-label": "Query", oninput: () => { this.stop(); this.#seek(Number(this.slider.value)); } });
    this.button = h("button", { type: "button", onclick: () => this.timer ? this.stop() : this.#play() }, "Play");
    put(this.player, dropdown("Run", this.runs.map(({ key, search, trace }) => ({ value: key, text: `${search.algorithm}, seed ${trace.seed}` })), this.run.key, (run) => { this.stop(); change({ run, step: null }); }),
      quantitySelect(this.data, "Across", this.x, (x) => change({ x })), this.button, this.slider);
    if (!this.scatter.element.isConnected || this.replayCard.firstChild?.textContent !== "Replay") {
      put(this.replayCard, h("h2", {}, "Replay"), this.player, this.told, this.scatter.element, h("div", { class: "actions" }, svgButton("replay", () => this.scatter.svg()), csvButton("replay", () => this.#replayCsv())));
    }
    this.replayCard.querySelectorAll(".replay-note").forEach((old) => old.remove());
    for (const text of notes) this.replayCard.append(h("p", { class: "hint replay-note" }, text));
    this.scatter.show({ x: this.x, y: this.y, points: this.points, faint: true, over: (...args) => this.#paintRun(...args) });
    this.#tell();
  }

  /** What was asked so far, the later the stronger, and the best of it. */
  #paintRun(painter, place, colours) {
    const look = lineLook(this.run.place), { architectures } = this.run.trace;
    const at = (query) => {
      const x = this.x.resolve(architectures[query]), y = this.y.resolve(architectures[query]);
      return Number.isNaN(x) || Number.isNaN(y) ? null : place(x, y);
    };
    for (let query = 0; query < this.step; query++) {
      const pixels = at(query);
      if (pixels) painter.disc(...pixels, 4.2, { fill: look.stroke, alpha: 0.35 + 0.65 * (query + 1) / this.step });
    }
    const path = [...new Set(this.best.slice(0, this.step))].filter((query) => query >= 0).map(at).filter(Boolean);
    if (path.length > 1) painter.line(path, { stroke: colours.text, width: 1.6 });
    const last = at(this.step - 1);
    if (last) painter.disc(...last, 7, { stroke: colours.accent, width: 2.5 });
    if (path.length) painter.disc(...path.at(-1), 7.5, { fill: colours.mark, stroke: colours.surface, width: 2 });
  }

  #tell() {
    const { trace, search: { told, unit, several } } = this.run, query = this.step - 1, best = this.best[query], link = (at) => linkTo(this.data, trace.architectures[at]);
    put(this.told, `Query ${this.step} of ${trace.architectures.length}: `, link(query), `, told ${trace.values[query] === null ? "nothing: its training failed" : inUnit(told.sign * trace.values[query], told.unit, "%")}. `,
      best >= 0 ? ["Best so far ", link(best), `, regret ${inUnit(trace.regret[query], unit, several ? "% of hypervolume" : "points")}.`] : "Nothing found yet.");
  }

  #seek(step) {
    this.step = Math.max(1, Math.min(step, this.run.trace.architectures.length));
    this.slider.value = String(this.step);
    this.scatter.recolour();
    this.#tell();
    this.#showCurves();
    changeSoon("search", { step: this.step }, 400);
  }

  /** Goes on query by query; where little motion is wished for, by ten at a time and slowly. */
  #play() {
    const end = this.run.trace.architectures.length, jump = calm() ? Math.ceil(end / 10) : 1;
    if (this.step >= end) this.#seek(1);
    this.button.textContent = "Pause";
    this.timer = setInterval(() => {
      this.#seek(Math.min(end, this.step + jump));
      if (this.step >= end) { this.stop(); announce(this.told.textContent); }
    }, calm() ? 1000 : 1000 / FRAMES);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = 0;
    if (this.button) this.button.textContent = "Play";
  }

  #curvesCsv() {
    return [["task", "algorithm", "queries", "mean_regret", "standard_error"],
      this.shown.flatMap((search) => search.mean.map((mean, at) => [this.task, search.algorithm, at + 1, mean, search.standard_error?.[at] ?? NaN]))];
  }

  #replayCsv() {
    const { trace, search } = this.run;
    return [["algorithm", "seed", "query", "architecture", "told", "regret"], trace.architectures.map((index, query) =>
      [search.algorithm, trace.seed, query + 1, this.data.space.writtenOf(index), trace.values[query] ?? NaN, trace.regret[query]])];
  }
}
