// What is shown is in the address: #/map?x=…&y=…, so that a link shows the same view and the back button works.

/** @typedef {{view: string, params: Record<string, string>}} State */

/** What a value needs escaped to stand in a query; more would only make the address harder to read. */
const escaped = (text) => encodeURIComponent(text).replace(/%(2F|40|7E|2C|3A|3D|20)/g, (code) =>
  ({ "%2F": "/", "%40": "@", "%7E": "~", "%2C": ",", "%3A": ":", "%3D": "=", "%20": "+" })[code]);

function unescaped(text) {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text; // a stray % is shown, not an error
  }
}

/** @param {string} hash @returns {State} */
export function parseHash(hash) {
  const match = /^#\/([a-z]*)(?:\?(.*))?$/s.exec(hash);
  const params = Object.create(null);
  for (const pair of (match?.[2] ?? "").split("&").filter(Boolean)) {
    const at = pair.indexOf("=");
    params[unescaped(at < 0 ? pair : pair.slice(0, at))] = at < 0 ? "" : unescaped(pair.slice(at + 1));
  }
  return { view: match?.[1] ?? "", params };
}

/** @param {string} view @param {Record<string, string|number|null|undefined>} params */
export function formatHash(view, params) {
  const pairs = Object.entries(params).filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => `${escaped(name)}=${escaped(String(value))}`);
  return `#/${view}${pairs.length ? `?${pairs.join("&")}` : ""}`;
}

export const current = () => parseHash(location.hash);

/**
 * Changes the address, and with it the view.
 * @param {string} view @param {Record<string, any>} params @param {{replace?: boolean}} [options] replace: no new entry in the history
 */
export function go(view, params, { replace = false } = {}) {
  settle();
  const hash = formatHash(view, params);
  if (hash === location.hash) return;
  history[replace ? "replaceState" : "pushState"](null, "", hash);
  dispatchEvent(new Event("hashchange"));
}

/** Changes some parameters of the view that is shown. @param {Record<string, any>} changes @param {{replace?: boolean}} [options] */
export function change(changes, options) {
  settle();
  const { view, params } = current();
  go(view, { ...params, ...changes }, options);
}

/** What waits to be written into the address, so that a drag does not write a hundred times. */
let waiting = null;

/**
 * Changes some parameters of a view once nothing of it has changed for a while, or people go on.
 * @param {string} view @param {Record<string, any>} changes @param {number} wait milliseconds
 */
export function changeSoon(view, changes, wait) {
  if (current().view !== view) return;
  clearTimeout(waiting?.timer);
  waiting = { view, changes: { ...waiting?.changes, ...changes }, timer: setTimeout(settle, wait) };
}

/** Writes now what waits. */
export function settle() {
  const found = waiting;
  forget();
  if (found?.view === current().view) change(found.changes, { replace: true });
}

/** Drops what waits: the address has changed meanwhile, and it belongs to the former one. */
export function forget() {
  clearTimeout(waiting?.timer);
  waiting = null;
}
