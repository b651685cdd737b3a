// The call graph of files and folders. A folder stands for what is in it while opening it would make the picture too large.
const MOST_BOXES = 26;

function folderAt(path) {
  let folder = root;
  for (const name of path.split("/").filter(Boolean)) folder = folder?.folders.get(name);
  return folder;
}

const filesIn = (folder) => [...[...folder.folders.values()].flatMap(filesIn), ...folder.files.values()];

/** The boxes for a folder: those with most files are opened first, as long as there is room. */
function boxesOf(path) {
  const children = (folder, prefix) => [
    ...[...folder.folders.values()].map((one) => ({ folder: one, path: `${prefix}${one.name}/`, files: filesIn(one) })),
    ...[...folder.files.values()].map((one) => ({ path: one.path, files: [one] })),
  ];
  let boxes = children(folderAt(path) ?? root, path);
  for (;;) {
    const largest = boxes.filter((box) => box.folder).sort((one, other) => other.files.length - one.files.length || (one.path < other.path ? -1 : 1));
    const next = largest.find((box) => boxes.length - 1 + box.folder.folders.size + box.folder.files.size <= MOST_BOXES || boxes.length === 1);
    if (!next) return boxes;
    boxes = boxes.flatMap((box) => (box === next ? children(box.folder, box.path) : [box]));
  }
}

function linksOf(boxes) {
  const boxOf = new Map(boxes.flatMap((box, at) => box.files.map((file) => [file.path, at])));
  const found = new Map();
  for (const edge of edges) {
    const [from, to] = [boxOf.get(components[edge.caller].path), boxOf.get(components[edge.callee].path)];
    if (from === undefined || to === undefined || from === to) continue;
    const key = `${from} ${to}`;
    if (!found.has(key)) found.set(key, { from, to, count: 0, open: 0 });
    found.get(key).count += 1;
    found.get(key).open += edge.open ? 1 : 0;
  }
  return [...found.values()].sort((one, other) => one.from - other.from || one.to - other.to);
}

/** A line through points that are above one another, smooth. */
function curve(points) {
  const [[x, y], ...rest] = points;
  let path = `M${x.toFixed(1)} ${y.toFixed(1)}`;
  let [fromX, fromY] = [x, y];
  for (const [toX, toY] of rest) {
    const middle = (fromY + toY) / 2;
    path += `C${fromX.toFixed(1)} ${middle.toFixed(1)} ${toX.toFixed(1)} ${middle.toFixed(1)} ${toX.toFixed(1)} ${toY.toFixed(1)}`;
    [fromX, fromY] = [toX, toY];
  }
  return path;
}

function picture(boxes, links, path) {
  const label = (box) => {
    const name = box.path.slice(path.length);
    return name.length > 30 ? `…${name.slice(-29)}` : name;
  };
  const wide = (at) => Math.max(98, label(boxes[at]).length * 6.9 + 22);
  const linked = new Set(links.flatMap((link) => [link.from, link.to]));
  // What is not linked stands in rows below: in a layer of its own it would make the picture as wide as it is many.
  const inside = boxes.map((_, at) => at).filter((at) => linked.has(at));
  const number = new Map(inside.map((at, place) => [at, place]));
  links.forEach((link) => ([link.from, link.to] = [number.get(link.from), number.get(link.to)]));
  const plan = inside.length ? layered(inside.length, links, (at) => wide(inside[at])) : { nodes: [], width: 0, height: 0 };
  const alone = boxes.map((_, at) => at).filter((at) => !linked.has(at));
  const full = Math.max(plan.width, 760);
  const places = new Map(plan.nodes.map((node) => [inside[node.at], { x: node.x, y: node.y }]));
  let [x, y] = [0, plan.height + (plan.height ? 34 : 24)];
  for (const at of alone) {
    if (x > 0 && x + wide(at) > full) [x, y] = [0, y + 54];
    places.set(at, { x, y });
    x += wide(at) + 20;
  }
  const end = alone.length ? y + 40 : plan.height;
  const lines = links.map((link) => {
    const points = link.points.map(([px, py], at, all) => {
      const below = all.at(-1)[1] > all[0][1];
      return [px, at === 0 ? py + (below ? 18 : -18) : at === all.length - 1 ? py + (below ? -22 : 22) : py];
    });
    const line = s("path", { class: `link ${link.back ? "back" : ""} ${link.open ? "open" : ""}`, d: curve(points), "stroke-width": (1 + Math.log2(link.count) * 0.45).toFixed(2), "marker-end": "url(#tip)" },
      s("title", {}, `${boxes[inside[link.from]].path} calls ${boxes[inside[link.to]].path}: ${many(link.count, "call")}`));
    line.ends = [inside[link.from], inside[link.to]];
    return line;
  });
  const svg = s("svg", { class: "fit", style: `max-width:${full + 40}px;min-width:${Math.min(full + 40, (full + 40) * 0.7)}px`, viewBox: `-20 -6 ${full + 40} ${end + 20}`, role: "group", "aria-label": "Who calls whom, by file" }, tip(), lines);
  const drawn = boxes.map((box, at) => {
    const place = places.get(at);
    const members = box.files.reduce((sum, file) => sum + file.members.length, 0);
    const one = s("a", { href: box.folder ? `#/graph/${encodeURIComponent(box.path)}` : address(components[box.files[0].members[0]]) },
      s("title", {}, box.path), s("rect", { class: `box ${box.folder ? "folder" : ""}`, x: place.x, y: place.y - 18, width: wide(at), height: 36, rx: 7 }),
      s("text", { x: place.x + 10, y: place.y - 2 }, label(box)), s("text", { class: "small", x: place.x + 10, y: place.y + 12 }, many(members, "component")));
    const light = (on) => {
      svg.classList.toggle("dim", on);
      lines.forEach((line) => line.classList.toggle("lit", on && line.ends.includes(at)));
      const near = new Set([at, ...lines.filter((line) => line.ends.includes(at)).flatMap((line) => line.ends)]);
      drawn.forEach((other, place) => other.querySelector("rect").classList.toggle("lit", on && near.has(place)));
    };
    for (const [name, on] of [["pointerenter", true], ["focus", true], ["pointerleave", false], ["blur", false]]) one.addEventListener(name, () => light(on));
    return one;
  });
  svg.append(...drawn);
  return h("div", { class: "plot" }, svg);
}

function graphView(path) {
  const boxes = boxesOf(path);
  const links = linksOf(boxes);
  const crumbs = [["all", ""], ...path.split("/").filter(Boolean).map((name, at, all) => [name, `${all.slice(0, at + 1).join("/")}/`])];
  const calls = links.reduce((sum, link) => sum + link.count, 0);
  const back = () => links.filter((link) => link.back).length;
  const drawn = picture(boxes, links, path);
  return [
    h("h2", { tabindex: "-1" }, "Who calls whom"),
    h("nav", { class: "crumbs", "aria-label": "Folders" }, crumbs.map(([name, to], at) => [at > 0 && "/", h("a", { href: `#/graph${to && `/${encodeURIComponent(to)}`}` }, name)])),
    h("p", { class: "faint" }, `${many(boxes.length, "box", "boxes")}, ${many(calls, "call")} between them. Callers are above; a dashed box is a folder that opens; `,
      back() ? `${many(back(), "amber line goes", "amber lines go")} back up and closes a circle; ` : "nothing calls in a circle; ", "a thick line is many calls, a red one has calls that are undecided."),
    drawn,
  ];
}
