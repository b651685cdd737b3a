// Steps through a recording (`segue replay FILE --serve`): a bar at the foot of the page that says what happened at this
// step, and leads to the others. Each step is an address of its own, `/at/12/`, so that a link to it can be given away.

import { get } from "./api.js";
import { h, say } from "./dom.js";

const { step, recording } = await get("replay.json");
const { head, steps, differences } = recording;

/** Leads to a step, and keeps the page that is shown. */
function go(to) {
  const there = Math.min(Math.max(to, 1), steps.length);
  if (there !== step) location.assign(`../${there}/${location.hash}`);
}

const line = h("p", { class: "replay-words", role: "status" });
const label = h("output", { class: "replay-step" });

function tell(number) {
  const one = steps[number - 1];
  say(label, `${number} of ${steps.length}`);
  const parts = [new Date(one.at).toLocaleString(), one.words, ...one.changes];
  if (one.because.length) parts.push(`now: ${one.because.slice(0, 3).join("; ")}`);
  say(line, parts.join(" · "));
}

const slider = h("input", {
  type: "range", min: 1, max: steps.length, value: step, "aria-label": "Step of the recording",
  oninput: () => tell(Number(slider.value)),
  onchange: () => go(Number(slider.value)),
});
const button = (text, name, to) => h("button", { type: "button", "aria-label": name, title: name, onclick: () => go(to) }, text);
const made = `recording of ${head.pipeline} ${head.key}, made ${new Date(head.exportedAt).toLocaleString()} by Segue ${head.segue}`;
document.body.append(h("footer", { class: "replay", "aria-label": "Recording" },
  h("div", { class: "replay-bar" },
    button("⏮", "First step", 1), button("◀", "Step before ([)", step - 1), slider, button("▶", "Next step (])", step + 1),
    button("⏭", "Last step", steps.length), label),
  line,
  h("p", { class: "faint" }, made, differences.length ? ` — the replay differs from what was recorded: ${differences[0]}` : "")));
document.addEventListener("keydown", (event) => {
  if (event.target.closest("input:not([type=range]), textarea, select, dialog")) return;
  if (event.key === "[") go(step - 1);
  if (event.key === "]") go(step + 1);
});
tell(step);
