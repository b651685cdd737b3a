// The orchestrator's API: calls with the reader's token, problems as errors, and the live stream with its places.

const TOKEN = "segue-token";

/** Kept for this tab only. */
export const token = {
  get: () => sessionStorage.getItem(TOKEN) ?? "",
  set: (text) => (text ? sessionStorage.setItem(TOKEN, text) : sessionStorage.removeItem(TOKEN)),
};

/** What the orchestrator refused, in its own words. */
export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || body.title || `the orchestrator answered ${status}`);
    this.status = status;
    this.code = body.code ?? "";
    this.hint = body.hint ?? "";
    this.body = body;
  }
}

/** No answer at all. */
export class Unreachable extends Error {
  constructor() {
    super("the orchestrator does not answer");
    this.hint = "see whether `segue up` runs; this page goes on by itself when it is back";
  }
}

function headers(more) {
  const held = token.get();
  return held ? { authorization: `Bearer ${held}`, ...more } : more;
}

/** The raw answer of a call. A refusal is thrown as a `Problem`. */
export async function call(path, { method = "GET", body, accept, signal, user } = {}) {
  const more = {};
  // For whom it is done, for the audit log; a header holds no other letters.
  if (user) more["x-segue-user"] = user.replace(/[^\x20-\x7e]/g, "?");
  if (body !== undefined) more["content-type"] = "application/json";
  if (accept) more.accept = accept;
  let response;
  try {
    const text = body === undefined ? undefined : JSON.stringify(body);
    response = await fetch(path, { method, headers: headers(more), body: text, signal, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Unreachable();
  }
  if (response.ok) return response;
  const said = await response.json().catch(() => ({}));
  const problem = new Problem(response.status, said);
  if (problem.status === 401) document.dispatchEvent(new CustomEvent("token-needed"));
  throw problem;
}

export const get = async (path, options) => (await call(path, options)).json();
export const post = async (path, body) => {
  const response = await call(path, { method: "POST", body });
  return response.headers.get("content-type")?.includes("json") ? response.json() : {};
};

/** A query string of what is given. */
export function query(parts) {
  const given = Object.entries(parts).filter(([, value]) => value !== undefined && value !== "");
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

/** Messages of a server-sent stream, one by one. */
async function* messages(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value;
    const blocks = rest.split(/\r?\n\r?\n/);
    rest = blocks.pop();
    for (const block of blocks) {
      const message = { event: "message", data: "", id: undefined };
      for (const line of block.split(/\r?\n/)) {
        const at = line.indexOf(":");
        if (at <= 0) continue;
        const text = line.slice(at + 1).replace(/^ /, "");
        const field = line.slice(0, at);
        if (field === "data") message.data += text;
        else if (field in message) message[field] = text;
      }
      if (message.data) yield message;
    }
  }
}

/** When the page is in sight: now, or once it is. */
function inSight() {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    const look = () => {
      if (document.hidden) return;
      document.removeEventListener("visibilitychange", look);
      resolve();
    };
    document.addEventListener("visibilitychange", look);
  });
}

/**
 * Follows a stream from a place on, for ever, across restarts: `on.event(data)`, `on.progress(data)`, `on.gap()`, and
 * `on.state("live" | "polling")`. While there is no stream, `on.poll()` is called every two seconds: the page goes on.
 * A page out of sight holds no stream, since browsers open only six connections to a host, for all tabs together.
 * (Not an EventSource: that can neither send a token nor begin at a place.) Returns a function that ends it.
 */
export function follow(path, after, on) {
  let stopped = false;
  let current = new AbortController();
  let place = after;
  let pause = 500;
  const hide = () => {
    if (document.hidden) current.abort();
  };
  document.addEventListener("visibilitychange", hide);
  const read = async () => {
    const more = { accept: "text/event-stream" };
    if (place !== undefined) more["last-event-id"] = String(place);
    const response = await fetch(path, { headers: headers(more), signal: current.signal, cache: "no-store" });
    if (!response.ok) throw new Problem(response.status, await response.json().catch(() => ({})));
    on.state("live");
    pause = 500;
    for await (const message of messages(response.body)) {
      if (message.id !== undefined) place = Number(message.id);
      if (message.event === "event") on.event?.(JSON.parse(message.data));
      else if (message.event === "progress") on.progress?.(JSON.parse(message.data));
      else if (message.event === "gap") on.gap?.();
    }
  };
  (async () => {
    await inSight();
    while (!stopped) {
      current = new AbortController();
      const problem = await read().catch((error) => error);
      if (stopped) return;
      if (problem?.status === 401) {
        // Until there is a token the page has nothing to follow; with it, it begins anew.
        document.dispatchEvent(new CustomEvent("token-needed"));
        return;
      }
      on.state("polling");
      if (document.hidden) {
        await inSight();
      } else {
        await new Promise((resolve) => setTimeout(resolve, pause));
        pause = Math.min(pause * 2, 2000);
      }
      if (!stopped) await Promise.resolve(on.poll?.()).catch(() => undefined);
    }
  })();
  return () => {
    stopped = true;
    current.abort();
    document.removeEventListener("visibilitychange", hide);
  };
}
