// A course as its files tell it: what depends on what, figures that add up with `segue course report`, and what can be heard.

/** Phrases that a basket should have, and how many of how many LEGOs. */
const WANTED = 10;
export const LENGTHS = [[1, 2, "1 or 2 LEGOs", 2], [3, 3, "3 LEGOs", 2], [4, 4, "4 LEGOs", 2], [5, Infinity, "5 LEGOs and more", 4]];
const ROLES = ["source", "target1", "target2", "presentation"];

/** A text as manifests key it. */
const spoken = (text) => text.trim().normalize("NFC");
const folded = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
const words = (text) => text.normalize("NFC").toLowerCase().match(/[\p{L}\p{N}]+(?:['’][\p{L}\p{N}]+)*/gu) ?? [];
const samePair = (a, b) => a.known === b.known && a.target === b.target;
const keyOf = (lego, phrase) => `${lego}\n${phrase.known}\n${phrase.target}`;

export class Course {
  constructor(files, artifacts) {
    const file = (name) => files.get(name);
    this.pairs = file("seed_pairs.json");
    this.legoPairs = file("lego_pairs.json");
    this.report = file("grammar_report.json");
    this.introductions = file("introductions.json");
    this.manifest = file("course_manifest.json");
    this.audioReport = file("audio_report.json");
    this.checked = file("lego_baskets.json") !== undefined;
    this.baskets = file("lego_baskets.json")?.baskets ?? {};
    if (!this.checked) for (const [name, part] of files) if (name.startsWith("baskets/")) Object.assign(this.baskets, part.baskets);
    this.originals = new Map();
    this.files = new Map();
    for (const { name, mediaType } of artifacts) {
      const id = /^audio\/([^/]+)\.(?:opus|mp3|wav|ogg|m4a)$/.exec(name)?.[1];
      if (id) this.files.set(id, { name, mediaType });
    }
    this.indexLegos();
    this.indexSamples();
    this.indexDecisions(files);
  }

  indexLegos() {
    this.seeds = new Map();
    this.legos = new Map();
    this.occurs = new Map();
    this.hues = new Map();
    for (const seed of this.legoPairs?.seeds ?? []) {
      this.seeds.set(seed.seed_id, seed);
      for (const lego of seed.legos) {
        const home = lego.new ? lego.id : lego.ref ?? lego.id;
        if (lego.new) {
          this.legos.set(lego.id, { lego, seed });
          // A golden angle from the one before: LEGOs that are taught one after the other never look alike.
          this.hues.set(lego.id, Math.round(this.hues.size * 137.508) % 360);
        }
        if (!this.occurs.has(home)) this.occurs.set(home, []);
        this.occurs.get(home).push(seed.seed_id);
      }
    }
  }

  indexSamples() {
    this.samples = new Map();
    this.order = [];
    this.seconds = 0;
    const unspoken = new Map((this.audioReport?.unspoken ?? []).map((one) => [one.id, one.message ?? one.code]));
    const flagged = new Map((this.audioReport?.flagged ?? []).map((one) => [one.id, one.flags]));
    for (const slice of this.manifest?.slices ?? []) {
      for (const [text, samples] of Object.entries(slice.samples)) {
        const list = samples.map((sample) => ({
          id: sample.id, role: sample.role, cadence: sample.cadence, seconds: sample.duration, text,
          file: this.files.get(sample.id)?.name, missing: unspoken.get(sample.id), flags: flagged.get(sample.id) ?? [],
        })).sort((a, b) => ROLES.indexOf(a.role) - ROLES.indexOf(b.role));
        this.samples.set(text, list);
        this.order.push(...list);
        this.seconds += list.reduce((sum, one) => sum + one.seconds, 0);
      }
    }
  }

  /** The decisions that hold, and what each phrase is by now: pending is what the last run of grammar did not know. */
  indexDecisions(files) {
    this.decisions = new Map();
    for (const [name, file] of files) {
      // What is no decision is grammar's to refuse, by name.
      if (!name.startsWith("decisions/") || typeof file?.phrase?.target !== "string") continue;
      const key = keyOf(file.lego_id, file.phrase);
      if (!(this.decisions.get(key)?.at > file.at)) this.decisions.set(key, file);
    }
    this.deleted = new Map((this.report?.deletions ?? []).map((one) => [keyOf(one.lego_id, one.phrase), one]));
    this.restored = new Map((this.report?.restored ?? []).map((one) => [keyOf(one.lego_id, one.phrase), one]));
    this.unused = new Set((this.report?.unused ?? []).map((one) => keyOf(one.lego_id, one.phrase)));
  }

  /** What a phrase is: `{ deleted?, restored?, decision?, pending }`. */
  standing(lego, phrase) {
    const key = keyOf(lego, phrase);
    const [deleted, restored, decision] = [this.deleted.get(key), this.restored.get(key), this.decisions.get(key)];
    const verdict = decision?.verdict ?? "rules";
    const back = Boolean(deleted && (deleted.by ? verdict !== "delete" : verdict === "keep"));
    const away = Boolean((restored && verdict !== "keep") || (!deleted && !restored && verdict === "delete" && !this.unused.has(key)));
    return { deleted, restored, decision, pending: back ? "back" : away ? "away" : undefined };
  }

  changes() {
    const all = new Map();
    const add = (one) => all.set(keyOf(one.lego_id, one.phrase), one);
    this.deleted.forEach(add);
    this.restored.forEach(add);
    this.decisions.forEach((one, key) => { if (!all.has(key) && one.verdict === "delete" && !this.unused.has(key)) add(one); });
    return [...all.values()].map((one) => ({
      id: keyOf(one.lego_id, one.phrase), lego: one.lego_id, phrase: one.phrase, hue: this.hues.get(one.lego_id),
      name: this.legos.get(one.lego_id)?.lego.lego, ...this.standing(one.lego_id, one.phrase),
    })).sort((a, b) => (a.lego < b.lego ? -1 : 1));
  }

  hasChanges = (id) => this.changes().some((one) => one.lego === id);
  original = (id) => this.originals.get(id);
  place = (id) => Math.max(0, [...this.seeds.keys()].indexOf(this.legos.get(id)?.seed.seed_id)) / Math.max(1, this.seeds.size);

  tile(lego) {
    const home = lego.new ? lego.id : lego.ref ?? lego.id;
    return { id: home, known: lego.lego.known, target: lego.lego.target, kind: lego.type, isNew: lego.new, hue: this.hues.get(home) ?? 0 };
  }

  row(id) {
    const pair = this.pairs?.translations[id] ?? this.seeds.get(id)?.seed_pair;
    const held = this.pairs?.held_back?.[id];
    const seed = this.seeds.get(id);
    if (!seed) return { id, known: pair?.known ?? held?.known ?? "", target: pair?.target ?? "", held, tiles: undefined, aside: [] };
    const by = new Map(seed.legos.map((lego) => [lego.id, lego]));
    const aside = seed.legos.filter((lego) => !seed.tiling.includes(lego.id));
    return { id, known: seed.seed_pair.known, target: seed.seed_pair.target, held, tiles: seed.tiling.filter((one) => by.has(one)).map((one) => this.tile(by.get(one))), aside: aside.map((one) => this.tile(one)) };
  }

  summary() {
    const ids = new Set([...Object.keys(this.pairs?.translations ?? {}), ...Object.keys(this.pairs?.held_back ?? {}), ...this.seeds.keys()]);
    const changes = this.changes();
    const rows = [...ids].sort().map((id) => this.row(id));
    const cut = new Map();
    for (const one of changes) if (one.deleted) cut.set(one.lego, (cut.get(one.lego) ?? 0) + 1);
    for (const row of rows) for (const tile of [...(row.tiles ?? []), ...row.aside]) if (tile.isNew) tile.cut = cut.get(tile.id) ?? 0;
    const baskets = Object.entries(this.baskets).filter(([id]) => this.legos.has(id)).map(([, basket]) => basket);
    const taught = [...this.legos.values()].map((one) => one.lego);
    const heard = this.order.filter((one) => one.file).length;
    return {
      course: this.pairs?.course, total: this.pairs?.total_seeds, known: this.pairs?.known_language, target: this.pairs?.target_language,
      rows, changes, checker: this.report?.checker,
      has: { seeds: Boolean(this.pairs), legos: Boolean(this.legoPairs), baskets: baskets.length > 0, checked: this.checked,
        introductions: Boolean(this.introductions), manifest: Boolean(this.manifest), speech: heard > 0 },
      counts: {
        seeds: this.seeds.size || Object.keys(this.pairs?.translations ?? {}).length,
        tiling: [...this.seeds.values()].filter((seed) => this.tiles(seed)).length,
        held: Object.keys(this.pairs?.held_back ?? {}).length, legos: taught.length, atomic: taught.filter((one) => one.type === "A").length,
        baskets: baskets.length, phrases: baskets.reduce((sum, one) => sum + one.practice_phrases.length, 0),
        short: baskets.filter((one) => one.practice_phrases.length < WANTED).length, empty: baskets.filter((one) => one.practice_phrases.length === 0).length,
        samples: this.order.length, heard, seconds: this.seconds, deleted: this.deleted.size, restored: this.restored.size,
        pending: changes.filter((one) => one.pending).length,
      },
    };
  }

  tiles(seed) {
    const by = new Map(seed.legos.map((lego) => [lego.id, lego.lego.target]));
    return words(seed.tiling.map((id) => by.get(id) ?? "?").join(" ")).join(" ") === words(seed.seed_pair.target).join(" ");
  }

  samplesOf = (text) => this.samples.get(spoken(text)) ?? [];
  /** A pair's samples: known first, as it is heard in a lesson. */
  heard = (pair) => [...this.samplesOf(pair.known).filter((one) => one.role === "source"), ...this.samplesOf(pair.target).filter((one) => one.role.startsWith("target"))];

  phrase(id, phrase) {
    const pieces = (phrase.legos ?? []).map((one) => ({ id: one, hue: this.hues.get(one) ?? 0, target: this.legos.get(one)?.lego.lego.target ?? "" }));
    const pair = { known: phrase.known, target: phrase.target };
    const { lego, seed } = this.legos.get(id);
    const kind = phrase.target === lego.lego.target ? "lego" : /[.?!。？！]$/.test(phrase.target) ? "sentence" : "phrase";
    const whole = kind === "sentence" && samePair(pair, seed.seed_pair);
    return { ...pair, pieces, kind: whole ? "seed" : kind, ...this.standing(id, pair), samples: this.heard(pair) };
  }

  lego(id) {
    const found = this.legos.get(id);
    if (!found) return undefined;
    const { lego, seed } = found;
    const basket = this.baskets[id];
    let phrases = basket?.practice_phrases ?? [];
    const before = this.originals.get(id)?.practice_phrases;
    if (before) {
      const gone = before.filter((one) => this.deleted.has(keyOf(id, one)) && !phrases.some((other) => samePair(one, other)));
      const order = new Map(before.map((one, index) => [keyOf("", one), index]));
      phrases = [...phrases, ...gone].sort((a, b) => (order.get(keyOf("", a)) ?? 99) - (order.get(keyOf("", b)) ?? 99));
    } else {
      // The part is gone: what was removed stands at the end.
      phrases = [...phrases, ...[...this.deleted.values()].filter((one) => one.lego_id === id).map((one) => ({ ...one.phrase, legos: [] }))];
    }
    const drawn = phrases.map((one) => this.phrase(id, one));
    const presentation = this.introductions?.presentations[id];
    const groups = LENGTHS.map(([from, to, name, wanted]) => ({
      name, wanted, phrases: drawn.filter((one) => { const n = one.pieces.length; return n >= from && n <= to; }),
    })).concat({ name: "of unknown length", wanted: 0, phrases: drawn.filter((one) => one.pieces.length === 0) }).filter((group) => group.phrases.length || group.wanted);
    return {
      ...this.tile(lego), seed: { id: seed.seed_id, known: seed.seed_pair.known, target: seed.seed_pair.target }, components: lego.components ?? [],
      samples: this.heard(lego.lego), presentation, introduction: presentation ? this.samplesOf(presentation.text).filter((one) => one.role === "presentation") : [],
      basket: basket && { note: basket.note, count: basket.practice_phrases.length, wanted: WANTED, last: basket.is_final_lego, groups },
      occurs: (this.occurs.get(id) ?? []).map((one) => ({ id: one, known: this.seeds.get(one).seed_pair.known, target: this.seeds.get(one).seed_pair.target })),
    };
  }

  seed(id) {
    const row = this.row(id);
    if (!row.target && !row.held) return undefined;
    const legos = [...(row.tiles ?? []), ...row.aside].map((tile) => ({ ...tile, samples: this.heard(tile) }));
    return { ...row, samples: this.heard(row), legos };
  }

  /** Ids of the seeds with a text: in the sentence, its LEGOs, or a phrase of their baskets. */
  search(text) {
    const wanted = folded(text.trim());
    if (!this.haystack) {
      this.haystack = [...new Set([...Object.keys(this.pairs?.translations ?? {}), ...this.seeds.keys()])].map((id) => {
        const row = this.row(id);
        const texts = [id, row.known, row.target];
        for (const lego of this.seeds.get(id)?.legos ?? []) {
          texts.push(lego.id, lego.lego.known, lego.lego.target);
          for (const one of this.baskets[lego.id]?.practice_phrases ?? []) texts.push(one.known, one.target);
        }
        return [id, folded(texts.join("\n"))];
      });
    }
    return this.haystack.filter(([, all]) => all.includes(wanted)).map(([id]) => id);
  }

  /** A part of the list of all samples, of one voice or all. */
  sampleRows(voice, text, from, to) {
    const key = `${voice}\n${text}`;
    if (this.chosen?.key !== key) {
      const wanted = folded((text ?? "").trim());
      const fits = (one) => (!voice || one.role === voice) && (!wanted || folded(one.text).includes(wanted));
      this.chosen = { key, rows: this.order.filter(fits) };
    }
    return { total: this.chosen.rows.length, from, rows: this.chosen.rows.slice(from, to) };
  }
}
