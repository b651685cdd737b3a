// The drawn room. Its twin for everybody who cannot see it, or has no mouse, is the table of machines.

import { h } from "./dom.js";

const WIDE = 97;
const HIGH = 44;

/** A name on two lines where one is too narrow. */
function lines(name) {
  if (name.length <= 15) return [name];
  const at = name.lastIndexOf(" ", 15);
  return at > 0 ? [name.slice(0, at), name.slice(at + 1)] : [`${name.slice(0, 14)}…`];
}

function machine(id, definition, now, open) {
  const { x, y } = definition.ui;
  const forced = now.override ? " forced" : "";
  const texts = lines(definition.name);
  return h("g", { class: `thing ${now.state.toLowerCase()}${forced}`, onclick: () => open(id) },
    h("title", {}, `${id} ${definition.name}: ${now.state}, by ${now.by}`),
    h("rect", { x: x - WIDE / 2, y: y - HIGH / 2, width: WIDE, height: HIGH, rx: 7 }),
    texts.map((text, index) => h("text", { x, y: y - (texts.length > 1 ? 9 : 4) + index * 11.5 }, text)),
    h("text", { x, y: y + 17, class: "what" }, now.state),
    now.override && h("text", { x, y: y - HIGH / 2 - 5, class: "held" }, `held by ${now.by}`));
}

export function room({ surgery, machines, speaker }, open) {
  const { width, height, bed, zones, people } = surgery.layout;
  const words = Object.entries(machines).map(([id, now]) => `${now.name} ${now.state}`).join(", ");
  const talks = (person) => person.label.toLowerCase() === speaker?.toLowerCase();
  return h("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${surgery.environment}. ${words}` },
    h("rect", { class: "floor", x: 1, y: 1, width: width - 2, height: height - 2, rx: 14 }),
    h("rect", { class: "bed", x: bed.x, y: bed.y, width: bed.width, height: bed.height, rx: 26 }),
    zones.map((zone) => h("text", { class: "zone", x: zone.x, y: zone.y - 8 }, zone.label)),
    people.map((person) => h("g", { class: `person${talks(person) ? " talks" : ""}` },
      h("circle", { cx: person.x, cy: person.y, r: 13 }),
      h("text", { x: person.x, y: person.y + 27 }, person.label))),
    Object.entries(surgery.machines).filter(([id]) => machines[id]).map(([id, one]) => machine(id, one, machines[id], open)));
}
