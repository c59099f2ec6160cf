// The choice of what an axis shows; an accuracy is always named with its table, data set, split and metric.

import { dropdown } from "./dom.js";

/**
 * @param {import("./data.js").Data} data @param {string} label @param {import("./data.js").Quantity} current
 * @param {(id: string) => void} choose @param {(q: import("./data.js").Quantity) => boolean} [wanted]
 */
export function quantitySelect(data, label, current, choose, wanted = () => true) {
  const options = [...data.quantities.values()].filter(wanted)
    .map((quantity) => ({ value: quantity.id, text: quantity.name, group: quantity.group }));
  return dropdown(label, options, current.id, choose);
}
