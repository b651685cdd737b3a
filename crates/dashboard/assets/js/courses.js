// The list of courses: jobs of pipelines that take sentences apart.

import { get } from "./api.js";
import { phaseBar, progressLine } from "./bars.js";
import { fill, h, throttle } from "./dom.js";
import { listen, pipelineNames, pipelineOf } from "./store.js";
import { ago, moment, stateSign, stateWord } from "./words.js";

/** Courses of one pipeline that are listed, the newest first; older ones are found among the jobs. */
const MOST = 200;
/** Jobs that are asked about at once. */
const AT_ONCE = 4;

/** Whether a pipeline makes courses. */
export const makesCourses = (pipeline) => pipeline?.name === "course" || Boolean(pipeline?.phases.some((phase) => phase.service === "extraction"));

/** The way from a job to its course, where it has one. */
export const courseLink = (job, pipeline) => makesCourses(pipeline) && [" · ", h("a", { href: `#/course/${job.jobId}` }, "the course it makes")];

function entry({ row, detail, pipeline }) {
  return h("li", { class: "card course-entry" },
    h("div", { class: "course-entry-head" }, h("a", { href: `#/course/${row.jobId}`, class: "stretched" }, row.key),
      h("span", { class: `state ${row.status}` }, `${stateSign(row.status)} ${stateWord(row.status)}`)),
    detail && [phaseBar(detail, pipeline), h("p", { class: "faint" }, progressLine(detail, pipeline))],
    h("p", { class: "faint", title: moment(row.startedAt) }, `started ${ago(row.startedAt)}`));
}

export function coursesPage(main) {
  let stopped = false;
  const status = h("p", { class: "faint", role: "status" }, "Loading…");
  const list = h("ul", { class: "course-list" });
  fill(main, h("div", { class: "toolbar" }, h("h1", {}, "Courses")), status, list);
  const look = throttle(async () => {
    try {
      const found = [];
      for (const name of await pipelineNames()) {
        const pipeline = await pipelineOf(name);
        if (!makesCourses(pipeline)) continue;
        const { jobs } = await get(`api/jobs?pipeline=${encodeURIComponent(name)}&limit=${MOST}`);
        found.push(...jobs.map((row) => ({ row, pipeline })));
      }
      found.sort((a, b) => (a.row.startedAt < b.row.startedAt ? 1 : -1));
      const rest = found.slice(0, 40).values();
      const run = async () => {
        for (const one of rest) one.detail = await get(`api/jobs/${one.row.jobId}`).catch(() => undefined);
      };
      await Promise.all(Array.from({ length: AT_ONCE }, run));
      if (stopped) return;
      fill(list, found.map(entry));
      status.hidden = found.length > 0;
      fill(status, "No course yet. Make one of twenty sentences:", h("pre", {}, "segue start course spa_for_eng --input @crates/course/seeds/demo-20.json"));
    } catch (problem) {
      if (stopped) return;
      status.hidden = false;
      fill(status, problem.message, problem.hint ? `: ${problem.hint}` : "");
    }
  }, 3000);
  const deaf = listen({ event: look, poll: look });
  look();
  return {
    stop() {
      stopped = true;
      deaf();
      look.stop();
    },
  };
}
