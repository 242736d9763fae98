// A recipe as tables: settings by dotted path, what differs, and the end of an address that holds it.

/** The setting at a path; undefined where there is none. A part written as its name is that part. */
export function at(table, path) {
  return path.split(".").reduce((part, step) => (typeof part === "string" && step === "type" ? part : part?.[step]), table);
}

/** A copy with one setting changed; undefined takes it away. */
export function changed(table, path, value) {
  const copy = structuredClone(table);
  const steps = path.split(".");
  const last = steps.pop();
  let part = copy;
  steps.forEach((step, i) => {
    if (typeof part[step] === "string") part[step] = { type: part[step] };
    part[step] ??= /^\d+$/.test(steps[i + 1] ?? last) ? [] : {};
    part = part[step];
  });
  if (value === undefined) delete part[last];
  else part[last] = value;
  return copy;
}

/** Every setting by its path. */
export function flat(value, path = "") {
  if (value === null || typeof value !== "object" || (Array.isArray(value) && value.every((one) => typeof one !== "object"))) return { [path]: value };
  return Object.assign({}, ...Object.entries(value).map(([name, inner]) => flat(inner, path ? `${path}.${name}` : name)));
}

/** What differs between two whole recipes: [{path, from, to}]. Of another part, what the first one has not is no difference of its own. */
export function differences(from, to) {
  const [a, b] = [from, to].map((table) => typed(flat(table)));
  const found = [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((path) => JSON.stringify(a[path]) !== JSON.stringify(b[path]));
  const parts = found.filter((path) => path.endsWith(".type")).map((path) => path.slice(0, -4));
  const other = (path) => (a[path] === undefined || b[path] === undefined) && parts.some((part) => path.startsWith(part) && path !== `${part}type`);
  return found.filter((path) => !other(path)).map((path) => ({ path, from: a[path], to: b[path] }));
}

const PARTS = ["network", "data", "loss", "optimizer", "initializer", "schedule"];
const typed = (found) => Object.fromEntries(Object.entries(found).map(([path, value]) => [PARTS.includes(path) && typeof value === "string" ? `${path}.type` : path, value]));

/** The table that an address describes: the same rules as koubai.train.recipe_address. */
export function tableIn(address) {
  let table = {};
  for (const part of address.split("&").filter(Boolean)) {
    const [name, ...rest] = part.split("=");
    table = changed(table, decodeURIComponent(name), meant(decodeURIComponent(rest.join("="))));
  }
  return table;
}

function meant(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
