// The charts of free play over time: loss and accuracy of all runs, and the map of one run's gradients.

import { el, svg } from "./dom.js";
import { Figure, GRAY, cells, some, warm } from "./figure.js";
import { linear, style, ticks } from "./scale.js";
import { number, percent, say } from "./words.js";

const HEIGHT = 210;
const EDGE = { left: 52, right: 12, top: 10, bottom: 36 };
const FLOOR = 1e-30; // what a gradient of exactly 0 is drawn as

/** Lines of several runs over the updates. `lines(run)`: [{name, dash, points: [[step, value]]}]. */
class Lines extends Figure {
  constructor(name, bench) {
    super(name);
    this.bench = bench;
  }

  all() {
    return (this.bench?.runs ?? []).flatMap((run) => this.lines(run).map((line) => ({ ...line, run })));
  }

  /** The steps at which anything is drawn. */
  steps() {
    return [...new Set(this.all().flatMap(({ points }) => points.map(([step]) => step)))].sort((a, b) => a - b);
  }

  axes() {
    const steps = this.bench ? some(this.steps(), 200) : [];
    this.read = steps;
    return [{ name: say("play.step"), count: steps.length, told: (i) => number(steps[i]) }];
  }

  at_step(line, step) {
    const before = line.points.filter(([at]) => at <= step);
    return before.length ? before.at(-1)[1] : null;
  }

  tell() {
    const step = this.read[this.at[0]];
    const values = this.all().map((line) => `${line.name}: ${this.say_value(this.at_step(line, step))}`);
    return `${say("play.step")} ${number(step)}. ${values.join(say("page.chart.between"))}`;
  }

  tones() {
    const line = this.all().find(({ run }) => run === this.bench.shown) ?? { points: [] };
    const points = some(line.points, 24).map(([, value]) => value ?? 0);
    const [low, high] = this.range();
    return points.map((value) => (value - low) / (high - low));
  }

  table() {
    const all = this.all();
    const rows = some(this.steps()).map((step) => [number(step), ...all.map((line) => this.say_value(this.at_step(line, step)))]);
    return { head: [say("play.step"), ...all.map(({ name }) => name)], rows };
  }

  paint(width) {
    if (!this.bench) return;
    const all = this.all();
    const [low, high] = this.range();
    const last = Math.max(1, ...this.bench.runs.map((run) => run.steps ?? 1));
    const x = linear(0, last, EDGE.left, width - EDGE.right);
    const y = linear(low, high, HEIGHT - EDGE.bottom, EDGE.top);
    const marks = ticks(low, high).map((value) => [
      svg("line", { class: "grid", x1: EDGE.left, x2: width - EDGE.right, y1: y(value), y2: y(value) }),
      svg("text", { x: EDGE.left - 6, y: y(value) + 4, "text-anchor": "end" }, this.say_value(value)),
    ]);
    const below = [0, Math.round(last / 2), last].map((step) =>
      svg("text", { x: x(step), y: HEIGHT - 20, "text-anchor": step === last ? "end" : step ? "middle" : "start" }, number(step)),
    );
    const lines = all.map(({ run, points, thin }) => {
      const d = points.filter(([, value]) => value !== null).map(([step, value], i) => `${i ? "L" : "M"}${x(step).toFixed(1)} ${y(value).toFixed(1)}`);
      return svg("path", { class: thin ? "line thin" : "line", d: d.join(""), stroke: style(run.order).color, "stroke-dasharray": thin ? "3 4" : "none" });
    });
    const at = this.marked && this.read.length ? x(this.read[this.at[0]]) : null;
    this.drawing.replaceChildren(
      svg(
        "svg",
        { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img", "aria-label": say(`play.chart.${this.name}`) },
        marks.flat(),
        below,
        lines,
        at === null ? null : svg("line", { class: "cursor", x1: at, x2: at, y1: EDGE.top, y2: HEIGHT - EDGE.bottom }),
        svg("text", { class: "axis", x: width / 2, y: HEIGHT - 4, "text-anchor": "middle" }, say("play.step")),
      ),
    );
  }
}

export class LossPlot extends Lines {
  lines(run) {
    return [{ name: say("play.of_run", { run: run.letter, what: say("play.line.loss") }), points: run.losses }];
  }
  say_value(value) {
    return number(value, 3);
  }
  range() {
    const values = this.all().flatMap(({ points }) => points.map(([, value]) => value)).filter((value) => value !== null).sort((a, b) => a - b);
    const top = values.length ? values[Math.floor(values.length * 0.98)] * 1.1 : 1; // what diverges leaves the picture
    return [0, top || 1];
  }
  sentence() {
    const run = this.bench?.shown;
    if (!run?.losses.length) return say("play.chart.empty");
    const [first, last] = [run.losses[0], run.losses.at(-1)];
    return say(last[1] === null ? "play.chart.loss.lost" : "play.chart.loss.seen", { run: run.letter, first: number(first[1]), last: number(last[1]), step: number(last[0]) });
  }
}

export class ScorePlot extends Lines {
  /** Accuracy where there are classes, else the loss on whole parts. */
  get what() {
    return this.bench?.shown?.classes === null ? "loss" : "accuracy";
  }
  lines(run) {
    return ["train", "test"].map((part) => ({
      name: say("play.of_run", { run: run.letter, what: say(`play.line.${part}`) }),
      thin: part === "train",
      points: run.scores.filter((one) => `${part}_${this.what}` in one).map((one) => [one.step, one[`${part}_${this.what}`]]),
    }));
  }
  all() {
    return super.all().filter(({ points }) => points.length);
  }
  say_value(value) {
    return this.what === "accuracy" ? percent(value, 0) : number(value, 3);
  }
  tones() {
    const line = this.all().find(({ run, thin }) => run === this.bench.shown && !thin) ?? { points: [] };
    const [low, high] = this.range();
    return some(line.points, 24).map(([, value]) => ((value ?? 0) - low) / (high - low));
  }
  range() {
    if (this.what === "accuracy") return [0, 1];
    const values = this.all().flatMap(({ points }) => points.map(([, value]) => value)).filter((value) => value !== null);
    return [0, Math.max(...values.filter(Number.isFinite), 1e-9) * 1.1];
  }
  sentence() {
    const run = this.bench?.shown;
    const last = run?.scores.at(-1);
    if (!last) return say("play.chart.empty");
    const write = (value) => (this.what === "accuracy" ? percent(value ?? null) : number(value ?? null));
    return say(`play.chart.score.${this.what}`, { run: run.letter, step: number(last.step), train: write(last[`train_${this.what}`]), test: write(last[`test_${this.what}`]) });
  }
}

/** Log gradient by layer and update: what reaches each layer of the run that is shown. */
export class GradientMap extends Figure {
  constructor(bench) {
    super("map");
    this.bench = bench;
  }
  get run() {
    return this.bench?.shown;
  }
  axes() {
    const columns = this.run?.gradients ?? [];
    const layers = this.run?.layers ?? [];
    return [
      { name: say("play.step"), count: columns.length, told: (i) => number(columns[i][0]) },
      { name: say("play.layer"), count: layers.length, told: (i) => this.layer(i) },
    ];
  }
  layer(i) {
    const { path, name } = this.run.layers[i];
    return `${number(i + 1)}: ${name} ${path}`;
  }
  tell() {
    const [step, values] = this.run.gradients[this.at[0]];
    return say("play.chart.map.told", { step: number(step), layer: this.layer(this.at[1]), value: number(values[this.at[1]] ?? null, 2) });
  }
  /** From the last layer to the first: a gradient that vanishes falls. */
  tones() {
    const column = this.run?.gradients[this.marked ? this.at[0] : 0];
    if (!column) return [];
    const logs = column[1].map(log).reverse();
    return logs.map((value) => 1 + (value - logs[0]) / 8);
  }
  sentence() {
    const column = this.run?.gradients[0];
    if (!column || column[1].length < 2) return say("play.chart.empty");
    const [first, last] = [column[1][0], column[1].at(-1)];
    const ratio = first !== null && last ? first / last : null;
    if (ratio === 0) return say("play.chart.map.zero", { run: this.run.letter });
    if (ratio === null) return say("play.chart.map.none", { run: this.run.letter });
    return say(ratio < 1e-3 ? "play.chart.map.vanishes" : ratio > 1e3 ? "play.chart.map.explodes" : "play.chart.map.seen", { run: this.run.letter, ratio: number(ratio, 2), step: number(column[0]) });
  }
  table() {
    const columns = some(this.run?.gradients ?? [], 20);
    const rows = (this.run?.layers ?? []).map((_, i) => [this.layer(i), ...columns.map(([, values]) => number(values[i] ?? null, 2))]);
    return { head: [say("play.layer"), ...columns.map(([step]) => number(step))], rows };
  }
  paint(width) {
    const columns = this.run?.gradients ?? [];
    const count = this.run?.layers.length ?? 0;
    if (!columns.length || !count) return this.drawing.replaceChildren();
    const live = columns.flatMap(([, values]) => values).filter((value) => value > 0).map(log).sort((a, b) => a - b);
    const low = Math.floor(live[Math.floor(live.length * 0.02)] ?? -1);
    const high = Math.max(Math.ceil(live.at(-1) ?? 0), low + 1);
    const height = Math.min(Math.max(count * 18, 60), 240);
    const color = (column, row) => {
      const value = columns[column][1][row];
      return value === null || value === undefined ? GRAY : warm((log(value) - low) / (high - low));
    };
    const canvas = cells(width, height, columns.length, count, color);
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", say("play.chart.map"));
    if (this.marked) mark(canvas, columns.length, count, this.at);
    const bar = cells(120, 12, 60, 1, (column) => warm(column / 59));
    bar.setAttribute("aria-hidden", "true");
    this.drawing.replaceChildren(
      canvas,
      el("p", { class: "scale" }, el("span", {}, `${say("play.chart.map.axis", { first: number(columns[0][0]), last: number(columns.at(-1)[0]), count })} `), el("span", { class: "bar" }, number(10 ** low), bar, number(10 ** high))),
    );
  }
}

const log = (value) => Math.log10(Math.max(value, FLOOR));

/** Frame the cell at [column, row]. */
export function mark(canvas, columns, rows, [column, row]) {
  const pen = canvas.getContext("2d");
  const [width, height] = [canvas.width / columns, canvas.height / rows];
  pen.lineWidth = 4;
  pen.strokeStyle = "white";
  pen.strokeRect(column * width, row * height, width, height);
  pen.lineWidth = 2;
  pen.strokeStyle = "black";
  pen.strokeRect(column * width, row * height, width, height);
}
