// Watch: all runs below the folders that were named; one of them; or some beside each other.

import { el } from "./dom.js";
import { listen, loadRuns } from "./news.js";
import { Compared } from "./compared.js";
import { Watched } from "./watched.js";
import { number, say } from "./words.js";

const MOST = 4; // runs beside each other
const FORM = /^[0-9a-f]{32}$/;

/** The view of an address: #watch, #watch/RUN, #watch/RUN.RUN. */
export function open([runs = ""]) {
  const names = runs.split(".").filter((name) => FORM.test(name)).slice(0, MOST);
  if (!names.length) return new List();
  return names.length === 1 ? new Watched(names[0]) : new Compared(names);
}

export const stateOf = (state) => say(`runs.state.${state}`);

class List {
  constructor() {
    Object.assign(this, { rows: null, full: false, roots: 1, word: null, chosen: new Set() });
    this.node = el("article", { class: "watch" });
    this.translate();
    loadRuns().then(({ runs, full, roots }) => {
      Object.assign(this, { rows: runs, full, roots });
      this.draw();
      if (roots) this.stream = listen([], (news) => this.heard(news));
    }, () => this.heard("lost"));
  }

  leave() {
    this.left = true;
    this.stream?.leave();
  }

  heard(news) {
    if (this.left) return this.stream?.leave();
    if (typeof news === "string") this.word = news === "heard" ? null : news;
    else if (news.list) Object.assign(this, { rows: news.list, full: news.full });
    this.draw();
  }

  translate() {
    this.status = el("p", { role: "status" });
    this.place = el("div", {});
    this.note = el("p", { class: "note" });
    this.go = el("a", { class: "button" }, say("runs.compare"));
    this.node.replaceChildren(el("h1", {}, say("runs.title")), el("p", { class: "lead" }, say("runs.lead")), this.status, this.place, this.note);
    this.body = null;
    this.draw();
  }

  draw() {
    this.status.textContent = this.word ? say(`runs.${this.word}`) : "";
    if (!this.rows) return;
    this.note.textContent = this.full ? say("runs.full") : "";
    if (!this.rows.length) {
      this.body = null;
      return this.place.replaceChildren(...(this.roots ? nothing() : unnamed()));
    }
    if (!this.body) this.frame();
    const focused = document.activeElement?.dataset?.key;
    this.body.replaceChildren(...this.rows.map((row) => this.row(row)));
    if (focused) this.body.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
    this.choose();
  }

  frame() {
    this.body = el("tbody", {});
    const heads = ["compare", "run", "state", "step", "loss"].map((name) => el("th", { scope: "col" }, say(`runs.column.${name}`)));
    const table = el("table", { class: "trainings" }, el("thead", {}, el("tr", {}, ...heads)), this.body);
    this.place.replaceChildren(el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": say("runs.title") }, table), el("div", { class: "buttons" }, this.go));
  }

  row({ id, name, state, step, planned, loss }) {
    const box = el("input", {
      type: "checkbox",
      "data-key": `box ${id}`,
      "aria-label": say("runs.choose", { name }),
      onchange: () => {
        if (box.checked) this.chosen.add(id);
        else this.chosen.delete(id);
        this.choose();
      },
    });
    box.checked = this.chosen.has(id);
    const at = step === null ? "–" : number(step) + (planned ? ` / ${number(planned)}` : "");
    return el(
      "tr",
      { "data-run": id, "data-state": state },
      el("td", {}, el("label", { class: "box" }, box)),
      el("th", { scope: "row" }, el("a", { href: `#watch/${id}`, "data-key": `run ${id}` }, name)),
      el("td", {}, el("span", { class: `standing ${state}` }, stateOf(state))),
      el("td", {}, at),
      el("td", {}, loss === null ? "–" : number(loss)),
    );
  }

  /** Whether as many are chosen as can be compared. */
  choose() {
    const names = this.rows.map(({ id }) => id).filter((id) => this.chosen.has(id));
    const fits = names.length >= 2 && names.length <= MOST;
    this.go.textContent = say(fits ? "runs.compare" : "runs.compare.few");
    if (fits) this.go.setAttribute("href", `#watch/${names.join(".")}`);
    else this.go.removeAttribute("href");
  }
}

const code = (text) => el("p", { class: "code" }, el("code", { tabindex: 0 }, text));

const unnamed = () => [el("p", {}, say("runs.none_named")), code("koubai serve --runs runs")];

const nothing = () => [
  el("p", {}, say("runs.empty")),
  code("koubai train recipe.toml --out runs/first"),
  code("koubai doctor script.py --out runs/script"),
  code('with koubai.watch(model, optimizer, folder="runs/mine"): ...'),
];
