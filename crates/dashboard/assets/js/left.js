// What is left of a job or a phase, as the orchestrator estimates it: in words, and as a share for bars.

import { millis } from "./words.js";

/** Seconds as people say them: "5 s", "12 min", "3.5 h", "4 days". */
function span(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${(seconds / 3600).toFixed(1)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

/** "3–5 min", "40 s – 2 min", or "5 s" where both are the same. */
function range(p50, p90) {
  const [from, to] = [span(p50), span(p90)];
  if (from === to) return from;
  const [[low, unit], [high, other]] = [from.split(" "), to.split(" ")];
  return unit === other ? `${low}–${high} ${unit}` : `${from} – ${to}`;
}

/** What is left of a job, in words; counted down between two answers. Nothing where it is over. */
export function leftText(estimate, now = Date.now()) {
  if (!estimate) return "";
  const { remainingSeconds, endsAt } = estimate;
  if (!remainingSeconds) return "time left not known";
  if (!endsAt) return estimate.atLeast ? `at least ${span(remainingSeconds.p50)} left` : `about ${range(remainingSeconds.p50, remainingSeconds.p90)} of work left`;
  const [p50, p90] = [(millis(endsAt.p50) - now) / 1000, (millis(endsAt.p90) - now) / 1000];
  if (p90 <= 0) return "longer than most before it";
  return p50 <= 1 ? `less than ${span(p90)} left` : `about ${range(p50, p90)} left`;
}

/** Where it is from, and whom it waits for: for a title. */
export function leftTitle(estimate) {
  if (!estimate) return undefined;
  const people = estimate.waitsFor?.length ? `; waits for ${estimate.waitsFor.join(", ")}` : "";
  return `Estimated: ${estimate.why}${people}`;
}

/** How far a phase is by the estimate, from 0 to 1, carried on since it was asked; none where nothing is known. */
export function guessed(estimate, phase, asked, now = Date.now()) {
  const of = estimate?.phases?.[phase];
  if (of?.done === undefined) return undefined;
  const end = of.endsAt ? millis(of.endsAt.p50) : asked;
  if (end <= asked) return of.done;
  const part = Math.min(1, Math.max(0, (now - asked) / (end - asked)));
  return Math.min(0.99, of.done + (1 - of.done) * part);
}
