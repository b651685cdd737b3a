// Figures, times and states in words, in the reader's own language settings and zone.

const LANGUAGE = navigator.language || "en";
const number = new Intl.NumberFormat(LANGUAGE);
const clock = new Intl.DateTimeFormat(LANGUAGE, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dated = new Intl.DateTimeFormat(LANGUAGE, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
const whole = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: "full", timeStyle: "long" });

/** 2000 as 2,000. */
export const count = (value) => number.format(value);

/** "1 job", "2 jobs". */
export const many = (value, one, more = `${one}s`) => `${count(value)} ${value === 1 ? one : more}`;

/** Milliseconds since 1970 of a moment of the API: a text or a number. */
export const millis = (at) => (typeof at === "number" ? at : Date.parse(at));

/** The time of day, or the date where it is another day. */
export function time(at) {
  const date = new Date(millis(at));
  const today = date.toDateString() === new Date().toDateString();
  return today ? clock.format(date) : dated.format(date);
}

/** Date, time and zone in full, for a title. */
export const moment = (at) => whole.format(new Date(millis(at)));

/** Milliseconds as "1 min 20 s". */
export function duration(ms) {
  if (ms < 0) return "0 s";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`;
}

/** How long ago. */
export function ago(at, now = Date.now()) {
  const ms = now - millis(at);
  if (ms < 2000) return "just now";
  if (ms > 86_400_000 * 6) return time(at);
  return `${duration(ms - (ms % 1000)).replace(/ \d+ s$/, (seconds) => (ms > 600_000 ? "" : seconds))} ago`;
}

/** Bytes as "1.2 MB". */
export function bytes(size) {
  if (size < 1000) return `${size} B`;
  for (const [unit, scale] of [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]]) {
    if (size >= scale) return `${(size / scale).toFixed(size >= scale * 100 ? 0 : 1)} ${unit}`;
  }
  return `${size} B`;
}

/** What is said of progress, in the unit of the work: "1,200 of 2,000 phrases". */
export function progressText(progress) {
  if (!progress || typeof progress.done !== "number") return "";
  const unit = progress.unit ? ` ${progress.unit}` : "";
  return typeof progress.total === "number"
    ? `${count(progress.done)} of ${count(progress.total)}${unit}`
    : `${count(progress.done)}${unit}`;
}

/**
 * Progress of a phase in words. Of a map its runs, and what those under way have done of theirs, in their own unit where
 * they have one: "1 of 4 runs, 211 of 848 samples under way".
 */
export function phaseProgress(phase) {
  const whole = progressText(phase.progress);
  const said = (phase.running ?? []).map((one) => one.progress).filter((one) => one?.unit && typeof one.total === "number");
  if (phase.progress?.unit !== "runs" || !said.length || said.some((one) => one.unit !== said[0].unit)) return whole;
  const sum = (name) => said.reduce((all, one) => all + one[name], 0);
  return `${whole}, ${count(sum("done"))} of ${count(sum("total"))} ${said[0].unit} under way`;
}

/** How far a phase is, from 0 to 1: of a map also what its runs under way have done. */
export function phaseFraction(phase) {
  const part = fraction(phase.progress);
  if (phase.progress?.unit !== "runs" || !phase.progress.total) return part;
  const more = (phase.running ?? []).reduce((sum, one) => sum + (fraction(one.progress) ?? 0), 0);
  return Math.min(1, part + more / phase.progress.total);
}

/** How far, from 0 to 1; none where nobody knows. */
export function fraction(progress) {
  if (!progress?.total || typeof progress.done !== "number") return undefined;
  return Math.min(1, progress.done / progress.total);
}

/** States of jobs and phases: the word, and a sign that does not need colour. */
const STATES = {
  running: ["running", "▶"], waiting: ["waiting", "◔"], paused: ["paused", "‖"], queued: ["queued", "≡"],
  complete: ["complete", "✓"], skipped: ["skipped", "↷"], pending: ["not yet", "·"], idle: ["not started", "·"],
  validation_failed: ["not good enough", "✗"], error: ["failed", "✗"], failed: ["failed", "✗"], cancelled: ["cancelled", "⊘"],
};

export const stateWord = (state) => STATES[state]?.[0] ?? state;
export const stateSign = (state) => STATES[state]?.[1] ?? "?";

/** States that a job does not leave by itself. */
export const isOver = (state) => ["complete", "validation_failed", "error", "cancelled"].includes(state);

/** The end of an id: ids begin with the time, so their ends differ. */
export const shortId = (id) => id.slice(-8);
