// The page of one job. Its history and its status are asked for once, then the stream carries both on.

import { buttons, decision } from "./actions.js";
import { follow, get } from "./api.js";
import { artifactList } from "./artifacts.js";
import { phaseBar, progressLine, share } from "./bars.js";
import { chain } from "./chain.js";
import { courseLink } from "./courses.js";
import { fill, h, part, say, throttle } from "./dom.js";
import { eventList } from "./eventlist.js";
import { gantt } from "./gantt.js";
import { graph } from "./graph.js";
import { History } from "./history.js";
import { leftText, leftTitle } from "./left.js";
import { firstPhase, phasePanel } from "./panel.js";
import { listen, pipelineOf } from "./store.js";
import { twinLink } from "./twindocs.js";
import { duration, isOver, millis, moment, shortId, stateSign, stateWord, time } from "./words.js";

/** How old an estimate may be, in milliseconds. */
const ESTIMATE_EVERY = 5000;

/** The parts of the page, empty. */
function frame(main) {
  const parts = {};
  const card = (name, title, ...more) => {
    parts[name] = h("div", {});
    return h("section", { class: `card card-${name}`, "aria-label": title }, ...more, parts[name]);
  };
  parts.head = h("div", { class: "job-head" });
  parts.buttons = h("div", { class: "actions job-actions" });
  parts.decisions = h("div", { class: "decisions" });
  fill(main,
    h("div", { class: "job-top" }, parts.head, parts.buttons),
    parts.decisions,
    h("div", { class: "job-grid" },
      card("progress", "Progress"),
      card("graph", "Phases"),
      card("why", "Why it stands where it stands", h("h2", { class: "why-title" }, "Why")),
      h("div", { class: "job-two" },
        card("gantt", "Time", h("h2", {}, "Time")),
        card("panel", "Phase")),
      h("div", { class: "job-two even" },
        card("events", "Events"),
        card("artifacts", "Artifacts", h("h2", {}, "Artifacts")))));
  return parts;
}

function head({ job, pipeline }) {
  return [
    h("p", { class: "faint crumbs" }, h("a", { href: "#/jobs" }, "Jobs"), " / ", h("a", { href: `#/jobs?pipeline=${encodeURIComponent(job.pipeline)}` }, job.pipeline)),
    h("div", { class: "job-title" }, h("h1", {}, job.key), h("span", { class: `state ${job.status}` }, `${stateSign(job.status)} ${stateWord(job.status)}`)),
    h("p", { class: "faint" }, h("span", { title: moment(job.startedAt) }, `started ${time(job.startedAt)}`), " · ", h("span", { class: "took" }),
      " · ", h("span", { title: job.jobId }, `job …${shortId(job.jobId)}`), courseLink(job, pipeline), twinLink(job, pipeline)),
  ];
}

function progress({ job, pipeline }) {
  return [
    h("div", { class: "progress-line" }, h("b", { class: "percent" }, `${Math.floor(share(job, pipeline) * 100)} %`), h("span", {}, progressLine(job, pipeline)),
      h("span", { class: "left", title: leftTitle(job.estimate) }, leftText(job.estimate))),
    phaseBar(job, pipeline),
    job.error && h("div", { class: "error-box", role: "alert" }, h("code", {}, job.error.code), h("p", {}, job.error.message)),
  ];
}

export function jobPage(main, at) {
  const id = at.rest[0];
  let history = new History();
  let job;
  let pipeline;
  let why;
  let selected = at.query.phase;
  let unfollow;
  let stopped = false;
  let parts;
  let draws;
  let events;
  fill(main, h("p", { class: "faint", role: "status" }, "Loading…"));

  const data = () => ({ job, pipeline, history, selected: selected ?? firstPhase(job), select, ...room() });
  const room = () => ({ narrow: main.clientWidth < 620, width: (parts?.graph.clientWidth ?? 0) || main.clientWidth - 40 });
  const select = (phase) => {
    selected = phase;
    window.history.replaceState(null, "", `#/job/${id}?phase=${encodeURIComponent(phase)}`);
    draw();
  };

  function build() {
    parts = frame(main);
    events = eventList();
    fill(parts.events, events.element);
    const attempts = (one) => [one.history.attempts.size, [...one.history.maps.values()].map((map) => map.items.join("").length), one.history.next];
    draws = [
      part(parts.head, (one) => [one.job.key, one.job.status, one.job.startedAt], head),
      part(parts.buttons, (one) => [one.job.status, one.job.priority, one.history.failing, one.job.phases.map((phase) => phase.reason?.includes("is tried again"))], buttons),
      part(parts.decisions, (one) => [...one.history.decisions.values()], (one) => (isOver(one.job.status) ? [] : [...one.history.decisions.values()].map((wait) => decision(one.job, wait)))),
      part(parts.progress, (one) => [one.job.phases, one.job.error, one.job.estimate, isOver(one.job.status) ? 0 : Math.floor(Date.now() / 1000)], progress),
      part(parts.graph, (one) => [one.job.phases, attempts(one), one.selected, one.narrow, one.width], graph),
      part(parts.panel, (one) => [one.selected, one.job.phases.find((phase) => phase.phase === one.selected), one.job.status, second(one)], phasePanel),
    ];
  }
  // What runs shows how long: drawn again each second, and only then.
  const second = (one) => (one.job.phases.find((phase) => phase.phase === one.selected)?.running?.length ? Math.floor(Date.now() / 1000) : 0);

  function drawTime() {
    const width = Math.max(300, parts.gantt.clientWidth);
    fill(parts.gantt, gantt({ ...data(), width, now: Date.now() }));
    const took = parts.head.querySelector(".took");
    if (took) {
      const until = job.completedAt ? millis(job.completedAt) : Date.now();
      say(took, `${job.completedAt ? "took" : "for"} ${duration(Math.floor((until - millis(job.startedAt)) / 1000) * 1000)}`);
    }
  }

  function draw() {
    if (stopped || !job) return;
    if (!parts) build();
    document.title = `${job.key}: ${stateWord(job.status)} · Segue`;
    const now = data();
    draws.forEach((one) => one(now));
    parts.graph.querySelector(".node.selected")?.setAttribute("aria-pressed", "true");
    main.querySelector(".card-why").hidden = job.status === "complete";
    events.update(history);
    drawTime();
  }

  const drawSoon = throttle(() => draw(), 120);
  const explain = throttle(async () => {
    if (stopped || !job || job.status === "complete") return;
    why = await get(`api/jobs/${id}/why`).catch(() => undefined);
    if (why && parts) drawWhy(why);
  }, 1000);
  let drawWhy;
  const artifacts = throttle(async () => {
    if (parts && !stopped) await listArtifacts().catch(() => undefined);
  }, 2500);
  let listArtifacts;
  const look = throttle(async () => {
    const next = await get(`api/jobs/${id}`).catch(() => undefined);
    if (stopped || !next) return;
    job = next;
    job.asked = Date.now();
    draw();
    explain();
  }, 300);

  async function readHistory() {
    let from = history.next;
    do {
      const page = await get(`api/jobs/${id}/events?from=${from}`);
      page.events.forEach((event) => history.take(event));
      from = page.next ?? undefined;
    } while (from !== undefined && !stopped);
  }

  async function start() {
    try {
      job = await get(`api/jobs/${id}`);
      job.asked = Date.now();
      pipeline = await pipelineOf(job.pipeline);
      await readHistory();
    } catch (problem) {
      if (!stopped) missing(main, id, problem, start);
      return;
    }
    if (stopped) return;
    draw();
    drawWhy = part(parts.why, (one) => [one, Math.floor(Date.now() / 5000)], chain);
    listArtifacts = artifactList(parts.artifacts, id);
    explain();
    artifacts();
    unfollow = follow(`api/jobs/${id}/events`, history.position, {
      event({ seq, event }) {
        const before = history.artifacts;
        if (!history.take({ seq, at: event.at, is: event.is })) return;
        if (history.artifacts !== before) artifacts();
        look();
      },
      progress({ attemptId, progress: said }) {
        const running = job.phases.flatMap((phase) => phase.running ?? []).find((one) => one.attemptId === attemptId);
        if (!running) return look();
        running.progress = said;
        running.lastHeard = new Date().toISOString();
        const phase = job.phases.find((one) => one.running?.includes(running));
        if (!history.maps.has(phase.phase)) phase.progress = said;
        drawSoon();
      },
      gap: again,
      poll: again,
      state(state) {
        if (state === "live") look();
      },
    });
  }

  const again = () => readHistory().catch(() => undefined).then(look);
  const deaf = listen({});
  const tick = setInterval(() => {
    if (!job || !parts || isOver(job.status)) return;
    drawSoon();
    explain();
    // Nothing is told of time that passes: what is left is asked for.
    if (Date.now() - job.asked > ESTIMATE_EVERY) look();
  }, 1000);
  const resize = new ResizeObserver(() => drawSoon());
  resize.observe(main);
  start();
  return {
    query(next) {
      selected = next.phase;
      draw();
    },
    stop() {
      stopped = true;
      unfollow?.();
      deaf();
      [drawSoon, explain, artifacts, look].forEach((one) => one.stop());
      clearInterval(tick);
      resize.disconnect();
      document.title = "Segue";
    },
  };
}

function missing(main, id, problem, again) {
  fill(main, h("section", { class: "empty" },
    h("h1", {}, problem.status === 404 ? "There is no such job" : "The job could not be read"),
    h("p", {}, problem.status === 404 ? `No job has the id ${id}. Ended jobs are removed after the time that keep_ended gives.` : problem.message),
    problem.hint && h("p", { class: "faint" }, problem.hint),
    h("p", {}, h("a", { href: "#/jobs" }, "To the jobs"), " ", problem.status !== 404 && h("button", { type: "button", onclick: again }, "Look again"))));
}
