// Try it on a copy: one change, five pairs of trainings from a stored step, both curves, a verdict.

import { coded, el } from "./dom.js";
import { Lines } from "./lines.js";
import { Series, begin, stop } from "./news.js";
import { language, number, say } from "./words.js";
import { choices } from "./why.js";

const ARMS = ["unchanged", "changed"];
const OVER = ["end", "failed", "stopped"];

export class Trial {
  /** `follow` has the stream of news tell of a trial, too. */
  constructor(run, follow) {
    Object.assign(this, { run, follow, id: null, state: null, step: null, change: null, series: new Map() });
    this.chart = new Lines(() => say("runs.try.chart"));
    this.node = el("section", { class: "card try", "aria-labelledby": "try" });
  }

  leave() {
    if (this.id && !OVER.includes(this.state?.kind)) stop(this.id);
  }

  take({ id, state, cells }) {
    if (id !== this.id) return;
    if (state) this.state = state;
    (cells ?? []).forEach(([arm, pair, width, found]) => {
      const name = `${arm} ${pair}`;
      if (!this.series.has(name)) this.series.set(name, new Series());
      this.series.get(name).take(width, found);
    });
  }

  translate() {
    this.chart.translate();
    this.form = el("div", {});
    this.said = el("p", { role: "status" });
    this.verdict = el("p", { class: "gap", role: "status" });
    this.pairs = el("div", {});
    this.mark = null;
    this.node.replaceChildren(el("h2", { id: "try" }, say("runs.try")), el("p", { class: "note" }, say("runs.try.how")), this.form, this.said, this.verdict, this.chart.node, this.pairs);
    this.draw();
  }

  draw() {
    this.fill();
    const lines = [...this.series].map(([name, series]) => {
      const [arm, pair] = name.split(" ");
      return { name: say("runs.try.pair", { arm: say(`runs.try.arm.${arm}`), pair: Number(pair) + 1 }), series, color: ARMS.indexOf(arm), thin: pair !== "0" };
    });
    this.chart.show(lines);
    const said = this.state ? this.says() : "";
    if (said !== this.said.textContent && said) this.said.textContent = said;
    const end = this.state?.kind === "end" ? this.concluded() : "";
    if (end !== this.verdict.textContent) this.verdict.textContent = end;
    this.verdict.hidden = !end;
    this.table();
  }

  /** The form, rebuilt only where what it offers has changed: somebody may be choosing. */
  fill() {
    const { about, offers, stored } = this.run;
    const under = this.state !== null && !OVER.includes(this.state.kind);
    const mark = JSON.stringify([about?.kind, offers, stored, under, language()]);
    if (mark === this.mark) return;
    this.mark = mark;
    if (about?.kind === "watched") return this.form.replaceChildren(el("p", {}, coded(say("runs.try.foreign"))));
    if (!offers.length) return this.form.replaceChildren(el("p", {}, say("runs.try.waits")));
    if (!stored.includes(this.step)) this.step = stored.at(-1);
    const from = stored.map((step) => [String(step), step ? say("runs.try.from.step", { step }) : say("runs.try.from.start")]);
    const what = el(
      "select",
      { onchange: () => (this.change = what.value) },
      el("option", { value: "" }, "–"),
      ...offers.map(({ name, start, told }) => el("option", { value: name, selected: name === this.change }, start ? say("runs.try.only_start", { change: told[language()] }) : told[language()])),
    );
    const go = under
      ? el("button", { type: "button", onclick: () => stop(this.id) }, say("runs.try.stop"))
      : el("button", { type: "button", class: "main", onclick: () => this.begin() }, say("runs.try.go"));
    this.form.replaceChildren(
      choices(say("runs.try.from"), from, String(this.step), (value) => (this.step = Number(value))),
      el("label", { class: "what" }, el("span", {}, say("runs.try.change")), what),
      el("div", { class: "buttons" }, go),
    );
  }

  async begin() {
    const offer = this.run.offers.find(({ name }) => name === this.change);
    if (!offer) return (this.said.textContent = say("runs.try.choose"));
    if (offer.start && this.step) return (this.said.textContent = say("runs.try.not_there"));
    const answer = await begin(this.run.id, this.step, this.change).catch(() => null);
    if (!answer?.ok) {
      const why = { 429: "try.busy", 400: "try.refused" }[answer?.status] ?? "lost";
      return (this.said.textContent = say(`runs.${why}`));
    }
    Object.assign(this, { id: (await answer.json()).trial, state: { kind: "begins", runs: [] }, series: new Map() });
    this.follow(this.id);
    this.draw();
  }

  says() {
    const { kind, runs, steps, why } = this.state;
    if (kind === "stopped") return say("runs.try.stopped");
    if (kind === "failed") return say("runs.try.failed", { why: why?.[language()] ?? say("runs.try.died") });
    if (!steps) return say("runs.try.begins");
    const under = say("runs.try.under", { done: runs.length, total: 10 });
    return `${say("runs.try.length", { steps, from: this.state.from })} ${under}`;
  }

  concluded() {
    const { verdict, broken, difference, low, high, wins, losses, pairs, p, more } = this.state;
    if (difference === null) {
      const counted = say("runs.try.verdict.broken", { unchanged: broken[0], changed: broken[1], wins, losses, pairs, p });
      return `${say(`runs.try.verdict.broken.${verdict}`)} ${counted}`;
    }
    const turned = verdict === "worse" ? { difference: -difference, low: -high, high: -low } : { difference, low, high };
    const said = say(`runs.try.verdict.${verdict}`, { ...turned, wins, losses, pairs, p });
    return more === null ? said : `${said} ${say("runs.try.verdict.more", { more })}`;
  }

  /** How each pair ended. */
  table() {
    const runs = this.state?.runs ?? [];
    const mark = `${runs.length} ${this.state?.part} ${language()}`;
    if (this.pairs.dataset.mark === mark) return;
    this.pairs.dataset.mark = mark;
    if (!runs.length) return this.pairs.replaceChildren();
    const of = (arm, pair) => runs.find((one) => one.arm === arm && one.pair === pair);
    const cell = (one) => el("td", {}, one ? number(one.loss) : "–");
    const pairs = [...new Set(runs.map(({ pair }) => pair))];
    const part = this.state.part ? say(`runs.part.${this.state.part}`) : "";
    this.pairs.replaceChildren(
      el(
        "table",
        {},
        el("caption", {}, say("runs.try.pairs", { part })),
        el("thead", {}, el("tr", {}, el("td", {}), ...ARMS.map((arm) => el("th", { scope: "col" }, say(`runs.try.arm.${arm}`))))),
        el("tbody", {}, ...pairs.map((pair) => el("tr", {}, el("th", { scope: "row" }, number(pair + 1)), ...ARMS.map((arm) => cell(of(arm, pair)))))),
      ),
    );
  }
}
