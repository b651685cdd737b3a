// Attempts on a real time axis, one band for each phase; what waited for a slot is a thin line before its attempt. After the
// line of now comes what the estimate says: dashed to where half of the runs would be through, lighter to nine of ten.

import { h } from "./dom.js";
import { duration, millis, stateWord, time } from "./words.js";

const LABEL = 128;
const AXIS = 22;
/** Lanes of a phase that keep their full height. */
const FULL_LANES = 6;
const TICKS = [100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 144e5, 288e5, 864e5, 6048e5];

/** Attempts of a phase in lanes: each in the first that is free by then. */
function lanes(attempts, now) {
  const ends = [];
  const placed = attempts.map((attempt) => {
    let lane = ends.findIndex((end) => end <= attempt.from);
    if (lane < 0) lane = ends.length;
    ends[lane] = attempt.to ?? now;
    return { attempt, lane };
  });
  return { placed, count: Math.max(1, ends.length) };
}

function axis(from, to, x, height, width) {
  const room = Math.max(2, Math.floor((width - LABEL) / 110));
  const tick = TICKS.find((one) => (to - from) / one <= room) ?? TICKS.at(-1);
  // Ticks stand on round times of the reader's zone.
  const zone = new Date(from).getTimezoneOffset() * 60_000;
  const first = Math.ceil((from - zone) / tick) * tick + zone;
  const options = tick >= 864e5 ? { month: "short", day: "numeric" }
    : tick < 6e4 ? { hour: "2-digit", minute: "2-digit", second: "2-digit" } : { hour: "2-digit", minute: "2-digit" };
  const format = new Intl.DateTimeFormat(navigator.language, options);
  const marks = [];
  for (let at = first; at <= to; at += tick) {
    marks.push(h("line", { x1: x(at), x2: x(at), y1: AXIS - 4, y2: height, class: "tick" }));
    if (x(at) < width - 40) marks.push(h("text", { x: x(at), y: 12, class: "tick-text", "text-anchor": "middle" }, format.format(at)));
  }
  return marks;
}

function title(attempt, now) {
  const took = duration((attempt.to ?? now) - attempt.from);
  const waited = attempt.ready && attempt.from - attempt.ready > 50 ? `, waited ${duration(attempt.from - attempt.ready)} before` : "";
  const error = attempt.error ? `: ${attempt.error.message}` : "";
  return `${attempt.run}, attempt ${attempt.number}: ${attempt.suspect ? "silent" : stateWord(attempt.state)}, ${took}${waited}${error}`;
}

/** What is still to come of a phase: from when, to when in the middle, to when near the end; none where nothing is known. */
function future(job, phase, now) {
  const of = job.completedAt ? undefined : job.estimate?.phases?.[phase];
  if (!of?.endsAt) return undefined;
  const from = Math.max(now, of.startsAt ? millis(of.startsAt.p50) : now);
  const to = Math.max(from, millis(of.endsAt.p50));
  return { from, to, late: Math.max(to, millis(of.endsAt.p90)), why: of.why };
}

function futureBar(coming, phase, x, middle) {
  const title = `${phase}, estimated: through ${time(coming.to)} to ${time(coming.late)}, ${coming.why}`;
  const piece = (from, to, name) => to > from && h("rect", { x: x(from), y: middle - 5, width: Math.max(1, x(to) - x(from)), height: 10, rx: 3, class: name });
  return h("g", { class: "future" }, h("title", {}, title), piece(coming.to, coming.late, "future-late"), piece(coming.from, coming.to, "future-bar"));
}

/** The drawing for so many pixels of width; `ended` is when the job was over. */
export function gantt({ job, history, width, now, selected, select }) {
  const attempts = [...history.attempts.values()];
  const coming = new Map(job.phases.map((phase) => [phase.phase, future(job, phase.phase, now)]).filter(([, one]) => one));
  if (attempts.length === 0 && coming.size === 0) return h("p", { class: "faint" }, "No attempt yet.");
  const from = Date.parse(job.startedAt);
  const over = job.completedAt && !attempts.some((attempt) => !attempt.to);
  const to = Math.max(from + 1000, over ? Math.max(Date.parse(job.completedAt), ...attempts.map((one) => one.to ?? 0)) : now,
    ...[...coming.values()].map((one) => one.late));
  const x = (at) => LABEL + ((Math.min(Math.max(at, from), to) - from) / (to - from)) * (width - LABEL - 8);
  const order = job.phases.map((phase) => phase.phase).filter((phase) => coming.has(phase) || attempts.some((attempt) => attempt.phase === phase));
  let y = AXIS;
  const bands = order.map((phase) => {
    const { placed, count } = lanes(attempts.filter((attempt) => attempt.phase === phase), now);
    const lane = count <= FULL_LANES ? 14 : Math.max(3, (FULL_LANES * 14) / count);
    const height = Math.max(24, count * lane + 8);
    const top = y + (height - count * lane) / 2;
    const next = coming.get(phase);
    const band = h("g", { class: `band${selected === phase ? " selected" : ""}`, onclick: () => select(phase) },
      h("rect", { x: 0, y, width, height, class: "band-ground" }),
      h("text", { x: 10, y: y + height / 2 + 4, class: "band-name" }, phase.length > 16 ? `${phase.slice(0, 15)}…` : phase),
      placed.filter(({ attempt }) => count <= FULL_LANES && attempt.ready && attempt.from - attempt.ready > 50).map(({ attempt, lane: at }) => {
        const middle = top + at * lane + lane / 2;
        return h("line", { x1: x(attempt.ready), x2: x(attempt.from), y1: middle, y2: middle, class: "waited" });
      }),
      placed.map(({ attempt, lane: at }) => {
        const [left, right] = [x(attempt.from), x(attempt.to ?? now)];
        return h("rect", { x: left, y: top + at * lane + 1, width: Math.max(2, right - left), height: Math.max(2, lane - 2), rx: Math.min(3, lane / 3),
          class: `fill-${attempt.suspect ? "waiting" : attempt.state}` }, h("title", {}, title(attempt, now)));
      }),
      next && futureBar(next, phase, x, y + height / 2));
    y += height;
    return band;
  });
  const failed = attempts.filter((attempt) => attempt.state === "failed").length;
  const ahead = coming.size ? `, and what is estimated of ${coming.size} phases` : "";
  const label = `${attempts.length} attempts in ${duration((over ? to : now) - from)}, ${failed} failed${ahead}`;
  return h("svg", { class: "gantt", width, height: y + 4, viewBox: `0 0 ${width} ${y + 4}`, role: "img", "aria-label": label },
    bands, axis(from, to, x, y, width),
    !over && h("line", { x1: x(now), x2: x(now), y1: AXIS - 6, y2: y, class: "now" }));
}
