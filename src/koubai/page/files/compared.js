// Some runs beside each other: their losses in one chart, their findings by name, their gradients.

import { el } from "./dom.js";
import { Heat } from "./heat.js";
import { Lines } from "./lines.js";
import { Run, listen } from "./news.js";
import { language, number, say } from "./words.js";

export class Compared {
  constructor(names) {
    this.runs = names.map((name) => new Run(name));
    this.word = null;
    this.loss = new Lines(() => say("runs.loss"));
    this.maps = this.runs.map(() => new Heat("gradient"));
    this.node = el("article", { class: "watch" });
    this.translate();
    this.stream = listen(names, (news) => this.heard(news));
  }

  leave() {
    this.stream.leave();
  }

  heard(news) {
    if (typeof news === "string") this.word = news === "heard" ? null : news;
    else this.runs.forEach((run) => news.runs?.[run.id] && run.take(news.runs[run.id]));
    this.draw();
  }

  translate() {
    this.status = el("p", { role: "status" });
    this.body = el("tbody", {});
    [this.loss, ...this.maps].forEach((chart) => chart.translate());
    const heads = ["run", "state", "step", "loss", "found"].map((name) => el("th", { scope: "col", class: name === "found" ? "wide" : null }, say(`runs.column.${name}`)));
    this.titles = this.runs.map(() => el("h2", {}));
    this.node.replaceChildren(
      el("p", {}, el("a", { href: "#watch", class: "back" }, say("runs.all"))),
      el("h1", {}, say("runs.compare.title")),
      this.status,
      el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": say("runs.compare.title") }, el("table", { class: "trainings" }, el("thead", {}, el("tr", {}, ...heads)), this.body)),
      this.loss.node,
      el("div", { class: "columns even" }, ...this.maps.map((map, i) => el("div", {}, this.titles[i], map.node))),
    );
    this.draw();
  }

  draw() {
    this.status.textContent = this.word ? say(`runs.${this.word === "gone" ? "gone_before" : this.word}`) : "";
    const name = (run) => run.about?.name ?? "–";
    const lines = this.runs.flatMap((run, color) => run.of("loss").map(({ series }) => ({ name: name(run), series, color })));
    this.loss.show(lines);
    this.maps.forEach((map, i) => {
      map.show(this.runs[i].layers());
      this.titles[i].textContent = name(this.runs[i]);
    });
    const focused = document.activeElement?.dataset?.key;
    this.body.replaceChildren(...this.runs.map((run) => this.row(run)));
    if (focused) this.body.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  row(run) {
    const series = run.of("loss")[0]?.series;
    const last = series?.cells.get(series.order.at(-1))?.[0] ?? null;
    const found = run.verdict?.findings?.map(({ told }) => told[language()][0]) ?? [];
    const said = found.length ? found.join(say("runs.chart.between")) : run.verdict?.name === "healthy" ? say("runs.findings.healthy", { step: run.verdict.step ?? run.step }) : "–";
    return el(
      "tr",
      {},
      el("th", { scope: "row" }, el("a", { href: `#watch/${run.id}`, "data-key": run.id }, run.about?.name ?? "–")),
      el("td", {}, run.about ? say(`runs.state.${run.about.state}`) : "–"),
      el("td", {}, number(run.step)),
      el("td", {}, number(last)),
      el("td", { class: "wide" }, said),
    );
  }
}
