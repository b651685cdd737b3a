// Reads a course apart from the page: a web worker, so that files of many megabytes are fetched, parsed and searched without
// the page standing still. The page asks (`load`, `lego`, `seed`, `search`, `samples`) and gets only what it draws.

import { Course } from "./coursemodel.js";

/** Files read at the same time. */
const AT_ONCE = 4;

let job;
let token;
let files = new Map();
let listed = new Map();
let course;

async function fetchFile(path) {
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  let response;
  try {
    response = await fetch(path, { headers, cache: "no-cache" });
  } catch {
    throw { message: "the orchestrator does not answer", hint: "see whether `segue up` runs", status: 0 };
  }
  if (response.ok) return response.json();
  const said = await response.json().catch(() => ({}));
  throw { message: said.detail || said.title || `the orchestrator answered ${response.status}`, hint: said.hint ?? "", status: response.status };
}

const address = (name) => `../../api/jobs/${job}/artifacts/${name.split("/").map(encodeURIComponent).join("/")}`;

/** A file as it is now; one whose hash is known is not fetched again. */
async function file(name) {
  const hash = listed.get(name)?.hash;
  if (hash === undefined) return undefined;
  const known = files.get(name);
  if (known?.hash === hash) return known.json;
  const json = await fetchFile(address(name));
  files.set(name, { hash, json });
  return json;
}

async function each(names) {
  const rest = names.values();
  const found = new Map();
  const run = async () => {
    for (const name of rest) found.set(name, await file(name));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, run));
  return found;
}

const whole = ["seed_pairs.json", "lego_pairs.json", "lego_baskets.json", "grammar_report.json", "introductions.json", "course_manifest.json", "audio_report.json"];
const parts = () => [...listed.keys()].filter((name) => /^baskets\/batch-\d+\.json$/.test(name)).sort();

const answers = {
  async load(args) {
    if (args.job !== job) {
      files = new Map();
      course = undefined;
    }
    job = args.job;
    token = args.token;
    const { artifacts } = await fetchFile(`../../api/jobs/${job}/artifacts`);
    const before = new Map([...listed].map(([name, one]) => [name, one.hash]));
    listed = new Map(artifacts.map((artifact) => [artifact.name, artifact]));
    const names = whole.filter((name) => listed.has(name));
    // Until grammar has joined them, baskets are in parts.
    if (!listed.has("lego_baskets.json")) names.push(...parts());
    names.push(...[...listed.keys()].filter((name) => /^decisions\/.+\.json$/.test(name)));
    const same = course && names.every((name) => before.get(name) === listed.get(name).hash) && before.size === listed.size;
    if (same) return undefined;
    const found = await each(names);
    course = new Course(found, artifacts);
    return course.summary();
  },
  async lego({ id }) {
    // Where a phrase was removed, only the part that it was made in says where it stood.
    if (course.hasChanges(id)) {
      const before = course.original(id) ?? (await search(id));
      if (before) course.originals.set(id, before);
    }
    return course.lego(id);
  },
  seed: ({ id }) => course.seed(id),
  search: ({ text }) => course.search(text),
  samples: ({ voice, text, from, to }) => course.sampleRows(voice, text, from, to),
};

/** The part with a LEGO's basket: parts follow the order of seeds, so the likely place first. */
async function search(id) {
  const names = parts();
  const likely = Math.floor(course.place(id) * names.length);
  const order = names.map((name, index) => [Math.abs(index - likely), name]).sort((a, b) => a[0] - b[0]);
  for (const [, name] of order) {
    const basket = (await file(name))?.baskets[id];
    if (basket) return basket;
  }
  return undefined;
}

// One after another: an answer is always of the course that the page was told of last.
let last = Promise.resolve();
onmessage = ({ data: { number, ask, args } }) => {
  last = last.then(async () => {
    try {
      if (!course && ask !== "load") throw { message: "the course is not read yet", hint: "", status: 0 };
      postMessage({ number, answer: await answers[ask](args) });
    } catch (error) {
      postMessage({ number, error: { message: error.message ?? String(error), hint: error.hint ?? "", status: error.status ?? 0 } });
    }
  });
};
