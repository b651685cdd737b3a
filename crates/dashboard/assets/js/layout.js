// Where the phases of a pipeline stand: a column for each link of the longest chain, branches side by side, and a way for
// edges that pass over columns, so that none runs through a phase that it has nothing to do with.

/** Room that an edge takes in a column that it passes, as part of a phase's. */
const PASS = 0.45;

/**
 * Phases as `{ id, after }`. Returns `{ nodes: Map id → { column, row }, edges: [{ from, to, via: [{ column, row }] }],
 * columns, rows }`; rows are numbers with fractions, from 0.
 */
export function layout(phases) {
  const known = new Set(phases.map((phase) => phase.id));
  const after = new Map(phases.map((phase) => [phase.id, phase.after.filter((id) => known.has(id))]));
  const column = new Map();
  const depth = (id, seen = new Set()) => {
    if (column.has(id)) return column.get(id);
    if (seen.has(id)) return 0;
    seen.add(id);
    const before = after.get(id).map((one) => depth(one, seen) + 1);
    const at = Math.max(0, ...before);
    column.set(id, at);
    return at;
  };
  phases.forEach((phase) => depth(phase.id));

  const columns = [];
  const place = (item) => (columns[item.column] ??= []).push(item);
  const items = new Map();
  phases.forEach((phase, order) => {
    const item = { id: phase.id, column: column.get(phase.id), order, size: 1, before: [], row: 0 };
    items.set(phase.id, item);
    place(item);
  });
  const edges = [];
  phases.forEach((phase, order) => {
    for (const from of after.get(phase.id)) {
      const via = [];
      let last = items.get(from);
      for (let at = last.column + 1; at < column.get(phase.id); at += 1) {
        const pass = { column: at, order: order + 0.5, size: PASS, before: [last], row: 0 };
        place(pass);
        via.push(pass);
        last = pass;
      }
      items.get(phase.id).before.push(last);
      edges.push({ from, to: phase.id, via });
    }
  });

  for (const members of columns) arrange(members);
  const all = columns.flat();
  const top = Math.min(...all.map((item) => item.row - item.size / 2));
  const bottom = Math.max(...all.map((item) => item.row + item.size / 2));
  for (const item of all) item.row -= top + 0.5;
  return { nodes: items, edges, columns: columns.length, rows: bottom - top };
}

/** Each as near as there is room to the middle of what comes before it. */
function arrange(members) {
  for (const item of members) {
    const rows = item.before.map((one) => one.row);
    item.wish = rows.length ? rows.reduce((a, b) => a + b, 0) / rows.length : 0;
  }
  members.sort((a, b) => a.wish - b.wish || a.order - b.order);
  let free = -Infinity;
  for (const item of members) {
    item.row = Math.max(item.wish, free + item.size / 2);
    free = item.row + item.size / 2;
  }
  const off = members.reduce((sum, item) => sum + item.row - item.wish, 0) / members.length;
  for (const item of members) item.row -= off;
}
