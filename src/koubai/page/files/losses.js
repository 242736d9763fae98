// How the runs learn: loss by step, while they run.

import { el, svg } from "./dom.js";
import { linear, style, ticks } from "./scale.js";
import { number, say } from "./words.js";

const HEIGHT = 170;
const EDGE = { left: 46, right: 10, top: 10, bottom: 34 };

export class Losses {
  constructor(arms) {
    this.arms = arms;
    this.lines = new Map(); // name of a run -> {arm, shares, losses}
    this.drawing = el("div", { class: "drawing" });
    this.node = el("figure", { class: "losses" }, el("figcaption", {}, say("page.run.losses")), this.drawing);
    new ResizeObserver(() => this.draw()).observe(this.drawing);
  }

  clear() {
    this.lines.clear();
    this.draw();
  }

  /** A run under way has made a share of its steps. */
  under({ arm, run, share, loss }) {
    if (loss === null) return;
    const line = this.lines.get(run) ?? { arm, shares: [], losses: [] };
    line.shares.push(share);
    line.losses.push(loss);
    this.lines.set(run, line);
  }

  add({ arm, run, steps, losses }) {
    if (!steps.length) return;
    this.steps = steps.at(-1);
    this.lines.set(run, { arm, shares: steps.map((step) => step / this.steps), losses });
  }

  draw() {
    const width = this.drawing.clientWidth;
    const all = [...this.lines.values()];
    const values = all.flatMap(({ losses }) => losses).filter((loss) => loss !== null).sort((a, b) => a - b);
    if (!width || !values.length) return this.drawing.replaceChildren();
    const top = values[Math.floor(values.length * 0.98)] * 1.1 || 1; // a run that diverges leaves the picture
    const x = linear(0, 1, EDGE.left, width - EDGE.right);
    const y = linear(0, top, HEIGHT - EDGE.bottom, EDGE.top);
    const marks = ticks(0, top).map((value) => [
      svg("line", { class: "grid", x1: EDGE.left, x2: width - EDGE.right, y1: y(value), y2: y(value) }),
      svg("text", { x: EDGE.left - 6, y: y(value) + 4, "text-anchor": "end" }, number(value, 2)),
    ]);
    const steps = this.steps ?? 0;
    const below = [0, 0.5, 1].map((share) =>
      svg("text", { x: x(share), y: HEIGHT - 18, "text-anchor": share === 1 ? "end" : "middle" }, number(Math.round(share * steps))),
    );
    const lines = all.map(({ arm, shares, losses }) => {
      const kept = shares.map((share, i) => [share, losses[i]]).filter(([, loss]) => loss !== null);
      const d = kept.map(([share, loss], i) => `${i ? "L" : "M"}${x(share)} ${y(loss)}`).join("");
      return svg("path", { class: kept.length > 1 ? "seed" : "seed dot", d: kept.length > 1 ? d : `${d}h0`, stroke: style(this.arms.indexOf(arm)).color });
    });
    const name = svg("text", { class: "axis", x: width / 2, y: HEIGHT - 3, "text-anchor": "middle" }, say("page.run.steps"));
    this.drawing.replaceChildren(
      svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img", "aria-label": say("page.run.losses") }, marks.flat(), steps ? below : [], lines, name),
    );
  }
}
