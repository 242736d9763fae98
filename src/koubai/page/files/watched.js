// One run while it is written: findings first, then what they rest on, then a trial on a copy.

import { coded, el } from "./dom.js";
import { Heat } from "./heat.js";
import { Lines } from "./lines.js";
import { Run, listen } from "./news.js";
import { Trial } from "./trial.js";
import { language, percent, say } from "./words.js";

const LOSSES = ["loss", "train_loss", "val_loss", "test_loss"];
const ACCURACIES = ["train_accuracy", "val_accuracy", "test_accuracy"];

export class Watched {
  constructor(id) {
    this.run = new Run(id);
    this.word = null;
    this.loss = new Lines(() => say("runs.loss"));
    this.accuracy = new Lines(() => say("runs.accuracy"), true);
    this.gradient = new Heat("gradient");
    this.ratio = new Heat("ratio");
    this.trial = new Trial(this.run, (name) => this.stream.follow(name));
    this.node = el("article", { class: "watch", "data-run": id });
    this.translate();
    this.stream = listen([id], (news) => this.heard(news));
  }

  leave() {
    this.trial.leave();
    this.stream.leave();
  }

  heard(news) {
    if (typeof news === "string") this.word = news === "heard" ? null : news;
    else {
      const told = news.runs?.[this.run.id];
      if (told) this.run.take(told);
      if (news.trial) this.trial.take(news.trial);
    }
    this.draw();
  }

  /** Say everything again in another language; nothing that was seen is lost. */
  translate() {
    this.title = el("h1", {});
    this.status = el("p", { role: "status" });
    this.faults = el("p", { class: "bad" });
    this.facts = el("p", { class: "note" });
    this.found = el("section", { class: "card found", "aria-labelledby": "found" });
    this.recipe = el("details", {}, el("summary", {}, say("runs.recipe")), el("pre", { tabindex: 0 }));
    this.charts = [this.loss, this.gradient, this.ratio, this.accuracy];
    this.charts.forEach((chart) => chart.translate());
    this.trial.translate();
    this.foundMark = null;
    this.node.replaceChildren(
      el("p", {}, el("a", { href: "#watch", class: "back" }, say("runs.all"))),
      this.title,
      this.status,
      this.faults,
      this.found,
      el("div", { class: "columns even" }, ...this.charts.map(({ node }) => node)),
      this.trial.node,
      this.facts,
      this.recipe,
    );
    this.draw();
  }

  draw() {
    const { about, fault, leftOut } = this.run;
    this.title.textContent = about?.name ?? say("runs.title");
    if (about?.name) document.title = `${about.name} – koubai`;
    const status = this.word === "gone" && !about ? say("runs.gone_before") : this.word ? say(`runs.${this.word === "gone" ? "state.says.gone" : this.word}`) : about ? this.state() : say("runs.waiting");
    if (this.status.textContent !== status) this.status.textContent = status;
    this.node.dataset.state = about?.state ?? "";
    const faults = [about?.state === "damaged" ? about.why?.[language()] : "", fault ? say(`runs.fault.${fault}`) : "", leftOut ? say("runs.left_out", { count: leftOut }) : ""];
    this.faults.textContent = faults.filter(Boolean).join(" ");
    this.faults.hidden = !this.faults.textContent;
    if (!about) return this.charts.forEach(({ node }) => (node.hidden = true));
    this.judge();
    this.loss.show(this.named(LOSSES));
    this.accuracy.show(this.named(ACCURACIES));
    this.gradient.show(this.run.layers());
    this.ratio.show(this.run.of("update_ratio"));
    this.trial.draw();
    this.tell();
  }

  /** How the run stands; while it goes on only every tenth of it, so that nobody is told twice a second. */
  state() {
    const { about, step } = this.run;
    const of = about.planned ? say("runs.state.of", { planned: about.planned }) : "";
    const part = about.planned ? Math.max(1, Math.floor(about.planned / 10)) : Math.max(1, 10 ** (String(step).length - 1));
    const shown = about.state === "running" && step >= part ? step - (step % part) : step;
    const since = about.written ? new Date(1000 * about.written).toLocaleTimeString(language()) : "";
    const lines = [say(`runs.state.says.${about.state}`, { step: shown, of, since })];
    if (about.stopped_by) lines.push(about.stopped_by === "not finite" ? say("runs.stopped_by.not_finite") : say("runs.stopped_by.other", { why: about.stopped_by }));
    return lines.join(" ");
  }

  named(quantities) {
    return quantities.flatMap((quantity, color) => this.run.of(quantity).map(({ series }) => ({ name: say(`runs.series.${quantity}`), series, color })));
  }

  /** The findings, rebuilt only where they have changed: somebody may be reading them. */
  judge() {
    const { verdict, about } = this.run;
    const mark = JSON.stringify([verdict, about.kind, language()]);
    if (mark === this.foundMark) return;
    this.foundMark = mark;
    this.found.replaceChildren(el("h2", { id: "found" }, say("runs.findings")), ...this.verdict());
  }

  verdict() {
    const { verdict, about } = this.run;
    if (!verdict) return [el("p", {}, say(`runs.findings.waits_${about.kind}`))];
    if ("failed" in verdict) return [el("p", {}, verdict.failed ? say("runs.findings.failed", { why: verdict.failed[language()] }) : say("runs.findings.failed_unknown"))];
    const step = verdict.step ?? this.run.step;
    const gaps = verdict.unseen.map((told) => el("p", {}, told[language()].join(" ")));
    const alone = about.kind === "koubai" ? [el("p", { class: "note" }, coded(say("runs.findings.without_trials")))] : [];
    if (!verdict.findings.length) return [el("p", { class: "good" }, say(`runs.findings.${verdict.name === "healthy" ? "healthy" : "not_judged"}`, { step })), ...gaps, ...alone];
    const head = el("p", {}, say("runs.findings.count", { count: verdict.findings.length, step }));
    return [head, ...verdict.findings.map(finding), ...gaps, ...alone];
  }

  tell() {
    const { about } = this.run;
    const lines = [];
    if (about.model) lines.push(say("runs.facts.model", { model: about.model, parameters: about.parameters ?? null }));
    if (about.engine) lines.push(say("runs.facts.own", { data: about.data, engine: about.engine }));
    Object.entries(about.scores ?? {}).forEach(([part, [loss, share]]) => {
      const accuracy = share === null ? "" : say("runs.facts.accuracy", { share: percent(share) });
      lines.push(say("runs.facts.score", { part: say(`runs.part.${part}`), loss, accuracy }));
    });
    this.facts.textContent = lines.join(" ");
    this.recipe.hidden = !about.recipe;
    if (this.recipe.lastChild.textContent !== about.recipe) this.recipe.lastChild.textContent = about.recipe ?? "";
  }
}

/** One finding: its name, what was seen, and the rest when it is asked for. */
function finding({ severity, told }) {
  const [title, seen, ...rest] = told[language()];
  return el(
    "section",
    { class: severity === "info" ? "finding" : "finding bad", "data-severity": severity },
    el("h3", {}, title ?? ""),
    el("p", {}, coded(seen ?? "")),
    rest.length ? el("details", {}, el("summary", {}, say("runs.findings.more")), el("ul", {}, ...rest.map((line) => el("li", {}, coded(line))))) : null,
  );
}
