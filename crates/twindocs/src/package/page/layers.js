// A graph in layers: callers above, callees below. The same graph gives the same picture.

/** Turns edges around that close a circle, so that layers exist; says which. */
function withoutCircles(count, links) {
  const out = Array.from({ length: count }, () => []);
  links.forEach((link) => out[link.from].push(link));
  const state = new Array(count).fill(0);
  for (let start = 0; start < count; start++) {
    if (state[start]) continue;
    const path = [[start, 0]];
    state[start] = 1;
    while (path.length) {
      const top = path.at(-1);
      const link = out[top[0]][top[1]++];
      if (!link) {
        state[top[0]] = 2;
        path.pop();
      } else if (state[link.to] === 1) {
        link.back = true;
      } else if (state[link.to] === 0) {
        state[link.to] = 1;
        path.push([link.to, 0]);
      }
    }
  }
}

function levels(count, links) {
  const level = new Array(count).fill(0);
  const ways = links.map((link) => (link.back ? [link.to, link.from] : [link.from, link.to]));
  for (let round = 0, changed = true; changed && round <= count; round++) {
    changed = false;
    for (const [from, to] of ways) {
      if (level[to] <= level[from]) {
        level[to] = level[from] + 1;
        changed = true;
      }
    }
  }
  return level;
}

/** Gives each node `x` and `y`, and each link `points`. `width` says how wide a node is. */
function layered(count, links, width, gap = { x: 26, y: 92, bend: 14 }) {
  withoutCircles(count, links);
  const level = levels(count, links);
  const nodes = level.map((depth, at) => ({ at, depth, width: width(at), up: [], down: [] }));
  const rows = [];
  const put = (node) => (rows[node.depth] ??= []).push(node);
  nodes.forEach(put);
  const chains = links.map((link) => {
    const [first, last] = link.back ? [nodes[link.to], nodes[link.from]] : [nodes[link.from], nodes[link.to]];
    const chain = [first];
    for (let depth = first.depth + 1; depth < last.depth; depth++) {
      const bend = { depth, width: gap.bend, up: [], down: [] };
      put(bend);
      chain.push(bend);
    }
    chain.push(last);
    chain.slice(1).forEach((node, at) => {
      node.up.push(chain[at]);
      chain[at].down.push(node);
    });
    return link.back ? chain.reverse() : chain;
  });
  order(rows);
  const wide = coordinates(rows, gap);
  links.forEach((link, at) => (link.points = chains[at].map((node) => [node.x + node.width / 2, node.y])));
  return { nodes: nodes.slice(0, count), width: wide, height: rows.length * gap.y };
}

/** Each row in the order of the middle of its neighbours, down and up again, as long as it is getting better. */
function order(rows) {
  const number = () => rows.forEach((row) => row.forEach((node, at) => (node.place = at)));
  const mean = (list) => list.reduce((sum, node) => sum + node.place, 0) / list.length;
  number();
  for (let sweep = 0; sweep < 12; sweep++) {
    const down = sweep % 2 === 0;
    for (const row of down ? rows : [...rows].reverse()) {
      const key = new Map(row.map((node) => [node, (down ? node.up : node.down).length ? mean(down ? node.up : node.down) : node.place]));
      row.sort((one, other) => key.get(one) - key.get(other) || one.place - other.place);
      row.forEach((node, at) => (node.place = at));
    }
  }
}

/** Pulls nodes to the middle of their neighbours without letting them touch. */
function coordinates(rows, gap) {
  for (const [depth, row] of rows.entries()) {
    let x = 0;
    for (const node of row) {
      node.x = x;
      node.y = depth * gap.y + gap.y / 2;
      x += node.width + gap.x;
    }
    const half = (x - gap.x) / 2;
    row.forEach((node) => (node.x -= half));
  }
  const middle = (node) => node.x + node.width / 2;
  for (let round = 0; round < 24; round++) {
    for (const row of round % 2 ? rows : [...rows].reverse()) {
      const wish = row.map((node) => {
        const beside = [...node.up, ...node.down];
        return beside.length ? beside.reduce((sum, one) => sum + middle(one), 0) / beside.length - node.width / 2 : node.x;
      });
      let left = -Infinity;
      const fromLeft = row.map((node, at) => (left = Math.max(wish[at], left)) && ((left += node.width + gap.x), left - node.width - gap.x));
      let right = Infinity;
      const fromRight = [];
      for (let at = row.length - 1; at >= 0; at--) {
        fromRight[at] = Math.min(wish[at], right - row[at].width);
        right = fromRight[at] - gap.x;
      }
      row.forEach((node, at) => (node.x = (fromLeft[at] + fromRight[at]) / 2));
    }
  }
  const all = rows.flat();
  const least = Math.min(...all.map((node) => node.x));
  all.forEach((node) => (node.x -= least));
  return Math.max(...all.map((node) => node.x + node.width));
}
