// Questions that only people can answer: a form for each ticket, an artifact for each answer, and the signal that goes on.

import { call, post } from "./api.js";
import { fill, h, notice } from "./dom.js";
import { many } from "./words.js";

const NAME = "segue-name";
const CHOICES = [
  ["accept_a", "A is right", "B gets what A says"],
  ["accept_b", "B is right", "A gets what B says"],
  ["merge", "Both in part", "both get what each has"],
  ["manual", "Neither", "both get the text below"],
];
const STATES = { applied: "applied", expired: "nobody answered in time", cancelled: "not asked any more", pending: "" };

/** A value in words: what a person compares is not brackets. */
export function words(value) {
  if (value === null || value === undefined || value === "") return "";
  if (Array.isArray(value)) return value.map(words).filter(Boolean).join("\n");
  if (typeof value !== "object") return String(value);
  if (value.component_id) return [value.component_id, value.call_type?.replaceAll("_", " "), value.call_site_line && `line ${value.call_site_line}`].filter(Boolean).join(", ");
  const { name, type, description, condition, ...rest } = value;
  const more = Object.entries(rest).filter(([, one]) => one !== null && one !== "" && typeof one !== "boolean").map(([key, one]) => `${key} ${words(one)}`);
  return [[name, type].filter(Boolean).join(" "), description, condition, ...more].filter(Boolean).join(": ");
}

/** Both values beside each other, and the code's where it is evident. */
export function sides(a, b, code) {
  const side = (name, title, value) => h("div", { class: `twin-side ${name}` }, h("p", { class: "twin-side-title" }, title), words(value) || h("span", { class: "faint" }, "says nothing"));
  return h("div", { class: "twin-sides" }, side("a", "Stream A", a), side("b", "Stream B", b), words(code) && side("code", "The code", code));
}

/** One ticket. `context` says the job, whether answers can still be given, and what to do when one was. */
function form(ticket, context) {
  const { id, fields, answer, state } = ticket;
  const choices = CHOICES.map(([value, label, what]) => h("label", { class: "twin-choice" },
    h("input", { type: "radio", name: `choice-${id}`, value, required: true, checked: answer?.resolution === value }), h("span", {}, h("b", {}, label), ` – ${what}`)));
  const text = h("textarea", { id: `text-${id}`, rows: 3 });
  text.value = answer?.text ?? "";
  const by = h("input", { id: `by-${id}`, autocomplete: "name", required: true });
  by.value = answer?.by || (localStorage.getItem(NAME) ?? "");
  const wrong = h("p", { class: "trouble", role: "alert", hidden: true });
  const send = async (event) => {
    event.preventDefault();
    const chosen = new FormData(event.target).get(`choice-${id}`);
    const missing = chosen === "manual" && !text.value.trim();
    wrong.hidden = !missing;
    wrong.textContent = missing ? "Where neither is right, the text that holds must be given." : "";
    if (missing) return text.focus();
    localStorage.setItem(NAME, by.value.trim());
    try {
      await call(`api/jobs/${context.job}/artifacts/answers/${encodeURIComponent(id)}.json`,
        { method: "PUT", body: { resolution: chosen, text: text.value.trim(), by: by.value.trim() }, user: by.value.trim() });
      notice(`${id} is answered`, "good");
      event.target.dataset.sent = "yes";
      await context.answered();
    } catch (problem) {
      wrong.hidden = false;
      wrong.textContent = [problem.message, problem.hint].filter(Boolean).join(": ");
    }
  };
  const said = answer ? `answered${answer.by ? ` by ${answer.by}` : ""}: ${CHOICES.find(([value]) => value === answer.resolution)?.[1] ?? answer.resolution}` : STATES[state] ?? state;
  const body = context.canAnswer && state === "pending" && h("form", { class: "twin-form", onsubmit: send },
    h("fieldset", {}, h("legend", {}, "What holds?"), choices),
    h("div", { class: "twin-fields" }, h("label", { for: text.id }, "Text (for Neither), or a remark"), text, h("label", { for: by.id }, "Who says it"), by),
    wrong, h("div", { class: "actions" }, h("button", { type: "submit", class: "primary" }, answer ? "Change the answer" : "Answer")));
  return h("details", { class: "twin-ticket", id: `ticket-${id}`, open: context.canAnswer && !answer && context.first },
    h("summary", {}, h("code", {}, id), h("b", {}, ticket.title), h("span", { class: `state ${answer ? "complete" : state === "pending" ? "waiting" : ""}` }, said || "open")),
    fields.map((one) => [h("p", { class: "twin-field" }, h("code", {}, one.component_id), " ", h("code", { class: "faint" }, one.field)), sides(one.stream_a_value, one.stream_b_value)]),
    ticket.description && h("details", {}, h("summary", { class: "faint" }, "The whole ticket"), h("pre", {}, ticket.description)), body || undefined);
}

/** The list of tickets. Somebody may be typing in one: it stays as it is until its answer or state changes. */
export function ticketList(element, job, refresh) {
  const forms = new Map();
  const head = h("div", { class: "twin-ticket-head" });
  const list = h("div", {});
  fill(element, head, list);
  let shown = [];

  async function goOn() {
    try {
      await post(`api/jobs/${job}/signals/answers`, { by: localStorage.getItem(NAME) || undefined });
      notice("The answers are applied", "good");
    } catch (problem) {
      notice([problem.message, problem.hint].filter(Boolean).join(": "), "bad");
    }
    refresh();
  }

  return (tickets, waits) => {
    shown = tickets;
    const pending = tickets.filter((one) => one.state === "pending");
    const open = pending.filter((one) => !one.answer);
    const answered = async () => {
      await refresh();
      const left = shown.filter((one) => one.state === "pending" && !one.answer);
      if (waits && !left.length) await goOn();
    };
    fill(head, h("p", {}, `${many(tickets.length, "ticket")}. `, waits ? `${open.length ? `${many(open.length, "answer")} missing; with the last one the job goes on by itself.` : "All are answered."}` : pending.length ? "The job does not wait for answers now." : ""),
      waits && h("button", { type: "button", "data-focus": "go-on", onclick: goOn }, open.length === 0 ? "Apply the answers" : pending.length > open.length ? `Go on with ${many(pending.length - open.length, "answer")}` : "Go on without answers"));
    const keys = new Set();
    const elements = tickets.map((ticket, at) => {
      const key = JSON.stringify([ticket, waits]);
      keys.add(ticket.id);
      const known = forms.get(ticket.id);
      const typing = known?.element.contains(document.activeElement) && !known.element.querySelector("form[data-sent]");
      if (!known || (known.key !== key && !typing)) {
        const made = form(ticket, { job, canAnswer: waits, first: at === tickets.findIndex((one) => one.state === "pending" && !one.answer), answered });
        if (known) made.open = known.element.open && !ticket.answer;
        forms.set(ticket.id, { key, element: made });
      }
      return forms.get(ticket.id).element;
    });
    for (const id of forms.keys()) if (!keys.has(id)) forms.delete(id);
    for (const child of [...list.children]) if (!elements.includes(child)) child.remove();
    elements.forEach((one, at) => { if (list.children[at] !== one) list.insertBefore(one, list.children[at] ?? null); });
  };
}
