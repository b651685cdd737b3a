// The machines as a table, each with who made it so and why, and the dialog by which an operator decides.

import { post } from "./api.js";
import { byId, h, notice, time } from "./dom.js";

const OPERATOR = "theatre-operator";

function why(now, said) {
  if (now.override) {
    const meanwhile = now.underneath.state === now.state ? "" : ` Without it: ${now.underneath.state}.`;
    return `${now.override.reason} (until ${time(now.override.until)}).${meanwhile}`;
  }
  if (now.source === "default") return "as the surgery begins";
  const words = said.find((one) => one.utterance === now.utterance)?.text ?? `utterance ${now.utterance}`;
  return `“${words}” ${Math.round(now.confidence * 100)} %`;
}

/** The rows of the table. */
export function rows(machines, said, past) {
  return Object.entries(machines).map(([id, now]) => h("tr", {},
    h("td", {}, id),
    h("th", { scope: "row" }, now.name),
    h("td", {}, h("span", { class: `state ${now.state.toLowerCase()}` }, now.state)),
    h("td", {}, now.by, " ", now.source === "override" && h("span", { class: "kind forced" }, "held")),
    h("td", { class: "why" }, why(now, said)),
    h("td", { class: "faint" }, time(now.since)),
    h("td", {}, !past && h("button", { type: "button", "data-focus": id, "aria-label": `Override ${now.name}`, onclick: () => decide(id, now) },
      now.override ? "Change" : "Override"))));
}

function field(label, input) {
  return [h("label", { for: input.id }, label), input];
}

/** Asks an operator what a machine is to be. */
export function decide(id, now) {
  const dialog = byId("dialog");
  const action = h("select", { id: "action" }, ["ON", "OFF", "STANDBY"].map((one) => h("option", { selected: one === now.state }, one)));
  const reason = h("input", { id: "reason", required: true, maxlength: 300, placeholder: "Why", value: now.override?.reason });
  const minutes = h("input", { id: "minutes", type: "number", min: 1, max: 720, value: 30 });
  const operator = h("input", { id: "operator", required: true, maxlength: 100, value: localStorage.getItem(OPERATOR) ?? "" });
  const tell = async (event, path, body) => {
    event.preventDefault();
    localStorage.setItem(OPERATOR, operator.value);
    try {
      await post(path, { machine_id: id, operator: operator.value, ...body });
      dialog.close();
    } catch (error) {
      notice(error.message);
    }
  };
  const form = h("form", { onsubmit: (event) => tell(event, "/override", { action: action.value, reason: reason.value, minutes: Number(minutes.value) }) },
    h("h2", { id: "dialog-title" }, `${id} ${now.name}`),
    h("p", { class: "faint" }, "An override goes before rules and model until it is released or its time is over. It is written into the audit."),
    field("State", action), field("Reason", reason), field("Minutes (at most 720)", minutes), field("Your name", operator),
    h("div", { class: "actions" },
      h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"),
      now.override && h("button", { type: "button", onclick: (event) => tell(event, "/override/release", {}) }, "Release"),
      h("button", { class: "primary" }, "Override")));
  dialog.replaceChildren(form);
  dialog.showModal();
}

/** Asks for the token. */
export function askToken(then) {
  const dialog = byId("dialog");
  const input = h("input", { id: "token", type: "password", required: true, autocomplete: "off" });
  const form = h("form", { onsubmit: (event) => { event.preventDefault(); dialog.close(); then(input.value); } },
    h("h2", { id: "dialog-title" }, "This theatre asks for a token"),
    field("Token", input), h("div", { class: "actions" }, h("button", { class: "primary" }, "Open")));
  dialog.replaceChildren(form);
  dialog.showModal();
}
