// A long list of which only the rows in sight exist: ten thousand cost no more than thirty.

import { h } from "./dom.js";

/** Rows beyond either edge, so that a quick scroll shows no gap. */
const MARGIN = 8;

/**
 * `makeRow()` gives `{ element, show(item) }`; `onSight(items)` hears which are in sight. Returns
 * `{ element, set(items), redraw(), height(px) }`; items have an `id`.
 */
export function longTable({ label, columns, rowHeight, makeRow, onSight }) {
  const head = h("div", { role: "row", class: "row head", "aria-rowindex": 1 },
    columns.map((name) => h("div", { role: "columnheader", class: "cell" }, name)));
  const space = h("div", { role: "rowgroup", class: "space" });
  const scroller = h("div", { class: "scroller" }, space);
  const element = h("div", { role: "table", "aria-label": label, class: "table" },
    h("div", { role: "rowgroup" }, head), scroller);
  const rows = new Map();
  let items = [];
  let waits = false;

  function draw() {
    waits = false;
    const from = Math.max(0, Math.floor(scroller.scrollTop / rowHeight) - MARGIN);
    const to = Math.min(items.length, Math.ceil((scroller.scrollTop + scroller.clientHeight) / rowHeight) + MARGIN);
    const sight = items.slice(from, to);
    const ids = new Set(sight.map((item) => item.id));
    for (const [id, row] of rows) {
      // The row that has the focus stays, or the keyboard would lose its place.
      if (!ids.has(id) && !row.element.contains(document.activeElement)) {
        row.element.remove();
        rows.delete(id);
      }
    }
    sight.forEach((item, index) => {
      let row = rows.get(item.id);
      if (!row) {
        row = makeRow();
        rows.set(item.id, row);
        space.append(row.element);
      }
      const top = `${(from + index) * rowHeight}px`;
      if (row.top !== top) {
        row.top = top;
        row.element.style.top = top;
        row.element.setAttribute("aria-rowindex", from + index + 2);
      }
      row.show(item);
    });
    onSight(sight);
  }

  function redraw() {
    if (waits) return;
    waits = true;
    requestAnimationFrame(draw);
  }

  scroller.addEventListener("scroll", redraw, { passive: true });
  const watch = new ResizeObserver(redraw);
  watch.observe(scroller);
  element.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1 }[event.key];
    if (by === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    const at = items.findIndex((item) => rows.get(item.id)?.element.contains(document.activeElement));
    const next = items[Math.max(0, Math.min(items.length - 1, at + by))];
    if (!next) return;
    event.preventDefault();
    const top = (at + by) * rowHeight;
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    if (top + rowHeight > scroller.scrollTop + scroller.clientHeight) {
      scroller.scrollTop = top + rowHeight - scroller.clientHeight;
    }
    draw();
    rows.get(next.id)?.element.querySelector("a")?.focus({ preventScroll: true });
  });

  return {
    element,
    redraw,
    set(next) {
      items = next;
      element.setAttribute("aria-rowcount", next.length + 1);
      space.style.height = `${next.length * rowHeight}px`;
      redraw();
    },
    stop: () => watch.disconnect(),
  };
}
