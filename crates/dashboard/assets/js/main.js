// The frame: which page is shown, the token, light and dark, keys. Pages are functions that draw into `main` and return
// how to end them.

import { token } from "./api.js";
import { coursePage } from "./course.js";
import { coursesPage } from "./courses.js";
import { fill, h, say } from "./dom.js";
import { jobPage } from "./job.js";
import { jobsPage } from "./jobs.js";
import { servicesPage } from "./services.js";
import { connect, listen } from "./store.js";
import { twindocsPage } from "./twindocs.js";
import { countWaiting, waitingPage } from "./waiting.js";

const main = document.getElementById("main");
let end;
let shown;

const PAGES = { jobs: jobsPage, job: jobPage, waiting: waitingPage, services: servicesPage, courses: coursesPage, course: coursePage, twindocs: twindocsPage };

/** `#/job/ID?tab=x` as its parts. */
function place() {
  const [path, search] = location.hash.replace(/^#\/?/, "").split("?");
  const [page, ...rest] = path.split("/");
  return { page: page || "jobs", rest: rest.map(decodeURIComponent), query: Object.fromEntries(new URLSearchParams(search)) };
}

function show() {
  if (location.hash === "#main") return;
  const at = place();
  const same = [at.page, ...at.rest].join("/");
  if (same === shown && end?.query) return end.query(at.query);
  end?.stop();
  shown = same;
  const page = PAGES[at.page];
  for (const link of document.querySelectorAll("nav a")) {
    const here = link.dataset.page === ({ job: "jobs", course: "courses" }[at.page] ?? at.page);
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  fill(main);
  main.className = `page-${at.page}`;
  main.scrollTop = 0;
  if (page) {
    end = page(main, at);
  } else {
    end = undefined;
    fill(main, h("section", { class: "empty" }, h("h1", {}, "There is no such page"),
      h("p", {}, h("a", { href: "#/jobs" }, "To the jobs"))));
  }
}

function askToken() {
  if (document.querySelector("dialog.token")) return;
  const field = h("input", { type: "password", id: "token", autocomplete: "off", required: true });
  const dialog = h("dialog", { class: "token", "aria-labelledby": "token-title" },
    h("form", { method: "dialog" },
      h("h2", { id: "token-title" }, "A token is needed"),
      h("p", {}, token.get() ? "The token that this tab holds is not accepted any more." : "This orchestrator answers only callers with a token (SEGUE_TOKEN where it was started)."),
      h("label", { for: "token" }, "Token"), field,
      h("p", { class: "faint" }, "It is kept in this tab until you close it, and nowhere else."),
      h("div", { class: "actions" }, h("button", { type: "submit", class: "primary" }, "Go on"))));
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (!field.value) return;
    token.set(field.value.trim());
    connect();
    shown = undefined;
    show();
  });
  document.body.append(dialog);
  dialog.showModal();
}

function theme() {
  const button = document.getElementById("theme");
  const dark = () => (document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const paint = () => {
    button.textContent = dark() ? "☀" : "☾";
    button.title = dark() ? "Light" : "Dark";
  };
  const kept = localStorage.getItem("segue-theme");
  if (kept) document.documentElement.dataset.theme = kept;
  button.addEventListener("click", () => {
    const next = dark() ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    localStorage.setItem("segue-theme", next);
    paint();
  });
  paint();
}

function keys(event) {
  const typing = event.target.closest("input, textarea, select, dialog");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") {
    event.preventDefault();
    if (!["jobs", "course"].includes(place().page)) location.hash = "#/jobs";
    requestAnimationFrame(() => document.getElementById("filter-key")?.focus());
  }
  const page = { 1: "jobs", 2: "waiting", 3: "services", 4: "courses", 5: "twindocs" }[event.key];
  if (page) location.hash = `#/${page}`;
}

theme();
document.addEventListener("keydown", keys);
document.addEventListener("token-needed", askToken);
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
window.addEventListener("hashchange", () => {
  show();
});
listen({
  state(state) {
    const label = document.getElementById("link-state");
    label.className = `link-state ${state}`;
    say(label, state);
    label.title = { live: "Changes are shown as they happen", polling: "No live stream: the page asks every two seconds", connecting: "" }[state];
  },
});
countWaiting(document.getElementById("waiting-count"));
show();
