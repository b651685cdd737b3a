// The filter by when jobs started: a choice of spans, or two moments. What it stands for is in the page's address.

import { h } from "./dom.js";

const HOUR = 3_600_000;
/** Spans back from now, by their word in the address. */
const SPANS = { "1h": HOUR, "24h": 24 * HOUR, "7d": 7 * 24 * HOUR };
const LABELS = { "": "Started at any time", today: "Today", "1h": "Last hour", "24h": "Last 24 hours", "7d": "Last 7 days", custom: "From … until …" };

/** What a filter means for the API: `from` and `until` as moments, where it has them. */
export function startedFrom({ since, from, until }, now = Date.now()) {
  if (since === "today") return { from: new Date(new Date(now).setHours(0, 0, 0, 0)).toISOString() };
  if (SPANS[since]) return { from: new Date(now - SPANS[since]).toISOString() };
  const valid = (moment) => (Number.isFinite(Date.parse(moment)) ? new Date(moment).toISOString() : undefined);
  return { from: valid(from), until: valid(until) };
}

/** A moment as a field of date and time has it, in the reader's zone. */
function local(moment) {
  const at = Date.parse(moment);
  if (!Number.isFinite(at)) return "";
  return new Date(at - new Date(at).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** The choice; `choose` gets `{ since }` or `{ from, until }`. */
export function sinceChoice(choose) {
  const select = h("select", { id: "filter-since", "aria-label": "Started" }, Object.entries(LABELS).map(([value, label]) => h("option", { value }, label)));
  const field = (label) => h("input", { type: "datetime-local", "aria-label": label });
  const [from, until] = [field("Started from"), field("Started before")];
  const both = h("span", { class: "since-custom", hidden: true }, from, " – ", until);
  const custom = () => {
    const moment = (input) => (input.value ? new Date(input.value).toISOString() : undefined);
    choose({ from: moment(from), until: moment(until) });
  };
  from.addEventListener("change", custom);
  until.addEventListener("change", custom);
  select.addEventListener("change", () => {
    both.hidden = select.value !== "custom";
    if (both.hidden) choose({ since: select.value || undefined });
    else from.focus();
  });
  return {
    element: h("span", { class: "since" }, select, both),
    /** Shows what the address says. */
    show(filter) {
      const isCustom = Boolean(filter.from || filter.until);
      if (isCustom || select.value !== "custom" || filter.since) select.value = isCustom ? "custom" : filter.since in LABELS ? filter.since : "";
      both.hidden = select.value !== "custom";
      if (document.activeElement !== from) from.value = local(filter.from);
      if (document.activeElement !== until) until.value = local(filter.until);
    },
  };
}
