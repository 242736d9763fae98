// One lesson, one screen: guess, run, gap, why, put right, question, later.

import { Curve, numbers } from "./curve.js";
import { el, svg } from "./dom.js";
import { Levels } from "./levels.js";
import { Losses } from "./losses.js";
import { Order } from "./order.js";
import { reached } from "./progress.js";
import { Paths } from "./paths.js";
import { at, placed, style } from "./scale.js";
import { play } from "./sound.js";
import { run } from "./source.js";
import { LAST, PATIENCE, STAGES, fill } from "./stages.js";
import { known, number, percent, say } from "./words.js";

const ROUNDS = 100;

export class LessonView {
  constructor(lesson, following) {
    Object.assign(this, { lesson, following, words: `lessons.${lesson.name}` });
    Object.assign(this, { round: 0, stage: 0, furthest: 0, guess: null, sure: null, reason: null, moved: false });
    this.forget();
    this.node = el("article", { class: "lesson", "data-lesson": lesson.name });
    this.parts();
    this.show(0, false);
  }

  forget() {
    Object.assign(this, { state: null, end: null, frames: null, pictures: null, slid: null, seen: 0, total: 0, reused: 0 });
  }

  /** What the lesson calls things, in the language of the moment. */
  names() {
    const { lesson, words } = this;
    const of = (arm) => say(`${words}.arm.${arm}`);
    const point = (name) => (known(`${words}.arm.${name}`) ? of(name) : known(`${words}.point.${name}`) ? say(`${words}.point.${name}`) : name);
    return {
      title: say(`${words}.title`),
      x: say(`${words}.x`),
      points: Object.fromEntries(lesson.guess.points.map((name) => [name, point(name)])),
      arms: lesson.arms,
      mean: say(lesson.random ? "page.chart.mean" : "page.chart.result"),
      exact: !lesson.random,
      of,
      write: (value, name) => {
        const { share, floor, log } = at(lesson.guess, name);
        return share ? percent(value) : (log && value <= floor) ? "0" : number(value, 2);
      },
    };
  }

  /** Build what stays while the stages change. */
  parts() {
    const { lesson, words } = this;
    const Chart = { curve: Curve, levels: Levels, order: Order, paths: Paths }[lesson.guess.kind];
    this.chart = new Chart(lesson.guess, this.names(), () => this.guessed());
    this.losses = new Losses(lesson.arms);
    this.legend = el("ul", { class: "legend" });
    this.below = el("div", { class: "below" });
    this.prompt = el("p", { class: "prompt" });
    this.card = el("section", { class: "card", "aria-labelledby": "stage" });
    this.steps = el("ol", { class: "steps" });
    this.node.replaceChildren(
      el("h1", {}, say(`${words}.title`)),
      el("p", { class: "lead" }, say(`${words}.lead`)),
      el("nav", { "aria-label": say("page.stages") }, this.steps),
      el("div", { class: "columns" }, el("div", { class: "panel" }, this.prompt, this.chart.node, this.legend, this.below), this.card),
    );
  }

  /** Say everything again in another language; nothing that was done is lost. */
  translate() {
    const kept = { values: this.chart.values, runs: this.chart.runs, means: this.chart.means, lines: this.losses.lines, steps: this.losses.steps };
    this.parts();
    Object.assign(this.chart, { values: kept.values, runs: kept.runs, means: kept.means });
    Object.assign(this.losses, { lines: kept.lines, steps: kept.steps });
    this.show(this.stage, false);
  }

  leave() {
    this.job?.stop();
    this.job?.leave();
  }

  show(stage, focus = true) {
    this.stage = stage;
    this.furthest = Math.max(this.furthest, stage);
    if (stage) reached(this.lesson.name, stage, this.guess);
    this.node.dataset.stage = STAGES[stage];
    this.steps.replaceChildren(...STAGES.map((name, i) => this.step(name, i)));
    this.chart.lock(stage === 0);
    this.chart.show(stage === 0 ? (this.guess ?? this.chart.values ?? this.started()) : this.guess);
    this.chart.point(null);
    const heading = el("h2", { id: "stage", tabindex: -1 }, say(`page.stage.${STAGES[stage]}`));
    this.card.replaceChildren(heading, ...fill(STAGES[stage], this));
    this.side();
    if (focus) heading.focus();
  }

  step(name, i) {
    const text = say(`page.stage.short.${name}`);
    const open = i <= this.furthest && i !== this.stage;
    const inside = open ? el("button", { type: "button", onclick: () => this.show(i) }, text) : el("span", {}, text);
    return el("li", { class: i < this.stage ? "done" : null, "aria-current": i === this.stage ? "step" : null }, inside);
  }

  /** What stands beside the card: the chart's words, its legend, its table. */
  side() {
    const { lesson, words, stage } = this;
    const end = this.end?.facts;
    this.prompt.textContent = stage === 0 ? say(`${words}.guess`) : end ? say(`${words}.seen`, this.end.facts) : say(lesson.random ? "page.run.comes" : "page.run.exact");
    const curve = lesson.guess.kind === "curve";
    const items = curve ? lesson.arms.map((arm) => key(arm, style(lesson.arms.indexOf(arm)), this.names().of(arm))) : [];
    const marked = !["order", "paths"].includes(lesson.guess.kind); // a place has no mark on the scale of the runs
    this.legend.replaceChildren(...(stage ? [...(marked ? [guessKey(curve)] : []), ...items, ...(lesson.guess.kind === "paths" ? pathKeys() : curve ? [] : dotKeys(lesson.random))] : []));
    const below = [];
    if (stage === 1 && lesson.random && this.losses.lines.size) below.push(this.losses.node);
    if (end && stage > 1) below.push(this.reader(), numbers(this.chart.table(), say(`${words}.title`)));
    this.below.replaceChildren(...below);
    if (stage === 1) this.losses.draw();
  }

  /** The chart for keys and ears: one point after another, said in words; or all of it as tones. */
  reader() {
    const { guess } = this.lesson;
    const { points } = guess;
    const names = this.names();
    const text = el("output", { class: "told" });
    const tell = (i) => {
      const { head, rows } = this.chart.table();
      text.textContent = rows[i].slice(1).map((value, j) => `${head[j + 1]}: ${value}`).join(say("page.chart.between"));
      text.prepend(`${names.x} – ${names.points[points[i]]}. `);
      this.chart.point(i);
    };
    const range = el("input", { type: "range", min: 0, max: points.length - 1, step: 1, value: 0, "aria-label": say("page.chart.read"), oninput: () => tell(Number(range.value)) });
    const { arm } = guess;
    const places = points.map((point) => {
      const one = this.chart.means.find((mean) => mean.point === point && (!arm || mean.arm === arm));
      const scale = guess.kind === "order" ? { ...guess, low: 0, high: 1 } : at(guess, point);
      return (placed(scale, one?.mean ?? 0) - scale.low) / (scale.high - scale.low);
    });
    const listen = el("button", { type: "button", onclick: () => play(places) }, say("page.chart.listen"));
    return el("div", { class: "reader" }, el("span", {}, say("page.chart.read")), range, listen, text);
  }

  // ------------------------------------------------------------------------------------ guess

  started() {
    const { guess } = this.lesson;
    const { kind, points, given } = guess;
    if (kind === "paths") return {};
    if (kind === "order") return Object.fromEntries(points.map((point, i) => [point, i + 1]));
    return Object.fromEntries(points.map((point) => [point, given[point] ?? at(guess, point).start]));
  }

  guessed() {
    this.moved = this.lesson.guess.kind !== "paths" || Object.keys(this.chart.values).length > 0; // a path can be taken back
    this.go?.setAttribute("aria-disabled", String(!this.moved));
  }

  // -------------------------------------------------------------------------------------- run

  /** Have the runs made, on fresh seeds where some were seen already. */
  begin(fresh = false) {
    this.job?.leave();
    if (fresh) this.round = (this.round + 1) % ROUNDS;
    this.forget();
    this.chart.clear();
    this.losses.clear();
    this.begun = Date.now();
    setTimeout(() => this.redraw?.(), PATIENCE + 100);
    this.job = run(this.lesson.name, this.round, (event) => this.hear(event)); // on its way while the card is drawn
    this.show(1);
  }

  hear(event) {
    if (["trace", "pictures", "slid"].includes(event.kind)) Object.assign(this, event); // what it holds is called so
    else if (event.kind === "run") {
      this.chart.add(event);
      this.losses.add(event);
    } else if (event.kind === "progress") {
      Object.assign(this, { seen: event.done, total: event.total, reused: event.reused });
      event.running.forEach((one) => this.losses.under(one));
    } else if (event.kind === "facts") {
      this.end = event;
      this.chart.conclude(event.means);
    }
    this.state = event;
    const last = LAST.includes(event.kind);
    const waits = (this.lesson.slider && !this.slid) || (this.lesson.pictures && !this.pictures);
    if (["pictures", "slid"].includes(event.kind) || (last && waits)) this.more?.(); // else it would begin again
    if (last) this.job?.leave();
    if (this.stage !== 1) return;
    this.losses.draw();
    this.side();
    this.redraw?.();
  }
}

const key = (arm, { color, dash }, text) => el("li", { "data-arm": arm }, swatch(color, dash), text);

const swatch = (stroke, dash) =>
  svg("svg", { viewBox: "0 0 34 12", "aria-hidden": "true" }, svg("path", { d: "M1 6h32", stroke, "stroke-width": 3, "stroke-dasharray": dash }));
const guessKey = (curve) => el("li", {}, curve ? swatch("var(--guess)", "1 5") : "▼ ", say("page.chart.guess"));
const pathKeys = () => [guessKey(true), el("li", {}, swatch("var(--first)", "none"), say("page.paths.run"))];
const dotKeys = (random) =>
  random
    ? [el("li", {}, "● ", say("page.chart.seed")), el("li", {}, "┃ ", say("page.chart.mean"))]
    : [el("li", {}, "┃ ", say("page.chart.result"))];
