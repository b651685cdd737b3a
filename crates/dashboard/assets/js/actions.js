// What people can do to a job: a button for every command that its state allows (docs/commands.md), with a question first
// where work would be lost, and decisions as forms.

import { post } from "./api.js";
import { h, notice } from "./dom.js";
import { ago, duration, isOver, many, moment } from "./words.js";

const PRIORITIES = ["urgent", "high", "medium", "low", "background"];

async function give(path, body, done) {
  try {
    await post(path, body);
    notice(done, "good");
    return true;
  } catch (problem) {
    notice([problem.message, problem.hint].filter(Boolean).join(": "), "bad");
    return false;
  }
}

/** Asks before something is lost; fields are `{ name, label, value, options }`. Gives what was entered, or nothing. */
export function ask({ title, text, yes, danger = true, fields = [] }) {
  return new Promise((resolve) => {
    const inputs = fields.map(({ name, label, value = "", options }) => {
      const id = `ask-${name}`;
      const input = options
        ? h("select", { id, name }, options.map((one) => h("option", { value: one, selected: one === value }, one)))
        : h("input", { id, name, value });
      return [h("label", { for: id }, label), input];
    });
    const dialog = h("dialog", { "aria-labelledby": "ask-title" },
      h("form", { method: "dialog" }, h("h2", { id: "ask-title" }, title), h("p", {}, text), inputs,
        h("div", { class: "actions" },
          h("button", { type: "submit", value: "no", formnovalidate: true }, "Back"),
          h("button", { type: "submit", value: "yes", class: danger ? "danger" : "primary" }, yes))));
    dialog.addEventListener("close", () => {
      const said = Object.fromEntries(new FormData(dialog.querySelector("form")));
      dialog.remove();
      resolve(dialog.returnValue === "yes" ? said : undefined);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

function underWay(job) {
  const attempts = job.phases.reduce((sum, phase) => sum + (phase.running?.length ?? 0), 0);
  return attempts ? `${many(attempts, "attempt")} under way will be stopped, and what they have not handed in is lost.` : "Nothing runs just now.";
}

async function cancel(job) {
  const said = await ask({ title: `Cancel ${job.key}?`, text: `${underWay(job)} Results of phases that are through are kept: it can be tried again later.`,
    yes: "Cancel the job", fields: [{ name: "reason", label: "Reason (for the history)", value: "" }] });
  if (said) await give(`api/jobs/${job.jobId}/cancel`, said.reason ? { reason: said.reason } : {}, "Cancelled");
}

/** Runs a phase and all that follows from it again. */
export async function rerun(job, phase, pipeline) {
  const failure = new Set(pipeline?.phases.filter((one) => one.onFailure).map((one) => one.id));
  const options = job.phases.map((one) => one.phase).filter((one) => !failure.has(one));
  const said = await ask({ title: `Run ${job.key} again?`, text: `The phase and everything after it is done again; its results so far are replaced. ${isOver(job.status) ? "" : underWay(job)}`,
    yes: "Run again", fields: [{ name: "from", label: "From the phase", value: phase ?? options[0], options }] });
  if (said) await give(`api/jobs/${job.jobId}/rerun?from=${encodeURIComponent(said.from)}`, undefined, `${said.from} is run again`);
}

/** The buttons for a state. */
export function buttons({ job, history, pipeline }) {
  const base = `api/jobs/${job.jobId}`;
  const button = (label, act, kind = "") => h("button", {
    type: "button", class: kind, "data-focus": label,
    onclick: async (event) => {
      const pressed = event.currentTarget;
      pressed.disabled = true;
      await act();
      pressed.disabled = false;
    },
  }, label);
  const over = isOver(job.status);
  const backoff = job.phases.some((phase) => phase.reason?.includes("is tried again"));
  const priority = h("select", { "aria-label": "Priority", "data-focus": "priority",
    onchange: (event) => give(`${base}/priority`, { priority: event.target.value }, `Priority is ${event.target.value}`) },
  PRIORITIES.map((one) => h("option", { value: one, selected: one === (job.priority ?? "medium") }, one === (job.priority ?? "medium") ? `Priority: ${one}` : one)));
  return [
    job.status === "paused" && button("Resume", () => give(`${base}/resume`, undefined, "It goes on"), "primary"),
    over && job.status !== "complete" && button("Try again", () => give(`${base}/retry`, undefined, "What failed is tried again"), "primary"),
    !over && backoff && job.status !== "paused" && button("Try now", () => give(`${base}/retry`, undefined, "Tried at once")),
    !over && job.status !== "paused" && !history.failing && button("Pause", () => give(`${base}/pause`, undefined, "Paused: what runs is asked for a checkpoint")),
    button("Run again from…", () => rerun(job, undefined, pipeline)),
    !over && priority,
    !over && button("Cancel", () => cancel(job), "danger"),
  ];
}

/** A form for a decision that the job waits for. */
export function decision(job, wait) {
  const id = `decide-${wait.run}`;
  const by = h("input", { id: `${id}-by`, value: localStorage.getItem("segue-name") ?? "", placeholder: "for the history", autocomplete: "name" });
  const payload = h("textarea", { id: `${id}-payload`, spellcheck: "false" }, "{}");
  const wrong = h("p", { class: "trouble", role: "alert", hidden: true });
  const left = (wait.deadline ?? Infinity) - Date.now();
  return h("form", {
    class: "decision card", "aria-label": `Decision: ${wait.signal} for ${job.key}, ${wait.run}`,
    onsubmit: async (event) => {
      event.preventDefault();
      let said;
      try {
        said = JSON.parse(payload.value || "{}");
        wrong.hidden = true;
      } catch (error) {
        wrong.hidden = false;
        wrong.textContent = `That is not JSON: ${error.message}`;
        payload.focus();
        return;
      }
      if (by.value) localStorage.setItem("segue-name", by.value);
      const plain = said !== null && typeof said === "object" && !Array.isArray(said);
      const body = plain && by.value ? { ...said, by: by.value } : said;
      await give(`api/jobs/${job.jobId}/signals/${encodeURIComponent(wait.signal)}`, body, `'${wait.signal}' is decided`);
    },
  },
  h("h2", {}, wait.approval ? `Go on with ${wait.run}?` : `${wait.run} waits for '${wait.signal}'`),
  h("p", { class: "faint" }, h("span", { title: moment(wait.since) }, `asked ${ago(wait.since)}`),
    wait.deadline && ` · ${left > 0 ? `to be decided within ${duration(left)}` : "the time is over"}`),
  h("div", { class: "decision-fields" },
    h("label", { for: by.id }, "Who decides", by),
    h("details", {}, h("summary", {}, "What is decided, as JSON"), h("label", { for: payload.id }, "Payload"), payload)),
  wrong,
  h("div", { class: "actions" }, h("button", { type: "submit", class: "primary" }, wait.approval ? "Approve" : `Send '${wait.signal}'`)));
}
