// A map of logarithms, row by step, that grows while it is looked at; for eyes, keys and ears.

import { el, fresh } from "./dom.js";
import { play } from "./sound.js";
import { number, raised, say } from "./words.js";

// From Matplotlib's viridis (CC0), which keeps its order in gray and for the color-blind.
const COLORS = [[68, 1, 84], [65, 68, 135], [42, 120, 142], [34, 168, 132], [122, 209, 81], [253, 231, 37]];
const ZERO = "#000000";
const BROKEN = "#e0003c";
const ROW = 14;
const TALLEST = 420;
const COLUMNS = 8; // of the table

export class Heat {
  /** `what`: gradient or ratio, as the words name it. */
  constructor(what) {
    Object.assign(this, { what, rows: [], at: null, row: 0 });
    this.heading = el("h2", {});
    this.how = el("p", { class: "note" });
    this.sentence = el("p", {});
    this.canvas = el("canvas", { role: "img", onpointermove: (event) => this.hover(event) });
    this.scale = el("ul", { class: "legend powers" });
    this.told = el("output", { class: "told" });
    const range = (name) => el("input", { type: "range", min: 0, max: 0, step: 1, value: 0, "data-axis": name, oninput: () => this.point() });
    this.step = range("step");
    this.layer = range("row");
    this.hear = el("button", { type: "button", onclick: () => this.listen() });
    this.names = { step: el("span", {}), layer: el("span", {}) };
    const caption = fresh("caption");
    this.caption = el("caption", { id: caption });
    this.head = el("thead", {});
    this.body = el("tbody", {});
    this.summary = el("summary", {});
    this.numbers = el("details", { class: "numbers", ontoggle: () => this.table() }, this.summary, el("div", { class: "scroll", tabindex: 0, role: "region", "aria-labelledby": caption }, el("table", {}, this.caption, this.head, this.body)));
    const reader = el("div", { class: "reader" }, el("label", {}, this.names.step, this.step), el("label", {}, this.names.layer, this.layer), this.hear, this.told);
    this.drawing = el("div", { class: "drawing" }, this.canvas);
    this.node = el("section", { class: "live heat" }, this.heading, this.sentence, this.drawing, this.scale, this.how, reader, this.numbers);
    this.translate();
    new ResizeObserver(() => this.draw()).observe(this.drawing);
  }

  translate() {
    this.heading.textContent = this.caption.textContent = say(`runs.heat.${this.what}`);
    this.how.textContent = say(`runs.heat.${this.what}.how`);
    this.names.step.textContent = say("runs.heat.step");
    this.names.layer.textContent = say("runs.heat.row");
    this.hear.textContent = say("runs.heat.listen");
    this.summary.textContent = say("runs.chart.numbers");
  }

  /** Show rows: [{path, series}]. */
  show(rows) {
    this.rows = rows.filter(({ series }) => series.cells.size);
    this.node.hidden = !this.rows.length;
    if (this.node.hidden) return;
    this.width = Math.max(...this.rows.map(({ series }) => series.width));
    const steps = new Set(this.rows.flatMap(({ series }) => series.order.map((i) => Math.floor((i * series.width) / this.width))));
    this.columns = [...steps].sort((a, b) => a - b);
    const last = Number(this.step.value) >= Number(this.step.max);
    this.step.max = this.columns.length - 1;
    this.layer.max = this.rows.length - 1;
    if (last) this.step.value = this.columns.length - 1;
    this.sentence.textContent = this.says();
    this.canvas.setAttribute("aria-label", this.sentence.textContent);
    this.draw();
    this.table();
  }

  /** The value of a row in a column: a number, 0, NaN for what is not finite, undefined for none. */
  value(row, column) {
    const { series } = this.rows[row];
    const i = Math.floor((column * this.width) / series.width);
    const cell = series.cells.get(i);
    if (!cell) return undefined;
    return cell[3] || cell[0] === null ? NaN : cell[0];
  }

  stepOf(column) {
    return Math.min((this.columns[column] + 1) * this.width - 1, this.rows[0].series.end);
  }

  write(value) {
    if (value === undefined) return say("runs.heat.none");
    return Number.isNaN(value) ? say("runs.heat.broken") : value === 0 ? say("runs.heat.zero") : number(value, 2);
  }

  says() {
    const at = this.columns.findLastIndex((column) => this.rows.some((_, row) => this.value(row, column) !== undefined));
    const there = this.rows.map((row, i) => [row.path, this.value(i, this.columns[at])]).filter(([, value]) => value !== undefined);
    const [[top, first], [bottom, last]] = [there[0], there.at(-1)];
    const said = say("runs.heat.says", { step: this.stepOf(at), top, bottom, first: this.write(first), last: this.write(last) });
    return first > 0 && last > 0 ? `${said} ${say("runs.heat.factor", { factor: number(first / last, 2) })}` : said;
  }

  /** The exponents of ten between which the colors lie. */
  limits() {
    const all = this.rows.flatMap(({ series }) => [...series.cells.values()].filter(([mean]) => mean > 0).map(([mean]) => Math.log10(mean)));
    all.sort((a, b) => a - b);
    const [low, high] = [Math.floor(all[0] ?? 0), Math.ceil(all.at(-1) ?? 0)];
    return [low, Math.max(high, low + 1)];
  }

  draw() {
    const width = this.drawing.clientWidth;
    if (!width || !this.rows.length) return;
    const tall = Math.max(3, Math.min(ROW, TALLEST / this.rows.length));
    const height = Math.round(tall * this.rows.length);
    const sharp = devicePixelRatio || 1;
    Object.assign(this.canvas, { width: Math.round(width * sharp), height: Math.round(height * sharp) });
    this.canvas.style.height = `${height}px`;
    const pen = this.canvas.getContext("2d");
    pen.scale(sharp, sharp);
    const [low, high] = this.limits();
    const wide = width / (this.columns.at(-1) + 1);
    this.rows.forEach((_, row) =>
      this.columns.forEach((column, at) => {
        const value = this.value(row, column);
        if (value === undefined) return;
        pen.fillStyle = Number.isNaN(value) ? BROKEN : value === 0 ? ZERO : color((Math.log10(value) - low) / (high - low));
        const until = this.columns[at + 1] ?? column + 1; // to the next one: between them nobody looked
        const left = Math.round(column * wide); // whole pixels: no seams
        pen.fillRect(left, row * tall, Math.max(Math.round(until * wide) - left, 2), tall - (tall > 5 ? 1 : 0));
      }),
    );
    if (this.at !== null) {
      pen.strokeStyle = "#ffffff";
      pen.lineWidth = 2;
      pen.strokeRect(this.columns[this.at] * wide, Number(this.layer.value) * tall, Math.max(wide, 4), tall);
    }
    this.key(low, high);
  }

  key(low, high) {
    const mark = `${low} ${high} ${say("runs.heat.zero")}`;
    if (this.scale.dataset.mark === mark) return;
    this.scale.dataset.mark = mark;
    const sample = (fill, text) => {
      const box = el("canvas", { width: 14, height: 14, "aria-hidden": "true" });
      const pen = box.getContext("2d");
      pen.fillStyle = fill;
      pen.fillRect(0, 0, 14, 14);
      return el("li", {}, box, text);
    };
    const shown = [...new Set([0, 0.25, 0.5, 0.75, 1].map((part) => Math.round(low + part * (high - low))))];
    const powers = shown.map((power) => sample(color((power - low) / (high - low)), power === 0 ? "1" : `10${raised(power)}`));
    this.scale.replaceChildren(...powers, sample(ZERO, say("runs.heat.zero")), sample(BROKEN, say("runs.heat.broken")));
  }

  /** Say the cell at the cursor. */
  point() {
    this.at = Number(this.step.value);
    const row = Number(this.layer.value);
    const value = this.write(this.value(row, this.columns[this.at]));
    this.told.textContent = say("runs.heat.at", { row: this.rows[row].path, step: this.stepOf(this.at), value });
    this.layer.setAttribute("aria-valuetext", `${this.rows[row].path}: ${value}`);
    this.step.setAttribute("aria-valuetext", `${this.stepOf(this.at)}: ${value}`);
    this.draw();
  }

  hover(event) {
    const frame = this.canvas.getBoundingClientRect();
    const column = Math.floor(((event.clientX - frame.left) / frame.width) * (this.columns.at(-1) + 1));
    const at = this.columns.findLastIndex((one) => one <= column);
    this.step.value = Math.max(at, 0);
    this.layer.value = Math.floor(((event.clientY - frame.top) / frame.height) * this.rows.length);
    this.point();
  }

  /** The rows at the cursor's step as tones, the last one first: what vanishes falls. */
  listen() {
    const [low, high] = this.limits();
    const column = this.columns[Number(this.step.value)];
    const values = this.rows.map((_, row) => this.value(row, column)).filter((value) => value !== undefined && !Number.isNaN(value));
    play(values.toReversed().slice(0, 40).map((value) => (value > 0 ? (Math.log10(value) - low) / (high - low) : 0)));
  }

  table() {
    if (!this.numbers.open || !this.rows.length) return;
    const every = Math.ceil(this.columns.length / COLUMNS);
    const shown = [...this.columns.keys()].filter((at) => (this.columns.length - 1 - at) % every === 0);
    const th = (text, scope) => el("th", { scope }, text);
    const head = [say(this.what === "ratio" ? "runs.column.parameter" : "runs.column.layer"), ...shown.map((at) => `${say("runs.chart.steps")} ${number(this.stepOf(at))}`)];
    this.head.replaceChildren(el("tr", {}, ...head.map((text) => th(text, "col"))));
    this.body.replaceChildren(
      ...this.rows.map(({ path }, row) => el("tr", {}, th(path, "row"), ...shown.map((at) => el("td", {}, this.write(this.value(row, this.columns[at])))))),
    );
  }
}

function color(part) {
  const place = Math.min(Math.max(part, 0), 1) * (COLORS.length - 1);
  const i = Math.min(Math.floor(place), COLORS.length - 2);
  const mix = COLORS[i].map((from, c) => Math.round(from + (COLORS[i + 1][c] - from) * (place - i)));
  return `rgb(${mix.join(" ")})`;
}
