// The chart of an order: a learner puts the arms in a row, and the runs show what each reaches.

import { el } from "./dom.js";
import { Levels } from "./levels.js";
import { writing } from "./scale.js";
import { say } from "./words.js";

/** Each point's places from its mean, best first: [first, last] that are as good as the tie allows. */
export function ranks(means, tie) {
  const above = (mean, by) => means.filter((other) => other.mean > mean + by).length;
  return Object.fromEntries(means.map(({ point, mean }) => [point, [above(mean, tie) + 1, means.filter((other) => other.mean >= mean - tie).length]]));
}

export class Order extends Levels {
  constructor(guess, names, changed) {
    super({ ...guess, low: 0, high: 1, start: 0, step: 0.01 }, names, changed);
    this.values = null;
  }

  /** The arms in the order of the guess, each with its place and two buttons. */
  rows() {
    this.told ??= el("p", { class: "told", role: "status" });
    const order = this.values ? [...this.guess.points].sort((a, b) => this.values[a] - this.values[b]) : this.guess.points;
    this.strips.clear();
    const rows = order.map((point, i) => {
      const strip = el("div", { class: "strip" });
      this.strips.set(point, { strip, show: () => {} });
      const button = (by, sign, name) =>
        el("button", { type: "button", "data-by": `${point} ${by}`, "aria-label": `${this.names.points[point]}: ${say(`page.guess.${name}`)}`, "aria-disabled": this.values?.[point] === (by < 0 ? 1 : order.length) ? "true" : null, onclick: () => this.move(point, by) }, sign);
      const place = el("span", { class: "rank" }, this.values ? String(this.values[point]) : String(i + 1));
      const moves = this.open ? el("span", { class: "moves" }, button(-1, "▲", "up"), button(1, "▼", "down")) : el("output", {}, this.values ? say("page.gap.placed", { place: this.values[point] }) : "–");
      return el("li", { class: "level", "data-arm": point }, el("div", { class: "named" }, el("span", {}, place, this.names.points[point]), moves), strip);
    });
    this.axis = el("div", { class: "strip" });
    this.node.replaceChildren(this.open ? el("p", { class: "note" }, say("page.guess.best")) : "", el("ol", { class: "ranking" }, ...rows), this.told, ...(this.open ? [] : [this.axis, el("p", { class: "axis" }, this.names.x)]));
  }

  move(point, by) {
    const place = this.values[point] + by;
    const other = this.guess.points.find((one) => this.values[one] === place);
    if (other === undefined) return;
    this.values = { ...this.values, [other]: this.values[point], [point]: place };
    this.rows();
    this.told.textContent = say("page.guess.place", { name: this.names.points[point], place, count: this.guess.points.length });
    this.draw();
    this.node.querySelector(`[data-by="${point} ${by}"]`).focus();
    this.changed(this.values);
  }

  show(values) {
    this.values = values && { ...values };
    this.rows();
    this.draw();
  }

  lock(open) {
    this.open = open;
    this.node.classList.toggle("closed", !open);
    this.rows();
    this.draw();
  }

  point(index) {
    this.strips.forEach(({ strip }, point) => strip.parentElement.classList.toggle("current", point === this.guess.points[index]));
  }

  /** The dots of the runs; the guess is a place, which has no mark on their scale. */
  strip(point, x, width) {
    const values = this.values;
    this.values = null;
    const drawn = super.strip(point, x, width);
    this.values = values;
    return drawn;
  }

  table() {
    const found = ranks(this.means, this.guess.tie);
    const write = writing(this.guess);
    const head = [this.names.x, say("page.chart.guess"), say("page.chart.place"), this.names.mean];
    const rows = this.guess.points.map((point) => {
      const one = this.means.find((mean) => mean.point === point);
      const told = one && write(one.mean) + (this.names.exact ? "" : ` [${write(one.low)}, ${write(one.high)}]`);
      return [this.names.points[point], this.values ? String(this.values[point]) : "–", one ? between(found[point]) : "–", told ?? "–"];
    });
    return { head, rows };
  }
}

export const between = ([first, last]) => (first === last ? String(first) : `${first}–${last}`);
