// The tree of folders, files and components, and the search beside it. A branch is filled when it is opened.
const root = { name: "", folders: new Map(), files: new Map() };
for (const [at, one] of components.entries()) {
  const names = one.path.split("/");
  let folder = root;
  for (const name of names.slice(0, -1)) {
    if (!folder.folders.has(name)) folder.folders.set(name, { name, folders: new Map(), files: new Map() });
    folder = folder.folders.get(name);
  }
  const file = names.at(-1);
  if (!folder.files.has(file)) folder.files.set(file, { name: file, path: one.path, members: [] });
  folder.files.get(file).members.push(at);
}

const inside = new Map();
for (const [at, one] of components.entries()) {
  if (one.parent === null) continue;
  if (!inside.has(one.parent)) inside.set(one.parent, []);
  inside.get(one.parent).push(at);
}

const items = new Map();

/** One line. `fill` gives the lines below it, when it is opened for the first time; `go` is what a click does. */
function branch(key, name, mark, fill, at) {
  const group = fill && h("ul", { role: "group", hidden: true });
  const twist = h("span", { class: "twist", "aria-hidden": "true" }, fill ? "▸" : "");
  const row = h("div", { class: "row" }, twist, mark, h("span", { class: "name", title: name }, name));
  const item = h("li", { role: "treeitem", tabindex: "-1", "aria-expanded": fill ? "false" : undefined, "aria-selected": "false" }, row, group);
  const set = (open) => {
    if (!fill) return;
    if (open && !group.firstChild) group.append(...fill());
    group.hidden = !open;
    item.setAttribute("aria-expanded", String(open));
    twist.textContent = open ? "▾" : "▸";
  };
  const act = () => {
    if (at === undefined) return set(group.hidden);
    set(true);
    location.hash = address(components[at]);
  };
  row.addEventListener("click", () => {
    focusItem(item, false);
    act();
  });
  item.own = { set, act, group };
  items.set(key, item);
  return item;
}

function componentItem(at) {
  const one = components[at];
  const own = inside.get(at)?.filter((child) => one.kind !== "module" || components[child].parent === at);
  const open = openOnes(one).length;
  const mark = h("span", { class: `mark ${grade(one.score)}`, title: `confidence ${one.score} %${open ? `, ${open} undecided` : ""}` });
  return branch(at, short(one), mark, own?.length ? () => own.map(componentItem) : undefined, at);
}

function fileItem(file) {
  const module = file.members.find((at) => components[at].kind === "module" && components[at].parent === null);
  const top = file.members.filter((at) => at !== module && (components[at].parent === null || components[at].parent === module));
  const mark = module === undefined ? undefined : h("span", { class: `mark ${grade(components[module].score)}` });
  const item = branch(module ?? file.path, file.name, mark, top.length ? () => top.map(componentItem) : undefined, module);
  items.set(file.path, item);
  return item;
}

function folderItems(folder, path) {
  return [
    ...[...folder.folders.values()].map((one) => branch(`${path}${one.name}/`, `${one.name}/`, undefined, () => folderItems(one, `${path}${one.name}/`))),
    ...[...folder.files.values()].map(fileItem),
  ];
}

const tree = h("ul", { role: "tree", "aria-label": "Components by file" });
let focused;

function focusItem(item, move = true) {
  if (focused) focused.tabIndex = -1;
  focused = item;
  item.tabIndex = 0;
  if (move) item.focus();
}

const seen = () => [...tree.querySelectorAll('[role="treeitem"]')].filter((item) => !item.parentElement.closest("[hidden]"));

function treeKeys(event) {
  const item = event.target.closest('[role="treeitem"]');
  if (!item || event.ctrlKey || event.metaKey || event.altKey) return;
  const all = seen();
  const at = all.indexOf(item);
  const isOpen = item.getAttribute("aria-expanded") === "true";
  const moves = {
    ArrowDown: () => all[at + 1] && focusItem(all[at + 1]),
    ArrowUp: () => all[at - 1] && focusItem(all[at - 1]),
    ArrowRight: () => (item.own.group && !isOpen ? item.own.set(true) : isOpen && focusItem(all[at + 1])),
    ArrowLeft: () => {
      if (isOpen) return item.own.set(false);
      const above = item.parentElement.closest('[role="treeitem"]');
      if (above) focusItem(above);
    },
    Home: () => focusItem(all[0]),
    End: () => focusItem(all.at(-1)),
    Enter: () => item.own.act(),
    " ": () => item.own.act(),
  };
  if (!moves[event.key]) return;
  event.preventDefault();
  event.stopPropagation();
  moves[event.key]();
}

/** Opens what a component is in, and marks it. */
function showInTree(at) {
  tree.querySelectorAll('[aria-selected="true"]').forEach((one) => one.setAttribute("aria-selected", "false"));
  if (at === undefined) return;
  const one = components[at];
  const names = one.path.split("/");
  names.slice(0, -1).forEach((_, depth) => items.get(`${names.slice(0, depth + 1).join("/")}/`)?.own.set(true));
  const chain = [];
  for (let up = one.parent; up !== null; up = components[up].parent) chain.unshift(up);
  if (!items.has(at) || chain.length) items.get(one.path)?.own.set(true);
  chain.forEach((up) => items.get(up)?.own.set(true));
  const item = items.get(at);
  if (!item) return;
  item.setAttribute("aria-selected", "true");
  focusItem(item, false);
  item.firstChild.scrollIntoView({ block: "nearest" });
}

const texts = components.map((one) => [short(one), one.name, one.id, one.documentation?.summary ?? "", one.documentation?.description ?? ""].map((text) => text.toLowerCase()));
const SHOWN = 100;

/** What fits all words, the best first: a name that begins so, a name, an id, a text. */
function search(text) {
  const asked = text.toLowerCase().split(/\s+/).filter(Boolean);
  const rank = (fields, word) => (fields[0].startsWith(word) ? 0 : fields.findIndex((field) => field.includes(word)) + 1);
  const found = [];
  for (const [at, fields] of texts.entries()) {
    const ranks = asked.map((word) => (fields[0] === word ? -1 : fields.some((field) => field.includes(word)) ? rank(fields, word) : 99));
    if (ranks.every((one) => one < 99)) found.push([Math.max(...ranks), at]);
  }
  return found.sort((one, other) => one[0] - other[0] || one[1] - other[1]).map(([, at]) => at);
}

function startTree() {
  const field = document.getElementById("search");
  const [results, said] = [document.getElementById("results"), document.getElementById("found")];
  tree.append(...folderItems(root, ""));
  tree.addEventListener("keydown", treeKeys);
  document.getElementById("tree").append(tree);
  // What fits without scrolling is opened from the start, folders before files.
  for (let open = [...tree.children]; open.length;) {
    const next = open.find((item) => item.own.group && !item.firstChild.querySelector(".mark"));
    if (!next) break;
    next.own.set(true);
    if (seen().length > 34) {
      next.own.set(false);
      open = open.filter((item) => item !== next);
    } else {
      open = [...open.filter((item) => item !== next), ...next.own.group.children];
    }
  }
  if (tree.firstChild) focusItem(tree.firstChild, false);
  const total = many(components.length, "component");
  said.textContent = total;
  const show = () => {
    const asked = field.value.trim();
    results.hidden = !asked;
    tree.parentElement.hidden = Boolean(asked);
    if (!asked) {
      said.textContent = total;
      return;
    }
    const found = search(asked);
    said.textContent = found.length > SHOWN ? `${found.length} found, the first ${SHOWN} are shown` : `${found.length} found`;
    results.replaceChildren(...found.slice(0, SHOWN).map((at) => {
      const one = components[at];
      return h("a", { class: "result", href: address(one) }, h("b", {}, one.name), h("span", { class: "faint" }, one.path));
    }));
  };
  field.addEventListener("input", show);
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape") field.value = "";
    if (event.key === "Escape") show();
    if (event.key === "ArrowDown") (results.hidden ? focused : results.firstChild)?.focus();
    if (event.key === "Enter") results.firstChild?.click();
    if (event.key === "ArrowDown") event.preventDefault();
  });
  results.addEventListener("keydown", (event) => {
    const next = { ArrowDown: event.target.nextSibling, ArrowUp: event.target.previousSibling ?? field }[event.key];
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
}
