// Elements made in code. Text is always set as text, so a name that holds markup is shown, never run.

const SVG = "http://www.w3.org/2000/svg";

/**
 * Sets attributes, properties and listeners, and appends children.
 * @template {Element} T
 * @param {T} element
 * @param {Record<string, unknown>} attributes names starting with "on" are listeners; null, undefined, false: left out
 * @param {(Node|string|number|null|undefined|false)[]} children
 * @returns {T}
 */
function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else if (name === "value" || name === "checked" || name === "disabled" || name === "selected") element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat()) if (child !== null && child !== undefined && child !== false) element.append(child);
  return element;
}

/** An HTML element. @param {string} tag @param {Record<string, unknown>} [attributes] @param {...any} children */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** An SVG element. @param {string} tag @param {Record<string, unknown>} [attributes] @param {...any} children */
export function s(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** Replaces what an element holds. @param {Element} element @param {...any} children */
export function put(element, ...children) {
  element.replaceChildren();
  return fill(element, {}, children);
}

/** Tells people who listen rather than look. @param {string} text */
export function announce(text) {
  const live = document.getElementById("live");
  if (live.textContent !== text) live.textContent = text;
}

/** A value of the style sheet, such as a colour. @param {string} name */
export function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Whether people asked for little motion. */
export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/**
 * A group of buttons of which one is pressed.
 * @param {string} label @param {[string, string][]} choices value and text @param {string} current
 * @param {(value: string) => void} choose
 */
export function segmented(label, choices, current, choose) {
  return h("div", { class: "segmented", role: "group", "aria-label": label },
    choices.map(([value, text]) =>
      h("button", { type: "button", "aria-pressed": String(value === current), onclick: () => choose(value) }, text)));
}

/**
 * A labelled drop-down list; options may be grouped.
 * @param {string} label @param {{value: string, text: string, group?: string}[]} options @param {string} current
 * @param {(value: string) => void} choose
 */
export function dropdown(label, options, current, choose) {
  const select = h("select", { onchange: () => choose(select.value) });
  const groups = new Map();
  for (const { value, text, group } of options) {
    const option = h("option", { value, selected: value === current }, text);
    if (!group) { select.append(option); continue; }
    if (!groups.has(group)) { groups.set(group, h("optgroup", { label: group })); select.append(groups.get(group)); }
    groups.get(group).append(option);
  }
  return h("label", { class: "field" }, h("span", {}, label), select);
}
