// Progress of a job as a bar of its phases, and in words.

import { h } from "./dom.js";
import { guessed } from "./left.js";
import { count, many, phaseFraction, phaseProgress, stateWord } from "./words.js";

/** The phases that count: those for failures only where they ran. */
export function counted(job, pipeline) {
  const failure = new Set(pipeline?.phases.filter((phase) => phase.onFailure).map((phase) => phase.id));
  return job.phases.filter((phase) => !failure.has(phase.phase) || phase.startedAt);
}

const isThrough = (phase) => phase.status === "complete" || phase.status === "skipped";

/** "5 of 8 phases; tts: 12 of 40 runs". */
export function progressLine(job, pipeline) {
  const phases = counted(job, pipeline);
  const through = phases.filter(isThrough).length;
  const parts = phases
    .filter((phase) => (phase.status === "running" && phase.progress) || phase.status === "queued")
    .map((phase) => `${phase.phase}: ${phase.status === "queued" ? "waits for a slot" : phaseProgress(phase)}`);
  const whole = through === phases.length ? many(through, "phase") : `${count(through)} of ${many(phases.length, "phase")}`;
  return [whole, ...parts].join(" · ");
}

/** How far a running phase is by the estimate, where that is further than it says. */
function guess(job, phase) {
  const part = phase.status === "running" ? guessed(job.estimate, phase.phase, job.asked ?? Date.now()) : undefined;
  return part > (phaseFraction(phase) ?? 0) ? part : undefined;
}

/** How far a job is, from 0 to 1: each phase counts the same; one that does not say how far it is, by the estimate. */
export function share(job, pipeline) {
  const phases = counted(job, pipeline);
  const sum = phases.reduce((all, phase) => all + (isThrough(phase) ? 1 : phaseFraction(phase) ?? guess(job, phase) ?? 0), 0);
  return phases.length ? sum / phases.length : 0;
}

/** A bar with one piece for each phase. What is only estimated is hatched. */
export function phaseBar(job, pipeline) {
  const phases = counted(job, pipeline);
  const pieces = phases.map((phase) => {
    const part = isThrough(phase) ? 1 : phase.status === "failed" ? 1 : phaseFraction(phase) ?? 0;
    const further = guess(job, phase) ?? (phase.status === "running" && part === 0 ? 0.08 : undefined);
    const about = guess(job, phase) === undefined ? "" : `, about ${Math.round(further * 100)} % by earlier runs`;
    const title = `${phase.phase}: ${stateWord(phase.status)}${phase.progress ? `, ${phaseProgress(phase)}` : ""}${about}`;
    return h("span", { class: `piece ${phase.status}`, title },
      h("span", { class: "piece-fill", style: { width: `${(part * 100).toFixed(1)}%` } }),
      further && h("span", { class: "piece-guess", style: { width: `${((further - part) * 100).toFixed(1)}%` } }));
  });
  const now = Math.round(share(job, pipeline) * 100);
  return h("span", {
    class: "phase-bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": now,
    "aria-label": `Progress of ${job.key}`, "aria-valuetext": progressLine(job, pipeline),
  }, pieces);
}

/** A plain bar. */
export function bar(part, label, state = "running") {
  return h("span", { class: `bar-line ${state}`, role: "progressbar", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100,
    "aria-valuenow": Math.round(part * 100) }, h("span", { style: { width: `${(part * 100).toFixed(1)}%` } }));
}
