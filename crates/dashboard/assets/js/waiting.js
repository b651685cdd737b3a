// Everything that needs a decision of a person, oldest first.

import { decision } from "./actions.js";
import { get } from "./api.js";
import { fill, h, say, throttle } from "./dom.js";
import { kind, listen, pipelineNames, pipelineOf } from "./store.js";
import { count, many, millis } from "./words.js";

/** Events after which somebody waits, or no longer does. */
const CHANGES = new Set(["signalAwaited", "signalTaken", "waitTimedOut", "approvalRequested", "approvalGiven", "jobCancelled",
  "jobFailed", "jobCompleted", "jobPaused", "jobResumed", "jobRerun", "jobRetried"]);
/** Jobs of one question, and questions at once. */
const PAGE = 1000;
/** The list of jobs follows what happens within this time, in milliseconds. */
const LIST_BEHIND = 1500;
const AT_ONCE = 2;
/** Running jobs of a pipeline that are looked at: in a branch of them a decision may be open while another branch runs. */
const RUNNING = 100;

const list = async (query) => (await get(`api/jobs?${query}`)).jobs;

/** Jobs in which somebody may be waited for: those that wait, and running ones whose pipeline asks people. */
async function candidates() {
  const rows = await list(`state=waiting&limit=${PAGE}`);
  for (const name of await pipelineNames()) {
    const pipeline = await pipelineOf(name);
    if (pipeline.mode !== "manual" && !pipeline.phases.some((phase) => phase.signal)) continue;
    for (const state of ["running", "paused"]) {
      rows.push(...await list(`state=${state}&pipeline=${encodeURIComponent(name)}&limit=${RUNNING}`));
    }
  }
  return rows;
}

async function waitingNumber() {
  return (await openDecisions()).length;
}

/** Decisions of jobs in which nothing has happened since they were asked. The list of jobs is a moment behind the stream, so
 * its times do not tell that: the stream does. */
const known = new Map();
const turns = new Map();

function forget(job) {
  known.delete(job);
  if (turns.size > 10_000) turns.clear();
  turns.set(job, (turns.get(job) ?? 0) + 1);
}

/** All open decisions. */
async function openDecisions() {
  const rows = await candidates();
  return each(rows, async (row) => {
    if (!known.has(row.jobId)) {
      const turn = turns.get(row.jobId);
      const found = await decisionsOf(row);
      if (turns.get(row.jobId) !== turn) return found;
      known.set(row.jobId, found);
    }
    return known.get(row.jobId);
  });
}

/** Calls `look` when somebody waits or no longer does; once more a little later, when the list of jobs has it, too. */
function whenItChanges(look) {
  return listen({
    event({ jobId, event }) {
      forget(jobId);
      if (!CHANGES.has(kind(event)[0])) return;
      look();
      setTimeout(look, LIST_BEHIND);
    },
    poll() {
      known.clear();
      look();
    },
  });
}

/** Keeps the number beside the page's name true. */
export function countWaiting(badge) {
  const look = throttle(async () => {
    const number = await waitingNumber().catch(() => 0);
    badge.hidden = number === 0;
    say(badge, count(number));
  }, 3000);
  whenItChanges(look);
  look();
}

/** The open decisions of a job: the links of its chain of causes that a signal would end. */
async function decisionsOf(row) {
  const why = await get(`api/jobs/${row.jobId}/why`);
  const found = [];
  const visit = (cause) => {
    const signal = /\/signals\/([^/]+)$/.exec(cause.hint ?? "")?.[1];
    if (signal) {
      found.push({ row, wait: { signal, run: cause.about, since: millis(cause.since ?? row.startedAt), deadline: cause.until && millis(cause.until),
        approval: cause.text.endsWith(" waits for an approval") } });
    }
    cause.because?.forEach(visit);
  };
  why.causes.forEach(visit);
  return found;
}

/** As `Promise.all` over `act`, but few at once. */
async function each(list, act) {
  const results = [];
  const rest = list.entries();
  const run = async () => {
    for (const [index, item] of rest) results[index] = await act(item).catch(() => []);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, run));
  return results.flat();
}

export function waitingPage(main) {
  let stopped = false;
  const forms = new Map();
  const summary = h("p", { class: "faint", role: "status" }, "Loading…");
  const entries = h("ol", { class: "waiting-list" });
  fill(main, h("div", { class: "toolbar" }, h("h1", {}, "Waiting for people")), summary, entries);

  function entry({ row, wait }) {
    return h("li", {}, h("p", { class: "waiting-job" }, h("a", { href: `#/job/${row.jobId}` }, row.key), h("span", { class: "faint" }, row.pipeline)),
      decision(row, wait));
  }

  function draw(waits) {
    waits.sort((a, b) => a.wait.since - b.wait.since);
    const keys = new Set();
    const elements = waits.map((one) => {
      const key = `${one.row.jobId} ${one.wait.run} ${one.wait.since}`;
      keys.add(key);
      if (!forms.has(key)) forms.set(key, entry(one));
      return forms.get(key);
    });
    for (const key of forms.keys()) if (!keys.has(key)) forms.delete(key);
    // What is there stays where it is: somebody may be typing in it.
    for (const child of [...entries.children]) if (!elements.includes(child)) child.remove();
    elements.forEach((element, index) => { if (entries.children[index] !== element) entries.insertBefore(element, entries.children[index] ?? null); });
    if (waits.length) return fill(summary, many(waits.length, "decision"), ", the oldest first");
    return fill(summary, "Nobody is waited for. When a job needs a decision, it appears here, and the number in the bar above says so.");
  }

  const look = throttle(async () => {
    try {
      const waits = await openDecisions();
      if (!stopped) draw(waits);
    } catch (problem) {
      if (!stopped && !forms.size) fill(summary, problem.message, problem.hint ? `: ${problem.hint}` : "");
    }
  }, 500);
  const deaf = whenItChanges(look);
  look();
  return {
    stop() {
      stopped = true;
      deaf();
      look.stop();
    },
  };
}
