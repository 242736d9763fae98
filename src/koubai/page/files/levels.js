// The chart of one value for each of some arms: a learner sets it, and the runs put their dots under it.

import { el, fresh, svg } from "./dom.js";
import { at, linear, placed, ticks, writing } from "./scale.js";
import { say } from "./words.js";

const HEIGHT = 26;
const EDGE = 12;
const OWN = 18; // more height for a scale of its own

export class Levels {
  constructor(guess, names, changed) {
    Object.assign(this, { guess, names, changed });
    this.values = this.started();
    this.runs = new Map();
    this.means = [];
    this.open = true;
    this.strips = new Map();
    this.node = el("div", { class: "chart levels", role: "group", "aria-label": names.title });
    this.rows();
    new ResizeObserver(() => this.draw()).observe(this.node);
  }

  started() {
    return Object.fromEntries(this.guess.points.map((point) => [point, at(this.guess, point).start]));
  }

  rows() {
    const rows = this.guess.points.map((point) => {
      const { low, high, step } = at(this.guess, point);
      const write = writing(at(this.guess, point));
      const id = fresh("level");
      const output = el("output", { for: id });
      const range = el("input", { type: "range", id, min: low, max: high, step, "data-point": point });
      const show = () => {
        output.textContent = this.values ? write(this.values[point]) : "–";
        if (this.values) range.value = this.values[point];
        range.setAttribute("aria-valuetext", output.textContent);
        range.disabled = !this.open;
      };
      range.addEventListener("input", () => {
        this.values ??= this.started();
        this.values[point] = Number(range.value);
        this.strips.forEach(({ show: again }) => again());
        this.changed(this.values);
      });
      const strip = el("div", { class: "strip" });
      this.strips.set(point, { strip, show, range });
      show();
      const name = el("label", { for: id }, this.names.points[point]);
      return el("div", { class: "level", "data-arm": point }, el("div", { class: "named" }, name, output), range, strip);
    });
    this.axis = el("div", { class: "strip" });
    const last = this.guess.points.findLastIndex((point) => !(point in this.guess.scales)); // on the scale that all share
    rows.splice(last + 1, 0, this.axis, el("p", { class: "axis" }, this.names.x));
    this.node.replaceChildren(...rows);
  }

  show(values) {
    this.values = values && { ...values };
    this.strips.forEach(({ show }) => show());
    this.draw();
  }

  lock(open) {
    this.open = open;
    this.node.classList.toggle("closed", !open);
    this.strips.forEach(({ show }) => show());
    this.draw();
  }

  clear() {
    this.runs.clear();
    this.means = [];
    this.draw();
  }

  add(run) {
    for (const [point, value] of Object.entries(run.values)) {
      if (!this.runs.has(point)) this.runs.set(point, []);
      this.runs.get(point).push(value);
    }
    this.draw();
  }

  conclude(means) {
    this.means = means;
    this.draw();
  }

  point(index) {
    this.strips.forEach(({ strip }, point) =>
      strip.parentElement.classList.toggle("current", point === this.guess.points[index]),
    );
  }

  draw() {
    const width = this.node.clientWidth;
    if (!width) return;
    const { low, high } = this.guess;
    for (const [point, { strip }] of this.strips) {
      const mine = at(this.guess, point);
      strip.replaceChildren(this.strip(point, linear(mine.low, mine.high, EDGE, width - EDGE), width));
    }
    const marks = this.marks({ ...this.guess, low, high }, linear(low, high, EDGE, width - EDGE), 14);
    this.axis.replaceChildren(svg("svg", { viewBox: `0 0 ${width} 18`, width, height: 18, "aria-hidden": "true" }, marks));
  }

  marks(scale, x, y) {
    const { low, high, log } = scale;
    const write = writing(scale);
    return ticks(low, high, log).map((value) => svg("text", { x: x(value), y, "text-anchor": value === low ? "start" : value === high ? "end" : "middle" }, write(value)));
  }

  strip(point, x, width) {
    const mine = at(this.guess, point);
    const place = (value) => x(placed(mine, value ?? 0));
    const own = point in this.guess.scales;
    const height = HEIGHT + (own ? OWN : 0);
    const mean = this.means.find((one) => one.point === point);
    const dots = (this.runs.get(point) ?? []).map((value) => svg("circle", { class: "seed", cx: place(value), cy: 13, r: 5 }));
    const guessed = this.values && !this.open ? x(this.values[point]) : null;
    return svg(
      "svg",
      { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" },
      own ? this.marks(mine, x, height - 4) : null,
      svg("line", { class: "grid", x1: EDGE, x2: width - EDGE, y1: 13, y2: 13 }),
      mean ? svg("rect", { class: "band", x: place(mean.low), y: 4, width: Math.max(place(mean.high) - place(mean.low), 1), height: 18 }) : null,
      guessed !== null && mean ? svg("line", { class: "gap", x1: guessed, x2: place(mean.mean), y1: 13, y2: 13 }) : null,
      dots,
      mean ? svg("line", { class: "mean", x1: place(mean.mean), x2: place(mean.mean), y1: 2, y2: 24 }) : null,
      guessed === null ? null : svg("path", { class: "mark", d: `M${guessed} 13l-6 -10h12z` }),
    );
  }

  table() {
    const head = [this.names.x, say("page.chart.guess"), this.names.mean];
    const rows = this.guess.points.map((point) => {
      const one = this.means.find((mean) => mean.point === point);
      const write = writing(at(this.guess, point));
      const told = (value) => (at(this.guess, point).share ? write(value) : this.names.write(value, point));
      return [
        this.names.points[point],
        this.values ? write(this.values[point]) : "–",
        one ? told(one.mean) + (this.names.exact ? "" : ` [${told(one.low)}, ${told(one.high)}]`) : "–",
      ];
    });
    return { head, rows };
  }
}
