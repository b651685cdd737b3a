// The three lists of a course: seeds with their LEGOs in colour, phrases that were removed, and all samples.

import { verdictOf } from "./decisions.js";
import { aside, fill, h } from "./dom.js";
import { sampleButtons } from "./player.js";
import { tallList } from "./tall.js";
import { count, moment } from "./words.js";

/** Samples of one question to the reader. */
const CHUNK = 100;

/** A LEGO as a tile: atomic in one piece, molecular with a mark under each word; new ones filled, known ones outlined. */
export function tile(lego, { link, language, course }, more = "") {
  const kind = lego.kind === "M" ? "molecular" : "atomic";
  const target = language(course().target);
  const words = lego.kind === "M" ? lego.target.split(/(\s+)/).map((word) => (word.trim() ? h("span", { class: "word" }, word) : word)) : lego.target;
  const said = `, ${kind}, ${lego.isNew ? "new here" : "known already"}${lego.cut ? `, ${lego.cut} of its phrases removed` : ""}`;
  return h("a", { class: `tile ${lego.kind} ${lego.isNew ? "new" : "old"} ${more}`, href: link({ lego: lego.id, seed: "" }), style: { "--hue": lego.hue }, "data-lego": lego.id, title: `${lego.id}: ${kind}, ${lego.isNew ? "new here" : "known already"}` },
    h("span", { class: "tile-target", lang: target }, words), h("span", { class: "tile-known", lang: language(course().known) }, lego.known), aside(said),
    lego.cut > 0 && h("span", { class: "tile-cut", "aria-hidden": "true" }, `−${lego.cut}`));
}

/** How high a seed's row is likely to be at a width. */
function guess(row, width) {
  const room = Math.max(200, width - 48);
  let [lines, used] = [1, 0];
  for (const one of row.tiles ?? []) {
    const wide = Math.max(one.target.length * 9, one.known.length * 7) + 28;
    if (used + wide > room && used > 0) [lines, used] = [lines + 1, 0];
    used += wide;
  }
  return 41.5 + lines * 46.5;
}

export function seedRows(context) {
  const { link, language, ask, play } = context;
  let at;
  const list = tallList({
    label: "Seeds", guess,
    make(row) {
      const { course } = context;
      const all = async () => {
        const seed = await ask("seed", { id: row.id });
        play([...seed.samples, ...seed.legos.flatMap((lego) => lego.samples)], row.id);
      };
      const chosen = context.place().seed === row.id ? " chosen" : "";
      return h("div", { class: `seed-row${row.held ? " held" : ""}${chosen}`, "data-seed": row.id },
        h("div", { class: "seed-head" }, h("a", { class: "seed-id", href: link({ seed: row.id, lego: "" }) }, row.id),
          h("span", { class: "seed-known", lang: language(course().known) }, row.known),
          course().has.speech && h("button", { type: "button", class: "quiet small", "aria-label": `Play all of ${row.id}: ${row.known}`, title: "Play the sentence and its LEGOs", onclick: all }, "▶")),
        row.held ? h("p", { class: "held-note" }, `held back: ${row.held.reason}`)
          : row.tiles ? h("div", { class: "tiles" }, row.tiles.map((one) => tile(one, context)),
            row.aside.length > 0 && [h("span", { class: "faint" }, "also"), row.aside.map((one) => tile(one, context))])
            : h("p", { class: "faint" }, h("span", { lang: language(course().target) }, row.target), " (not taken apart yet)"));
    },
  });
  let rows = [];
  let waits;
  // Up and down go from seed to seed, left and right from LEGO to LEGO.
  list.element.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1 }[event.key];
    const across = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const here = event.target.closest(".seed-row");
    if ((by === undefined && across === undefined) || !here || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const stops = (row) => [...row.querySelectorAll(".seed-id, .tile")];
    const index = Math.max(0, stops(here).indexOf(event.target.closest(".seed-id, .tile")));
    if (across) return stops(here)[index + across]?.focus();
    at = rows.findIndex((row) => row.id === here.dataset.seed) + by;
    const next = rows[at] && list.show(rows[at].id);
    if (next) stops(next)[Math.min(index, stops(next).length - 1)]?.focus({ preventScroll: true });
  });
  return {
    element: list.element,
    update(found) {
      const all = context.course().rows;
      const next = found ? all.filter((row) => found.ids.has(row.id)) : all;
      if (next.length !== rows.length || next.some((row, index) => row !== rows[index])) {
        rows = next;
        list.set(rows);
      }
      // What is chosen by the address is brought in sight once; later the reader scrolls where he likes.
      const { seed, lego } = context.place();
      const wanted = seed || lego?.slice(0, 5);
      if (wanted && wanted !== waits) requestAnimationFrame(() => { if (list.element.isConnected && rows.some((row) => row.id === wanted)) list.show(wanted, "middle"); });
      waits = wanted;
      requestAnimationFrame(() => mark(list.element, { seed, lego }));
      return rows.length;
    },
    focusOf: ({ seed, lego }) => list.element.querySelector(lego ? `.tile[data-lego="${CSS.escape(lego)}"]` : `[data-seed="${CSS.escape(seed ?? "")}"] .seed-id`),
    stop: () => list.stop(),
  };
}

/** Shows which seed or LEGO is chosen. */
function mark(element, { seed, lego }) {
  for (const one of element.querySelectorAll(".seed-row")) one.classList.toggle("chosen", one.dataset.seed === seed);
  for (const one of element.querySelectorAll(".tile")) {
    if (one.dataset.lego === lego) one.setAttribute("aria-current", "true");
    else one.removeAttribute("aria-current");
  }
}

export function changeRows(context) {
  const { language, link } = context;
  const list = tallList({
    label: "Removed phrases", guess: () => 92,
    make(one) {
      const said = verdictOf({ job: context.job, lego: one.lego, phrase: one.phrase, standing: one, done: context.refresh });
      const found = one.deleted ?? one.restored;
      const by = one.deleted ?? one.restored ?? one.decision;
      return h("div", { class: `change-row ${said.tone}` },
        h("div", { class: "change-texts" }, h("span", { class: "known", lang: language(context.course().known) }, one.phrase.known),
          h("b", { class: "target", lang: language(context.course().target) }, one.phrase.target)),
        h("div", { class: "change-why" }, found && h("span", {}, h("code", {}, found.rule), " ", found.reason), " ",
          h("span", { class: "faint", title: by?.at ? moment(by.at) : undefined }, said.words)),
        h("a", { class: `tile A ${one.name ? "new" : "old"}`, style: { "--hue": one.hue ?? 0 }, href: link({ lego: one.lego, seed: "" }), title: one.lego }, one.name?.target ?? one.lego, aside(": its basket")),
        h("div", { class: "actions" }, said.buttons));
    },
  });
  return {
    element: list.element,
    update(found) {
      const has = (one) => `${one.phrase.known} ${one.phrase.target} ${one.lego} ${one.deleted?.rule ?? ""} ${one.deleted?.reason ?? ""}`.toLowerCase().includes(found.text.toLowerCase());
      const rows = found ? context.course().changes.filter(has) : context.course().changes;
      list.set(rows);
      return rows.length;
    },
    stop: () => list.stop(),
  };
}

export function sampleList(context) {
  const { ask, play } = context;
  let chunks = new Map();
  let items = [];
  let key;
  let read;
  let text = "";
  const voice = h("select", { "aria-label": "Voice" }, [["", "All voices"], ["source", "Known language"], ["target1", "First voice"], ["target2", "Second voice"], ["presentation", "Narrator"]]
    .map(([value, name]) => h("option", { value }, name)));
  const total = h("span", { class: "faint" });
  const question = (from, to) => ask("samples", { voice: voice.value, text, from, to });
  const list = tallList({ label: "Samples", guess: () => 42, make: (item) => item.element(), inSight: (sight) => sight.forEach((item) => want(item.at)) });
  const bar = h("div", { class: "toolbar" }, voice, total);
  const element = h("div", { class: "sample-list" }, bar, list.element);

  function want(at) {
    const chunk = Math.floor(at / CHUNK);
    if (chunks.has(chunk)) return;
    chunks.set(chunk, []);
    const mine = key;
    question(chunk * CHUNK, (chunk + 1) * CHUNK).then((answer) => {
      if (mine !== key) return;
      chunks.set(chunk, answer.rows);
      answer.rows.forEach((sample, index) => paint(items[chunk * CHUNK + index]));
    }).catch(() => chunks.delete(chunk));
  }

  function paint(item) {
    const sample = chunks.get(Math.floor(item.at / CHUNK))?.[item.at % CHUNK];
    if (!sample || !item.row) return;
    const onward = async () => play((await question(item.at, item.at + 200)).rows, "samples");
    fill(item.row, sampleButtons([sample], play), h("span", { class: "sample-text" }, sample.text),
      h("span", { class: "faint" }, sample.file ? `${sample.seconds.toFixed(1)} s` : sample.missing ?? "not spoken yet", sample.flags.length > 0 && `, ${sample.flags.join(", ")}`),
      sample.file && h("button", { type: "button", class: "quiet small", onclick: onward }, "from here on", aside(`: play '${sample.text}' and what follows`)));
  }

  async function choose() {
    const mine = {};
    key = mine;
    chunks = new Map();
    const answer = await question(0, CHUNK);
    if (key !== mine) return;
    chunks.set(0, answer.rows);
    total.textContent = `${count(answer.total)} samples`;
    items = Array.from({ length: answer.total }, (_, at) => ({
      id: at, at,
      element() {
        this.row = h("div", { class: "sample-row" }, h("span", { class: "faint" }, "…"));
        paint(this);
        return this.row;
      },
    }));
    list.set(items);
  }
  voice.addEventListener("change", choose);
  return {
    element,
    update(found) {
      const now = found?.text ?? "";
      if (read !== context.course() || now !== text) {
        [read, text] = [context.course(), now];
        choose().catch(() => undefined);
      }
      return context.course().counts.samples;
    },
    stop: () => list.stop(),
  };
}
