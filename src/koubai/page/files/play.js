// Free play: a recipe is put together, trained, paused, changed in one thing and trained again beside the first.

import { el } from "./dom.js";
import { Form, settingName } from "./playform.js";
import { Histograms, Plane, WeightTiles } from "./playlooks.js";
import { GradientMap, LossPlot, ScorePlot } from "./playplots.js";
import { differences, tableIn } from "./recipe.js";
import { style } from "./scale.js";
import { client, listen, post } from "./source.js";
import { language, number, percent, say } from "./words.js";

const MOST_RUNS = 5;
const ENDED = ["end", "failed", "lost", "busy"];

/** Open the view; the address may hold a recipe. */
export const open = ([address]) => new PlayView(address ?? "");

class PlayView {
  constructor(address) {
    Object.assign(this, { address, runs: [], shown: null, form: null, count: 0 });
    this.node = el("article", { class: "play" });
    this.charts = [new LossPlot("loss", this), new ScorePlot("score", this), new Plane(this), new GradientMap(this), new Histograms(this), new WeightTiles(this)];
    this.status = el("p", { role: "status", class: "state" });
    this.counter = el("output", { class: "counter" });
    this.controls = el("div", { class: "buttons" });
    this.legend = el("ul", { class: "runs" });
    this.share = el("section", { class: "share" });
    this.lead = el("p", { role: "status" }, say("play.loads"));
    this.node.append(el("h1", {}, say("play.title")), this.lead);
    this.begin();
  }

  async begin() {
    try {
      const answer = await fetch("play.json");
      if (!answer.ok) throw new Error(String(answer.status));
      this.choices = await answer.json();
    } catch {
      this.lead.textContent = say("page.lost");
      return;
    }
    let table = this.choices.first;
    try {
      if (this.address) table = tableIn(this.address);
    } catch {
      this.unread = true; // an address that was cut or mistyped
    }
    this.form = new Form(this.choices, table);
    this.layout();
  }

  layout() {
    this.node.replaceChildren(
      el("h1", {}, say("play.title")),
      el("p", { class: "lead" }, say("play.lead")),
      el("div", { class: "bench" }, el("div", { class: "side" }, this.form.node), el("div", { class: "panel" }, this.controls, this.status, this.counter, this.legend, el("div", { class: "charts" }, ...this.charts.map(({ node }) => node)), this.share)),
    );
    this.buttons();
    this.redraw();
    if (this.unread) this.status.textContent = say("play.unread");
  }

  translate() {
    if (!this.form) return;
    this.runs.forEach((run) => this.name(run));
    this.form.draw();
    this.layout();
    this.charts.forEach((chart) => chart.write());
    this.sharing();
    this.tell();
  }

  leave() {
    this.runs.forEach((run) => {
      if (run.job && !ENDED.includes(run.state?.kind)) run.job.stop();
      run.job?.leave();
    });
  }

  // --------------------------------------------------------------------------------- controls

  get busy() {
    return this.shown !== null && this.shown.job !== null && !ENDED.includes(this.shown.state?.kind);
  }

  /** Which of the buttons there are; they stay in place, so that no key press meets another one. */
  buttons() {
    const { shown, busy } = this;
    const over = shown !== null && shown.step >= (shown.steps ?? Infinity);
    const ready = shown !== null && !busy;
    const rows = [
      ["run", true, () => this.start(false), "main"],
      ["beside", shown !== null && this.runs.length < MOST_RUNS, () => this.start(true)],
      [busy ? "pause" : "on", busy || (ready && !over), () => (busy ? shown.job.stop() : this.go(shown, shown.step, -1))],
      ["one", ready && !over, () => this.go(shown, shown.step, shown.step + 1)],
      ["back", ready, () => this.go(shown, 0, 0)],
    ];
    const focused = this.controls.contains(document.activeElement) ? document.activeElement.dataset.do : null;
    this.controls.replaceChildren(
      ...rows.map(([name, enabled, act, kind]) =>
        el("button", { type: "button", class: kind ?? null, "data-do": name, "aria-disabled": enabled ? null : "true", onclick: () => enabled && act() }, say(`play.do.${name}`)),
      ),
    );
    const same = { pause: "on", on: "pause" };
    if (focused) (this.controls.querySelector(`[data-do="${focused}"]`) ?? this.controls.querySelector(`[data-do="${same[focused]}"]`))?.focus();
  }

  start(beside) {
    const before = { runs: [...this.runs], shown: this.shown, count: this.count }; // comes back if this cannot be
    if (!beside) {
      this.leave();
      this.runs = [];
      this.count = 0;
    }
    const run = { order: this.count, asked: this.form.table, title: "", losses: [], scores: [], gradients: [], layers: [], class_names: [], step: 0, look: null, state: null, job: null, classes: undefined };
    this.count += 1;
    this.runs.push(run);
    this.shown = run;
    this.name(run);
    this.form.problems = [];
    this.form.draw();
    run.before = before;
    this.go(run, 0, -1, this.form.table);
  }

  /** Have a run trained from one update to another: the state of a run is its recipe and its step. */
  async go(run, start, stop, table = run.table ?? run.asked) {
    run.job?.leave();
    Object.assign(run, { state: { kind: "asked" }, job: { stop: () => (run.called_off = true), leave: () => {} }, called_off: false });
    this.shown = run;
    this.buttons();
    this.tell();
    let answer;
    try {
      answer = await post("play", { client: client(), recipe: table, start, stop });
    } catch {
      return this.hear(run, { kind: "lost" });
    }
    if (answer.status === 422) return this.refused(run, (await answer.json()).problems);
    if (!answer.ok) return this.hear(run, { kind: answer.status === 429 ? "busy" : "lost" });
    const { job, ready } = await answer.json();
    if (!ready) this.hear(run, { kind: "warming" });
    run.job = listen(job, (event) => this.hear(run, event));
    if (run.called_off) run.job.stop();
  }

  /** A recipe that cannot be: its run is taken away, the form says what is wrong. */
  refused(run, problems) {
    run.state = { kind: "failed" };
    if (run.table === undefined) Object.assign(this, run.before);
    this.form.refuse(problems);
    this.buttons();
    this.redraw();
    this.sharing();
    this.tell();
    this.status.textContent = say("play.refused", { count: problems.length });
  }

  // ------------------------------------------------------------------------------------ events

  hear(run, event) {
    run.state = event;
    if (event.kind === "begin") this.begun(run, event);
    else if (event.kind === "part") grow(run, event);
    else if (event.kind === "look") run.look = event;
    else if (event.kind === "end") Object.assign(run, { step: event.step ?? run.step, final: event.scores });
    else if (event.kind === "failed" && event.problems) return this.refused(run, event.problems);
    if (ENDED.includes(event.kind)) run.job?.leave();
    if (["begin", "warming", "waiting", "started", ...ENDED].includes(event.kind)) this.buttons();
    if (["begin", ...ENDED].includes(event.kind)) this.sharing();
    if (["begin", "part", "look", "end"].includes(event.kind)) this.redraw();
    this.tell();
  }

  begun(run, event) {
    const first = run.full === undefined;
    run.before = null;
    Object.assign(run, event);
    if (event.start === 0) Object.assign(run, { losses: [], scores: [], gradients: [], step: 0, final: null });
    if (first) {
      this.name(run);
      if (run === this.shown && this.form.table === run.asked) this.form.take(event.table); // nothing was changed meanwhile
    }
    if (run === this.shown) history.replaceState(null, "", `#play/${event.address}`);
  }

  /** What a run is called: a letter, and what differs from the first one. */
  name(run) {
    run.letter = String.fromCharCode(65 + run.order);
    const base = this.runs[0];
    run.changes = run.full && base?.full && run !== base ? differences(base.full, run.full) : [];
    const shown = run.changes.slice(0, 3).map(({ path, from, to }) => `${settingName(path)} ${brief(from)} → ${brief(to)}`);
    run.title = run.changes.length ? `${run.letter}: ${shown.join(", ")}${run.changes.length > 3 ? " …" : ""}` : run.letter;
  }

  // ------------------------------------------------------------------------------------ showing

  redraw() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = undefined;
      const plane = Boolean(this.shown?.plane);
      this.charts.forEach((chart) => {
        chart.node.hidden = this.shown === null || (chart.name === "plane" && !plane);
        if (!chart.node.hidden) chart.refresh();
      });
      this.listed();
      this.counter.textContent = this.shown?.steps ? say("play.counter", { step: this.shown.step, steps: this.shown.steps }) : "";
    });
  }

  /** The runs, each with its line, its scores and what it differs in; one of them is shown below. */
  listed() {
    const known = JSON.stringify([document.documentElement.lang, this.shown?.order, this.runs.map((run) => [run.title, run.final, run.state?.kind === "end"])]);
    if (known === this.known_list) return;
    this.known_list = known;
    const focused = this.legend.contains(document.activeElement) ? document.activeElement.dataset.run : null;
    const rows = this.runs.map((run) => {
      const { color } = style(run.order);
      const button = el("button", { type: "button", "data-run": run.order, "aria-pressed": String(run === this.shown), onclick: () => this.show(run) }, el("span", { class: "line-key", "aria-hidden": "true" }), run.title);
      button.querySelector(".line-key").style.background = color;
      const score = run.final?.test_accuracy ?? null;
      const told = score === null ? (run.final?.test_loss ?? null) : null;
      const text = score !== null ? say("play.run.accuracy", { accuracy: percent(score) }) : told !== null ? say("play.run.loss", { loss: number(told) }) : "";
      return el("li", {}, button, el("span", { class: "note" }, text), run.changes.length > 1 ? el("span", { class: "note" }, say("play.run.several", { count: run.changes.length })) : null);
    });
    this.legend.replaceChildren(...(this.runs.length > 1 || this.shown?.final ? rows : []));
    if (focused !== null) this.legend.querySelector(`[data-run="${focused}"]`)?.focus();
  }

  show(run) {
    this.shown = run;
    if (run.table) {
      this.form.take(run.table);
      history.replaceState(null, "", `#play/${run.address}`);
    }
    this.buttons();
    this.sharing();
    this.redraw();
    this.tell();
  }

  /** How it stands, once it changes: what is read aloud. */
  tell() {
    const text = this.shown ? stands(this.shown) : say("play.state.none");
    if (this.status.textContent !== text) this.status.textContent = text;
    this.node.dataset.state = this.shown?.state?.kind ?? "none";
    this.node.dataset.step = String(this.shown?.step ?? 0);
  }

  /** The recipe of the run that is shown, to be taken along. */
  sharing() {
    const run = this.shown;
    if (!run?.toml) return this.share.replaceChildren();
    const address = `${location.origin}${location.pathname}#play/${run.address}`;
    const told = el("p", { role: "status" });
    const copy = async (text) => {
      try {
        await navigator.clipboard.writeText(text);
        told.textContent = say("play.copied");
      } catch {
        told.textContent = say("play.not_copied");
      }
    };
    const button = (key, act) => el("button", { type: "button", "data-take": key, onclick: act }, say(`play.take.${key}`));
    const shown = (title, text) => el("details", {}, el("summary", {}, title), el("pre", { tabindex: 0, class: "scroll" }, el("code", {}, text)));
    this.share.replaceChildren(
      el("h2", {}, say("play.take")),
      el("div", { class: "buttons" }, button("toml", () => save(run.toml, "recipe.toml")), button("python", () => save(run.python, "recipe.py")), button("address", () => copy(address))),
      told,
      el("p", {}, say("play.take.train")),
      el("p", { class: "code" }, el("code", { tabindex: 0, class: "command" }, `koubai train '${address}'`)),
      shown("recipe.toml", run.toml),
      shown("recipe.py", run.python),
    );
  }
}

function save(text, name) {
  const link = el("a", { href: URL.createObjectURL(new Blob([text], { type: "text/plain" })), download: name });
  link.click();
  URL.revokeObjectURL(link.href);
}

/** What came since the last event, behind what was there. */
function grow(run, { step, losses, scores, gradients }) {
  const add = (list, more, at) => list.push(...more.filter((one) => !list.length || at(one) > at(list.at(-1))));
  run.step = Math.max(step, run.step);
  add(run.losses, losses, ([at]) => at);
  add(run.scores, scores, ({ step: at }) => at);
  add(run.gradients, gradients, ([at]) => at);
}

const brief = (value) => (value === undefined ? "–" : typeof value === "number" ? number(value) : Array.isArray(value) ? value.join(",") : typeof value === "object" ? JSON.stringify(value) : String(value));

/** How a run stands, in words. */
function stands(run) {
  const event = run.state;
  if (event?.kind === "end") {
    if (event.step === undefined) return say("page.run.stopped"); // before it had begun
    if (!event.finite) return say("play.state.lost", { step: event.step });
    if (event.late) return say("play.state.late", { step: event.step });
    if (event.step >= run.steps) return say(run.reused ? "play.state.kept" : "play.state.done", { step: event.step });
    return say("play.state.paused", { step: event.step, steps: run.steps });
  }
  if (event?.kind === "failed") return say("page.run.failed", { why: event.text?.[language()] ?? say("page.run.died") });
  if (event?.kind === "waiting") return say("page.run.waiting", { before: event.before });
  if (["busy", "lost", "cut", "warming"].includes(event?.kind)) return say(`page.run.${event.kind}`);
  return say("play.state.runs");
}
