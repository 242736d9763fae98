// A chart of series over steps that grow while it is looked at; for eyes, keys and ears.

import { el, fresh, svg } from "./dom.js";
import { linear, style, ticks } from "./scale.js";
import { play } from "./sound.js";
import { number, percent, say } from "./words.js";

const HEIGHT = 240;
const EDGE = { left: 54, right: 12, top: 12, bottom: 40 };
const ROWS = 24; // of the table, and tones: so many are read or heard

export class Lines {
  /** `share`: whether values are shares, told in percent. */
  constructor(title, share = false) {
    Object.assign(this, { title, share, lines: [], at: null });
    this.drawing = el("div", { class: "drawing" });
    this.sentence = el("p", { class: "note" });
    this.legend = el("ul", { class: "legend" });
    this.told = el("output", { class: "told" });
    this.range = el("input", { type: "range", min: 0, max: 0, step: 1, value: 0, oninput: () => this.point(Number(this.range.value)) });
    this.name = el("span", {});
    this.hear = el("button", { type: "button", onclick: () => this.listen() });
    const caption = fresh("caption");
    this.caption = el("caption", { id: caption });
    this.head = el("thead", {});
    this.body = el("tbody", {});
    this.summary = el("summary", {});
    const scroll = el("div", { class: "scroll", tabindex: 0, role: "region", "aria-labelledby": caption }, el("table", {}, this.caption, this.head, this.body));
    this.numbers = el("details", { class: "numbers", ontoggle: () => this.table() }, this.summary, scroll);
    this.heading = el("h2", {});
    this.node = el("section", { class: "live" }, this.heading, this.sentence, this.drawing, this.legend, el("div", { class: "reader" }, this.name, this.range, this.hear, this.told), this.numbers);
    this.translate();
    new ResizeObserver(() => this.draw()).observe(this.drawing);
  }

  translate() {
    this.heading.textContent = this.caption.textContent = this.title();
    this.name.textContent = say("runs.chart.read");
    this.range.setAttribute("aria-label", `${this.title()}: ${say("runs.chart.read")}`);
    this.hear.textContent = say("runs.chart.listen");
    this.summary.textContent = say("runs.chart.numbers");
  }

  write(value) {
    return this.share ? percent(value) : number(value);
  }

  /** Show lines: [{name, series, color, thin}]; the first is the one that is told and heard. */
  show(lines, sentence) {
    this.lines = lines.filter(({ series }) => series.cells.size);
    this.node.hidden = !this.lines.length;
    if (this.node.hidden) return;
    this.sentence.textContent = sentence ?? this.lines.filter(({ thin }) => !thin).map((line) => this.says(line)).join(" ");
    this.steps = [...new Set(this.lines.flatMap(({ series }) => series.order.map((i) => series.step(i))))].sort((a, b) => a - b);
    const last = this.at === null || this.at >= Number(this.range.max);
    this.range.max = this.steps.length - 1;
    if (last && this.at !== null) this.range.value = this.at = this.steps.length - 1;
    this.keys();
    this.draw();
    this.table();
  }

  says({ name, series }) {
    const order = series.order;
    const fine = order.filter((i) => series.cells.get(i)[0] !== null);
    const broken = order.find((i) => series.cells.get(i)[3] > 0);
    const lines = [];
    if (fine.length) {
      const best = (a, b) => (this.share ? series.cells.get(b)[0] > series.cells.get(a)[0] : series.cells.get(b)[0] < series.cells.get(a)[0]);
      const least = fine.reduce((a, b) => (best(a, b) ? b : a));
      const [begin, end] = [fine[0], fine.at(-1)];
      const value = (i) => this.write(series.cells.get(i)[0]);
      const values = { name, begin: series.step(begin), first: value(begin), end: series.step(end), last: value(end), least: value(least), at: series.step(least) };
      lines.push(say(this.share ? "runs.accuracy.says" : "runs.loss.says", values));
    }
    if (broken !== undefined) lines.push(say("runs.loss.broken", { name, step: series.step(broken) }));
    return lines.join(" ");
  }

  keys() {
    const named = this.lines.filter(({ thin }) => !thin);
    if (this.legend.dataset.names === named.map(({ name }) => name).join()) return;
    this.legend.dataset.names = named.map(({ name }) => name).join();
    this.legend.replaceChildren(
      ...named.map(({ name, color }) => {
        const { color: stroke, dash } = style(color);
        const sample = svg("svg", { viewBox: "0 0 34 12", "aria-hidden": "true" }, svg("path", { d: "M1 6h32", stroke, "stroke-width": 3, "stroke-dasharray": dash }));
        return el("li", {}, sample, name);
      }),
    );
  }

  draw() {
    const width = this.drawing.clientWidth;
    if (!width || !this.lines.length) return;
    const values = this.lines.flatMap(({ series }) => [...series.cells.values()].map(([mean]) => mean).filter((mean) => mean !== null));
    if (!values.length) return this.drawing.replaceChildren();
    values.sort((a, b) => a - b);
    const top = values[Math.floor((values.length - 1) * 0.98)]; // a run that diverges leaves the picture
    const low = Math.min(0, values[0]);
    const high = top > low ? top + (top - low) * 0.05 : low + 1;
    const last = Math.max(this.steps.at(-1), 1);
    const x = (this.x = linear(0, last, EDGE.left, width - EDGE.right));
    const y = linear(low, high, HEIGHT - EDGE.bottom, EDGE.top);
    const marks = ticks(low, high).map((value) => [
      svg("line", { class: "grid", x1: EDGE.left, x2: width - EDGE.right, y1: y(value), y2: y(value) }),
      svg("text", { x: EDGE.left - 6, y: y(value) + 4, "text-anchor": "end" }, this.write(value)),
    ]);
    const below = ticks(0, last, true).map((step) => svg("text", { x: x(step), y: HEIGHT - EDGE.bottom + 16, "text-anchor": x(step) > width - 40 ? "end" : "middle" }, number(step)));
    const axis = svg("text", { class: "axis", x: width / 2, y: HEIGHT - 6, "text-anchor": "middle" }, say("runs.chart.steps"));
    const picture = svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img", "aria-label": this.sentence.textContent }, marks.flat(), below, axis, this.lines.flatMap((line) => this.line(line, x, y)));
    if (this.at !== null) picture.append(svg("line", { class: "cursor", x1: x(this.steps[this.at]), x2: x(this.steps[this.at]), y1: EDGE.top, y2: HEIGHT - EDGE.bottom }));
    this.drawing.replaceChildren(picture);
  }

  line({ series, color, thin }, x, y) {
    const { color: stroke, dash } = style(color);
    const fine = series.order.map((i) => [series.step(i), ...series.cells.get(i)]).filter(([, mean]) => mean !== null);
    const d = fine.map(([step, mean], i) => `${i ? "L" : "M"}${x(step).toFixed(1)} ${y(mean).toFixed(1)}`).join("");
    if (fine.length === 1) return svg("circle", { cx: x(fine[0][0]), cy: y(fine[0][1]), r: 4, fill: stroke });
    if (thin) return svg("path", { class: "seed", d, stroke });
    const back = fine.toReversed().map(([step, , low]) => `L${x(step).toFixed(1)} ${y(low).toFixed(1)}`).join("");
    const band = fine.map(([step, , , high], i) => `${i ? "L" : "M"}${x(step).toFixed(1)} ${y(high).toFixed(1)}`).join("");
    return [svg("path", { class: "band", d: `${band}${back}Z`, fill: stroke }), svg("path", { class: "mean", d, stroke, "stroke-dasharray": dash })];
  }

  /** One step in words, and a line at it. */
  point(at) {
    this.at = at;
    const step = this.steps[at];
    const values = this.lines.flatMap(({ name, series }) => {
      const i = Math.floor(step / series.width);
      const cell = series.cells.get(i);
      if (!cell) return [];
      const [mean, low, high, bad] = cell;
      if (mean === null) return bad ? [say("runs.chart.value", { name, mean: say("runs.heat.broken") })] : [];
      const told = low === high ? this.write(mean) : say("runs.chart.range", { mean: this.write(mean), low: this.write(low), high: this.write(high) });
      return [say("runs.chart.value", { name, mean: told })];
    });
    this.told.textContent = say("runs.chart.at", { step, values: values.join(say("runs.chart.between")) });
    this.draw();
  }

  /** Every so many steps of some, so that there are few. */
  few(steps) {
    const every = Math.ceil(steps.length / ROWS);
    return steps.filter((_, i) => (steps.length - 1 - i) % every === 0);
  }

  listen() {
    const { series } = this.lines[0];
    const values = this.few(series.order).map((i) => series.cells.get(i)[0]).filter((value) => value !== null);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    play(values.map((value) => (high > low ? (value - low) / (high - low) : 0.5)));
  }

  /** The same as numbers, made while it is open. */
  table() {
    if (!this.numbers.open || !this.lines.length) return;
    const th = (text, scope) => el("th", { scope }, text);
    this.head.replaceChildren(el("tr", {}, th(say("runs.chart.steps"), "col"), ...this.lines.map(({ name }) => th(name, "col"))));
    this.body.replaceChildren(
      ...this.few(this.steps).map((step) =>
        el("tr", {}, th(number(step), "row"), ...this.lines.map(({ series }) => el("td", {}, this.cell(series, step)))),
      ),
    );
  }

  cell(series, step) {
    const cell = series.cells.get(Math.floor(step / series.width));
    return cell ? (cell[0] === null ? say("runs.heat.broken") : this.write(cell[0])) : "–";
  }
}
