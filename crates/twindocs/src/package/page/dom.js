// What is shown, and how elements are made. Text is set as text: whatever a model wrote stays text.
const data = JSON.parse(document.getElementById("data").textContent);
const { components, report, metrics } = data;
const SVG = "http://www.w3.org/2000/svg";

function put(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(3).filter((one) => one !== undefined && one !== null && one !== false));
  return element;
}
const h = (name, attributes = {}, ...children) => put(document.createElement(name), attributes, children);
const s = (name, attributes = {}, ...children) => put(document.createElementNS(SVG, name), attributes, children);

const numberOf = new Map(components.map((one, at) => [one.id, at]));
const edges = data.edges.map(([caller, callee, line, kind, confidence, open, sources]) => ({ caller, callee, line, kind, confidence, open, sources }));
const callees = components.map(() => []);
const callers = components.map(() => []);
for (const edge of edges) {
  callees[edge.caller].push(edge);
  callers[edge.callee].push(edge);
}

const short = (one) => one.name.split(".").at(-1);
const address = (one) => `#/c/${encodeURIComponent(one.id)}`;
const openOnes = (one) => one.differences.filter((it) => it.state === "open");
const many = (count, one, more = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : more}`;
const grade = (score) => (score >= 95 ? "high" : score >= 80 ? "mid" : "low");
const words = (text) => text.replaceAll("_", " ");
const part = (title, ...children) => h("section", { class: "part" }, h("h3", {}, title), ...children);

/** A table; what is written under a heading that begins with # is a number. */
function table(heads, rows) {
  const number = heads.map((head) => head.startsWith("#"));
  return h("div", { class: "wide", tabindex: "0", role: "region", "aria-label": `Table: ${heads.map((head) => head.replace(/^#/, "")).join(", ")}` }, h("table", {},
    h("thead", {}, h("tr", {}, heads.map((head, at) => h("th", { scope: "col", class: number[at] && "number" }, head.replace(/^#/, ""))))),
    h("tbody", {}, rows.map((row) => h("tr", {}, row.map((one, at) => h("td", { class: number[at] && "number" }, one)))))));
}

/** A line in which `code` is code. */
const inline = (line) => line.split(/(`[^`]+`)/).map((bit) => (/^`.+`$/.test(bit) ? h("code", {}, bit.slice(1, -1)) : bit));

/** Prose: paragraphs, lists, `code`, and blocks of code. Nothing else has a meaning. */
function prose(text) {
  return text.trim().split(/\n\s*\n/).map((block) => {
    const lines = block.split("\n");
    if (lines[0].startsWith("```")) return h("pre", {}, block.replace(/^```.*\n?/, "").replace(/\n?```$/, ""));
    if (lines.every((line) => /^\s*[-*] /.test(line))) return h("ul", {}, lines.map((line) => h("li", {}, inline(line.replace(/^\s*[-*] /, "")))));
    return h("p", {}, inline(lines.join(" ")));
  });
}
