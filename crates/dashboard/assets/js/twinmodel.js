// What a job of the twin documentation has stored, as its page needs it: iterations, criteria with their gaps, what is undecided,
// tickets with their answers, components that could not be done.

import { call, get } from "./api.js";

const DEFAULTS = { callGraph: 0.98, documentation: 0.95, maxOpen: 2 };
const UNDECIDED = new Set(["needs_human_review", "deferred"]);

const address = (job, name) => `api/jobs/${job}/artifacts/${name.split("/").map(encodeURIComponent).join("/")}`;

/** Reads artifacts, each once as long as its bytes are the same. `pick` makes small what is kept of it. */
export function shelf(job) {
  const kept = new Map();
  let listed = new Map();
  const text = async (name) => (await call(address(job, name))).text();
  return {
    async list() {
      const { artifacts } = await get(`api/jobs/${job}/artifacts`);
      listed = new Map(artifacts.map((one) => [one.name, one.hash]));
      return listed;
    },
    has: (name) => listed.has(name),
    names: () => [...listed.keys()],
    async read(name, pick = (value) => value, parse = JSON.parse) {
      const hash = listed.get(name);
      if (hash === undefined) return undefined;
      if (kept.get(name)?.hash !== hash) kept.set(name, { hash, value: pick(parse(await text(name))) });
      return kept.get(name).value;
    },
    async save(name) {
      const blob = await (await call(address(job, name))).blob();
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = name.split("/").at(-1);
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    },
  };
}

/** What the job was started with: the first of its events says it. */
export async function inputOf(job) {
  const { events } = await get(`api/jobs/${job}/events?from=0`);
  return events?.[0]?.is?.jobStarted?.input ?? {};
}

const isOpen = (one) => one.resolution_source === "unresolved" || UNDECIDED.has(one.resolution);
const lines = (text) => text.split("\n").filter((line) => line.trim()).map((line) => JSON.parse(line));

/** Everything that is there by now. */
export async function look(books, input) {
  await books.list();
  const numbers = books.names().map((name) => Number(/^comparison\/(\d+)\.json$/.exec(name)?.[1])).filter(Boolean).sort((a, b) => a - b);
  const turns = [];
  for (const iteration of numbers) {
    const summary = await books.read(`comparison/${iteration}.json`, (file) => file.summary);
    const decided = await books.read(`resolution/${iteration}.json`, (file) => ({ status: file.status, required: file.required_actions, open: file.decided.filter(isOpen) }));
    turns.push({ iteration, summary, decided });
  }
  const outcome = await books.read("outcome.json");
  const report = await books.read("package/convergence_report.json", (file) => ({ failed: file.failed_components, recommendations: file.recommendations }));
  const last = turns.at(-1);
  return {
    turns, outcome, report,
    status: outcome?.status ?? last?.decided?.status,
    criteria: criteria(last?.summary, input.convergence),
    required: outcome ? [] : last?.decided?.required ?? [],
    open: outcome?.remaining ?? [...turns].reverse().find((turn) => turn.decided)?.decided.open ?? [],
    tickets: await tickets(books, outcome),
    hasPage: books.has("package/index.html"),
  };
}

function criteria(summary, convergence) {
  const asked = { ...DEFAULTS, ...convergence };
  const atLeast = (name, target, value) => ({ name, target, value, share: true, gap: value === undefined ? undefined : Math.max(0, target - value) });
  const atMost = (name, target, value) => ({ name, target, value, gap: value === undefined ? undefined : Math.max(0, value - target) });
  return [
    atLeast("calls that both streams have, of all", asked.callGraph, summary?.call_graph_match_rate),
    atLeast("mean similarity of the texts", asked.documentation, summary?.documentation_similarity),
    atMost("discrepancies that block", 0, summary?.blocking),
    atMost("other discrepancies that nobody has decided", asked.maxOpen, summary?.open),
  ];
}

async function tickets(books, outcome) {
  const all = await books.read("tickets.jsonl", (value) => value, lines);
  const found = [];
  for (const one of all ?? []) {
    const asked = one.metadata?.twindocs;
    if (!asked) continue;
    const answer = await books.read(`answers/${one.id}.json`);
    found.push({ id: one.id, title: one.title, description: one.description ?? "", priority: one.priority ?? 2, fields: asked.fields ?? [],
      state: outcome?.tickets?.[one.id] ?? asked.state, answer });
  }
  return found;
}

/** Components that could not be done, from the streams themselves: large files, so only when somebody asks. */
export async function failedOf(books) {
  const found = [];
  for (const stream of ["a", "b"]) {
    const name = books.names().filter((one) => new RegExp(`^${stream}/\\d+/documented\\.json$`).test(one)).sort((one, other) => parseInt(one.slice(2), 10) - parseInt(other.slice(2), 10)).at(-1);
    if (!name) continue;
    const failed = await books.read(name, (file) => Object.values(file.failed).filter((one) => !file.entries[one.component_id]));
    found.push(...failed.map((one) => ({ stream, ...one })));
  }
  return found;
}
