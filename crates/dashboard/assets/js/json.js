// JSON with folds. What is folded is not made: a big document costs what is open of it.

import { h } from "./dom.js";
import { count } from "./words.js";

/** Members that are shown before "more". */
const SHOWN = 100;

function leaf(value) {
  if (typeof value === "string") return h("span", { class: "json-text" }, JSON.stringify(value));
  return h("span", { class: "json-plain" }, String(value));
}

function label(name) {
  return name === undefined ? [] : [h("span", { class: "json-name" }, String(name)), ": "];
}

function preview(value) {
  if (Array.isArray(value)) return `[${count(value.length)}]`;
  const names = Object.keys(value);
  const first = names.slice(0, 3).join(", ");
  return `{${first}${names.length > 3 ? `, … ${count(names.length)}` : ""}}`;
}

/** A value as a tree; `open`: whether its first level is unfolded. */
export function json(value, open = true, name = undefined) {
  if (value === null || typeof value !== "object") return h("div", { class: "json" }, label(name), leaf(value));
  const members = Array.isArray(value) ? value.map((one, index) => [index, one]) : Object.entries(value);
  const body = h("div", { class: "json-body" });
  let made = 0;
  const more = () => {
    body.lastChild?.remove();
    body.append(...members.slice(made, made + SHOWN).map(([key, one]) => json(one, false, key)));
    made += SHOWN;
    const rest = members.length - made;
    body.append(rest > 0 ? h("button", { type: "button", class: "quiet", onclick: more }, `${count(rest)} more`) : h("span"));
  };
  const box = h("details", { class: "json", open, ontoggle: () => { if (box.open && made === 0) more(); } },
    h("summary", {}, label(name), h("span", { class: "faint" }, preview(value))), body);
  if (open) more();
  return box;
}
