// The calls of the state service. Which theatre is in the page's address, so that a reload and a link mean the same one.

const KEY = "theatre-token";

export const theatre = () => new URLSearchParams(location.search).get("theatre") || "main";
export const token = () => sessionStorage.getItem(KEY) ?? "";
export const setToken = (text) => sessionStorage.setItem(KEY, text);

/** What a call was refused with. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem?.detail ?? `the service answered ${status}`);
    this.status = status;
    this.code = problem?.code;
  }
}

const address = (path) => {
  const url = new URL(path.replace(/^\//, ""), new URL(".", location.href));
  url.searchParams.set("theatre", theatre());
  return url;
};

async function call(path, options = {}) {
  const headers = { ...(token() && { authorization: `Bearer ${token()}` }), ...options.headers };
  const answer = await fetch(address(path), { ...options, headers });
  const body = await answer.json().catch(() => undefined);
  if (!answer.ok) throw new Refused(answer.status, body);
  return body;
}

export const get = (path) => call(path);
export const post = (path, body) =>
  call(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

/** The protocols that a WebSocket names: the token is one of them, for a browser can send no header. */
export function protocols() {
  const hex = [...new TextEncoder().encode(token())].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return token() ? ["segue.theatre", `bearer.${hex}`] : ["segue.theatre"];
}

export function socket(path) {
  const url = address(path);
  url.protocol = url.protocol.replace("http", "ws");
  return new WebSocket(url, protocols());
}
