// The services: what they do, what waits for them, what they last failed at; stop and start taking work.

import { get, post } from "./api.js";
import { ask } from "./actions.js";
import { fill, h, notice, part, throttle } from "./dom.js";
import { phaseOf } from "./history.js";
import { kind, listen, pipelineOf } from "./store.js";
import { ago, count, duration, many, moment, time } from "./words.js";

/** Errors of a service that are kept, and runs that are timed. */
const ERRORS = 5;
const TIMED = 200;
/** Jobs whose history is read when the page is opened, for what happened before. */
const RECENT = 12;

/** What the stream and recent histories tell of services beyond the list: errors, and how long attempts take. */
class Observed {
  constructor() {
    this.jobs = new Map();
    this.attempts = new Map();
    this.services = new Map();
  }

  of(service) {
    if (!this.services.has(service)) this.services.set(service, { errors: [], times: [] });
    return this.services.get(service);
  }

  /** The service of a job's run. */
  async serviceOf(job, run) {
    const pipeline = await pipelineOf(this.jobs.get(job) ?? "");
    return pipeline?.phases.find((phase) => phase.id === phaseOf(run))?.service;
  }

  async take(job, { at, is }) {
    const [name, data] = kind({ is });
    if (name === "jobStarted") this.jobs.set(job, data.pipeline);
    if (name === "attemptStarted") this.attempts.set(data.attempt, { from: at, run: data.run });
    if (name !== "attemptSucceeded" && name !== "attemptFailed") return;
    if (!this.jobs.has(job)) {
      const status = await get(`api/jobs/${job}`);
      this.jobs.set(job, status.pipeline);
    }
    const service = await this.serviceOf(job, data.run);
    if (!service) return;
    const seen = this.of(service);
    const began = this.attempts.get(data.attempt);
    this.attempts.delete(data.attempt);
    if (began && name === "attemptSucceeded") seen.times = [...seen.times, { took: at - began.from, job, run: data.run }].slice(-TIMED);
    if (name === "attemptFailed") {
      seen.errors = [{ at, job, run: data.run, error: data.error }, ...seen.errors].sort((a, b) => b.at - a.at).slice(0, ERRORS);
    }
  }

  async readRecent() {
    const { jobs } = await get(`api/jobs?limit=${RECENT}`);
    for (const row of jobs) {
      const page = await get(`api/jobs/${row.jobId}/events`);
      for (const event of page.events) await this.take(row.jobId, event);
    }
  }
}

function slots(service) {
  const shown = Math.min(service.capacity, 32);
  return h("div", { class: "slots", role: "img", "aria-label": `${service.running} of ${service.capacity} slots in use` },
    Array.from({ length: shown }, (_, index) => h("span", { class: index < (service.running / service.capacity) * shown ? "slot used" : "slot" })));
}

function health(service) {
  if (service.stopped) return ["paused", "‖ takes no work"];
  if (service.breakerUntil) return ["failed", "✗ left alone"];
  if (service.reachable === false) return ["failed", "✗ does not answer"];
  if (service.running > 0) return ["running", "▶ works"];
  return service.reachable ? ["complete", "✓ answers"] : ["pending", "· idle"];
}

function times(seen) {
  if (!seen?.times.length) return undefined;
  const sorted = [...seen.times].sort((a, b) => a.took - b.took);
  const average = sorted.reduce((sum, one) => sum + one.took, 0) / sorted.length;
  const slowest = sorted.at(-1);
  return h("p", { class: "faint" }, `${many(sorted.length, "recent attempt")} took ${duration(average)} on average; the slowest ${duration(slowest.took)}: `,
    h("a", { href: `#/job/${slowest.job}` }, slowest.run));
}

async function setStopped(service, stop) {
  if (stop) {
    const said = await ask({ title: `Stop ${service.name}?`, text: `Nothing new goes to it; ${many(service.running, "attempt")} under way ${service.running === 1 ? "goes" : "go"} on. Jobs that need it wait until you start it again.`,
      yes: "Take no more work" });
    if (!said) return;
  }
  await post(`api/services/${encodeURIComponent(service.name)}/${stop ? "stop" : "start"}`)
    .then(() => notice(stop ? `${service.name} takes no more work` : `${service.name} takes work again`, "good"), (problem) => notice(problem.message, "bad"));
}

function card({ service, seen, look }) {
  const [state, word] = health(service);
  return h("section", { class: "card service", "aria-label": service.name },
    h("div", { class: "panel-head" }, h("h2", {}, service.name), h("span", { class: `state ${state}` }, word)),
    slots(service),
    h("dl", { class: "figures" },
      h("div", {}, h("dt", {}, "slots in use"), h("dd", {}, `${count(service.running)} of ${count(service.capacity)}`)),
      h("div", {}, h("dt", {}, "runs waiting"), h("dd", {}, count(service.queued))),
      service.rate && h("div", {}, h("dt", {}, "rate"), h("dd", {}, service.rate)),
      service.breakerUntil && h("div", {}, h("dt", {}, "left alone until"), h("dd", { title: moment(service.breakerUntil) }, time(service.breakerUntil)))),
    service.reason && h("p", {}, service.reason.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, (at) => time(at))),
    times(seen),
    h("details", { class: "faint" }, h("summary", {}, many(service.urls.length, "instance")), h("ul", {}, service.urls.map((url) => h("li", {}, h("code", {}, url))))),
    seen?.errors.length > 0 && h("div", {}, h("h3", {}, "Last errors"),
      h("ul", { class: "errors" }, [...(seen?.errors ?? [])].map((one) => h("li", {},
        h("a", { href: `#/job/${one.job}?phase=${encodeURIComponent(phaseOf(one.run))}` }, one.run), h("span", { class: "faint", title: moment(one.at) }, ` ${ago(one.at)} `),
        h("code", {}, one.error.code), ` ${one.error.message}`)))),
    h("div", { class: "actions" }, h("button", {
      type: "button", class: service.stopped ? "primary" : "", "data-focus": `stop-${service.name}`,
      onclick: async () => { await setStopped(service, !service.stopped); look(); },
    }, service.stopped ? "Start taking work" : "Stop taking work")));
}

export function servicesPage(main) {
  let stopped = false;
  const observed = new Observed();
  const grid = h("div", { class: "service-grid" });
  const status = h("p", { class: "faint", role: "status" });
  fill(main, h("div", { class: "toolbar" }, h("h1", {}, "Services")), status, grid);
  const parts = new Map();
  const look = throttle(async () => {
    let list;
    try {
      list = (await get("api/services")).services;
    } catch (problem) {
      if (!parts.size) fill(status, problem.message, problem.hint ? `: ${problem.hint}` : "");
      return;
    }
    if (stopped) return;
    fill(status, list.length ? "" : "No service is declared: services.toml says how.");
    for (const service of list) {
      if (!parts.has(service.name)) {
        const element = h("div", {});
        grid.append(element);
        parts.set(service.name, part(element, (one) => [one.service, one.seen], card));
      }
      parts.get(service.name)({ service, seen: observed.services.get(service.name), look });
    }
  }, 400);
  const deaf = listen({
    event({ jobId, event }) {
      observed.take(jobId, event).catch(() => undefined).then(look);
    },
    poll: look,
  });
  const tick = setInterval(look, 3000);
  look();
  observed.readRecent().catch(() => undefined).then(look);
  return {
    stop() {
      stopped = true;
      deaf();
      look.stop();
      clearInterval(tick);
    },
  };
}
