// The chart of ways down a surface: a learner draws one for each optimizer, and the runs draw theirs beside it.

import { el, svg } from "./dom.js";
import { linear, style } from "./scale.js";
import { number, say } from "./words.js";

const RINGS = [0.02, 0.08, 0.25, 0.6, 1.2, 2.2, 3.6, 5.5];
const KEYS = { ArrowLeft: [-0.5, 0], ArrowRight: [0.5, 0], ArrowUp: [0, 0.5], ArrowDown: [0, -0.5] };
const MOST = 80; // points of a path
const APART = 0.15; // between two points of a path that is drawn in one go
const FAR = 2.2; // height over width of the map, as the surface is wider than it is high

/** How often a path crosses the floor of the valley, y = 0. */
export const turns = (path) => {
  const sides = path.map(([, y]) => Math.sign(y)).filter((side) => side !== 0);
  return sides.filter((side, i) => i && side !== sides[i - 1]).length;
};

/** How far two paths lie apart: the mean distance of each one's points from the other. */
export function apart(one, other) {
  const from = (points, path) => points.reduce((sum, point) => sum + beside(point, path), 0) / points.length;
  return (from(one, other) + from(other, one)) / 2;
}

function beside([x, y], path) {
  let least = Infinity;
  for (let i = 1; i < path.length; i++) {
    const [[ax, ay], [bx, by]] = [path[i - 1], path[i]];
    const length = (bx - ax) ** 2 + (by - ay) ** 2;
    const share = length ? Math.min(Math.max(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length, 0), 1) : 0;
    least = Math.min(least, Math.hypot(x - ax - share * (bx - ax), y - ay - share * (by - ay)));
  }
  return least;
}

export const end = (path) => Math.hypot(...path.at(-1));

export class Paths {
  constructor(guess, names, changed) {
    Object.assign(this, { guess, names, changed });
    this.values = {};
    this.runs = new Map(); // arm -> points
    this.means = [];
    this.open = true;
    this.current = null;
    this.frame = null;
    this.node = el("div", { class: "chart paths", role: "group", "aria-label": names.title });
    this.maps = new Map(guess.points.map((arm) => [arm, this.map(arm)]));
    this.node.replaceChildren(...[...this.maps.values()].map(({ node }) => node));
    new ResizeObserver(() => this.draw()).observe(this.node);
  }

  map(arm) {
    const drawing = el("div", { class: "drawing", tabindex: 0, role: "group", "aria-label": `${this.names.of(arm)}: ${say("page.paths.keys")}`, onkeydown: (event) => this.key(event, arm) });
    const told = el("p", { class: "told", role: "status" });
    const button = (key, act) => el("button", { type: "button", "aria-label": `${this.names.of(arm)}: ${say(`page.paths.${key}`)}`, onclick: act }, say(`page.paths.${key}`));
    const row = el("div", { class: "edits" }, button("back", () => this.take(arm)), button("clear", () => this.set(arm, null)));
    drawing.onpointerdown = (event) => {
      if (!this.open) return;
      drawing.setPointerCapture(event.pointerId);
      drawing.onpointermove = (moved) => this.pass(arm, moved, APART);
      this.pass(arm, event, 0);
    };
    drawing.onpointerup = drawing.onpointercancel = () => (drawing.onpointermove = null);
    const node = el("section", { "data-arm": arm }, el("div", { class: "named" }, el("span", {}, this.names.of(arm)), row), drawing, told);
    return { node, drawing, told, row };
  }

  // ------------------------------------------------------------------------------------ guess

  path(arm) {
    return this.values?.[arm] ?? [this.guess.surface.begin];
  }

  key(event, arm) {
    if (!this.open) return;
    const by = KEYS[event.key];
    if (by) {
      const [x, y] = this.path(arm).at(-1);
      this.to(arm, [x + by[0], y + by[1]]);
    } else if (event.key === "Backspace" || event.key === "Delete") this.take(arm);
    else return;
    event.preventDefault();
  }

  /** The pointer passes a place, or is put there: the path goes on to it. */
  pass(arm, event, least) {
    const frame = this.maps.get(arm).drawing.getBoundingClientRect();
    const place = [this.x.back(event.clientX - frame.left), this.y.back(event.clientY - frame.top)];
    const [x, y] = this.path(arm).at(-1);
    if (Math.hypot(place[0] - x, place[1] - y) > least) this.to(arm, place);
  }

  to(arm, place) {
    const { x, y } = this.guess.surface;
    const within = ([low, high], value) => Math.round(100 * Math.min(Math.max(value, low), high)) / 100;
    const path = this.path(arm);
    if (path.length < MOST) this.set(arm, [...path, [within(x, place[0]), within(y, place[1])]]);
  }

  take(arm) {
    const path = this.path(arm);
    this.set(arm, path.length > 2 ? path.slice(0, -1) : null);
  }

  set(arm, path) {
    if (!this.open) return;
    const { [arm]: _, ...others } = this.values ?? {};
    this.values = path ? { ...others, [arm]: path } : others;
    const [x, y] = this.path(arm).at(-1);
    this.maps.get(arm).told.textContent = say("page.paths.at", { x: number(x), y: number(y), count: this.path(arm).length - 1 });
    this.draw();
    this.changed(this.values);
  }

  // ------------------------------------------------------------------------------------- runs

  show(values) {
    this.values = values && { ...values };
    this.draw();
  }

  lock(open) {
    this.open = open;
    this.maps.forEach(({ row, drawing, told }) => {
      row.hidden = !open;
      told.textContent = "";
      told.hidden = !open;
      if (open) drawing.setAttribute("tabindex", 0);
      else drawing.removeAttribute("tabindex");
    });
    this.draw();
  }

  clear() {
    this.runs.clear();
    this.means = [];
    this.draw();
  }

  add({ arm, path }) {
    this.runs.set(arm, path); // every seed takes the same way
    this.draw();
  }

  conclude(means) {
    this.means = means;
    this.draw();
  }

  /** Mark one path, and the step of it that is spoken of. */
  point(index, frame = null) {
    Object.assign(this, { current: index, frame });
    this.draw();
  }

  // ---------------------------------------------------------------------------------- drawing

  draw() {
    const width = this.maps.get(this.guess.points[0]).drawing.clientWidth;
    if (!width) return;
    const { x, y } = this.guess.surface;
    const height = width / FAR;
    this.x = linear(...x, 0, width);
    this.y = linear(...y, height, 0);
    this.guess.points.forEach((arm, i) => {
      const { drawing, node } = this.maps.get(arm);
      node.classList.toggle("current", i === this.current);
      drawing.replaceChildren(this.picture(arm, i, width, height));
    });
  }

  picture(arm, i, width, height) {
    const { curvatures, begin } = this.guess.surface;
    const spot = (point, kind, r) => svg("circle", { class: kind, cx: this.x(point[0]), cy: this.y(point[1]), r });
    const [across, up] = [this.x(1) - this.x(0), this.y(0) - this.y(1)];
    const rings = RINGS.map((level) => svg("ellipse", { class: "grid", fill: "none", cx: this.x(0), cy: this.y(0), rx: Math.sqrt((2 * level) / curvatures[0]) * across, ry: Math.sqrt((2 * level) / curvatures[1]) * up }));
    const guessed = this.values?.[arm];
    const run = this.runs.get(arm);
    const { color } = style(i);
    const at = i === this.current && this.frame !== null && run ? run[this.frame + 1] : null;
    return svg(
      "svg",
      { class: this.open ? "open" : null, viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" },
      rings,
      svg("path", { class: "cross", d: `M${this.x(0) - 5} ${this.y(0)}h10M${this.x(0)} ${this.y(0) - 5}v10` }),
      guessed ? svg("g", { class: "guess" }, svg("path", { d: this.line(guessed) }), spot(guessed.at(-1), "fixed", 4)) : null,
      run ? [svg("path", { class: "way", d: this.line(run), stroke: color }), ...run.slice(1).map((point) => svg("circle", { cx: this.x(point[0]), cy: this.y(point[1]), r: 2.5, fill: color }))] : null,
      at ? spot(at, "step", 8) : null,
      spot(begin, "begin", 6),
    );
  }

  line(points) {
    return points.map(([x, y], n) => `${n ? "L" : "M"}${this.x(x)} ${this.y(y)}`).join("");
  }

  table() {
    const head = [this.names.x, say("page.chart.guess"), say("page.chart.result"), say("page.paths.turns_guessed"), say("page.paths.turns")];
    const rows = this.guess.points.map((arm) => {
      const [drawn, run] = [this.values?.[arm], this.runs.get(arm)];
      return [this.names.of(arm), drawn ? number(end(drawn), 2) : "–", run ? number(end(run), 2) : "–", drawn ? String(turns(drawn)) : "–", run ? String(turns(run)) : "–"];
    });
    return { head, rows };
  }
}
