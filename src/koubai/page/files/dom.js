// Building elements. Text is only ever text: nothing here reads markup.

const SVG = "http://www.w3.org/2000/svg";
const MATH = "http://www.w3.org/1998/Math/MathML";

function build(node, settings, children) {
  for (const [name, value] of Object.entries(settings)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

export const el = (tag, settings = {}, ...children) => build(document.createElement(tag), settings, children);

/** A text in whose pairs of backticks stand names of code. */
export function coded(text) {
  const parts = text.split("`");
  return parts.length % 2 ? parts.map((part, i) => (i % 2 ? el("code", {}, part) : part)) : [text];
}

export const svg = (tag, settings = {}, ...children) => build(document.createElementNS(SVG, tag), settings, children);

/** A formula from nested lists: ["mi", "x"]. */
export function math(tree) {
  const [tag, ...children] = tree;
  const node = document.createElementNS(MATH, tag);
  if (tag === "mo") node.setAttribute("stretchy", "false");
  node.append(...children.map((child) => (Array.isArray(child) ? math(child) : child)));
  return node;
}

let count = 0;
/** An id that no other element has. */
export const fresh = (name) => `${name}-${(count += 1)}`;

/** Whether a reader wants nothing to move. */
export const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
