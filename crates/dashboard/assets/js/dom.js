// Elements from descriptions. Text is always text: nothing that came over the wire is ever read as HTML.

const SVG = "http://www.w3.org/2000/svg";
const SVG_TAGS = new Set(["svg", "g", "path", "rect", "circle", "text", "tspan", "line", "title", "defs", "clipPath"]);

/** An element: `h("a", { href, class, onclick }, child, …)`. Children are nodes, texts, lists of them, or nothing. */
export function h(tag, attributes, ...children) {
  const svg = SVG_TAGS.has(tag);
  const element = svg ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text);
    else if (name === "value" && "value" in element) element.value = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children) {
    if (Array.isArray(child)) append(element, child);
    else if (child !== undefined && child !== null && child !== false) element.append(child);
  }
}

/** What only a screen reader says. */
export const aside = (...text) => h("span", { class: "aside-only" }, ...text);

/** Replaces what is in an element. */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

/** Sets a text only where it changed, so that a screen reader is not told the same again. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * A part of a page that is drawn again only where what it shows has changed: focus, selection and opened folds stay.
 * `draw(data)` returns children; `of(data)` returns what they depend on.
 */
export function part(element, of, draw) {
  let last;
  return (data) => {
    const now = JSON.stringify(of(data));
    if (now === last) return;
    last = now;
    const focused = element.contains(document.activeElement) ? document.activeElement.dataset.focus : undefined;
    fill(element, draw(data));
    if (focused) element.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus();
  };
}

/** Calls `act` soon, and once for many calls: at most every `every` milliseconds, the last call never lost. */
export function throttle(act, every) {
  let timer;
  let last = -Infinity;
  let stopped = false;
  const run = async () => {
    last = performance.now();
    try {
      await act();
    } finally {
      timer = undefined;
      if (again && !stopped) soon();
    }
  };
  let again = false;
  const soon = () => {
    if (stopped) return;
    if (timer !== undefined) {
      again = true;
      return;
    }
    again = false;
    timer = setTimeout(run, Math.max(0, every - (performance.now() - last)));
  };
  soon.stop = () => {
    stopped = true;
    clearTimeout(timer);
  };
  return soon;
}

/** A short message at the edge of the page, said to screen readers, too. */
export function notice(text, kind = "info") {
  const close = h("button", { type: "button", class: "quiet", "aria-label": "Close", onclick: () => box.remove() }, "×");
  const box = h("div", { class: `notice ${kind}` }, h("span", {}, text), close);
  document.getElementById("notices").append(box);
  if (kind !== "bad") setTimeout(() => box.remove(), 6000);
}
