// A job's history, newest first: a line for each event, the event itself inside.

import { fill, h } from "./dom.js";
import { DETAILS, EVENT_WORDS, TROUBLE } from "./history.js";
import { json } from "./json.js";
import { count, moment, time } from "./words.js";

/** Events that are made at a time. */
const SHOWN = 60;

/** What an event is about, in few words. */
function about({ name, data }) {
  const place = data.run ?? data.phase ?? data.name ?? data.signal ?? data.id ?? "";
  const more = data.error?.message ?? data.failure?.error?.message ?? data.reason ?? (data.by && `by ${data.by}`)
    ?? (name === "attemptStarted" && data.number > 1 ? `attempt ${data.number}` : "");
  return [place, typeof more === "string" ? more : ""];
}

function line(event) {
  const [place, more] = about(event);
  const body = h("div", {});
  const box = h("details", { class: `event${TROUBLE.has(event.name) ? " trouble-line" : ""}`, ontoggle: () => { if (box.open && !body.firstChild) body.append(json(event.data)); } },
    h("summary", {}, h("time", { title: moment(event.at) }, time(event.at)), h("b", {}, EVENT_WORDS[event.name] ?? event.name),
      h("span", {}, place), h("span", { class: "faint" }, more)), body);
  return box;
}

/** `{ element, update(history, running) }`. */
export function eventList() {
  const only = h("select", { "aria-label": "Which events" }, h("option", { value: "main" }, "What matters"),
    h("option", { value: "trouble" }, "Trouble only"), h("option", { value: "all" }, "Everything"));
  const total = h("span", { class: "faint" });
  const lines = h("div", { class: "events" });
  const more = h("button", { type: "button", class: "quiet" }, "Older");
  let history;
  let first = 0;
  let oldest = 0;
  let names = new Map();
  const wanted = (event) => only.value === "all" || (only.value === "trouble" ? TROUBLE.has(event.name) : !DETAILS.has(event.name));
  // Events of attempts name only the attempt: the run stands beside it.
  const named = (event) => (event.data.run || !names.has(event.data.attempt) ? event
    : { ...event, data: { run: names.get(event.data.attempt).run, ...event.data } });

  function older() {
    let made = 0;
    while (oldest > 0 && made < SHOWN) {
      oldest -= 1;
      if (!wanted(history.events[oldest])) continue;
      lines.append(line(named(history.events[oldest])));
      made += 1;
    }
    more.hidden = oldest === 0;
  }

  function restart() {
    fill(lines);
    first = history.events.length;
    oldest = first;
    older();
  }

  only.addEventListener("change", restart);
  more.addEventListener("click", older);
  return {
    element: [h("div", { class: "section-head" }, h("h2", {}, "Events"), total, only), lines, more],
    update(next) {
      const fresh = history !== next;
      history = next;
      names = history.attempts;
      total.textContent = count(history.events.length);
      if (fresh) return restart();
      // So many at once that nobody has read them: begin anew instead of a thousand lines.
      if (history.events.length - first > SHOWN * 2) return restart();
      for (; first < history.events.length; first += 1) {
        if (wanted(history.events[first])) lines.prepend(line(named(history.events[first])));
      }
    },
  };
}
