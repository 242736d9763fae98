// The chart of a curve: a learner draws it, and the runs draw theirs over it.

import { el, fresh, svg } from "./dom.js";
import { linear, placed, style, ticks, writing } from "./scale.js";
import { say } from "./words.js";

const HEIGHT = 340;
const EDGE = { left: 58, right: 18, top: 14, bottom: 44 };

export class Curve {
  /** `names`: what the points and the axes are called; `changed` is called when the guess is. */
  constructor(guess, names, changed) {
    Object.assign(this, { guess, names, changed });
    this.values = Object.fromEntries(guess.points.map((point) => [point, guess.given[point] ?? guess.start]));
    this.runs = new Map(); // arm -> [values]
    this.means = [];
    this.open = true;
    this.cursor = null;
    this.drawing = el("div", { class: "drawing" });
    this.told = el("p", { class: "told", role: "status" });
    this.node = el("div", { class: "chart" }, this.drawing, this.told);
    new ResizeObserver(() => this.draw()).observe(this.drawing);
  }

  /** Take a guess, or none. */
  show(values) {
    this.values = values && { ...values };
    this.draw();
  }

  /** No more guessing from here on, or again. */
  lock(open) {
    this.open = open;
    this.told.textContent = "";
    this.draw();
  }

  clear() {
    this.runs.clear();
    this.means = [];
    this.draw();
  }

  add(run) {
    if (!this.runs.has(run.arm)) this.runs.set(run.arm, []);
    this.runs.get(run.arm).push(run.values);
    this.draw();
  }

  conclude(means) {
    this.means = means;
    this.draw();
  }

  /** Show one point, as a slider beside the chart asks for. */
  point(index) {
    this.cursor = index;
    this.draw();
  }

  draw() {
    const width = this.drawing.clientWidth;
    if (!width) return;
    const { points, low, high } = this.guess;
    this.x = linear(0, points.length - 1, EDGE.left + 12, width - EDGE.right - 12);
    this.y = linear(low, high, HEIGHT - EDGE.bottom, EDGE.top);
    const focused = this.drawing.contains(document.activeElement) ? document.activeElement.dataset.point : null;
    const picture = svg(
      "svg",
      { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "group", "aria-label": this.names.title },
      this.axes(width),
      [...this.runs].map(([arm, runs]) => this.arm(arm, runs)),
      this.values ? this.drawn() : null,
    );
    if (this.open) this.listen(picture);
    this.drawing.replaceChildren(picture);
    if (focused !== null) this.drawing.querySelector(`[data-point="${focused}"]`)?.focus();
  }

  axes(width) {
    const { low, high, points } = this.guess;
    const write = writing(this.guess);
    const bottom = HEIGHT - EDGE.bottom;
    const lines = ticks(low, high, this.guess.log).map((value) => [
      svg("line", { class: "grid", x1: EDGE.left, x2: width - EDGE.right, y1: this.y(value), y2: this.y(value) }),
      svg("text", { x: EDGE.left - 8, y: this.y(value) + 4, "text-anchor": "end" }, write(value)),
    ]);
    const marks = points.map((point, i) =>
      svg("text", { x: this.x(i), y: bottom + 18, "text-anchor": "middle" }, this.names.points[point]),
    );
    const title = svg("text", { class: "axis", x: width / 2, y: HEIGHT - 6, "text-anchor": "middle" }, this.names.x);
    const at =
      this.cursor === null
        ? null
        : svg("line", { class: "cursor", x1: this.x(this.cursor), x2: this.x(this.cursor), y1: EDGE.top, y2: bottom });
    return [lines, marks, title, at].flat(2);
  }

  path(values) {
    const there = [...this.guess.points.entries()].filter(([, point]) => point in values);
    return there.map(([i, point], n) => `${n ? "L" : "M"}${this.x(i)} ${this.y(values[point])}`).join("");
  }

  arm(arm, runs) {
    const { color, dash } = style(this.names.arms.indexOf(arm));
    const places = (values) =>
      Object.fromEntries(Object.entries(values).map(([point, value]) => [point, placed(this.guess, value ?? 0)]));
    const thin = runs.map((values) => this.seed(places(values), color));
    const mine = Object.fromEntries(this.means.filter((one) => one.arm === arm).map((one) => [one.point, one]));
    if (!(this.guess.points[0] in mine)) return svg("g", { "data-arm": arm }, thin);
    const of = (key) => places(Object.fromEntries(Object.entries(mine).map(([point, one]) => [point, one[key]])));
    const back = [...this.guess.points.keys()].reverse();
    const low = of("low");
    const band = this.path(of("high")) + back.map((i) => `L${this.x(i)} ${this.y(low[this.guess.points[i]])}`).join("");
    return svg(
      "g",
      { "data-arm": arm },
      svg("path", { class: "band", d: `${band}Z`, fill: color }),
      thin,
      svg("path", { class: "mean", d: this.path(of("mean")), stroke: color, "stroke-dasharray": dash }),
    );
  }

  /** One run: a line, or a dot where it has only one point. */
  seed(places, stroke) {
    const [point, ...more] = Object.keys(places);
    if (more.length) return svg("path", { class: "seed", d: this.path(places), stroke });
    return svg("circle", { class: "seed", cx: this.x(this.guess.points.indexOf(point)), cy: this.y(places[point]), r: 5, fill: stroke });
  }

  /** The guess as it is drawn: a line, and while it is open a handle for every point. */
  drawn() {
    const handles = this.guess.points.map((point, i) => {
      const place = { cx: this.x(i), cy: this.y(this.values[point]) };
      if (!this.open || point in this.guess.given) return svg("circle", { class: "fixed", r: 4, ...place });
      return svg("circle", {
        class: "handle",
        r: 13,
        ...place,
        tabindex: 0,
        role: "slider",
        "data-point": point,
        "aria-label": `${this.names.x} ${this.names.points[point]}`,
        "aria-valuemin": this.guess.low,
        "aria-valuemax": this.guess.high,
        "aria-valuenow": this.values[point],
        "aria-valuetext": writing(this.guess)(this.values[point]),
        onkeydown: (event) => this.key(event, point, i),
      });
    });
    return svg("g", { class: "guess" }, svg("path", { d: this.path(this.values) }), handles);
  }

  set(point, value) {
    const { low, high, step, given } = this.guess;
    if (point in given) return;
    this.values ??= Object.fromEntries(this.guess.points.map((name) => [name, given[name] ?? this.guess.start]));
    this.values[point] = Math.min(Math.max(Math.round(value / step) * step, low), high);
    this.told.textContent = `${this.names.x} ${this.names.points[point]}: ${writing(this.guess)(this.values[point])}`;
    this.draw();
    this.changed(this.values);
  }

  key(event, point, index) {
    const { step, low, high, points } = this.guess;
    const far = { PageUp: 4, PageDown: -4, ArrowUp: 1, ArrowDown: -1 }[event.key];
    const side = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (far) this.set(point, this.values[point] + far * step);
    else if (event.key === "Home") this.set(point, low);
    else if (event.key === "End") this.set(point, high);
    else if (side) this.drawing.querySelector(`[data-point="${points[index + side]}"]`)?.focus();
    else return;
    event.preventDefault();
  }

  /** Draw with a finger or a mouse: each point takes the height at which it is passed. */
  listen(picture) {
    const take = (event) => {
      const frame = this.drawing.getBoundingClientRect();
      const i = Math.round(this.x.back(event.clientX - frame.left));
      const point = this.guess.points[i];
      if (point !== undefined) this.set(point, this.y.back(event.clientY - frame.top));
    };
    this.drawing.onpointerdown = (event) => {
      if (!this.open) return;
      this.drawing.setPointerCapture(event.pointerId);
      this.drawing.onpointermove = take;
      take(event);
    };
    this.drawing.onpointerup = this.drawing.onpointercancel = () => (this.drawing.onpointermove = null);
    picture.classList.add("open");
  }

  /** The same as numbers: a row for every point. */
  table() {
    const write = writing(this.guess);
    const shown = this.names.arms.filter((arm) => this.means.some((one) => one.arm === arm));
    const head = [this.names.x, say("page.chart.guess"), ...shown.map((arm) => `${this.names.of(arm)}, ${this.names.mean}`)];
    const rows = this.guess.points.map((point) => [
      this.names.points[point],
      this.values ? write(this.values[point]) : "–",
      ...shown.map((arm) => this.cell(arm, point)),
    ]);
    return { head, rows };
  }

  cell(arm, point) {
    const one = this.means.find((mean) => mean.arm === arm && mean.point === point);
    const write = (value) => (this.guess.share ? writing(this.guess)(value) : this.names.write(value, point));
    if (!one) return "–";
    return write(one.mean) + (this.names.exact ? "" : ` [${write(one.low)}, ${write(one.high)}]`);
  }
}

/** A table of a chart, closed until it is asked for. */
export function numbers({ head, rows }, title) {
  const caption = fresh("caption");
  return el(
    "details",
    { class: "numbers" },
    el("summary", {}, say("page.chart.numbers")),
    el(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-labelledby": caption },
      el(
        "table",
        {},
        el("caption", { id: caption }, title),
        el("thead", {}, el("tr", {}, ...head.map((text) => el("th", { scope: "col" }, text)))),
        el(
          "tbody",
          {},
          ...rows.map(([first, ...rest]) =>
            el("tr", {}, el("th", { scope: "row" }, first), ...rest.map((text) => el("td", {}, text))),
          ),
        ),
      ),
    ),
  );
}
