// Which view is shown: the address after # says it, so that a place can be handed on and the way back works.
const main = document.getElementById("main");
const STATES = { converged: "good", partially_converged: "waiting", forced: "bad", failed: "bad" };

function overview() {
  const { criteria, history, recommendations } = report;
  const number = (value, name) => (value === null || value === undefined ? "–" : ["blocking", "open"].includes(name) ? String(value) : value.toFixed(3));
  const figure = (value, text) => h("div", { class: "figure" }, h("b", {}, value), h("span", { class: "faint" }, text));
  const spent = Object.entries(metrics.spent);
  return [
    h("h2", { tabindex: "-1" }, "How far the streams agree"),
    h("div", { class: "figures" },
      figure(metrics.components_documented.toLocaleString("en"), `of ${metrics.components_total.toLocaleString("en")} components documented`),
      figure(metrics.components_agreed.toLocaleString("en"), "with nothing undecided"),
      figure(`${metrics.mean_confidence.toFixed(1)} %`, "mean confidence"),
      figure(metrics.calls.toLocaleString("en"), "calls"),
      figure(metrics.discrepancies_unresolved.toLocaleString("en"), `undecided of ${metrics.discrepancies_total.toLocaleString("en")} differences`),
      figure(metrics.tokens_total.toLocaleString("en"), `tokens, ${metrics.usd_total.toFixed(2)} US dollars`)),
    h("img", { class: "trend", alt: "Agreement by iteration; the table below has the figures", src: `data:image/svg+xml,${encodeURIComponent(data.trends)}` }),
    part("What is asked", table(["criterion", "#asked", "#reached", "#missing", "holds"], criteria.map((one) => [
      one.text, String(one.target), number(one.value, one.name), one.holds ? "" : number(one.gap, one.name),
      h("span", { class: `pill ${one.holds ? "good" : "bad"}` }, one.holds ? "holds" : "fails")]))),
    part("What to do", h("ul", { class: "advice" }, recommendations.map((text) => h("li", {}, prose(text)[0]?.childNodes.length ? [...prose(text)[0].childNodes] : text)))),
    part("By iteration", table(["#iteration", "#identical", "#found", "#decided", "#by people", "#blocking", "#open", "#calls agree", "#texts alike"],
      history.map((one) => [one.iteration, one.identical, one.discrepancies, one.resolved, one.resolved_by_people, one.blocking, one.open,
        one.call_graph_match_rate.toFixed(3), one.documentation_similarity.toFixed(3)].map(String)))),
    part("Calls against the code", table(["claimed by", "#claimed", "#evident", "#precision", "#recall", "#f1"], Object.entries(metrics.call_graph).map(([name, one]) => [
      name.length === 1 ? `stream ${name}` : name, String(one.claimed), String(one.evident), one.precision.toFixed(3), one.recall.toFixed(3), one.f1.toFixed(3)]))),
    spent.length > 0 && part("What it took", table(["role", "model", "#calls", "#tokens", "#US dollars"], spent.map(([role, one]) => [
      role, (metrics.models[role] ?? []).join(", "), one.calls.toLocaleString("en"), one.tokens.toLocaleString("en"), one.usd.toFixed(4)]))),
  ];
}

function leftView() {
  const shown = components.map((one, at) => [openOnes(one), at]).filter(([open]) => open.length);
  const failed = report.failed_components;
  const LIMIT = 200;
  return [
    h("h2", { tabindex: "-1" }, "What is undecided"),
    shown.length === 0 && failed.length === 0 && h("p", {}, "Nothing: the streams and the code say the same."),
    shown.slice(0, LIMIT).map(([open, at]) => part("", h("p", {}, h("a", { class: "code", href: address(components[at]) }, components[at].id), components[at].ticket && h("span", { class: "faint" }, ` · ticket ${components[at].ticket}`)), open.map(difference))),
    shown.length > LIMIT && h("p", { class: "faint" }, `${shown.length - LIMIT} more components are in convergence_report.json.`),
    failed.length > 0 && part("Could not be done", table(["component", "stream", "code", "why"], failed.map((one) => [
      numberOf.has(one.component_id) ? h("a", { href: address({ id: one.component_id }) }, one.component_id) : one.component_id, one.stream.toUpperCase(), one.code, one.message]))),
    report.expired_tickets.length > 0 && part("Tickets nobody answered", h("ul", {}, report.expired_tickets.map((id) => h("li", {}, h("code", {}, id))))),
  ];
}

function show(moved) {
  const [, view = "", rest = ""] = location.hash.match(/^#\/([^/]*)(?:\/(.*))?$/) ?? [];
  const named = decodeURIComponent(rest);
  const at = view === "c" ? numberOf.get(named) : undefined;
  const views = { "": overview, graph: () => graphView(named), left: leftView, c: () => (at === undefined ? [h("h2", {}, "There is no such component")] : componentView(at)) };
  main.replaceChildren(...[(views[view] ?? overview)()].flat(4).filter(Boolean));
  main.querySelectorAll(".part > h3:empty").forEach((one) => one.remove());
  main.scrollTop = 0;
  for (const link of document.querySelectorAll(".bar nav a")) {
    const here = link.dataset.view === (view || "overview");
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  showInTree(at);
  document.title = at === undefined ? `${data.key}, documented` : `${components[at].name} · ${data.key}`;
  // In the tree the keys stay where they are; from anywhere else the reader goes on at the new view.
  if (moved && !document.activeElement?.closest('[role="tree"]')) main.querySelector("h2")?.focus({ preventScroll: true });
}

document.getElementById("status").append(h("span", { class: `pill ${STATES[report.final_status] ?? ""}` }, words(report.final_status)), " ",
  h("span", { class: "faint" }, many(report.total_iterations, "iteration")));
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
document.addEventListener("keydown", (event) => {
  if (event.target.closest("input") || event.ctrlKey || event.metaKey || event.altKey || event.key !== "/") return;
  event.preventDefault();
  document.getElementById("search").focus();
});
window.addEventListener("hashchange", () => show(true));
startTree();
show(false);
