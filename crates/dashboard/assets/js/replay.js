// Goes through a recording (`segue replay FILE --serve`): a bar at the foot of the page that says what happened at this
// frame, and leads to the others. Each frame is an address of its own, `/at/12/`, so that a link to it can be given away.

import { get } from "./api.js";
import { h, say } from "./dom.js";

const { frame, recording } = await get("replay.json");
const { head, frames, differences } = recording;

// The clock of the page stands at this frame, and there is nothing to command.
const moment = Date.parse(frames[frame - 1].at);
Date.now = () => moment;
document.body.classList.add("recording");

/** Leads to a frame, and keeps the page that is shown. */
function go(to) {
  const there = Math.min(Math.max(to, 1), frames.length);
  if (there !== frame) location.assign(`../${there}/${location.hash}`);
}

const line = h("p", { class: "replay-words", role: "status" });
const label = h("output", { class: "replay-frame" });

function tell(number) {
  const one = frames[number - 1];
  say(label, `${number} of ${frames.length}`);
  const parts = [new Date(one.at).toLocaleString(), one.words, ...one.changes];
  if (one.because.length) parts.push(`now: ${one.because.slice(0, 3).join("; ")}`);
  say(line, parts.join(" · "));
}

const slider = h("input", {
  type: "range", min: 1, max: frames.length, value: frame, "aria-label": "Frame of the recording",
  oninput: () => tell(Number(slider.value)),
  onchange: () => go(Number(slider.value)),
});
const button = (text, name, to) => h("button", { type: "button", "aria-label": name, title: name, onclick: () => go(to) }, text);
const made = `recording of ${head.pipeline} ${head.key}, made ${new Date(head.exportedAt).toLocaleString()} by Segue ${head.segue}`;
document.body.append(h("footer", { class: "replay", "aria-label": "Recording" },
  h("div", { class: "replay-bar" },
    button("|◀", "First frame", 1), button("◀", "Frame before ([)", frame - 1), slider, button("▶", "Next frame (])", frame + 1),
    button("▶|", "Last frame", frames.length), label),
  line,
  h("p", { class: "faint" }, made, differences.length ? ` — the replay differs from what was recorded: ${differences[0]}` : "")));
document.addEventListener("keydown", (event) => {
  if (event.target.closest("input:not([type=range]), textarea, select, dialog")) return;
  if (event.key === "[") go(frame - 1);
  if (event.key === "]") go(frame + 1);
});
tell(frame);
