// A job's artifacts: by folder, each opened in place (JSON folded, audio and pictures shown), or saved.

import { call, get } from "./api.js";
import { fill, h } from "./dom.js";
import { json } from "./json.js";
import { bytes, many } from "./words.js";

/** Entries of a folder that are shown before "more". */
const SHOWN = 50;
/** What is shown as text at most; the rest is for saving. */
const MOST_TEXT = 8_000_000;

const address = (job, name) => `api/jobs/${job}/artifacts/${name.split("/").map(encodeURIComponent).join("/")}`;

async function content(job, artifact, place) {
  const type = artifact.mediaType.split(";")[0];
  if (artifact.size > MOST_TEXT && !/^(audio|video|image)\//.test(type)) {
    fill(place, h("p", { class: "faint" }, "Too large to show here: save it."));
    return;
  }
  fill(place, h("p", { class: "faint" }, "Loading…"));
  try {
    const blob = await (await call(address(job, artifact.name))).blob();
    if (type.startsWith("audio/")) {
      const player = h("audio", { controls: true, src: URL.createObjectURL(blob), "aria-label": artifact.name });
      fill(place, player);
      player.play().catch(() => undefined);
    } else if (type.startsWith("image/")) {
      fill(place, h("img", { src: URL.createObjectURL(blob), alt: artifact.name }));
    } else if (/json$/.test(type)) {
      fill(place, json(JSON.parse(await blob.text())));
    } else if (type.startsWith("text/")) {
      fill(place, h("pre", {}, await blob.text()));
    } else {
      fill(place, h("p", { class: "faint" }, `${artifact.mediaType} can't be shown here: save it.`));
    }
  } catch (problem) {
    fill(place, h("p", { class: "trouble" }, problem.message));
  }
}

async function save(job, artifact) {
  const blob = await (await call(address(job, artifact.name))).blob();
  const link = h("a", { href: URL.createObjectURL(blob), download: artifact.name.split("/").at(-1) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function entry(job, artifact) {
  const place = h("div", { class: "artifact-content" });
  const short = artifact.name.split("/").at(-1);
  const box = h("details", { class: "artifact", ontoggle: () => { if (box.open && !place.firstChild) content(job, artifact, place); } },
    h("summary", {}, artifact.mediaType.startsWith("audio/") ? "▶ " : "", h("span", { class: "artifact-name", title: artifact.name }, short),
      h("span", { class: "faint" }, bytes(artifact.size))),
    h("p", { class: "faint" }, `${artifact.mediaType}, from ${artifact.phase ?? "outside"} · BLAKE3 ${artifact.hash.slice(0, 12)} · `,
      h("button", { type: "button", class: "link", onclick: () => save(job, artifact) }, "save")),
    place);
  return box;
}

function folder(job, name, members) {
  const body = h("div", {});
  let made = 0;
  const more = () => {
    body.lastChild?.remove();
    body.append(...members.slice(made, made + SHOWN).map((artifact) => entry(job, artifact)));
    made += SHOWN;
    body.append(made < members.length ? h("button", { type: "button", class: "quiet", onclick: more }, `${members.length - made} more`) : h("span"));
  };
  const size = bytes(members.reduce((sum, one) => sum + one.size, 0));
  const box = h("details", { class: "folder", open: name === "", ontoggle: () => { if (box.open && made === 0) more(); } },
    h("summary", {}, name === "" ? "Files" : `${name}/`, h("span", { class: "faint" }, `${many(members.length, "file")}, ${size}`)), body);
  if (name === "") more();
  return box;
}

/** Draws the list anew; folders and files that were open before are kept where nothing changed in them. */
export function artifactList(element, job) {
  const folders = new Map();
  return async () => {
    const { artifacts } = await get(`api/jobs/${job}/artifacts`);
    const groups = new Map([["", []]]);
    for (const artifact of artifacts) {
      const at = artifact.name.lastIndexOf("/");
      const name = at < 0 ? "" : artifact.name.slice(0, at);
      if (!groups.has(name)) groups.set(name, []);
      groups.get(name).push(artifact);
    }
    if (groups.get("").length === 0) groups.delete("");
    for (const [name, members] of groups) {
      const mark = members.map((one) => one.hash).join();
      const known = folders.get(name);
      // A folder in which somebody has opened a file stays as it is under his hands.
      if (known?.mark === mark || known?.box.querySelector("details[open]")) continue;
      if (known?.box.open && name !== "") continue;
      folders.set(name, { mark, box: folder(job, name, members) });
    }
    fill(element, [...folders.values()].map((one) => one.box), artifacts.length === 0 && h("p", { class: "faint" }, "None yet."));
  };
}
