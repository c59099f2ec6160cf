// The cell to change: an edge is chosen in the drawing, its operation below it or by a key.

import { h } from "../dom.js";
import { frozen } from "../download.js";
import { digitsOf, EDGES, OPERATIONS, SHORT, withOperation } from "./cells.js";
import { drawCell, swatch } from "./drawing.js";

/** Keeps which edge is chosen, and gives the focus back to it. */
export function cellEditor() {
  let edge = 5, focused = false;
  return {
    /** @param {number} id @param {{set: (next: number) => void, again: () => void}} acts */
    show(id, { set, again }) {
      const move = (next, keep) => { focused = keep; set(next); };
      const pick = (next) => { edge = next; focused = true; again(); };
      const keys = (event) => edgeKey(event, id, edge, pick, (next) => move(next, true));
      const drawing = drawCell(id, edge, { onPick: pick, onKey: keys });
      const focus = () => {
        if (focused) drawing.querySelector(`[data-edge="${edge}"]`).focus();
        focused = false;
      };
      return { nodes: [drawing, palette(id, edge, (operation) => move(withOperation(id, edge, operation), false))], svg: () => frozen(drawing), focus };
    },
  };
}

function edgeKey(event, id, edge, pick, set) {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: 5, ArrowUp: 5 }[event.key];
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (step) pick((edge + step) % 6);
  else if ("01234".includes(event.key)) set(withOperation(id, edge, Number(event.key)));
  else if (event.key === "Enter" || event.key === " ") set(withOperation(id, edge, (digitsOf(id)[edge] + 1) % 5));
  else return;
  event.preventDefault();
}

/** The five operations for the chosen edge. */
function palette(id, edge, choose) {
  const current = digitsOf(id)[edge];
  return h("div", { class: "palette", role: "group", "aria-label": `Operation of edge ${EDGES[edge].join(" to ")}` },
    h("span", { class: "edge-name" }, `${EDGES[edge].join(" → ")}`),
    OPERATIONS.map((name, operation) =>
      h("button", { type: "button", class: "operation", "aria-pressed": String(operation === current), title: `${name} (key ${operation})`, onclick: () => choose(operation) },
        swatch(operation), SHORT[operation])));
}
