/**
 * @typedef {import("./stock").Item} Item
 */

/**
 * Adds it up.
 *
 * @param {Item[]} all
 */

export function sum(all) {
  return all.map((one) => one.total());
}
