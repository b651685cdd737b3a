// The live page: what comes over the link is shown; while the past is looked at, it waits.

import { get, post, Refused, setToken, theatre } from "./api.js";
import { askToken, decide, rows } from "./board.js";
import { byId, h, notice, part, say, time } from "./dom.js";
import { connect } from "./link.js";
import { besideThisPage, listen } from "./microphone.js";
import { room } from "./room.js";
import { model, pending, transcript } from "./talk.js";

let latest; // the newest state
let past; // the state that is looked at instead
let surgery; // the definition of the surgery that is shown
let timer; // of the replay

const open = (id) => past === undefined && decide(id, latest.metadata.machine_states[id]);
const parts = {
  room: part(byId("room"), (data) => (data.surgery ? room(data, open) : h("p", { class: "faint" }, "Choose a surgery above: its room appears here."))),
  machines: part(byId("machines"), ({ machines, said, replayed }) => rows(machines, said, replayed)),
  transcript: part(byId("transcript"), transcript),
  pending: part(byId("pending"), ({ list, replayed }) => pending(list, replayed)),
  model: part(byId("model"), model),
};

async function show() {
  const state = past ?? latest;
  const { metadata } = state;
  if (metadata.surgery && surgery?.surgery !== metadata.surgery) {
    const wanted = await get("/surgery").catch(() => undefined);
    surgery = wanted?.surgery === metadata.surgery ? wanted : undefined;
  }
  const machines = metadata.machine_states;
  const replayed = past !== undefined;
  const drawn = surgery?.surgery === metadata.surgery ? surgery : undefined;
  parts.room({ surgery: drawn, machines, speaker: metadata.transcript.at(-1)?.speaker });
  parts.machines({ machines, said: metadata.transcript.map(({ utterance, text }) => ({ utterance, text })), replayed });
  parts.transcript(metadata.transcript);
  parts.pending({ list: metadata.pending, replayed });
  parts.model({ answer: metadata.model, suggestions: state.suggestions, reasoning: metadata.reasoning, next: name(metadata.next_phase), violations: metadata.safety_violations });
  say(byId("phase"), metadata.surgery ? name(metadata.phase) : "");
  if (document.activeElement !== byId("surgery")) byId("surgery").value = metadata.surgery;
  const slider = byId("slider");
  slider.max = latest.metadata.seq;
  if (past === undefined) slider.value = latest.metadata.seq;
  say(byId("moment"), `event ${metadata.seq} · ${time(metadata.timestamp)}`);
  byId("now").hidden = !replayed;
  byId("replay-note").hidden = !replayed;
  if (replayed) say(byId("replay-note"), `You see the past: event ${metadata.seq} of ${latest.metadata.seq}. Nothing can be switched here.`);
}

const name = (phase) => surgery?.phases.find((one) => one.id === phase)?.name ?? phase;

async function lookAt(seq) {
  past = await get(`/state?at=${seq}`).catch((error) => void notice(error.message));
  if (past && past.metadata.seq >= latest.metadata.seq) past = undefined;
  await show();
}

function stopReplay() {
  clearInterval(timer);
  timer = undefined;
  byId("play").setAttribute("aria-pressed", "false");
}

byId("slider").addEventListener("input", ({ target }) => {
  stopReplay();
  lookAt(Number(target.value));
});
byId("now").addEventListener("click", () => {
  stopReplay();
  past = undefined;
  show();
});
byId("play").addEventListener("click", () => {
  if (timer !== undefined) return stopReplay();
  byId("play").setAttribute("aria-pressed", "true");
  let at = past?.metadata.seq ?? 1;
  timer = setInterval(async () => {
    at += 1;
    byId("slider").value = at;
    await lookAt(at);
    if (past === undefined) stopReplay();
  }, 400);
});

byId("say").addEventListener("submit", async (event) => {
  event.preventDefault();
  const input = byId("text");
  try {
    await post("/transcript", { text: input.value, speaker: byId("speaker").value });
    input.value = "";
  } catch (error) {
    notice(error.message);
  }
});

byId("surgery").addEventListener("change", async ({ target }) => {
  if (!target.value) return;
  try {
    await post("/select_surgery", { surgery: target.value, operator: localStorage.getItem("theatre-operator") || byId("speaker").value });
  } catch (error) {
    notice(error.message);
  }
  target.blur();
});

byId("theatre").addEventListener("change", ({ target }) => {
  const wanted = target.value === "+" ? prompt("Name of the theatre (a-z, 0-9, - and _)") : target.value;
  if (wanted) location.search = `?theatre=${encodeURIComponent(wanted)}`;
});

let stopListening;
byId("microphone").addEventListener("click", async ({ currentTarget: button }) => {
  if (stopListening) return stopListening();
  const ended = () => {
    stopListening = undefined;
    button.setAttribute("aria-pressed", "false");
    say(byId("partial"), "");
  };
  try {
    const { services, audio_url: told } = await get("/stats");
    if (!told && !services.asr) throw new Error("No recogniser is configured.");
    stopListening = await listen(told ?? besideThisPage(services.asr), byId("speaker").value, ended);
    button.setAttribute("aria-pressed", "true");
  } catch (error) {
    ended();
    notice(`The microphone cannot be used: ${error.message}`);
  }
});

async function audit() {
  const sign = byId("audit");
  const verdict = await get("/audit/verify").catch((error) => ({ ok: false, why: error.message }));
  sign.className = `sign ${verdict.ok ? "good" : "bad"}`;
  say(sign, verdict.ok ? `✓ audit verified (${verdict.entries})` : `✗ audit broken at line ${verdict.line}`);
  sign.title = verdict.ok ? `Head ${verdict.head}` : verdict.why;
}
byId("audit").addEventListener("click", audit);

async function figures() {
  const { latency } = await get("/stats").catch(() => ({ latency: { count: 0 } }));
  const ms = (value) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
  say(byId("latency"), latency.count > 0 ? `said → shown ${ms(latency.last_ms)} · p50 ${ms(latency.p50_ms)} · p99 ${ms(latency.p99_ms)}` : "");
}

async function fillSelects() {
  const [surgeries, theatres] = await Promise.all([get("/surgeries"), get("/theatres")]);
  byId("surgery").replaceChildren(h("option", { value: "" }, "none"), ...surgeries.map((one) => h("option", { value: one }, one)));
  const names = new Set([...theatres.map((one) => one.theatre), theatre()]);
  byId("theatre").replaceChildren(...[...names].map((one) => h("option", { value: one, selected: one === theatre() }, one)), h("option", { value: "+" }, "another …"));
  if (!theatres.some((one) => one.theatre === theatre())) return false;
  return true;
}

async function begin() {
  try {
    if (!(await fillSelects())) {
      say(byId("link"), "this theatre begins when a surgery is chosen");
      byId("surgery").addEventListener("change", () => setTimeout(() => location.reload(), 500), { once: true });
      return;
    }
  } catch (error) {
    if (error instanceof Refused && error.status === 401) {
      return askToken((token) => {
        setToken(token);
        begin();
      });
    }
    say(byId("link"), "offline");
    return void setTimeout(begin, 2000);
  }
  connect({
    state: (state) => {
      latest = state;
      if (byId("partial").textContent && state.metadata.last_utterance !== begin.utterance) say(byId("partial"), "");
      begin.utterance = state.metadata.last_utterance;
      show();
    },
    partial: (partial) => say(byId("partial"), `${partial.speaker}: ${partial.text} …`),
    link: (live, text) => {
      byId("link").classList.toggle("live", live);
      say(byId("link"), text);
    },
  });
  figures();
  audit();
  setInterval(figures, 3000);
  setInterval(audit, 30000);
}

begin();
