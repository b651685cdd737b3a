// What is chosen on a course's page: a LEGO with its basket, its introduction and where it occurs, or a seed with its samples.

import { tile } from "./courserows.js";
import { verdictOf } from "./decisions.js";
import { fill, h, notice } from "./dom.js";
import { sampleButtons } from "./player.js";
import { count, many } from "./words.js";

/** Places of a LEGO that are listed before "more". */
const SHOWN = 12;

export function coursePanel(element, context) {
  const { ask, play, language, link } = context;
  let shown;
  let data;
  let turn = 0;
  const target = () => language(context.course().target);
  const known = () => language(context.course().known);

  const close = () => h("button", { type: "button", class: "quiet panel-close", "aria-label": "Close", title: "Close (Escape)", onclick: () => context.go({ lego: "", seed: "" }) }, "×");
  const heading = (one, more) => h("header", { class: "panel-head" },
    h("div", {}, h("p", { class: "faint" }, more), h("h2", { tabindex: -1, lang: target() }, one.target), h("p", { class: "panel-known", lang: known() }, one.known)), close());

  /** A phrase with each LEGO in its colour, where its pieces can be found in it. */
  function coloured(phrase) {
    const text = phrase.target;
    const parts = [];
    let at = 0;
    for (const piece of phrase.pieces) {
      const found = text.toLowerCase().indexOf(piece.target.toLowerCase(), at);
      if (found < 0 || !piece.target) continue;
      if (found > at) parts.push(text.slice(at, found));
      parts.push(h("span", { class: "piece-text", style: { "--hue": piece.hue } }, text.slice(found, found + piece.target.length)));
      at = found + piece.target.length;
    }
    parts.push(text.slice(at));
    return h("span", { class: "phrase-target", lang: target() }, parts);
  }

  function phrase(id, one) {
    const said = one.kind === "phrase" || one.deleted ? verdictOf({ job: context.job, lego: id, phrase: one, standing: one, done: context.refresh }) : { words: "", tone: "", buttons: [] };
    const found = one.deleted ?? one.restored;
    const what = { lego: "the LEGO itself", seed: "the whole sentence", sentence: "a sentence of the course" }[one.kind];
    return h("li", { class: `phrase ${said.tone}` },
      h("span", { class: "phrase-known", lang: known() }, one.known),
      one.deleted && said.tone === "gone" ? h("del", { class: "phrase-target", lang: target() }, one.target) : coloured(one),
      h("div", { class: "phrase-end" }, sampleButtons(one.samples, play, id), what && h("span", { class: "faint" }, what),
        found && h("span", { class: "phrase-why" }, h("code", {}, found.rule), " ", found.reason),
        said.words && h("span", { class: "faint", title: said.title }, said.words), said.buttons));
  }

  function basketOf(lego) {
    const { basket } = lego;
    if (!basket) return h("p", { class: "faint" }, "Its basket is not made yet.");
    const phrases = basket.groups.flatMap((group) => group.phrases);
    const heard = phrases.filter((one) => !one.deleted).flatMap((one) => one.samples);
    return [
      h("div", { class: "panel-line" }, h("h3", {}, `Basket: ${many(basket.count, "phrase")}`),
        heard.some((one) => one.file) && h("button", { type: "button", class: "small", onclick: () => play(heard, lego.id) }, "▶ Play the basket")),
      basket.count < basket.wanted && h("p", { class: "basket-note" }, `Why fewer than ${basket.wanted}: ${basket.note ?? "the file says no reason"}.`),
      basket.last && h("p", { class: "faint" }, "The last new LEGO of its seed: the whole sentence is among them."),
      basket.groups.map((group) => h("section", { "aria-label": group.name },
        h("h4", {}, group.name, " ", h("span", { class: "faint" }, group.wanted ? `${count(group.phrases.filter((one) => !one.deleted).length)} of ${group.wanted} wanted` : "")),
        h("ul", { class: "phrases" }, group.phrases.map((one) => phrase(lego.id, one))))),
    ];
  }

  /** An introduction's text; what the target voice says in it stands out. */
  function introduction(text) {
    const parts = text.split(/(\{target\d\}'[^']*'|… '[^']*')/g);
    return parts.map((one) => {
      const said = /'([^']*)'$/.exec(one);
      return said && /^(\{target|…)/.test(one) ? [one.startsWith("…") ? "… " : "", h("b", { lang: target() }, said[1])] : one;
    });
  }

  function places(lego) {
    const entry = (one) => h("li", {}, h("a", { href: link({ view: "", q: "", seed: one.id, lego: "" }) }, one.id), " ", h("span", { lang: target() }, one.target));
    const list = h("ul", { class: "places" }, lego.occurs.slice(0, SHOWN).map(entry));
    const rest = lego.occurs.slice(SHOWN);
    const more = rest.length > 0 && h("button", { type: "button", class: "quiet small", onclick: () => { list.append(...rest.map(entry)); more.remove(); } }, `${count(rest.length)} more`);
    return [h("h3", {}, `Occurs in ${many(lego.occurs.length, "seed")}`), list, more];
  }

  function drawLego(lego) {
    fill(element, heading(lego, [`${lego.id}, ${lego.kind === "M" ? "molecular" : "atomic"}, new in `, h("a", { href: link({ seed: lego.seed.id, lego: "" }) }, lego.seed.id)]),
      h("div", { class: "samples" }, lego.samples.length ? sampleButtons(lego.samples, play, lego.id) : h("span", { class: "faint" }, "No sample yet: the manifest lists them.")),
      lego.components.length > 0 && h("dl", { class: "components" }, lego.components.map((one) => h("div", {}, h("dt", { lang: target() }, one.target), h("dd", { lang: known() }, one.known)))),
      h("section", { class: "panel-part" }, h("h3", {}, "Introduction"),
        lego.presentation ? [h("p", { class: "introduction" }, introduction(lego.presentation.text)), h("div", { class: "samples" }, sampleButtons(lego.introduction, play, lego.id), lego.presentation.edited && h("span", { class: "faint" }, "edited by a person"))]
          : h("p", { class: "faint" }, "It is not written yet.")),
      h("section", { class: "panel-part" }, basketOf(lego)),
      h("section", { class: "panel-part" }, places(lego)));
  }

  function drawSeed(seed) {
    fill(element, heading({ target: seed.target || "(no translation)", known: seed.known }, seed.id),
      seed.held && h("div", { class: "error-box" }, h("b", {}, "Held back: "), seed.held.reason, seed.held.candidate && h("p", {}, `The translator said: ${seed.held.candidate}`),
        h("p", {}, "Correct it with an artifact corrections.json (docs/providers.md) and run translation again.")),
      h("div", { class: "samples" }, sampleButtons(seed.samples, play, seed.id)),
      seed.legos.length > 0 && h("section", { class: "panel-part" }, h("h3", {}, many(seed.legos.length, "LEGO")),
        h("ul", { class: "seed-legos" }, seed.legos.map((one) => h("li", {}, tile(one, context), h("div", { class: "samples" }, sampleButtons(one.samples, play, seed.id)))))));
  }

  async function update() {
    const { lego, seed } = context.place();
    const wanted = lego ? `lego ${lego}` : seed ? `seed ${seed}` : "";
    document.body.classList.toggle("course-chosen", Boolean(wanted));
    if (wanted === shown) return;
    shown = wanted;
    const mine = ++turn;
    if (!wanted) {
      data = undefined;
      return fill(element, h("p", { class: "faint" }, "Choose a LEGO to see its basket, its introduction and where it occurs; choose a seed's number to hear all of it."),
        h("dl", { class: "faint keys" }, [["arrows", "from seed to seed, from LEGO to LEGO"], ["Enter", "opens"], ["space", "plays and pauses"], ["n, p", "next sample, the one before"], ["a", "all of what is open"], ["/", "search"], ["Esc", "closes"]]
          .map(([key, what]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, what)])));
    }
    try {
      const answer = await (lego ? ask("lego", { id: lego }) : ask("seed", { id: seed }));
      if (mine !== turn) return;
      data = answer;
      const focused = element.contains(document.activeElement) ? document.activeElement.dataset.focus : undefined;
      const top = element.scrollTop;
      if (!answer) fill(element, close(), h("p", {}, `The course has no ${lego ? `new LEGO ${lego}` : `seed ${seed}`}. It may have been made again since the link was given.`));
      else if (lego) drawLego(answer);
      else drawSeed(answer);
      element.scrollTop = element.dataset.of === wanted ? top : 0;
      if (answer && element.dataset.of !== wanted) context.announce(`${answer.target}: ${answer.basket ? many(answer.basket.count, "phrase") : many(answer.samples.length, "sample")}`);
      element.dataset.of = wanted;
      if (focused) (element.querySelector(`[data-focus="${CSS.escape(focused)}"]`) ?? element.querySelector("h2"))?.focus();
    } catch (problem) {
      if (mine === turn) notice(problem.message, "bad");
    }
  }

  return {
    update,
    /** What is drawn is of a course that has changed. */
    stale() {
      shown = undefined;
    },
    /** On a phone the panel lies over the list: who opened it is in it. */
    opened() {
      if (matchMedia("(max-width: 900px)").matches) requestAnimationFrame(() => element.querySelector("h2")?.focus());
    },
    playAll() {
      if (!data) return;
      const phrases = data.basket?.groups.flatMap((group) => group.phrases).filter((one) => !one.deleted) ?? [];
      play([...data.samples, ...(data.introduction ?? []), ...phrases.flatMap((one) => one.samples), ...(data.legos ?? []).flatMap((one) => one.samples)], data.id);
    },
  };
}
