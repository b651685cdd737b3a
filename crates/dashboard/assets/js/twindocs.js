// The twin documentation: the list of its jobs, and the page of one: both streams, their agreement by iteration, what is undecided,
// tickets to answer, what could not be done, and the package.

import { get } from "./api.js";
import { bar, phaseBar, progressLine } from "./bars.js";
import { fill, h, part, throttle } from "./dom.js";
import { listen, pipelineNames, pipelineOf } from "./store.js";
import { chart } from "./twinchart.js";
import { failedOf, inputOf, look, shelf } from "./twinmodel.js";
import { sides, ticketList } from "./twintickets.js";
import { ago, count, isOver, many, moment, phaseFraction, phaseProgress, stateSign, stateWord } from "./words.js";

/** Discrepancies that are listed; the package has all of them. */
const MOST = 100;
const LISTED = 40;

/** Whether a pipeline documents twice. */
export const makesTwins = (pipeline) => pipeline?.name === "twindocs" || Boolean(pipeline?.phases.some((phase) => phase.service === "comparison"));

/** The way from a job to its twin documentation, where it has one. */
export const twinLink = (job, pipeline) => makesTwins(pipeline) && [" · ", h("a", { href: `#/twindocs/${job.jobId}` }, "its twin documentation")];

export const twindocsPage = (main, at) => (at.rest[0] ? onePage(main, at.rest[0]) : listPage(main));

function listPage(main) {
  let stopped = false;
  const status = h("p", { class: "faint", role: "status" }, "Loading…");
  const list = h("ul", { class: "course-list" });
  fill(main, h("div", { class: "toolbar" }, h("h1", {}, "Twin documentation")), status, list);
  const entry = ({ row, detail, pipeline }) => h("li", { class: "card course-entry" },
    h("div", { class: "course-entry-head" }, h("a", { href: `#/twindocs/${row.jobId}`, class: "stretched" }, row.key),
      h("span", { class: `state ${row.status}` }, `${stateSign(row.status)} ${stateWord(row.status)}`)),
    detail && [phaseBar(detail, pipeline), h("p", { class: "faint" }, progressLine(detail, pipeline))],
    h("p", { class: "faint", title: moment(row.startedAt) }, `started ${ago(row.startedAt)}`));
  const again = throttle(async () => {
    try {
      const found = [];
      for (const name of await pipelineNames()) {
        const pipeline = await pipelineOf(name);
        if (!makesTwins(pipeline)) continue;
        const { jobs } = await get(`api/jobs?pipeline=${encodeURIComponent(name)}&limit=${LISTED}`);
        for (const row of jobs) found.push({ row, pipeline, detail: await get(`api/jobs/${row.jobId}`).catch(() => undefined) });
      }
      if (stopped) return;
      fill(list, found.map(entry));
      status.hidden = found.length > 0;
      fill(status, "Nothing is documented yet. Document a folder of code:", h("pre", {}, "segue start twindocs engine --input '{\"path\": \"/code/engine\"}' --wait"));
    } catch (problem) {
      if (stopped) return;
      status.hidden = false;
      fill(status, problem.message, problem.hint ? `: ${problem.hint}` : "");
    }
  }, 3000);
  const deaf = listen({ event: again, poll: again });
  again();
  return { stop() { stopped = true; deaf(); again.stop(); } };
}

function stream(job, letter, name) {
  const phase = (kind) => job.phases.find((one) => one.phase === `${kind}_${letter}`);
  const [writes, checks] = [phase("document"), phase("validate")];
  const line = (what, one) => one && h("div", { class: "twin-phase" },
    h("span", {}, what), h("span", { class: `state ${one.status}` }, `${stateSign(one.status)} ${stateWord(one.status)}`),
    bar(["complete", "skipped"].includes(one.status) ? 1 : phaseFraction(one) ?? 0, `${what}, stream ${name}`, one.status),
    h("span", { class: "faint" }, one.progress ? phaseProgress(one) : one.reason ?? ""),
    one.error && h("p", { class: "trouble" }, one.error.message));
  const stats = writes?.stats ?? {};
  const figure = (title, value) => value !== undefined && value !== null && h("div", {}, h("dt", {}, title), h("dd", {}, value));
  return h("section", { class: `card twin-stream ${letter}`, "aria-label": `Stream ${name}` }, h("h2", {}, `Stream ${name}`),
    line("writes", writes), line("validates", checks),
    h("dl", { class: "figures" }, figure("written", stats.written !== undefined && count(stats.written)), figure("taken over", stats.reused !== undefined && count(stats.reused)),
      figure("failed", stats.failed !== undefined && count(stats.failed)), figure("tokens", stats.tokens !== undefined && count(stats.tokens)), figure("US dollars", stats.usd?.toFixed(4))));
}

function criteriaTable(criteria) {
  const shown = (one, value) => (value === undefined ? "–" : one.share ? value.toFixed(3) : count(value));
  return h("table", { class: "twin-criteria" },
    h("thead", {}, h("tr", {}, ["criterion", "asked", "reached", "missing", ""].map((head, at) => h(at < 4 ? "th" : "td", at < 4 ? { scope: "col" } : {}, head)))),
    h("tbody", {}, criteria.map((one) => h("tr", {}, h("td", {}, one.name), h("td", { class: "number" }, `${one.share ? "≥" : "≤"} ${one.target}`), h("td", { class: "number" }, shown(one, one.value)),
      h("td", { class: "number" }, one.gap ? shown(one, one.gap) : ""), h("td", {}, one.gap === undefined ? "" : h("span", { class: `state ${one.gap ? "failed" : "complete"}` }, one.gap ? "✗ fails" : "✓ holds"))))));
}

const discrepancy = (one) => h("li", { class: "twin-difference" },
  h("p", {}, h("code", {}, one.component_id), " ", h("code", { class: "faint" }, one.field), " ",
    h("span", { class: `state ${["high", "critical"].includes(one.severity) ? "failed" : "waiting"}` }, one.severity), " ",
    one.blocking && h("span", { class: "state failed" }, `blocks: ${one.blocking.replaceAll("_", " ")}`),
    h("span", { class: "faint" }, ` decided by ${one.authority}`)),
  sides(one.stream_a_value, one.stream_b_value, one.ground_truth));

function onePage(main, id) {
  const books = shelf(id);
  let stopped = false;
  let input;
  let data;
  let parts;
  fill(main, h("p", { class: "faint", role: "status" }, "Reading the documentation…"));

  const turn = () => Math.max(1, ...data.job.phases.flatMap((phase) => phase.running ?? []).map((run) => Number(/#(\d+)/.exec(run.run)?.[1] ?? 1)), ...data.model.turns.map((one) => one.iteration));

  function build() {
    const card = (name, title) => {
      parts[name] = h("div", {});
      parts[`${name}Card`] = h("section", { class: `card twin-${name}`, "aria-label": title }, h("h2", {}, title), parts[name]);
      return parts[`${name}Card`];
    };
    parts = { head: h("div", { class: "twin-head" }), streams: h("div", { class: "twin-two" }) };
    fill(main, parts.head, parts.streams, h("div", { class: "twin-two" }, card("agreement", "Agreement by iteration"), card("criteria", "What is asked")),
      card("tickets", "Tickets"), card("open", "Undecided"), card("failed", "Could not be done"));
    parts.draws = [
      part(parts.head, () => [data.job.status, data.job.key, data.model.status, turn(), data.model.hasPage], head),
      part(parts.streams, () => [data.job.phases.filter((one) => /^(document|validate)_/.test(one.phase))], () => [stream(data.job, "a", "A"), stream(data.job, "b", "B")]),
      part(parts.agreement, () => [data.model.turns.map((one) => [one.iteration, one.summary]), data.model.criteria], () => chart(data.model.turns, data.model.criteria)),
      part(parts.criteria, () => [data.model.criteria, data.model.required], () => [criteriaTable(data.model.criteria), data.model.required.length > 0 && h("ul", {}, data.model.required.map((text) => h("li", {}, text)))]),
      part(parts.open, () => [data.model.open, Boolean(data.model.outcome)], open),
      part(parts.failed, () => [data.model.report?.failed, data.model.turns.at(-1)?.summary?.failed, data.failed], failed),
    ];
    parts.list = ticketList(parts.tickets, id, load);
  }

  const head = () => [
    h("p", { class: "faint crumbs" }, h("a", { href: "#/twindocs" }, "Twin documentation"), " / ", h("a", { href: `#/job/${id}` }, "the job")),
    h("div", { class: "job-title" }, h("h1", {}, data.job.key), h("span", { class: `state ${data.job.status}` }, `${stateSign(data.job.status)} ${stateWord(data.job.status)}`),
      data.model.status && h("span", { class: `state ${{ converged: "complete", forced: "failed", failed: "failed" }[data.model.status] ?? "waiting"}` }, data.model.status.replaceAll("_", " ")),
      h("span", { class: "faint" }, `iteration ${turn()}`)),
    data.model.hasPage && h("div", { class: "actions" }, h("button", { type: "button", class: "primary", "data-focus": "page", onclick: () => books.save("package/index.html") }, "Save the documentation’s page"),
      h("button", { type: "button", "data-focus": "report", onclick: () => books.save("package/convergence_report.md") }, "Save the report"),
      h("a", { href: `#/job/${id}` }, "All files are among the job’s artifacts")),
  ];

  function open() {
    const all = data.model.open;
    if (!all.length) return h("p", { class: "faint" }, data.model.turns.length ? "Nothing: where the streams differed it was decided." : "Nothing is compared yet.");
    return [h("p", { class: "faint" }, `${many(all.length, "discrepancy", "discrepancies")}${data.model.outcome ? " left in the end" : " after the last iteration"}${all.length > MOST ? `, the first ${MOST} of them here` : ""}.`),
      h("ul", { class: "twin-differences" }, all.slice(0, MOST).map(discrepancy))];
  }

  function failed() {
    const known = data.model.report?.failed ?? data.failed;
    const number = known?.length ?? data.model.turns.at(-1)?.summary?.failed ?? 0;
    parts.failedCard.hidden = number === 0;
    if (!known) {
      return [h("p", {}, `${many(number, "component")} so far.`), h("button", { type: "button", "data-focus": "which", onclick: async () => { data.failed = await failedOf(books); draw(); } }, "Which, and why")];
    }
    return h("ul", { class: "twin-failed" }, known.slice(0, MOST).map((one) => h("li", {}, h("code", {}, one.component_id), h("span", { class: "faint" }, ` stream ${one.stream.toUpperCase()}, ${one.code}: `), one.message)),
      known.length > MOST && h("li", { class: "faint" }, `${known.length - MOST} more in the report`));
  }

  function draw() {
    if (stopped || !data) return;
    if (!parts) build();
    document.title = `${data.job.key}: twin documentation · Segue`;
    parts.draws.forEach((one) => one());
    const waits = data.job.phases.find((one) => one.phase === "answers")?.status === "waiting" && !isOver(data.job.status);
    parts.ticketsCard.hidden = data.model.tickets.length === 0;
    parts.list(data.model.tickets, waits);
  }

  async function load() {
    const begun = performance.now();
    try {
      input ??= await inputOf(id).catch(() => undefined);
      const [job, model] = await Promise.all([get(`api/jobs/${id}`), look(books, input ?? {})]);
      if (stopped) return;
      data = { job, model, failed: data?.failed };
      draw();
    } catch (problem) {
      if (!stopped && !data) {
        fill(main, h("section", { class: "empty" }, h("h1", {}, problem.status === 404 ? "There is no such job" : "The documentation could not be read"), h("p", {}, problem.message),
          problem.hint && h("p", { class: "faint" }, problem.hint), h("p", {}, h("a", { href: "#/twindocs" }, "To the list"))));
      }
    }
    pause = Math.max(500, (performance.now() - begun) * 6);
  }

  let pause = 500;
  let timer;
  let dirty = false;
  /** Soon, and once for many events; what happens while it is read is read again. */
  const again = () => {
    dirty = true;
    timer ??= setTimeout(async () => {
      dirty = false;
      await load();
      timer = undefined;
      if (dirty && !stopped) again();
    }, pause);
  };
  const mine = ({ jobId }) => { if (jobId === id) again(); };
  const deaf = listen({ event: mine, progress: mine, poll: again });
  load();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
      deaf();
      document.title = "Segue";
    },
  };
}
