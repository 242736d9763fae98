// The charts of one moment of a run: where the classes meet, how activations spread, weights.

import { el, svg } from "./dom.js";
import { Figure, GRAY, cells, signed, some } from "./figure.js";
import { mark } from "./playplots.js";
import { number, percent, say } from "./words.js";

const SIDE = 360;
const CLASS = ["#0072b2", "#d55e00", "#009e73", "#b45f93", "#767676", "#b8860b", "#56b4e9", "#8b4513", "#444488", "#aa3377"];
const pale = (hex, share) => `rgb(${[1, 3, 5].map((i) => Math.round(255 + share * (parseInt(hex.slice(i, i + 2), 16) - 255))).join()})`;

class Look extends Figure {
  constructor(name, bench) {
    super(name);
    this.bench = bench;
  }
  get run() {
    return this.bench?.shown;
  }
  get look() {
    return this.run?.look;
  }
}

/** The plane of two inputs, colored by the answer, with training points on it. */
export class Plane extends Look {
  constructor(bench) {
    super("plane", bench);
  }
  get grid() {
    return this.look?.plane?.rows ?? [];
  }
  place(axis, i) {
    const { low, high } = this.run.plane;
    return low[axis] + (i / (this.grid.length - 1)) * (high[axis] - low[axis]);
  }
  axes() {
    const told = (axis) => (i) => number(this.place(axis, i), 2);
    return [0, 1].map((axis) => ({ name: say("play.input", { number: axis + 1 }), count: this.grid.length, told: told(axis) }));
  }
  named(k) {
    return this.run.class_names[k] ?? String(k);
  }
  answer(column, row) {
    const digit = Number(this.grid[row][column]);
    if (!this.look.plane.shades) return say("play.chart.plane.class", { name: this.named(digit) });
    return say("play.chart.plane.share", { name: this.named(1), share: percent(digit / 9, 0) });
  }
  tell() {
    const [column, row] = this.at;
    return say("play.chart.plane.told", { x: number(this.place(0, column), 2), y: number(this.place(1, row), 2), answer: this.answer(column, row) });
  }
  tones() {
    const row = this.grid[this.at[1] ?? 0] ?? "";
    return some([...row], 24).map((digit) => Number(digit) / 9);
  }
  sentence() {
    if (!this.grid.length) return say("play.chart.empty");
    const cell = this.grid.join("");
    const second = [...cell].filter((digit) => (this.look.plane.shades ? Number(digit) > 4 : digit === "1")).length / cell.length;
    return say("play.chart.plane.seen", { step: number(this.look.step), name: this.named(1), share: percent(second, 0) });
  }
  table() {
    const columns = some([...this.grid.keys()], 9);
    const rows = some([...this.grid.keys()].reverse(), 9).map((row) => [number(this.place(1, row), 2), ...columns.map((column) => this.answer(column, row))]);
    return { head: [`${say("play.input", { number: 2 })} \\ ${say("play.input", { number: 1 })}`, ...columns.map((column) => number(this.place(0, column), 2))], rows };
  }
  paint(width) {
    if (!this.grid.length) return this.drawing.replaceChildren();
    const side = Math.min(width, SIDE);
    const count = this.grid.length;
    const color = (column, row) => {
      const digit = Number(this.grid[count - 1 - row][column]);
      if (!this.look.plane.shades) return pale(CLASS[digit % CLASS.length], 0.45);
      return digit > 4 ? pale(CLASS[1], ((digit - 4.5) / 4.5) * 0.6) : pale(CLASS[0], ((4.5 - digit) / 4.5) * 0.6);
    };
    const canvas = cells(side, side, count, count, color);
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", say("play.chart.plane"));
    const pen = canvas.getContext("2d");
    const { low, high, points } = this.run.plane;
    for (const [x, y, k] of points) {
      const [left, top] = [((x - low[0]) / (high[0] - low[0])) * canvas.width, canvas.height - ((y - low[1]) / (high[1] - low[1])) * canvas.height];
      const size = canvas.width / 110;
      pen.fillStyle = CLASS[k % CLASS.length];
      pen.strokeStyle = "white";
      pen.lineWidth = size / 3;
      pen.beginPath();
      if (k % 2) pen.rect(left - size, top - size, 2 * size, 2 * size); // not by color alone
      else pen.arc(left, top, size * 1.1, 0, 7);
      pen.fill();
      pen.stroke();
    }
    if (this.marked) mark(canvas, count, count, [this.at[0], count - 1 - this.at[1]]);
    const legend = this.run.class_names.slice(0, 10).map((name, k) => el("li", {}, el("span", { class: `dot ${k % 2 ? "square" : ""}`, "data-class": k % CLASS.length }), name));
    this.drawing.replaceChildren(canvas, el("ul", { class: "legend" }, ...legend));
    this.drawing.querySelectorAll("[data-class]").forEach((dot) => (dot.style.background = CLASS[Number(dot.dataset.class)]));
  }
}

/** How the outputs of each activation spread: a small histogram a layer. */
export class Histograms extends Look {
  constructor(bench) {
    super("histograms", bench);
  }
  get all() {
    return this.look?.histograms ?? [];
  }
  axes() {
    return [
      { name: say("play.layer"), count: this.all.length, told: (i) => this.title(this.all[i]) },
      { name: say("play.bin"), count: this.all[0]?.shares.length ?? 0, told: (i) => number(this.middle(this.all[this.at[0] ?? 0], i), 2) },
    ];
  }
  title({ name, path }) {
    return `${name} ${path}`;
  }
  middle({ low, high, shares }, i) {
    return low + ((i + 0.5) / shares.length) * (high - low);
  }
  tell() {
    const one = this.all[this.at[0]];
    return say("play.chart.histograms.told", { layer: this.title(one), value: number(this.middle(one, this.at[1]), 2), share: percent(one.shares[this.at[1]]) });
  }
  tones() {
    const one = this.all[this.at[0] ?? 0];
    const most = Math.max(...(one?.shares ?? [1]), 1e-9);
    return (one?.shares ?? []).map((share) => share / most);
  }
  sentence() {
    if (!this.all.length) return say("play.chart.empty");
    const [first, last] = [this.all[0], this.all.at(-2) ?? this.all[0]];
    return say("play.chart.histograms.seen", { step: number(this.look.step), first: number(first.std, 2), last: number(last.std, 2), zeros: percent(last.zeros) });
  }
  table() {
    const head = ["play.layer", "play.mean", "play.std", "play.zeros"].map((key) => say(key));
    return { head, rows: this.all.map((one) => [this.title(one), number(one.mean), number(one.std), percent(one.zeros)]) };
  }
  paint() {
    const [wide, high] = [150, 70];
    const pictures = this.all.map((one, k) => {
      const most = Math.max(...one.shares, 1e-9);
      const step = wide / one.shares.length;
      const bars = one.shares.map((share, i) => svg("rect", { x: i * step, width: Math.max(step - 0.5, 0.5), y: high * (1 - share / most), height: (high * share) / most, class: this.marked && this.at[0] === k && this.at[1] === i ? "bar now" : "bar" }));
      const ends = el("span", { class: "ends" }, el("span", {}, number(one.low, 2)), el("span", {}, number(one.high, 2)));
      return el("div", { class: "small" }, el("span", {}, this.title(one)), svg("svg", { viewBox: `0 0 ${wide} ${high}`, width: wide, height: high, "aria-hidden": "true" }, bars, svg("line", { class: "grid", x1: 0, x2: wide, y1: high, y2: high })), ends);
    });
    this.drawing.replaceChildren(el("div", { class: "smalls" }, ...pictures));
  }
}

/** Weights as cells: pictures of the input where the input is one, else the corner of a matrix. */
export class WeightTiles extends Look {
  constructor(bench) {
    super("weights", bench);
  }
  get all() {
    return this.look?.weights ?? [];
  }
  get one() {
    return this.all[this.at[0] ?? 0];
  }
  axes() {
    const tile = this.one?.tiles[0] ?? [];
    return [
      { name: say("play.weight"), count: this.all.length, told: (i) => this.title(this.all[i]) },
      { name: say("play.tile"), count: this.one?.tiles.length ?? 0, told: (i) => number(i + 1) },
      { name: say("play.row"), count: tile.length, told: (i) => number(i + 1) },
      { name: say("play.column"), count: tile[0]?.length ?? 0, told: (i) => number(i + 1) },
    ];
  }
  title({ path, shape }) {
    return `${path} (${shape.join(" × ")})`;
  }
  tell() {
    const [, tile, row, column] = this.at;
    const value = this.one.tiles[tile]?.[row]?.[column] ?? null;
    return say("play.chart.weights.told", { weight: this.one.path, tile: tile + 1, row: row + 1, column: column + 1, value: number(value) });
  }
  tones() {
    const row = this.one?.tiles[this.at[1] ?? 0]?.[this.at[2] ?? 0] ?? [];
    return row.map((value) => 0.5 + (value ?? 0) / (2 * (this.one.most || 1)));
  }
  sentence() {
    if (!this.all.length) return say("play.chart.empty");
    const first = this.all[0];
    return say("play.chart.weights.seen", { step: number(this.look.step), weight: first.path, norm: number(first.norm), most: number(first.most), zeros: percent(first.zeros) });
  }
  table() {
    const head = ["play.weight", "play.norm", "play.most", "play.zeros"].map((key) => say(key));
    return { head, rows: this.all.map((one) => [this.title(one), number(one.norm), number(one.most), percent(one.zeros)]) };
  }
  paint(width) {
    const pictures = this.all.map((one, k) => {
      const several = one.tiles.length > 1;
      const most = one.most || 1;
      const tiles = one.tiles.map((tile, t) => {
        const cell = several ? Math.max(3, Math.floor(56 / tile.length)) : Math.max(2, Math.min(10, Math.floor(Math.min(width, 150) / Math.max(tile[0].length, tile.length))));
        const canvas = cells(cell * tile[0].length, cell * tile.length, tile[0].length, tile.length, (column, row) => (tile[row][column] === null ? GRAY : signed(tile[row][column] / most)));
        canvas.setAttribute("aria-hidden", "true");
        if (this.marked && this.at[0] === k && this.at[1] === t) mark(canvas, tile[0].length, tile.length, [this.at[3], this.at[2]]);
        return canvas;
      });
      return el("div", { class: "small wide" }, el("span", {}, this.title(one)), el("div", { class: "tiles" }, ...tiles), el("span", { class: "ends" }, el("span", {}, number(-most, 2)), el("span", {}, number(most, 2))));
    });
    this.drawing.replaceChildren(el("div", { class: "smalls" }, ...pictures));
  }
}
