// The form of free play: every field is one setting of the recipe, with what is wrong about it beside it.

import { el, fresh } from "./dom.js";
import { at, changed } from "./recipe.js";
import { known, say } from "./words.js";

const TOYS = ["moons", "circles", "xor"];
const kind = (table) => at(table, "data.type");
const made = (table) => [...TOYS, "blobs"].includes(kind(table));
const mlp = (table) => at(table, "network.type") === "mlp";
const penalized = (table) => at(table, "penalties.0.type") !== undefined;
const titled = (options) => options.map(({ name, title }) => [name, title]);

/** Groups of fields. `when`: whether it has a meaning; `options`: a choice; `read`: what a text stands for. */
const GROUPS = [
  [
    "data",
    [
      { name: "data", path: "data.type", options: sources },
      { name: "target", path: "data.target", when: (table) => kind(table) === "table_file", options: columns },
      { name: "noise", path: "data.noise", when: (table) => TOYS.includes(kind(table)) },
      { name: "samples", path: "data.n", when: made },
      { name: "train", path: "data.train", when: (table) => !made(table) },
    ],
  ],
  [
    "network",
    [
      { name: "network", path: "network.type", options: ({ network }) => network.map(({ name }) => [name, say(`play.network.${name}`)]) },
      { name: "hidden", path: "network.hidden", when: mlp, read: sizes, write: (value) => (Array.isArray(value) ? value.join(", ") : value) },
      { name: "activation", path: "network.activation", when: mlp, options: ({ activation }) => titled(activation), usual: "relu" },
      { name: "normalization", path: "network.batch_norm", when: mlp, options: () => ["no", "batch"].map((name) => [name, say(`play.normalization.${name}`)]), read: (text) => (text === "batch" ? true : undefined), write: (value) => (value ? "batch" : "no") },
      { name: "dropout", path: "network.dropout", when: mlp },
      { name: "initializer", path: "initializer.type", options: ({ initializer }) => titled(initializer), usual: "he_normal", alone: true },
      { name: "scale", path: "initializer.scale", when: (table) => at(table, "initializer.type") === "normal" },
    ],
  ],
  [
    "learning",
    [
      { name: "optimizer", path: "optimizer.type", options: ({ optimizer }) => titled(optimizer), usual: "sgd", keeps: ["learning_rate"] },
      { name: "rate", path: "optimizer.learning_rate" },
      { name: "penalty", path: "penalties.0.type", options: ({ penalty }) => [["", say("play.none")], ...titled(penalty)] },
      { name: "strength", path: "penalties.0.strength", when: penalized },
      { name: "batch", path: "batch_size" },
      { name: "steps", path: "steps" },
      { name: "seed", path: "seed" },
    ],
  ],
];

function sources({ data, files }, table) {
  const own = files.map(({ name }) => [`file:${name}`, say("play.data.file", { name })]);
  const there = data.map((name) => [name, say(`play.data.${name}`)]);
  const now = chosenData(table);
  const others = [...there, ...own].some(([name]) => name === now) || now === undefined ? [] : [[now, now]];
  return [...there, ...own, ...others];
}

const chosenData = (table) => (["table_file", "npz_file"].includes(kind(table)) ? `file:${at(table, "data.path")}` : kind(table));

function columns({ files }, table) {
  const file = files.find(({ name }) => name === at(table, "data.path"));
  return (file?.columns ?? []).map((name) => [name, name]);
}

/** "16, 8" as [16, 8]; what is no list of whole numbers goes to the server as it is, which says so. */
function sizes(text) {
  const parts = text.split(/[\s,、]+/).filter(Boolean);
  const values = parts.map(Number);
  return values.every(Number.isInteger) ? values : text;
}

const plain = (text) => (text.trim() === "" ? undefined : Number.isNaN(Number(text)) ? text : Number(text));

/** What a setting is called; its path where the form has no field for it. */
export function settingName(path) {
  const field = GROUPS.flatMap(([, fields]) => fields).find((one) => one.path === path);
  return field ? say(`play.field.${field.name}`) : path;
}

export class Form {
  /** `table` is the recipe as it stands in the form. */
  constructor(choices, table) {
    Object.assign(this, { choices, table, problems: [] });
    this.node = el("form", { class: "card play-form", novalidate: true, onsubmit: (event) => event.preventDefault() });
    this.draw();
  }

  draw() {
    const focused = this.node.contains(document.activeElement) ? document.activeElement.dataset.field : null;
    const groups = GROUPS.map(([name, fields]) =>
      el("fieldset", {}, el("legend", {}, say(`play.group.${name}`)), el("div", { class: "fields" }, ...fields.filter(({ when }) => when?.(this.table) ?? true).map((field) => this.field(field)))),
    );
    const shown = this.shown();
    const rest = this.problems.filter((problem) => !shown.some((field) => belongs(problem, field)));
    const alert = el("ul", { class: "problems", role: "alert" }, ...rest.map(({ path, text }) => el("li", {}, path ? `${path}: ` : "", this.told(text))));
    const note = this.choices.folder || this.choices.files.length ? null : el("p", { class: "note" }, say("play.no_folder"));
    this.node.replaceChildren(rest.length ? alert : "", ...groups, note ?? "");
    if (focused) this.node.querySelector(`[data-field="${focused}"]`)?.focus();
  }

  told(text) {
    return text[document.documentElement.lang] ?? text.en;
  }

  shown() {
    return GROUPS.flatMap(([, fields]) => fields).filter(({ when }) => when?.(this.table) ?? true);
  }

  field(field) {
    const id = fresh("field");
    const wrong = this.problems.filter((problem) => first(this.shown(), problem) === field);
    const settings = { id, "data-field": field.name, "aria-invalid": wrong.length ? "true" : null, "aria-describedby": `${id}-note` };
    const value = field.name === "data" ? chosenData(this.table) : at(this.table, field.path);
    const written = field.write ? field.write(value) : (value ?? field.usual ?? this.default(field) ?? "");
    const input = field.options ? this.choice(field, written, settings) : this.text(field, written, settings);
    const hint = known(`play.hint.${field.name}`) ? say(`play.hint.${field.name}`) : "";
    const note = wrong.length ? wrong.map(({ text }) => this.told(text)).join(" ") : hint;
    return el("div", { class: wrong.length ? "field wrong" : "field" }, el("label", { for: id }, say(`play.field.${field.name}`)), input, el("p", { id: `${id}-note`, class: wrong.length ? "error" : "hint" }, note));
  }

  /** What a setting of a part is where the recipe leaves it away. */
  default({ path }) {
    const [part, setting] = path.replace(/^penalties\.\d+/, "penalty").split(".");
    const type = part === "penalty" ? at(this.table, "penalties.0.type") : at(this.table, `${part}.type`);
    return this.choices[part]?.find?.(({ name }) => name === type)?.settings?.[setting];
  }

  choice(field, value, settings) {
    const options = field.options(this.choices, this.table);
    const all = options.some(([name]) => name === value) ? options : [[value, value === "" ? "" : String(value)], ...options];
    return el(
      "select",
      { ...settings, onchange: (event) => this.set(field, event.target.value) },
      ...all.map(([name, text]) => el("option", { value: name, selected: name === value }, text)),
    );
  }

  text(field, value, settings) {
    // the form is not drawn again here: a press on a button beside it must meet that button
    const take = (event) => (this.table = changed(this.table, field.path, (field.read ?? plain)(event.target.value)));
    return el("input", { ...settings, type: "text", inputmode: field.read ? "text" : "decimal", autocomplete: "off", spellcheck: "false", value: typeof value === "object" ? JSON.stringify(value) : String(value), oninput: take });
  }

  set(field, text) {
    if (field.name === "data") this.table = { ...this.table, data: this.source(text) };
    else if (field.name === "penalty") this.table = this.penalty(text);
    else if (field.options && field.path.endsWith(".type")) this.table = this.part(field, text);
    else this.table = changed(this.table, field.path, (field.read ?? ((value) => value))(text));
    this.problems = [];
    this.draw();
  }

  /** Another part of the same kind: its settings begin again, but for those that it keeps. */
  part(field, type) {
    const name = field.path.split(".")[0];
    const before = at(this.table, name);
    const kept = Object.fromEntries((field.keeps ?? []).filter((key) => before?.[key] !== undefined).map((key) => [key, before[key]]));
    const begun = name === "network" && type === "mlp" ? { hidden: [16, 16] } : {};
    return { ...this.table, [name]: field.alone ? type : { type, ...begun, ...kept } };
  }

  penalty(type) {
    const { penalties, ...rest } = this.table;
    return type === "" ? rest : { ...rest, penalties: [{ type, strength: penalties?.[0]?.strength ?? 0.001 }] };
  }

  source(value) {
    const file = this.choices.files.find(({ name }) => `file:${name}` === value);
    if (!file) return TOYS.includes(value) ? { type: value, ...(value === "xor" ? { n: 400, noise: 0.2 } : { noise: 0.1 }) } : { type: value, ...(value === "blobs" ? { scale: "standard" } : {}) };
    return { type: file.type, path: file.name, ...(file.columns.length ? { target: file.columns.at(-1) } : {}), scale: "standard" };
  }

  /** Show another recipe. */
  take(table) {
    this.table = table;
    this.problems = [];
    this.draw();
  }

  /** Show what the server found wrong; go to the first field that is. */
  refuse(problems) {
    this.problems = problems;
    this.draw();
    this.node.querySelector("[aria-invalid=true]")?.focus();
  }
}

/** Whether a problem is one of a field: its own, of the part it is in, or of something inside it. */
const belongs = ({ path }, field) => path !== "" && (path === field.path || path.startsWith(`${field.path}.`) || field.path.startsWith(`${path}.`));

const first = (fields, problem) => fields.find(({ path }) => path === problem.path) ?? fields.find((field) => belongs(problem, field));
