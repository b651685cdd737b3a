// A graph in layers: callers above, callees below. The same graph gives the same picture.

/** Turns edges around that close a circle, so that layers exist, and says which: as few calls as a simple rule finds. What calls
 * nothing more goes last, what nobody more calls goes first, and of the rest who calls most and is called least. */
function withoutCircles(count, links) {
  const left = new Set(Array.from({ length: count }, (_, at) => at));
  const [first, last] = [[], []];
  const sum = (at, mine, other) => links.reduce((total, link) => (link[mine] === at && link[other] !== at && left.has(link[other]) ? total + link.count : total), 0);
  while (left.size) {
    const all = [...left].map((at) => ({ at, out: sum(at, "from", "to"), into: sum(at, "to", "from") }));
    const sink = all.find((one) => one.out === 0);
    const best = sink ?? all.find((one) => one.into === 0) ?? all.reduce((one, other) => (other.out - other.into > one.out - one.into ? other : one));
    (sink ? last : first).push(best.at);
    left.delete(best.at);
  }
  const place = new Map([...first, ...last.reverse()].map((at, number) => [at, number]));
  for (const link of links) link.back = place.get(link.from) > place.get(link.to);
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
  // What is called by nobody, or by few, stands right above what it calls: shorter lines, fewer crossings.
  const byDepth = level.map((_, at) => at).sort((one, other) => level[other] - level[one]);
  for (const at of byDepth) {
    const [out, into] = [ways.filter(([from]) => from === at), ways.filter(([, to]) => to === at)];
    if (out.length > into.length) level[at] = Math.min(...out.map(([, to]) => level[to])) - 1;
  }
  const used = [...new Set(level)].sort((one, other) => one - other);
  return level.map((one) => used.indexOf(one));
}

/** Gives each node `x` and `y`, and each link `points`. `width` says how wide a node is. */
function layered(count, links, width, gap = { x: 22, y: 92, bend: 2 }) {
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

/** Pulls nodes to the middle of their neighbours without letting them touch. Lines may run closer to each other than boxes. */
function coordinates(rows, gap) {
  const isBend = (node) => node.width === gap.bend;
  const space = (one, other) => (isBend(one) && isBend(other) ? 9 : isBend(one) || isBend(other) ? 14 : gap.x);
  for (const [depth, row] of rows.entries()) {
    let x = 0;
    for (const [at, node] of row.entries()) {
      x += at ? space(row[at - 1], node) : 0;
      node.x = x;
      node.y = depth * gap.y + gap.y / 2;
      x += node.width;
    }
    row.forEach((node) => (node.x -= x / 2));
  }
  const middle = (node) => node.x + node.width / 2;
  for (let round = 0; round < 40; round++) {
    for (const row of round % 2 ? rows : [...rows].reverse()) {
      const wish = row.map((node) => {
        const beside = [...node.up, ...node.down];
        return beside.length ? beside.reduce((sum, one) => sum + middle(one), 0) / beside.length - node.width / 2 : node.x;
      });
      const [fromLeft, fromRight] = [[], []];
      row.forEach((node, at) => (fromLeft[at] = at ? Math.max(wish[at], fromLeft[at - 1] + row[at - 1].width + space(row[at - 1], node)) : wish[at]));
      for (let at = row.length - 1; at >= 0; at--) {
        const next = row[at + 1];
        fromRight[at] = next ? Math.min(wish[at], fromRight[at + 1] - row[at].width - space(row[at], next)) : wish[at];
      }
      row.forEach((node, at) => (node.x = (fromLeft[at] + fromRight[at]) / 2));
    }
  }
  const all = rows.flat();
  const least = Math.min(...all.map((node) => node.x));
  all.forEach((node) => (node.x -= least));
  return Math.max(...all.map((node) => node.x + node.width));
}
