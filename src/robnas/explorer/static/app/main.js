// Start: read the data, then show the view that the address names.

import { architectureView } from "./architecture.js";
import { Data } from "./data.js";
import { DataError } from "./files.js";
import { h, put } from "./dom.js";
import { current, forget, formatHash, settle } from "./state.js";
import { startTheme } from "./theme.js";

/** Name, text, and the module that is loaded when the view is first shown; first that of an architecture. */
const VIEWS = [
  ["map", "Map", async () => (await import("./map.js")).mapView],
  ["compare", "Compare", async () => (await import("./compare.js")).compareView],
  ["search", "Search", async () => (await import("./search.js")).searchView],
  ["kernels", "Kernels", async () => (await import("./kernels.js")).kernelsView],
  ["data", "Data", async () => (await import("./about.js")).aboutView],
];
const main = document.getElementById("main");
/** @type {Map<string, any>} views that were made */
const made = new Map();
/** Last parameters of each view, so that going back to it finds it as it was. */
const last = new Map();
let shown = null, wanted = "";

/** What an element is, in a way that finds its successor after everything was drawn anew. */
function identity(element) {
  const around = element.parentElement?.closest("[aria-label]")?.getAttribute("aria-label") ?? "";
  const own = element.getAttribute("aria-label") ?? element.closest("label")?.firstChild?.textContent ?? element.textContent;
  return `${element.tagName} ${around} ${element.type === "checkbox" ? element.closest("label").textContent : own}`;
}

/** Runs an update that makes controls anew and gives the focus to the same one. */
function keepingFocus(root, update) {
  const active = document.activeElement, inside = active && root.contains(active), before = inside ? identity(active) : "";
  update();
  if (!inside || active.isConnected || root.contains(document.activeElement)) return;
  [...root.querySelectorAll(active.tagName)].find((element) => identity(element) === before)?.focus();
}

function showNavigation(view, params) {
  const link = ([name, text]) => {
    const kept = { ...last.get(name), ...(params.arch ? { arch: params.arch } : {}) };
    return h("a", { href: formatHash(name, kept), "aria-current": name === view ? "page" : null }, text);
  };
  const nav = document.getElementById("views");
  keepingFocus(nav, () => put(nav, VIEWS.map(link)));
}

function fail(error) {
  console.warn(error); // a warning: the page itself says what is wrong
  const known = error instanceof DataError;
  put(main, h("section", { class: "card" }, h("h1", {}, known ? "This cannot be shown" : "Something went wrong"),
    h("p", { class: "error", role: "alert" }, known ? error.message : `${error.name}: ${error.message}`),
    known ? null : h("p", {}, "This is a fault of the explorer, not of your data. ", h("a", { href: "#/" }, "Back to the start"))));
  main.dataset.ready = "failed";
  shown = null;
}

async function render(data) {
  const { view: asked, params } = current(), [view, text, load] = VIEWS.find(([name]) => name === asked) ?? VIEWS[0];
  wanted = location.hash;
  last.set(view, params);
  showNavigation(view, params);
  try {
    if (!made.has(view)) made.set(view, (await load())(data));
    if (wanted !== location.hash) return; // people went on meanwhile
    const next = made.get(view);
    if (shown !== next) {
      shown?.leave?.();
      put(main, next.element);
      shown = next;
    }
    keepingFocus(main, () => next.update(params));
    document.title = `${next.title(params) === text ? text : `${next.title(params)} · ${text}`} · robnas explorer`;
    main.dataset.ready = view;
  } catch (error) {
    fail(error);
  }
}

async function start() {
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault(); // the hash names the view
    main.focus();
  });
  startTheme(document.getElementById("theme"), () => made.forEach((view) => view.recolour?.()));
  try {
    const data = await Data.load();
    VIEWS.unshift([data.space.view, data.space.word, async () => architectureView]);
    put(document.getElementById("footer"), data.tables.map((table) => h("span", {}, table.name)), h("a", { href: "#/data" }, "sources, licences, noise"));
    addEventListener("hashchange", () => { forget(); render(data); });
    addEventListener("click", (event) => event.target.closest("a") && settle(), true); // before the link is followed
    await render(data);
  } catch (error) {
    fail(error);
  }
  performance.mark("robnas-first-view");
}

start();
