// The page of all jobs: filters, counts, progress first, live.

import { call, get, query } from "./api.js";
import { phaseBar, progressLine } from "./bars.js";
import { fill, h, say, throttle } from "./dom.js";
import { leftText, leftTitle } from "./left.js";
import { sinceChoice, startedFrom } from "./since.js";
import { kind, knownPipeline, listen, pipelineNames } from "./store.js";
import { longTable } from "./table.js";
import { ago, count, duration, isOver, many, millis, moment, stateSign, stateWord } from "./words.js";

const STATES = ["running", "waiting", "paused", "error", "validation_failed", "cancelled", "complete"];
/** Jobs of one question, and in all: beyond that a filter helps more than a longer list. */
const PAGE = 1000;
const MOST = 20_000;
/** Jobs asked about at once, and how often the same at most. */
const AT_ONCE = 4;
const EVERY = 900;
/** How old an estimate in sight may be, in milliseconds. */
const ESTIMATE_EVERY = 10_000;

/** What the job's state is after an event, where the event alone says it; `ask`: only the orchestrator knows. */
const STATE_AFTER = {
  jobStarted: "running", jobPaused: "paused", jobResumed: "running", jobCompleted: "complete", jobCancelled: "cancelled",
  jobRetried: "running", jobRerun: "running", jobFailed: "ask", signalAwaited: "ask", signalTaken: "ask",
  approvalRequested: "ask", approvalGiven: "ask", waitTimedOut: "ask",
};

/** The counts by state, of one pipeline or all, from the figures that operators see. */
async function counts(pipeline) {
  const text = await (await call("metrics")).text();
  const sums = {};
  for (const [, name, state, value] of text.matchAll(/^segue_jobs\{pipeline="([^"]*)",state="([^"]*)"\} (\d+)$/gm)) {
    if (!pipeline || name === pipeline) sums[state] = (sums[state] ?? 0) + Number(value);
  }
  return sums;
}

/** Questions about single jobs: few at once, none twice within a second. */
function inquiries(answer) {
  const asked = new Map();
  const wanted = new Set();
  let busy = 0;
  let timer;
  function pump() {
    clearTimeout(timer);
    const now = performance.now();
    let next = Infinity;
    for (const id of wanted) {
      if (busy >= AT_ONCE) return;
      const due = (asked.get(id) ?? -Infinity) + EVERY;
      if (due > now) {
        next = Math.min(next, due - now);
        continue;
      }
      wanted.delete(id);
      asked.set(id, now);
      busy += 1;
      get(`api/jobs/${id}`).then(answer).catch(() => undefined).finally(() => {
        busy -= 1;
        pump();
      });
    }
    if (next < Infinity) timer = setTimeout(pump, next);
  }
  return { ask: (id) => { wanted.add(id); pump(); }, stop: () => { clearTimeout(timer); wanted.clear(); } };
}

function makeRow() {
  const link = h("a", { class: "stretched" });
  const under = h("span", { class: "faint" });
  const state = h("span", { class: "state" });
  const progress = h("div", { class: "progress" });
  const words = h("span", { class: "faint words" });
  const since = h("time", {});
  const took = h("span", { class: "faint" });
  const element = h("div", { role: "row", class: "row" },
    h("div", { role: "cell", class: "cell col-progress" }, progress, words),
    h("div", { role: "cell", class: "cell col-job" }, link, under),
    h("div", { role: "cell", class: "cell col-state" }, state),
    h("div", { role: "cell", class: "cell col-time" }, since, took));
  let drawn;
  let told = "";
  return {
    element,
    show(item) {
      const { row, detail } = item;
      say(link, row.key);
      link.href = `#/job/${item.id}`;
      say(under, row.pipeline);
      state.className = `state ${row.status}`;
      say(state, `${stateSign(row.status)} ${stateWord(row.status)}`);
      const estimate = isOver(row.status) ? undefined : detail?.estimate ?? row.estimate;
      if (detail && detail !== drawn) {
        drawn = detail;
        fill(progress, phaseBar(detail, knownPipeline(row.pipeline)));
        const why = row.status === "complete" ? "" : detail.error?.message ?? (row.status === "running" ? "" : detail.reason);
        told = why || progressLine(detail, knownPipeline(row.pipeline));
      }
      say(words, [leftText(estimate), told].filter(Boolean).join(" · "));
      words.title = [leftTitle(estimate), detail?.reason].filter(Boolean).join("; ");
      since.dateTime = row.startedAt;
      since.title = `Started ${moment(row.startedAt)}`;
      say(since, ago(row.startedAt));
      const until = isOver(row.status) ? millis(row.lastUpdated) : Date.now();
      say(took, `${isOver(row.status) ? "took" : "for"} ${duration(Math.round((until - millis(row.startedAt)) / 1000) * 1000)}`);
    },
  };
}

export function jobsPage(main, at) {
  let filter = at.query;
  let items = new Map();
  let loading = 0;
  let more = false;
  const title = h("h1", {}, "Jobs");
  const key = h("input", { type: "search", id: "filter-key", placeholder: "Key begins with…", "aria-label": "Key begins with", value: filter.key ?? "" });
  const pipeline = h("select", { "aria-label": "Pipeline" }, h("option", { value: "" }, "All pipelines"));
  const started = sinceChoice((times) => { location.hash = address({ ...filter, since: undefined, from: undefined, until: undefined, ...times }); });
  const chips = h("div", { class: "chips", role: "group", "aria-label": "State" });
  const status = h("p", { class: "faint summary", role: "status" });
  const empty = h("section", { class: "empty", hidden: true });
  const phone = matchMedia("(max-width: 640px)").matches;
  const inquiry = inquiries((job) => {
    const item = items.get(job.jobId);
    if (!item) return;
    item.detail = job;
    job.asked = Date.now();
    item.dirty = false;
    change(item, job.status, job.lastUpdated);
    table.redraw();
  });
  const table = longTable({
    label: "Jobs", columns: ["Progress", "Job", "State", "Started"], rowHeight: phone ? 92 : 60, makeRow,
    onSight: (sight) => sight.forEach((item) => {
      if (!item.detail || item.dirty || (item.detail.estimate && Date.now() - item.detail.asked > ESTIMATE_EVERY)) {
        item.dirty = false;
        inquiry.ask(item.id);
      }
    }),
  });
  fill(main, h("div", { class: "toolbar" }, title, pipeline, started.element, key), chips, empty, table.element, status);

  const isTimed = () => Boolean(filter.since || filter.from || filter.until);
  const inTime = (at) => {
    const { from, until } = startedFrom(filter);
    return (!from || at >= millis(from)) && (!until || at < millis(until));
  };
  const fits = (row) => inTime(millis(row.startedAt)) &&
    (!filter.pipeline || row.pipeline === filter.pipeline) && (!filter.state || row.status === filter.state) &&
    (!filter.key || row.key.startsWith(filter.key));
  const list = throttle(() => {
    const sorted = [...items.values()].sort((a, b) => b.start - a.start || (a.id < b.id ? 1 : -1));
    table.set(sorted);
    empty.hidden = sorted.length > 0 || loading > 0;
    table.element.hidden = !empty.hidden;
    const shown = many(sorted.length, "job");
    say(status, loading ? `${shown}, loading…` : more ? `The newest ${shown}; a filter finds older ones` : shown);
    if (!empty.hidden) sayEmpty();
    if (isTimed()) recount();
  }, 100);
  const recount = throttle(() => (isTimed() ? counted() : counts(filter.pipeline).then(drawChips).catch(() => undefined)), 1500);

  /** Within a time the figures for operators say nothing: the list itself is counted, where it holds all states. */
  let sums = {};
  function counted() {
    if (!filter.state) {
      sums = {};
      for (const { row } of items.values()) sums[row.status] = (sums[row.status] ?? 0) + 1;
    }
    drawChips(sums);
  }

  function sayEmpty(problem) {
    if (problem) {
      fill(empty, h("h2", {}, "The jobs could not be read"), h("p", {}, problem.message), problem.hint && h("p", { class: "faint" }, problem.hint));
    } else if (filter.pipeline || filter.state || filter.key || isTimed()) {
      fill(empty, h("h2", {}, "No job fits"), h("p", {}, h("a", { href: "#/jobs" }, "Show all jobs")));
    } else {
      fill(empty, h("h2", {}, "No job yet"), h("p", {}, "Start one, and it appears here:"),
        h("pre", {}, "segue start course spa_for_eng --input @seeds.json"));
    }
  }

  function put(row) {
    const known = items.get(row.jobId);
    if (known) {
      if (known.row.lastUpdated !== row.lastUpdated || known.row.status !== row.status) known.dirty = true;
      known.row = row;
    } else {
      items.set(row.jobId, { id: row.jobId, row, start: millis(row.startedAt), detail: undefined, dirty: false });
    }
  }

  function change(item, state, updated) {
    item.row = { ...item.row, status: state, lastUpdated: updated ?? item.row.lastUpdated };
    if (!fits(item.row)) {
      items.delete(item.id);
      list();
    }
  }

  async function load(fresh) {
    const turn = ++loading;
    const kept = fresh ? undefined : items;
    if (fresh) items = new Map();
    let cursor;
    try {
      do {
        const page = await get(`api/jobs${query({ pipeline: filter.pipeline, state: filter.state, keyPrefix: filter.key, ...startedFrom(filter), limit: items.size ? PAGE : 100, cursor })}`);
        if (turn !== loading || kept && kept !== items) return;
        page.jobs.forEach(put);
        cursor = page.cursor;
        list();
      } while (cursor && fresh && items.size < MOST);
      if (fresh) more = Boolean(cursor);
      loading = 0;
      list();
    } catch (error) {
      if (turn !== loading) return;
      loading = 0;
      list();
      if (items.size === 0) setTimeout(() => sayEmpty(error), 200);
    }
  }

  function drawChips(sums) {
    const total = Object.values(sums).reduce((a, b) => a + b, 0);
    const chip = (state, label, value) => h("a", {
      class: `chip ${state || "all"}`, href: address({ ...filter, state }), "data-focus": state || "all",
      "aria-current": (filter.state ?? "") === state ? "true" : undefined,
    }, `${label} `, h("b", {}, count(value)));
    const focused = chips.contains(document.activeElement) ? document.activeElement.dataset.focus : undefined;
    fill(chips, chip("", "All", total), STATES.filter((state) => sums[state] || filter.state === state)
      .map((state) => chip(state, stateWord(state), sums[state] ?? 0)));
    if (focused) chips.querySelector(`[data-focus="${focused}"]`)?.focus();
  }

  const address = (wanted) => `#/jobs${query({
    pipeline: wanted.pipeline, state: wanted.state, key: wanted.key, since: wanted.since, from: wanted.from, until: wanted.until,
  })}`;
  let typing;
  key.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => { location.hash = address({ ...filter, key: key.value.trim() }); }, 200);
  });
  pipeline.addEventListener("change", () => { location.hash = address({ ...filter, pipeline: pipeline.value }); });
  pipelineNames().then((names) => {
    pipeline.append(...names.map((name) => h("option", { value: name }, name)));
    pipeline.value = filter.pipeline ?? "";
    table.redraw();
  }).catch(() => undefined);

  const deaf = listen({
    event({ jobId, event }) {
      const [name, data] = kind(event);
      const state = STATE_AFTER[name];
      const item = items.get(jobId);
      if (name === "jobStarted") {
        const at = new Date(event.at).toISOString();
        const row = { jobId, pipeline: data.pipeline, key: data.key, status: "running", startedAt: at, lastUpdated: at };
        if (fits(row)) put(row);
        list();
      } else if (item) {
        item.dirty = true;
        if (state === "ask") inquiry.ask(jobId);
        else if (state) change(item, state, new Date(event.at).toISOString());
        table.redraw();
      } else if (state && filter.state) {
        look();
      }
      if (state) recount();
    },
    progress({ jobId }) {
      const item = items.get(jobId);
      if (!item) return;
      item.dirty = true;
      table.redraw();
    },
    poll: () => look(),
  });
  const look = throttle(() => { load(false); recount(); }, 1000);
  const tick = setInterval(table.redraw, 1000);
  started.show(filter);
  load(true);
  recount();
  return {
    query(next) {
      filter = next;
      if (document.activeElement !== key) key.value = next.key ?? "";
      pipeline.value = next.pipeline ?? "";
      started.show(next);
      load(true);
      recount();
    },
    stop() {
      deaf();
      table.stop();
      inquiry.stop();
      list.stop();
      recount.stop();
      look.stop();
      clearInterval(tick);
    },
  };
}
