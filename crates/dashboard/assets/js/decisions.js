// What people decide about single phrases of a course: a small artifact for each, which grammar reads when it runs again.

import { ask } from "./actions.js";
import { call } from "./api.js";
import { aside, h, notice } from "./dom.js";
import { isOver, many, moment } from "./words.js";

const NAME = "segue-name";

/** A short name for a phrase: of the texts of one basket no two have the same. */
function mark(text) {
  let [a, b] = [0xdeadbeef, 0x41c6ce57];
  for (const one of text) {
    const code = one.codePointAt(0);
    a = Math.imul(a ^ code, 2654435761);
    b = Math.imul(b ^ code, 1597334677);
  }
  return (a >>> 0).toString(16).padStart(8, "0") + (b >>> 0).toString(16).padStart(8, "0");
}

/** Writes a decision: `keep`, `delete` or `rules` (as if nobody had decided). */
async function write(job, lego, phrase, verdict, { by, reason = "" }) {
  localStorage.setItem(NAME, by);
  const body = { version: "1.0", lego_id: lego, phrase: { known: phrase.known, target: phrase.target }, verdict, reason, by, at: new Date().toISOString() };
  const path = `api/jobs/${job}/artifacts/decisions/${lego}/${mark(`${phrase.known}\n${phrase.target}`)}.json`;
  await call(path, { method: "PUT", body, user: by });
}

/**
 * The buttons of a phrase, and what has become of it in words: `{ words, tone, buttons }`. `standing` is what the reader knows
 * of it, `done()` is called once a decision is written.
 */
export function verdictOf({ job, lego, phrase, standing, done }) {
  const { deleted, restored, decision, pending } = standing;
  const named = { name: "by", label: "Who decides (for the history)", value: localStorage.getItem(NAME) ?? "" };
  const about = `'${phrase.target}'`;
  async function decide(verdict, question) {
    let said = { by: localStorage.getItem(NAME) ?? "" };
    if (question || !said.by) {
      said = await ask({ danger: verdict === "delete", fields: [named, { name: "reason", label: "Why (for the next person)", value: "" }], ...(question ?? { title: "Who decides?", text: `Your name is written down with what becomes of ${about}.`, yes: "Go on" }) });
      if (!said) return;
    }
    try {
      await write(job, lego, phrase, verdict, { ...said, by: said.by.trim() || "somebody" });
      await done();
    } catch (problem) {
      notice([`${about} stays as it is: ${problem.message}`, problem.hint].filter(Boolean).join(": "), "bad");
    }
  }
  const button = (label, verdict, question) => h("button", {
    type: "button", class: "small", "data-focus": `${label} ${phrase.target}`, onclick: () => decide(verdict, question),
  }, label, aside(`: ${phrase.target}`));
  const who = (one) => (one?.by ? ` by ${one.by}` : "");
  if (pending === "back") {
    return { words: `comes back when applied, decided${who(decision)}`, tone: "pending", buttons: [button("Take back", deleted.by ? "delete" : "rules")] };
  }
  if (pending === "away") {
    const words = `goes when applied, decided${who(decision)}${decision?.reason ? `: ${decision.reason}` : ""}`;
    return { words, tone: "pending", buttons: [button("Take back", restored ? "keep" : "rules")] };
  }
  if (deleted) return { words: `removed${who(deleted)}`, tone: "gone", buttons: [button("Restore", deleted.by ? "rules" : "keep")] };
  if (restored) {
    return { words: `kept${who(restored)}, against the rule`, tone: "kept", title: restored.at && moment(restored.at), buttons: [button("Remove after all", "rules")] };
  }
  const question = { title: `Remove ${about}?`, text: "It goes from this basket when decisions are applied. Nothing is lost: it can be restored.", yes: "Remove" };
  return { words: "", tone: "", buttons: [button("Remove…", "delete", question)] };
}

/** Phases that are done again from a phase on, in their order. */
export function following(pipeline, from) {
  const again = new Set([from]);
  for (const phase of pipeline?.phases ?? []) if (phase.after?.some((one) => again.has(one)) && !phase.onFailure) again.add(phase.id);
  return [...again];
}

/** Asks, and does grammar and what follows again. */
export async function apply(job, pipeline, changes) {
  const again = following(pipeline, "grammar");
  const back = changes.filter((one) => one.pending === "back").length;
  const away = changes.filter((one) => one.pending === "away").length;
  const what = [back && `${many(back, "phrase")} ${back === 1 ? "comes" : "come"} back`, away && `${many(away, "phrase")} ${away === 1 ? "goes" : "go"}`].filter(Boolean).join(", ");
  const kept = (pipeline?.phases ?? []).map((one) => one.id).filter((one) => !again.includes(one));
  const said = await ask({
    title: "Apply the decisions?", danger: false, yes: "Do it again",
    text: `${what}. Done again: ${again.join(", ")}. Kept as it is: ${kept.join(", ") || "nothing"}. Recordings that exist are used again; only samples that are new are spoken.${isOver(job.status) ? "" : " The job is under way: what runs of these phases is stopped and begins anew."}`,
  });
  if (!said) return false;
  try {
    await call(`api/jobs/${job.jobId}/rerun?from=grammar`, { method: "POST", user: localStorage.getItem(NAME) });
    notice("grammar and what follows is done again", "good");
    return true;
  } catch (problem) {
    notice([problem.message, problem.hint].filter(Boolean).join(": "), "bad");
    return false;
  }
}
