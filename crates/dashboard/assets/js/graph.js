// The phases of a job as a drawing: how they follow each other, and where each stands now.

import { h } from "./dom.js";
import { layout } from "./layout.js";
import { count, phaseFraction, progressText, stateSign, stateWord } from "./words.js";

/** Sizes in pixels, lying and standing (on a phone). */
const LYING = { width: 186, height: 84, across: 244, down: 104, edge: 12 };
const STANDING = { width: 160, height: 84, across: 170, down: 122, edge: 12 };
/** Least distance of columns, and how far a drawing that is still too wide is made smaller before it scrolls. */
const TIGHT = 214;
const SMALLEST = 0.78;
/** Items of a map that get a piece of their own. */
const PIECES = 40;

const cut = (text, length) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);

/** What a phase has to say beside its state: progress in its unit, or what it waits for. */
function words(phase, job) {
  if (phase.status === "running" || phase.status === "paused") return progressText(phase.progress);
  if (phase.status === "queued") return "waits for a slot";
  if (phase.status === "failed") return phase.error?.message ?? "";
  if (phase.status === "waiting") return phase.reason?.replace(`${phase.phase} `, "") ?? "";
  if (phase.status === "pending" && phase.reason && job.status !== "complete") return phase.reason.replace(`${phase.phase} `, "");
  if (phase.status === "complete" && phase.progress) return progressText(phase.progress);
  return "";
}

function mapBar(items, width) {
  const order = ["complete", "failed", "running", "pending"];
  if (items.length <= PIECES) {
    const each = width / items.length;
    const gap = each > 4 ? 1.5 : 0.5;
    return items.map((state, index) => h("rect", { x: index * each, y: 0, width: Math.max(1, each - gap), height: 8, rx: 2, class: `fill-${state}` }));
  }
  let x = 0;
  return order.map((state) => {
    const part = (items.filter((item) => item === state).length / items.length) * width;
    const piece = h("rect", { x, y: 0, width: part, height: 8, class: `fill-${state}` });
    x += part;
    return piece;
  });
}

function progressBar(phase, history, width) {
  const items = history.maps.get(phase.phase)?.items;
  if (items?.length) return mapBar(items, width);
  const part = phase.status === "complete" || phase.status === "skipped" ? 1 : phaseFraction(phase) ?? 0;
  return [
    h("rect", { x: 0, y: 0, width, height: 8, rx: 4, class: "fill-pending" }),
    h("rect", { x: 0, y: 0, width: part * width, height: 8, rx: 4, class: `fill-${phase.status}` }),
  ];
}

function node(phase, definition, at, size, { history, job, selected, select }) {
  const wide = size.width - 24;
  const said = words(phase, job);
  const label = [phase.phase, stateWord(phase.status), said, phase.attempts > 1 && !definition?.map ? `${phase.attempts} attempts` : ""]
    .filter(Boolean).join(", ");
  const kinds = [definition?.map && "map", definition?.signal && "decision", definition?.gate && "gate", definition?.onFailure && "on failure"].filter(Boolean);
  return h("g", {
    class: `node ${phase.status}${selected === phase.phase ? " selected" : ""}${definition?.onFailure ? " on-failure" : ""}`,
    transform: `translate(${at.x} ${at.y})`, tabindex: 0, role: "button", "aria-pressed": selected === phase.phase,
    "data-focus": `node-${phase.phase}`,
    onclick: () => select(phase.phase),
    onkeydown: (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        select(phase.phase);
      }
    },
  },
  h("title", {}, label),
  h("rect", { width: size.width, height: size.height, rx: 10, class: "node-box" }),
  h("text", { x: 12, y: 23, class: "node-name" }, cut(phase.phase, 18)),
  h("text", { x: size.width - 12, y: 23, class: "node-kind", "text-anchor": "end" }, kinds.join(" · ")),
  h("text", { x: 12, y: 42, class: "node-state" }, `${stateSign(phase.status)} ${stateWord(phase.status)}`),
  h("text", { x: 12, y: 59, class: "node-words" }, cut(said, Math.floor(wide / 6.3))),
  h("g", { transform: "translate(12 67)" }, progressBar(phase, history, wide)));
}

function path(points, standing) {
  let d = `M${points[0].x} ${points[0].y}`;
  for (let index = 1; index < points.length; index += 1) {
    const [a, b] = [points[index - 1], points[index]];
    const half = standing ? (b.y - a.y) / 2 : (b.x - a.x) / 2;
    d += standing ? `C${a.x} ${a.y + half} ${b.x} ${b.y - half} ${b.x} ${b.y}` : `C${a.x + half} ${a.y} ${b.x - half} ${b.y} ${b.x} ${b.y}`;
  }
  return d;
}

/** The box around the phases of a loop, and its turn. */
function loopBoxes(definitions, corner, size, history) {
  const loops = new Map();
  for (const one of definitions.filter((definition) => definition.loop)) {
    const known = loops.get(one.loop.id) ?? { ...one.loop, corners: [] };
    known.corners.push(corner(one.id));
    loops.set(one.loop.id, known);
  }
  return [...loops.values()].map((loop) => {
    const x = Math.min(...loop.corners.map((at) => at.x)) - 10;
    const y = Math.min(...loop.corners.map((at) => at.y)) - 24;
    const width = Math.max(...loop.corners.map((at) => at.x)) + size.width + 10 - x;
    const height = Math.max(...loop.corners.map((at) => at.y)) + size.height + 10 - y;
    const ended = history.loops.get(loop.id)?.ended;
    const text = `↻ ${loop.id}: turn ${count(history.turn(loop.id))} of at most ${count(loop.max)}${ended ? ", over" : ""}`;
    return h("g", { class: "loop" }, h("rect", { x, y, width, height, rx: 14 }), h("text", { x: x + 12, y: y + 16 }, text));
  });
}

/** The whole drawing. `pipeline` may be one of another version: then the phases stand in their order. */
export function graph({ job, pipeline, history, selected, select, narrow, width: room }) {
  let size = narrow ? STANDING : LYING;
  const known = new Map(pipeline?.phases.map((phase) => [phase.id, phase]));
  const fits = job.phases.every((phase) => known.has(phase.phase));
  const definitions = job.phases.map((phase, index) =>
    (fits ? known.get(phase.phase) : { id: phase.phase, after: index ? [job.phases[index - 1].phase] : [] }));
  // A phase for failures with nothing before it stands beside the last ones, and no edge leads to it.
  const apart = new Set(definitions.filter((one) => one.onFailure && one.after.length === 0).map((one) => one.id));
  const flow = definitions.filter((one) => !one.onFailure);
  const leaves = flow.filter((one) => !flow.some((other) => other.after.includes(one.id)));
  const beside = [...new Set(leaves.flatMap((one) => one.after))];
  const placed = layout(definitions.map((one) => (apart.has(one.id) ? { ...one, after: beside } : one)));
  placed.edges = placed.edges.filter((edge) => !apart.has(edge.to));
  if (!narrow) {
    const across = (room - 24 - size.width) / Math.max(1, placed.columns - 1);
    size = { ...size, across: Math.max(TIGHT, Math.min(size.across, across)) };
  }
  const top = definitions.some((one) => one.loop) ? 26 : 4;
  const corner = (id) => spot(placed.nodes.get(id));
  const spot = (item) => (narrow
    ? { x: 12 + item.row * size.across, y: top + item.column * size.down }
    : { x: 12 + item.column * size.across, y: top + item.row * size.down });
  const edges = placed.edges.map((edge) => {
    const [from, to] = [corner(edge.from), corner(edge.to)];
    const start = narrow ? { x: from.x + size.width / 2, y: from.y + size.height } : { x: from.x + size.width, y: from.y + size.height / 2 };
    const end = narrow ? { x: to.x + size.width / 2, y: to.y } : { x: to.x, y: to.y + size.height / 2 };
    const via = edge.via.flatMap((item) => {
      const at = spot(item);
      return narrow
        ? [{ x: at.x + size.width / 2, y: at.y }, { x: at.x + size.width / 2, y: at.y + size.height }]
        : [{ x: at.x, y: at.y + size.height / 2 }, { x: at.x + size.width, y: at.y + size.height / 2 }];
    });
    const state = job.phases.find((phase) => phase.phase === edge.from)?.status;
    const failure = known.get(edge.to)?.onFailure;
    const done = state === "complete" || state === "skipped";
    return h("path", { d: path([start, ...via, end], narrow), class: `edge${done ? " done" : ""}${failure ? " on-failure" : ""}` });
  });
  const nodes = job.phases.map((phase) =>
    node(phase, known.get(phase.phase), corner(phase.phase), size, { history, job, selected, select }));
  const [columns, rows] = narrow ? [placed.rows, placed.columns] : [placed.columns, placed.rows];
  const width = 24 + (columns - 1) * size.across + size.width;
  const height = top + (rows - 1) * size.down + size.height + 14;
  const scale = narrow ? Math.min(1, room / width) : Math.max(SMALLEST, Math.min(1, room / width));
  return [
    h("svg", { class: "graph", width: width * scale, height: height * scale, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "Phases" },
      loopBoxes(definitions, corner, size, history), edges, nodes),
    !fits && h("p", { class: "faint" }, "This job has an earlier definition of its pipeline: its phases stand in their order, without branches."),
  ];
}
