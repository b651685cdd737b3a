// A long list whose rows have heights of their own, of which only those in sight exist. A row that was not seen yet is as high
// as it is thought to be; once it is there it is measured, and what is in sight stays where it is.

import { h } from "./dom.js";

/** Beyond either edge, in pixels: a quick scroll shows no gap. */
const MARGIN = 350;

/**
 * `make(item)` gives a row's element, `guess(item)` its likely height. Returns `{ element, set(items), show(id), redraw() }`;
 * items have an `id`. An item that is another object than before is made anew.
 */
export function tallList({ label, make, guess, inSight }) {
  const space = h("div", { class: "tall-space", role: "list", "aria-label": label });
  const element = h("div", { class: "tall", tabindex: -1 }, space);
  const heights = new Map();
  const rows = new Map();
  let items = [];
  let tops = [0];
  let waits = false;
  let width = 0;

  const height = (item) => heights.get(item.id) ?? guess(item, width);
  function place() {
    tops = new Array(items.length + 1);
    tops[0] = 0;
    for (let index = 0; index < items.length; index += 1) tops[index + 1] = tops[index] + height(items[index]);
    space.style.setProperty("height", `${tops[items.length]}px`);
  }

  function at(y) {
    let [low, high] = [0, Math.max(0, items.length - 1)];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (tops[middle] <= y) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  function draw() {
    waits = false;
    if (!element.isConnected) return;
    if (element.clientWidth !== width) {
      width = element.clientWidth;
      heights.clear();
      place();
    }
    const from = at(Math.max(0, element.scrollTop - MARGIN));
    const to = Math.min(items.length, at(element.scrollTop + element.clientHeight + MARGIN) + 1);
    const sight = new Map(items.slice(from, to).map((item, index) => [item.id, [item, from + index]]));
    for (const [id, row] of rows) {
      const stays = sight.has(id) ? sight.get(id)[0] === row.item : row.element.contains(document.activeElement) && items.includes(row.item);
      if (stays) continue;
      row.element.remove();
      rows.delete(id);
    }
    let before = null;
    for (const [id, [item, index]] of sight) {
      let row = rows.get(id);
      if (!row) {
        row = { item, element: make(item) };
        row.element.setAttribute("role", "listitem");
        rows.set(id, row);
      }
      row.element.setAttribute("aria-setsize", items.length);
      row.element.setAttribute("aria-posinset", index + 1);
      // In the order of the list also for those who don't see it.
      if (row.element.parentNode !== space) space.insertBefore(row.element, before ? before.nextSibling : space.firstChild);
      row.element.style.setProperty("top", `${tops[index]}px`);
      before = row.element;
    }
    measure(sight);
    inSight?.([...sight.values()].map(([item]) => item), from, to);
  }

  /** Takes the true heights; what stands at the upper edge stays there. */
  function measure(sight) {
    const anchor = at(element.scrollTop);
    const within = element.scrollTop - tops[anchor];
    let changed = false;
    for (const [id] of sight) {
      const true_ = rows.get(id).element.offsetHeight;
      if (true_ && Math.abs(true_ - height(rows.get(id).item)) > 0.5) {
        heights.set(id, true_);
        changed = true;
      }
    }
    if (!changed) return;
    place();
    for (const [id, [, index]] of sight) rows.get(id).element.style.setProperty("top", `${tops[index]}px`);
    const top = tops[anchor] + within;
    if (Math.abs(element.scrollTop - top) > 0.5) element.scrollTop = top;
    redraw();
  }

  function redraw() {
    if (waits) return;
    waits = true;
    requestAnimationFrame(draw);
  }

  element.addEventListener("scroll", redraw, { passive: true });
  const watch = new ResizeObserver(redraw);
  watch.observe(element);

  return {
    element,
    redraw,
    set(next) {
      items = next;
      place();
      redraw();
    },
    /** Brings an item in sight, to the nearest edge or, where it was out of sight, to the middle; its element. */
    show(id, edge = "nearest") {
      const index = items.findIndex((item) => item.id === id);
      if (index < 0) return undefined;
      if (element.clientWidth !== width) draw();
      const [top, bottom] = [tops[index], tops[index + 1]];
      const [above, below] = [top < element.scrollTop, bottom > element.scrollTop + element.clientHeight];
      if (edge === "middle" && (above || below)) element.scrollTop = (top + bottom - element.clientHeight) / 2;
      else if (above) element.scrollTop = top;
      else if (below) element.scrollTop = bottom - element.clientHeight;
      draw();
      return rows.get(id)?.element;
    },
    row: (id) => rows.get(id)?.element,
    stop: () => watch.disconnect(),
  };
}
