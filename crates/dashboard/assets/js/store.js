// What all pages share: the pipelines, and one live stream of everything that happens.

import { follow, get } from "./api.js";

const listeners = new Set();
let stop;
let state = "connecting";
let pipelines;

/** The pipelines by name; asked for once, and again where one is not known. */
export async function pipelineOf(name) {
  if (!pipelines?.has(name)) {
    const answer = await get("api/pipelines");
    pipelines = new Map(answer.pipelines.map((pipeline) => [pipeline.name, pipeline]));
  }
  return pipelines.get(name);
}

/** Names of all pipelines, sorted. */
export async function pipelineNames() {
  await pipelineOf("");
  return [...pipelines.keys()].sort();
}

/** The pipeline, where it was asked for already. */
export const knownPipeline = (name) => pipelines?.get(name);

function tell(what, data) {
  for (const listener of listeners) listener[what]?.(data);
}

/** Follows everything: `on.event`, `on.progress`, `on.poll` (there was a break: look at the whole again), `on.state`. */
export function listen(on) {
  listeners.add(on);
  if (!stop) connect();
  on.state?.(state);
  return () => listeners.delete(on);
}

/** Begins the stream anew, as with another token. */
export function connect() {
  stop?.();
  pipelines = undefined;
  stop = follow("api/events", undefined, {
    event: (data) => tell("event", data),
    progress: (data) => tell("progress", data),
    gap: () => tell("poll"),
    poll: () => tell("poll"),
    state: (next) => {
      // Back after a break: what happened in between is not known here.
      const back = state === "polling" && next === "live";
      state = next;
      tell("state", next);
      if (back) tell("poll");
    },
  });
}

/** The name of an event and what it says. */
export function kind(event) {
  const is = event.is;
  return typeof is === "string" ? [is, {}] : Object.entries(is)[0];
}
