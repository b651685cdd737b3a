// Why a job is not moving, as a chain of causes; what somebody can do about a link stands beside it.

import { post } from "./api.js";
import { h, notice } from "./dom.js";
import { ago, duration, millis, moment, time } from "./words.js";

const JOB_ID = /([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})/;
const ISO_TIME = /\d{4}-\d\d-\d\dT[\d:.]+Z/g;

/** A hint that is a call becomes a button; any other stays words. */
function remedy(hint) {
  const service = /^POST \/api\/services\/([^/]+)\/start$/.exec(hint);
  const retry = /^POST (\/api\/jobs\/[^/]+\/retry)/.exec(hint);
  const act = (label, path) => h("button", {
    type: "button", class: "small",
    onclick: async (event) => {
      event.target.disabled = true;
      await post(path).then(() => notice("Done", "good"), (problem) => notice(problem.message, "bad"));
      event.target.disabled = false;
    },
  }, label);
  if (service) return act(`Let ${service[1]} take work again`, `api/services/${service[1]}/start`);
  if (retry) return act("Try now", retry[1].slice(1));
  if (/\/signals\//.test(hint)) return h("span", { class: "faint" }, "decide it on this page");
  return h("span", { class: "faint" }, hint.replace(ISO_TIME, (at) => time(at)));
}

/** Ids of jobs in a text become links to them. */
function linked(text, own) {
  return text.replace(ISO_TIME, (at) => time(at)).split(JOB_ID).map((part) => {
    if (!JOB_ID.test(part)) return part;
    return part === own ? "this job" : h("a", { href: `#/job/${part}` }, `…${part.slice(-8)}`);
  });
}

function link(cause, own) {
  const left = cause.until ? millis(cause.until) - Date.now() : 0;
  return h("li", {},
    h("span", { class: "cause" }, linked(cause.text, own)),
    cause.since && h("span", { class: "faint", title: moment(cause.since) }, ` since ${time(cause.since)} (${ago(cause.since)})`),
    cause.until && h("span", { class: "faint", title: moment(cause.until) }, left > 0 ? ` · at the latest in ${duration(left)}` : " · any moment"),
    cause.hint && [" ", remedy(cause.hint)],
    cause.because?.length ? h("ul", { class: "chain" }, cause.because.map((one) => link(one, own))) : undefined);
}

/** The whole answer of `/why`. */
export function chain(why) {
  if (!why.causes.length) return h("p", {}, linked(why.summary, why.jobId));
  return h("ul", { class: "chain top" }, why.causes.map((cause) => link(cause, why.jobId)));
}
