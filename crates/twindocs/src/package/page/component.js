// A component: its text, its calls, and where the streams do not say the same.
const SOURCES = { A: "written by stream A alone", B: "written by stream B alone", merged: "written by both streams" };
const VERDICTS = new Map([[true, ["validated", "good"]], [false, ["validation failed", "bad"]]]);
const MOST_BESIDE = 14;

/** A value in words: what a reader compares is not brackets. */
function asText(value) {
  if (value === null || value === undefined || value === "") return "";
  if (Array.isArray(value)) return value.map(asText).filter(Boolean).join("\n");
  if (typeof value !== "object") return String(value);
  if (value.component_id) return [value.component_id, value.call_type && words(value.call_type), value.call_site_line && `line ${value.call_site_line}`].filter(Boolean).join(", ");
  const { name, type, description, condition, ...rest } = value;
  const more = Object.entries(rest).filter(([, one]) => one !== null && one !== "" && typeof one !== "boolean").map(([key, one]) => `${key} ${asText(one)}`);
  return [[name, type].filter(Boolean).join(" "), description, condition, ...more].filter(Boolean).join(": ");
}

/** The words of one text that the other does not have are marked. */
function marked(text, other) {
  const known = new Set(other.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? []);
  return text.split(/([\p{L}\p{N}_]+)/u).map((bit, at) => (at % 2 && other && !known.has(bit.toLowerCase()) ? h("mark", {}, bit) : bit));
}

function difference(one) {
  const [a, b, code] = [asText(one.stream_a), asText(one.stream_b), asText(one.code)];
  const side = (name, title, text, other) => h("div", { class: `side ${name}` }, h("p", { class: "side-title" }, title),
    text ? marked(text, other) : h("span", { class: "nothing" }, "says nothing"));
  return h("article", { class: "difference" },
    h("p", {}, h("code", {}, one.field),
      one.severity && h("span", { class: `pill ${["high", "critical"].includes(one.severity) ? "bad" : "waiting"}` }, one.severity),
      one.blocking && h("span", { class: "pill bad" }, `blocks: ${words(one.blocking)}`),
      one.state === "open" ? h("span", { class: "faint" }, one.field.startsWith("/documentation") ? `undecided; the text has ${one.taken.toUpperCase()}’s` : "undecided") : h("span", { class: "faint" }, "the same in other words")),
    h("div", { class: "sides" }, side("a", "Stream A", a, b), side("b", "Stream B", b, a), code && side("code", "The code", code, "")));
}

function callList(title, list, end) {
  if (!list.length) return undefined;
  const rows = list.map((edge) => {
    const other = components[edge[end]];
    const here = components[edge[end === "callee" ? "caller" : "callee"]].path === other.path;
    const unsure = edge.confidence < 0.95 && `confidence ${edge.confidence}, said by ${edge.sources.replaceAll("code", "the code").replace(/ (?=[AB]$)/, " and ")}`;
    const notes = [!here && other.path, words(edge.kind), edge.line && `line ${edge.line}`, unsure];
    return h("li", {}, h("a", { href: address(other), title: other.id }, other.name), " ",
      h("span", { class: "faint" }, notes.filter(Boolean).join(", ")), edge.open && " ", edge.open && h("span", { class: "pill waiting" }, "undecided"));
  });
  return part(`${title} (${list.length})`, h("ul", { class: "calls" }, rows));
}

/** Who calls it, itself, whom it calls: three columns. */
function neighbourhood(at) {
  const pick = (list, end) => {
    const all = [...new Map(list.filter((edge) => edge[end] !== at).map((edge) => [edge[end], edge])).entries()];
    return { shown: all.slice(0, MOST_BESIDE), more: Math.max(0, all.length - MOST_BESIDE) };
  };
  const [left, right] = [pick(callers[at], "caller"), pick(callees[at], "callee")];
  const rows = Math.max(left.shown.length + Boolean(left.more), right.shown.length + Boolean(right.more), 1);
  if (!left.shown.length && !right.shown.length) return undefined;
  const [wide, high, column] = [250, 34, 340];
  const total = rows * high + 20;
  const cut = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
  const node = (x, y, other, here) => s("a", { href: address(components[other]), "aria-label": components[other].id },
    s("title", {}, components[other].id),
    s("rect", { class: `box ${here ? "here" : ""}`, x, y: y - 13, width: wide, height: 26, rx: 6 }),
    s("text", { x: x + 10, y: y + 4 }, cut(components[other].name, 36)));
  const place = (list, row) => total / 2 + (row - (list.shown.length + Boolean(list.more) - 1) / 2) * high;
  const line = (x1, y1, x2, y2, edge) => s("path", { class: `link ${edge.open ? "open" : ""}`, "marker-end": "url(#tip)", "stroke-width": 1.4,
    d: `M${x1} ${y1}C${x1 + 45} ${y1} ${x2 - 45} ${y2} ${x2 - 6} ${y2}` });
  const more = (list, x) => list.more && s("text", { class: "small", x: x + 10, y: place(list, list.shown.length) + 4 }, `and ${list.more} more`);
  const [x0, x1, x2] = [10, 10 + column, 10 + 2 * column];
  return h("div", { class: "plot" }, s("svg", { width: x2 + wide + 10, height: total, role: "group", "aria-label": "Callers, the component, callees" }, tip(),
    left.shown.map(([, edge], row) => line(x0 + wide, place(left, row), x1, total / 2, edge)),
    right.shown.map(([, edge], row) => line(x1 + wide, total / 2, x2, place(right, row), edge)),
    left.shown.map(([other], row) => node(x0, place(left, row), other)), more(left, x0),
    node(x1, total / 2, at, true),
    right.shown.map(([other], row) => node(x2, place(right, row), other)), more(right, x2)));
}

const tip = () => s("defs", {}, s("marker", { id: "tip", viewBox: "0 0 8 8", refX: 6, refY: 4, markerWidth: 7, markerHeight: 7, markerUnits: "userSpaceOnUse", orient: "auto" },
  s("path", { class: "tip", d: "M0 0L8 4L0 8Z" })));

function written(doc) {
  if (!doc) return [];
  const sameText = doc.description.trim() === doc.summary.trim();
  return [
    doc.summary && h("p", { class: "summary" }, inline(doc.summary)),
    doc.description && !sameText && prose(doc.description),
    doc.parameters.length > 0 && part("Parameters", table(["name", "type", "what it is for"], doc.parameters.map((one) => [
      h("code", {}, one.name),
      one.type ? h("code", {}, one.type) : "",
      [inline(one.description), one.default !== undefined && one.default !== null && [" Default ", h("code", {}, one.default), "."], !one.required && !one.default && " Optional."],
    ]))),
    doc.returns && part("Returns", h("p", {}, doc.returns.type && [h("code", {}, doc.returns.type), " "], inline(doc.returns.description))),
    doc.raises.length > 0 && part("Errors", table(["type", "when"], doc.raises.map((one) => [h("code", {}, one.type), inline(one.condition)]))),
    doc.examples.length > 0 && part("Examples", doc.examples.map((one) => h("pre", {}, one))),
    doc.notes && part("Notes", prose(doc.notes)),
    doc.see_also.length > 0 && part("See also", h("ul", { class: "calls" }, doc.see_also.map((id) =>
      h("li", {}, numberOf.has(id) ? h("a", { href: address({ id }) }, id) : h("code", {}, id))))),
  ];
}

function componentView(at) {
  const one = components[at];
  const [verdict, tone] = VERDICTS.get(one.passed) ?? ["not validated", ""];
  const open = openOnes(one);
  const other = one.differences.filter((it) => it.state !== "open");
  const own = inside.get(at) ?? [];
  return [
    h("div", { class: "head" }, h("h2", { tabindex: "-1" }, one.name), h("span", { class: "pill" }, words(one.kind)),
      h("span", { class: `pill ${{ high: "good", mid: "waiting", low: "bad" }[grade(one.score)]}` }, `confidence ${one.score} %`),
      open.length > 0 && h("span", { class: "pill waiting" }, `${open.length} undecided`), h("span", { class: `pill ${tone}` }, verdict)),
    h("p", { class: "faint" }, `${one.path}, lines ${one.lines[0]}–${one.lines[1]} · ${one.visibility} · ${SOURCES[one.source] ?? "no stream has a text"}`, one.ticket && ` · ticket ${one.ticket}`),
    one.signature && h("pre", {}, one.signature),
    written(one.documentation),
    Object.entries(one.failed ?? {}).map(([stream, failed]) => h("p", {}, h("span", { class: "pill bad" }, `stream ${stream.toUpperCase()} has no text`), ` ${failed.message} (${failed.code})`)),
    open.length > 0 && part("Undecided", open.map(difference)),
    h("div", { class: "columns" }, callList("Calls", callees[at], "callee"), callList("Called by", callers[at], "caller")),
    neighbourhood(at),
    own.length > 0 && part("In it", h("ul", { class: "calls" }, own.map((child) => h("li", {}, h("a", { href: address(components[child]) }, short(components[child])), " ", h("span", { class: "faint" }, inline(components[child].documentation?.summary ?? "")))))),
    other.length > 0 && h("details", { class: "part" }, h("summary", {}, `The same in other words (${other.length})`), other.map(difference)),
  ];
}
