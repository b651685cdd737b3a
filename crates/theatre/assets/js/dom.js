// Elements from descriptions. Text is always text: nothing that came over the wire is ever read as HTML.

const SVG = new Set(["svg", "g", "rect", "circle", "text", "tspan", "title", "line"]);

/** An element: `h("button", { class, onclick }, child, …)`. Children are nodes, texts, lists of them, or nothing. */
export function h(tag, attributes, ...children) {
  const element = SVG.has(tag) ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(9).filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

export const byId = (id) => document.getElementById(id);

/** Sets a text only where it changed, so that a screen reader is not told the same again. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Draws an element's content again only where what it shows has changed: focus and scroll stay otherwise. */
export function part(element, draw) {
  let last;
  return (data) => {
    const now = JSON.stringify(data);
    if (now === last) return;
    last = now;
    const focus = element.contains(document.activeElement) ? document.activeElement.dataset.focus : undefined;
    element.replaceChildren(...[draw(data)].flat(9).filter(Boolean));
    if (focus) element.querySelector(`[data-focus="${CSS.escape(focus)}"]`)?.focus();
  };
}

/** A short message at the edge of the page. */
export function notice(text) {
  const box = h("div", { class: "notice" }, text);
  byId("notices").append(box);
  setTimeout(() => box.remove(), 8000);
}

export const time = (at) => new Date(at).toLocaleTimeString([], { hour12: false });
