// Agreement by iteration, drawn: two shares with the lines that are asked for. The table beside it says the same in figures.

import { h } from "./dom.js";

const [WIDE, HIGH, LEFT, RIGHT, TOP, BOTTOM] = [560, 240, 46, 500, 22, 204];

export function chart(turns, criteria) {
  const rows = turns.filter((turn) => turn.summary);
  if (!rows.length) return h("p", { class: "faint" }, "Nothing is compared yet. The first figures come when both streams have written every component once.");
  const series = [
    { name: "calls", label: "calls", of: (row) => row.summary.call_graph_match_rate, asked: criteria[0].target },
    { name: "texts", label: "texts", of: (row) => row.summary.documentation_similarity, asked: criteria[1].target },
  ];
  const least = Math.min(...series.flatMap((one) => [one.asked, ...rows.map(one.of)]));
  const low = Math.max(0, Math.min(0.9, Math.floor((least - 0.03) * 10) / 10));
  const x = (at) => (rows.length === 1 ? (LEFT + RIGHT) / 2 : LEFT + 24 + ((RIGHT - LEFT - 48) * at) / (rows.length - 1));
  const y = (value) => BOTTOM - ((BOTTOM - TOP) * Math.max(0, value - low)) / (1 - low);
  const grid = [0, 0.25, 0.5, 0.75, 1].map((part) => low + (1 - low) * part).map((value) => [
    h("line", { class: "twin-grid", x1: LEFT, x2: RIGHT, y1: y(value), y2: y(value) }),
    h("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, `${Math.round(value * 100)} %`),
  ]);
  const drawn = series.map((one) => [
    h("line", { class: `twin-asked ${one.name}`, x1: LEFT, x2: RIGHT, y1: y(one.asked), y2: y(one.asked) }),
    h("path", { class: `twin-line ${one.name}`, d: rows.map((row, at) => `${at ? "L" : "M"}${x(at).toFixed(1)} ${y(one.of(row)).toFixed(1)}`).join("") }),
    rows.map((row, at) => h("circle", { class: `twin-dot ${one.name}`, cx: x(at), cy: y(one.of(row)), r: 4 }, h("title", {}, `${one.label}, iteration ${row.iteration}: ${one.of(row).toFixed(4)}`))),
  ]);
  // The ends are named where they are; two that lie close are set apart.
  const ends = series.map((one) => ({ one, at: y(one.of(rows.at(-1))) })).sort((a, b) => a.at - b.at);
  if (ends[1].at - ends[0].at < 14) ends[1].at = ends[0].at + 14;
  const said = rows.map((row) => `iteration ${row.iteration}: calls ${row.summary.call_graph_match_rate.toFixed(3)}, texts ${row.summary.documentation_similarity.toFixed(3)}`).join("; ");
  return h("svg", { class: "twin-chart", viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": `Agreement by iteration. ${said}` },
    grid, drawn,
    ends.map(({ one, at }) => h("text", { class: `twin-name ${one.name}`, x: RIGHT + 8, y: at + 4 }, one.label)),
    rows.map((row, at) => h("text", { x: x(at), y: BOTTOM + 18, "text-anchor": "middle" }, String(row.iteration))),
    h("text", { x: (LEFT + RIGHT) / 2, y: HIGH - 2, "text-anchor": "middle" }, "iteration"));
}
