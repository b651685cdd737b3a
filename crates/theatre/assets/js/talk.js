// What was said and what was understood of it, clause by clause; what is pending; what the model thinks.

import { post } from "./api.js";
import { byId, h, notice, time } from "./dom.js";

const arrow = (toggle) => `${toggle.name} → ${toggle.action}`;

function clause(one) {
  return h("li", {}, h("span", { class: `kind ${one.kind}` }, one.kind), " ", h("span", {}, `“${one.text}” `), h("span", { class: "faint" }, one.why));
}

/** The newest first. */
export function transcript(heard) {
  if (heard.length === 0) return h("li", { class: "faint" }, "Nothing was said in the last three minutes.");
  return [...heard].reverse().map((one) => h("li", { class: one.toggles.length > 0 ? "acted" : "" },
    h("p", {}, h("span", { class: "words" }, one.text)),
    h("p", { class: "faint" }, `${one.speaker} · ${time(one.saidAt)} · ${one.utterance}`,
      one.toggles.length > 0 && ` · ${one.toggles.map(arrow).join(", ")}`),
    one.clauses === null ? h("p", { class: "faint" }, "not understood yet …") : h("ul", { class: "clauses" }, one.clauses.map(clause))));
}

async function settle(id, what) {
  try {
    await post(`/pending/${id}/${what}`, { operator: localStorage.getItem("theatre-operator") || byId("speaker").value });
  } catch (error) {
    notice(error.message);
  }
}

export function pending(list, past) {
  if (list.length === 0) return h("li", { class: "faint" }, "Nothing waits for its time or condition.");
  return list.map((one) => h("li", {},
    h("span", { class: "words" }, arrow(one.toggle), " ", h("span", { class: "kind pending" }, one.due ? `at ${time(one.due)}` : one.condition || one.temporal)),
    !past && [["confirm", "Confirm"], ["drop", "Drop"]].map(([what, text]) =>
      h("button", { type: "button", "data-focus": `${what}${one.id}`, "aria-label": `${text}: ${arrow(one.toggle)}`, onclick: () => settle(one.id, what) }, text))));
}

function meter(share) {
  const kind = share >= 0.8 ? "" : share >= 0.5 ? " fair" : " low";
  return h("svg", { class: `meter${kind}`, viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": true }, h("rect", { width: share * 100, height: 8 }));
}

export function model({ answer, suggestions, reasoning, next, violations }) {
  if (!answer) return h("p", { class: "faint" }, "It has not answered yet.");
  return [
    h("p", {}, answer.degraded ? h("span", { class: "kind bad" }, "degraded: the rules go on alone")
      : [meter(answer.confidence), ` ${Math.round(answer.confidence * 100)} % sure`], " ",
      h("span", { class: "faint" }, `after utterance ${answer.utterance}, ${(answer.took_ms / 1000).toFixed(1)} s`)),
    reasoning && h("p", {}, reasoning),
    next && h("p", { class: "faint" }, `Next it expects ${next}.`),
    suggestions.length > 0 && h("ul", { class: "suggestions" }, suggestions.map((text) => h("li", {}, text))),
    answer.toggles.length > 0 && h("p", { class: "faint" }, `It would switch: ${answer.toggles.map(arrow).join(", ")}. The rules decide.`),
    violations.length > 0 && h("p", {}, h("span", { class: "kind bad" }, `taken out: ${violations.join(", ")}`)),
  ];
}
