// One phase in detail: what it does now, its figures, its error in the service's own words.

import { rerun } from "./actions.js";
import { bar } from "./bars.js";
import { h } from "./dom.js";
import { json } from "./json.js";
import { ago, count, duration, fraction, many, millis, moment, phaseFraction, phaseProgress, progressText, stateSign, stateWord, time } from "./words.js";

/** Attempts at work that are shown one by one. */
const SHOWN = 8;

function attemptLine(attempt) {
  const part = fraction(attempt.progress);
  return h("li", {},
    h("div", { class: "attempt-head" }, h("b", {}, attempt.run), attempt.attempt > 1 && h("span", { class: "faint" }, `attempt ${attempt.attempt}`),
      attempt.suspect && h("span", { class: "state waiting" }, "silent"),
      h("span", { class: "faint" }, [progressText(attempt.progress), attempt.progress?.message].filter(Boolean).join(" · "))),
    part !== undefined && bar(part, `Progress of ${attempt.run}`),
    attempt.lastHeard && h("span", { class: "faint", title: moment(attempt.lastHeard) }, `heard ${ago(attempt.lastHeard)}`));
}

function figures(stats) {
  const plain = Object.entries(stats).filter(([, value]) => value === null || typeof value !== "object");
  const deep = Object.entries(stats).filter(([, value]) => value !== null && typeof value === "object");
  return [
    plain.length > 0 && h("dl", { class: "figures" }, plain.map(([name, value]) => h("div", {},
      h("dt", {}, name.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase()),
      h("dd", {}, typeof value === "number" ? count(value) : String(value))))),
    deep.map(([name, value]) => json(value, false, name)),
  ];
}

/** The phase that a reader wants to see first: what failed, else what runs, else the last that is through. */
export function firstPhase(job) {
  const by = (...states) => job.phases.find((phase) => states.includes(phase.status));
  return (by("failed") ?? by("running", "paused") ?? by("waiting", "queued") ?? job.phases.findLast((phase) => phase.status === "complete") ?? job.phases[0])?.phase;
}

export function phasePanel({ job, pipeline, history, selected }) {
  const phase = job.phases.find((one) => one.phase === selected);
  if (!phase) return h("p", { class: "faint" }, "Choose a phase.");
  const definition = pipeline?.phases.find((one) => one.id === selected);
  const failures = [...history.attempts.values()].filter((one) => one.phase === selected && one.error).slice(-3).reverse();
  const running = phase.running ?? [];
  const until = phase.completedAt ? millis(phase.completedAt) : Date.now();
  return [
    h("div", { class: "panel-head" }, h("h2", {}, phase.phase), h("span", { class: `state ${phase.status}` }, `${stateSign(phase.status)} ${stateWord(phase.status)}`)),
    h("p", { class: "faint" }, [
      definition?.service && `service ${definition.service}`,
      phase.startedAt && `started ${time(phase.startedAt)}`,
      phase.startedAt && (phase.completedAt || job.completedAt === undefined) && `${phase.completedAt ? "took" : "for"} ${duration(phase.completedAt ? until - millis(phase.startedAt) : Math.floor((until - millis(phase.startedAt)) / 1000) * 1000)}`,
      phase.attempts > 0 && many(phase.attempts, "attempt"),
    ].filter(Boolean).join(" · ")),
    phase.reason && phase.status !== "running" && h("p", {}, phase.reason),
    phase.error && h("div", { class: "error-box", role: "note" }, h("code", {}, phase.error.code), h("p", {}, phase.error.message)),
    phase.progress && running.length !== 1 && h("div", { class: "whole" }, h("span", {}, phaseProgress(phase)), bar(phaseFraction(phase) ?? 0, `Progress of ${phase.phase}`, phase.status)),
    running.length > 0 && h("ul", { class: "attempts" }, running.slice(0, SHOWN).map(attemptLine)),
    running.length > SHOWN && h("p", { class: "faint" }, `and ${running.length - SHOWN} more`),
    phase.stats && figures(phase.stats),
    failures.length > 0 && h("details", {}, h("summary", {}, "Attempts that failed"),
      failures.map((one) => h("p", {}, h("b", {}, `${one.run}, attempt ${one.number}`), ` at ${time(one.to)}: `, h("code", {}, one.error.code), ` ${one.error.message}`))),
    phase.startedAt && !definition?.onFailure && h("div", { class: "actions" },
      h("button", { type: "button", class: "small", "data-focus": "rerun-phase", onclick: () => rerun(job, phase.phase, pipeline) }, "Run again from here…")),
  ];
}
