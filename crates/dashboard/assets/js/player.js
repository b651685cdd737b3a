// One audio element for a whole page, and a row of samples that it plays one after the other.

import { call } from "./api.js";
import { aside, h, notice, say } from "./dom.js";

export const VOICES = { source: "known language", target1: "first voice", target2: "second voice", presentation: "narrator" };
export const CADENCES = { slow: "slow", natural: "natural speed" };
const KEPT = 12;

/** `{ element, play(samples, what), toggle(), next(), back(), stop(), playing() }`; a sample has `file`, `text`, `role`, `cadence`. */
export function player(job) {
  const audio = h("audio", { "aria-hidden": "true", tabindex: -1 });
  const blobs = new Map();
  let row = [];
  let at = 0;
  let turn = 0;
  let title = "";
  const text = h("b", { class: "player-text", lang: "" });
  const about = h("span", { class: "faint player-about" });
  const place = h("span", { class: "faint player-place" });
  const line = h("span", { class: "player-line" }, h("span"));
  const button = (label, sign, act) => h("button", { type: "button", class: "quiet", "aria-label": label, title: label, onclick: act }, sign);
  const toggleButton = button("Play (space)", "▶", () => toggle());
  const element = h("section", { class: "player", "aria-label": "Player", hidden: true },
    button("Sample before (p)", "«", () => go(at - 1)), toggleButton, button("Next sample (n)", "»", () => go(at + 1)),
    h("div", { class: "player-words" }, text, about, line), place, button("Close the player", "×", () => stop()), audio);
  const state = h("p", { class: "aside-only", role: "status" });
  element.append(state);

  /** The sound of a sample, from memory where it was fetched before. */
  async function load(sample) {
    if (!blobs.has(sample.file)) {
      const path = `api/jobs/${job}/artifacts/${sample.file.split("/").map(encodeURIComponent).join("/")}`;
      blobs.set(sample.file, call(path).then((answer) => answer.blob()).then((blob) => URL.createObjectURL(blob)));
      if (blobs.size > KEPT) {
        const [oldest, url] = blobs.entries().next().value;
        blobs.delete(oldest);
        url.then((known) => URL.revokeObjectURL(known)).catch(() => undefined);
      }
    }
    try {
      return await blobs.get(sample.file);
    } catch (problem) {
      blobs.delete(sample.file);
      throw problem;
    }
  }

  function paint() {
    const sample = row[at];
    element.hidden = !sample;
    if (!sample) return;
    say(text, sample.text);
    say(about, `${title ? `${title} · ` : ""}${VOICES[sample.role] ?? sample.role}, ${CADENCES[sample.cadence] ?? sample.cadence}, ${sample.seconds.toFixed(1)} s`);
    say(place, row.length > 1 ? `${at + 1} of ${row.length}` : "");
    const on = !audio.paused;
    say(toggleButton, on ? "‖" : "▶");
    toggleButton.setAttribute("aria-label", on ? "Pause (space)" : "Play (space)");
    document.dispatchEvent(new CustomEvent("sample", { detail: on ? sample.id : undefined }));
  }

  async function go(next) {
    if (next < 0 || next >= row.length) return;
    at = next;
    const mine = ++turn;
    audio.pause();
    paint();
    try {
      const url = await load(row[at]);
      if (mine !== turn) return;
      audio.src = url;
      await audio.play();
      say(state, `${row[at].text}: ${VOICES[row[at].role] ?? row[at].role}`);
      // The next one is there when its turn comes.
      if (row[at + 1]) load(row[at + 1]).catch(() => undefined);
    } catch (problem) {
      if (mine !== turn || problem.name === "AbortError") return;
      notice(`'${row[at].text}' can't be played: ${problem.message}`, "bad");
    }
    paint();
  }

  function play(samples, what = "") {
    row = samples.filter((one) => one.file);
    title = what;
    if (row.length === 0) return notice("There is nothing to hear yet: these samples are not spoken.", "info");
    go(0);
  }

  function toggle() {
    if (!row.length) return false;
    if (audio.paused) audio.play().catch(() => undefined);
    else audio.pause();
    return true;
  }

  function stop() {
    turn += 1;
    audio.pause();
    audio.removeAttribute("src");
    row = [];
    paint();
    document.dispatchEvent(new CustomEvent("sample", {}));
  }

  audio.addEventListener("ended", () => (at + 1 < row.length ? go(at + 1) : paint()));
  for (const event of ["play", "pause", "playing"]) audio.addEventListener(event, paint);
  audio.addEventListener("timeupdate", () => {
    if (audio.duration) line.firstChild.style.setProperty("width", `${(audio.currentTime / audio.duration) * 100}%`);
  });
  return {
    element, play, toggle, stop,
    next: () => go(at + 1),
    back: () => go(at - 1),
    end() {
      stop();
      for (const url of blobs.values()) url.then((known) => URL.revokeObjectURL(known)).catch(() => undefined);
    },
  };
}

/** A button for each sample of a text: who speaks, how fast, how long; what can't be heard says why. */
export function sampleButtons(samples, play, what = "") {
  return samples.map((sample) => h("button", {
    type: "button", class: `sample ${sample.role}`, "data-sample": sample.id, disabled: !sample.file,
    title: sample.file ? `${VOICES[sample.role] ?? sample.role}, ${CADENCES[sample.cadence] ?? sample.cadence}, ${sample.seconds.toFixed(1)} s` : sample.missing ?? "not spoken yet",
    onclick: () => play([sample], what),
  }, h("span", { "aria-hidden": "true" }, "▶ "), { source: "known", target1: "1", target2: "2", presentation: "narrator" }[sample.role] ?? sample.role,
  aside(`: play '${sample.text}', ${VOICES[sample.role] ?? sample.role}, ${CADENCES[sample.cadence] ?? sample.cadence}${sample.file ? "" : `: ${sample.missing ?? "not spoken yet"}`}`)));
}

/** Marks the buttons of the sample that is heard. */
export function markHeard(root) {
  const mark = ({ detail }) => {
    for (const one of root.querySelectorAll(".sample.heard")) if (one.dataset.sample !== detail) one.classList.remove("heard");
    if (detail) for (const one of root.querySelectorAll(`[data-sample="${CSS.escape(detail)}"]`)) one.classList.add("heard");
  };
  document.addEventListener("sample", mark);
  return () => document.removeEventListener("sample", mark);
}

