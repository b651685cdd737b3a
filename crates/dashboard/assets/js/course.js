// The page of one course: its seeds with their LEGOs in colour, baskets, introductions, every sample to hear, and what
// grammar removed, to be restored. What is made so far is shown; the rest says what it waits for.

import { get, token } from "./api.js";
import { coursePanel } from "./coursepanel.js";
import { changeRows, sampleList, seedRows } from "./courserows.js";
import { apply } from "./decisions.js";
import { fill, h, part, say, throttle } from "./dom.js";
import { markHeard, player } from "./player.js";
import { listen, pipelineOf } from "./store.js";
import { count, duration, isOver, many, stateSign, stateWord } from "./words.js";

const VIEWS = [["seeds", "Seeds"], ["removed", "Removed phrases"], ["samples", "Samples"]];
/** Phases and what they are missing until they are through. */
const WAITS = [["seeds", "translation", "seeds"], ["legos", "extraction", "LEGOs"], ["baskets", "baskets", "baskets"], ["checked", "grammar", "the grammar check"],
  ["introductions", "introductions", "introductions"], ["manifest", "manifest", "the manifest"], ["speech", "tts", "speech"]];

/** Questions to the reader, which is a web worker: files of megabytes don't hold the page up. */
function reader() {
  const worker = new Worker(new URL("./coursereader.js", import.meta.url), { type: "module" });
  const open = new Map();
  let number = 0;
  worker.onmessage = ({ data }) => {
    const waits = open.get(data.number);
    open.delete(data.number);
    if (data.error) waits.reject(Object.assign(new Error(data.error.message), data.error));
    else waits.resolve(data.answer);
  };
  worker.onerror = (event) => {
    for (const waits of open.values()) waits.reject(new Error(event.message || "the reader of the course broke off"));
    open.clear();
  };
  const ask = (what, args) => new Promise((resolve, reject) => {
    number += 1;
    open.set(number, { resolve, reject });
    worker.postMessage({ number, ask: what, args });
  });
  return { ask, stop: () => worker.terminate() };
}

export function coursePage(main, at) {
  const id = at.rest[0];
  let place = at.query;
  let job;
  let pipeline;
  let course;
  let stopped = false;
  let found;
  let parts;
  const books = reader();
  const sound = player(id);
  const said = h("p", { class: "aside-only", role: "status" });
  const context = {
    job: id, ask: books.ask, play: sound.play, link: (change) => address({ ...place, ...change }), go, refresh: () => load(true),
    language: (code) => { try { return code ? Intl.getCanonicalLocales(code)[0] : ""; } catch { return ""; } },
    course: () => course, place: () => place, announce: (text) => say(said, text),
  };
  fill(main, h("p", { class: "faint", role: "status" }, "Reading the course…"));

  function address(query) {
    const given = Object.entries(query).filter(([name, value]) => value && !(name === "view" && value === "seeds"));
    return `#/course/${id}${given.length ? `?${new URLSearchParams(given)}` : ""}`;
  }

  /** Another place on this page, without a new entry in the browser's history. */
  function go(change) {
    place = { ...place, ...change };
    history.replaceState(null, "", address(place));
    draw();
  }

  function build() {
    const search = h("input", { type: "search", id: "filter-key", placeholder: "Search words, ids…", "aria-label": "Search the course", value: place.q ?? "" });
    search.addEventListener("input", throttle(() => go({ q: search.value }), 150));
    parts = {
      head: h("div", { class: "course-head" }), counts: h("dl", { class: "course-counts" }), waits: h("p", { class: "faint course-waits", role: "status" }),
      pending: h("div", { class: "course-pending", role: "status" }), tabs: h("div", { class: "chips", role: "group", "aria-label": "What is listed" }),
      legend: h("p", { class: "legend faint" }, h("span", { class: "tile A new sign" }, "atomic"), h("span", { class: "tile M new sign" }, h("span", { class: "word" }, "mole"), h("span", { class: "word" }, "cular")),
        h("span", { class: "tile A new sign" }, "new here"), h("span", { class: "tile A old sign" }, "known already"), " each LEGO has its colour everywhere"),
      search, list: h("div", { class: "course-list-place" }), none: h("section", { class: "empty", hidden: true }), panel: h("aside", { class: "course-panel card", "aria-label": "What is chosen" }),
    };
    fill(main, parts.head, parts.counts, parts.waits, parts.pending,
      h("div", { class: "toolbar course-tools" }, parts.tabs, parts.legend, search),
      h("div", { class: "course-body" }, parts.list, parts.none, parts.panel), said, sound.element);
    parts.lists = { seeds: seedRows(context), removed: changeRows(context), samples: sampleList(context) };
    parts.aside = coursePanel(parts.panel, context);
    parts.draws = [
      part(parts.head, () => [job.status, job.key], () => head()),
      part(parts.counts, () => course.counts, () => counts()),
      part(parts.waits, () => [course.has, job.status, job.phases.map((phase) => phase.status)], () => waits()),
      part(parts.pending, () => [course.counts.pending, job.phases.find((phase) => phase.phase === "grammar")?.status, job.status], () => pending()),
      part(parts.tabs, () => [place.view, course.counts], () => tabs()),
    ];
    parts.unmark = markHeard(main);
  }

  const head = () => [
    h("p", { class: "faint crumbs" }, h("a", { href: "#/courses" }, "Courses"), " / ", h("a", { href: `#/job/${id}` }, "the job that makes it")),
    h("div", { class: "job-title" }, h("h1", {}, job.key), h("span", { class: `state ${job.status}` }, `${stateSign(job.status)} ${stateWord(job.status)}`)),
  ];

  /** The same figures as `segue course report`. */
  function counts() {
    const all = course.counts;
    const figure = (name, value, more) => [h("div", {}, h("dt", {}, name), h("dd", {}, value, more && h("span", { class: "faint" }, ` ${more}`)))];
    return [
      figure("seeds", count(all.seeds), course.has.legos ? `${count(all.tiling)} tile exactly` : ""),
      all.held > 0 && figure("held back", count(all.held)),
      course.has.legos && figure("LEGOs taught", count(all.legos), `${count(all.atomic)} atomic`),
      course.has.baskets && figure("phrases", count(all.phrases), `in ${many(all.baskets, "basket")}, ${count(all.short)} short`),
      course.has.checked && figure("removed", count(all.deleted), all.restored ? `${count(all.restored)} restored` : ""),
      course.has.manifest && figure("samples", count(all.samples), all.heard < all.samples ? `${count(all.heard)} spoken` : all.seconds ? duration(all.seconds * 1000) : ""),
    ];
  }

  function waits() {
    const missing = WAITS.filter(([what]) => !course.has[what]).map(([, , name]) => name);
    const open = isOver(job.status) ? [] : WAITS.filter(([what, phase]) => course.has[what] && job.phases.some((one) => one.phase === phase && !["complete", "skipped"].includes(one.status)));
    // These come piece by piece; a file that is there before its phase has ended is that of an earlier run.
    const growing = open.filter(([what]) => ["baskets", "speech"].includes(what)).map(([, , name]) => name);
    const again = open.filter(([what]) => !["baskets", "speech"].includes(what)).map(([, , name]) => name);
    parts.waits.hidden = missing.length + open.length === 0;
    return [
      growing.length > 0 && `Being made: ${growing.join(", ")}. `,
      missing.length > 0 && `Not there yet: ${missing.join(", ")}. `,
      again.length > 0 && `Being made again, so what you see of them is from before: ${again.join(", ")}. `,
      missing.length > 0 && (isOver(job.status) ? ["The job has ended without them; ", h("a", { href: `#/job/${id}` }, "its page says why and tries again"), "."] : "They appear here by themselves."),
    ];
  }

  function pending() {
    const all = course.counts.pending;
    parts.pending.hidden = all === 0;
    if (all === 0) return [];
    const grammar = job.phases.find((phase) => phase.phase === "grammar");
    const through = grammar && !["pending", "running", "queued", "waiting"].includes(grammar.status);
    return [h("span", {}, `${many(all, "decision")} not applied yet. `, !through && "Grammar has not ended; it takes them up when it begins."),
      through && h("button", { type: "button", class: "primary", "data-focus": "apply", onclick: async () => { if (await apply(job, pipeline, course.changes)) look(); } }, "Apply: do grammar and what follows again")];
  }

  const tabs = () => VIEWS.map(([view, name]) => h("a", {
    class: "chip", href: address({ ...place, view }), "aria-current": (place.view ?? "seeds") === view ? "page" : undefined, "data-focus": view,
  }, `${name} `, h("b", {}, count({ seeds: course.rows.length, removed: course.changes.length, samples: course.counts.samples }[view]))));

  async function draw() {
    if (stopped || !course || !job) return;
    if (!parts) build();
    document.title = `${job.key}: course · Segue`;
    parts.draws.forEach((one) => one());
    const view = parts.lists[place.view] ? place.view : "seeds";
    const wanted = place.q?.trim() ?? "";
    if (parts.search.value.trim() !== wanted && document.activeElement !== parts.search) parts.search.value = wanted;
    if (wanted && found?.text !== wanted) {
      const ids = new Set(await books.ask("search", { text: wanted }).catch(() => []));
      if (stopped || (place.q?.trim() ?? "") !== wanted) return;
      found = { text: wanted, ids };
    }
    parts.legend.hidden = view !== "seeds";
    const list = parts.lists[view];
    if (parts.list.firstChild !== list.element) fill(parts.list, list.element);
    const shown = list.update(wanted ? found : undefined);
    parts.list.hidden = shown === 0;
    parts.none.hidden = shown > 0;
    if (shown === 0) nothing(view, wanted);
    parts.aside.update();
  }

  function nothing(view, wanted) {
    const [title, text] = wanted ? [`Nothing has '${wanted}'`, "Search for a part of a word, in either language, or for an id such as S0003."]
      : {
        seeds: ["No seed yet", "Translation writes the first; they appear here by themselves."],
        removed: ["No phrase was removed", course.has.checked ? `${course.checker ?? "The grammar check"} found nothing wrong. A phrase can be removed by hand in the basket of its LEGO.` : "The grammar check has not run yet."],
        samples: ["No sample yet", "The manifest lists them, after grammar and introductions."],
      }[view];
    fill(parts.none, h("h2", {}, title), h("p", {}, text), wanted && h("p", {}, h("button", { type: "button", onclick: () => { parts.search.value = ""; go({ q: "" }); } }, "Show all")));
  }

  /** Reads what has changed. */
  async function load(now) {
    const begun = performance.now();
    try {
      const [next, read] = await Promise.all([get(`api/jobs/${id}`), books.ask("load", { job: id, token: token.get() })]);
      if (stopped) return;
      job = next;
      pipeline ??= await pipelineOf(job.pipeline).catch(() => undefined);
      if (read) {
        // Rows that say the same stay the same, and with them the focus and what is drawn.
        const known = new Map(course?.rows.map((row) => [row.id, [row, JSON.stringify(row)]]));
        read.rows = read.rows.map((row) => (known.get(row.id)?.[1] === JSON.stringify(row) ? known.get(row.id)[0] : row));
        course = read;
        found = undefined;
        parts?.aside.stale();
      }
      await draw();
      if (now) return;
    } catch (problem) {
      if (!stopped && !course) missing(problem);
    }
    // A course with many files is asked for less often while they come in.
    pause = Math.max(2000, (performance.now() - begun) * 8);
  }
  let pause = 2000;
  let timer;
  const look = () => {
    timer ??= setTimeout(async () => {
      await load();
      timer = undefined;
    }, pause);
  };

  function missing(problem) {
    fill(main, h("section", { class: "empty" }, h("h1", {}, problem.status === 404 ? "There is no such course" : "The course could not be read"),
      h("p", {}, problem.status === 404 ? `No job has the id ${id}. Ended jobs are removed after the time that keep_ended gives.` : problem.message),
      problem.hint && h("p", { class: "faint" }, problem.hint),
      h("p", {}, h("a", { href: "#/courses" }, "To the courses"), " ", problem.status !== 404 && h("button", { type: "button", onclick: () => load() }, "Look again"))));
  }

  function keys(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const typing = event.target.closest("input, textarea, select");
    if (event.key === "Escape" && (place.lego || place.seed) && !typing) {
      // Who opened it from a tile is there still.
      const from = document.activeElement.closest(".seed-row") ? undefined : parts.lists.seeds.focusOf(place);
      go({ lego: "", seed: "" });
      from?.focus();
    }
    if (typing || (event.key === " " && event.target.closest("button, summary"))) return;
    const act = { " ": () => sound.toggle() || parts?.aside.playAll(), n: sound.next, p: sound.back, a: () => parts?.aside.playAll() }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  document.addEventListener("keydown", keys);
  const deaf = listen({ event: ({ jobId }) => { if (jobId === id) look(); }, poll: look });
  load();
  return {
    query(next) {
      const chosen = next.lego !== place.lego || next.seed !== place.seed;
      place = next;
      draw().then(() => { if (chosen) parts?.aside.opened(); });
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
      deaf();
      document.removeEventListener("keydown", keys);
      document.body.classList.remove("course-chosen");
      parts?.unmark();
      Object.values(parts?.lists ?? {}).forEach((list) => list.stop());
      sound.end();
      books.stop();
      document.title = "Segue";
    },
  };
}
