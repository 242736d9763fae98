// The first page: which lessons there are, what is due today, and what this browser keeps.

import { el } from "./dom.js";
import { anything, due, exported, forget, stage } from "./progress.js";
import { put } from "./question.js";
import { STAGES } from "./stages.js";
import { say } from "./words.js";

const DONE = STAGES.length - 1;

export function home(lessons) {
  return el(
    "div",
    { class: "home" },
    el("h1", {}, say("page.home.title")),
    el("p", { class: "lead" }, say("page.home.lead")),
    review(),
    el("h2", {}, say("page.home.lessons")),
    el("ol", { class: "lessons" }, ...lessons.map(entry)),
    keeping(),
  );
}

function entry(lesson) {
  const at = stage(lesson.name);
  const state = at >= DONE ? say("page.home.done") : at ? say("page.home.begun", { at: at + 1, count: STAGES.length }) : say("page.home.new");
  return el(
    "li",
    { value: lesson.number },
    el("a", { href: `#${lesson.name}` }, say(`lessons.${lesson.name}.title`)),
    el("p", {}, say(`lessons.${lesson.name}.lead`)),
    el("p", { class: "note" }, state),
  );
}

/** Questions whose day has come. */
function review() {
  const names = due();
  if (!names.length) return null;
  const place = el("div", { class: "question" });
  const row = el("div", { class: "buttons" });
  const ask = (i) => {
    row.replaceChildren();
    put(place, names[i], () => {
      if (i + 1 < names.length) row.replaceChildren(el("button", { type: "button", class: "main", onclick: () => ask(i + 1) }, say("page.home.another")));
    });
  };
  ask(0);
  return el("section", { class: "card" }, el("h2", {}, say("page.home.due", { count: names.length })), place, row);
}

function keeping() {
  const told = el("p", { role: "status" });
  const save = () => {
    const link = el("a", { href: URL.createObjectURL(new Blob([exported()], { type: "application/json" })), download: "koubai-progress.json" });
    link.click();
    URL.revokeObjectURL(link.href);
  };
  let asked = false;
  const remove = () => {
    told.textContent = say(asked ? "page.home.deleted" : "page.home.sure");
    if (asked) forget();
    asked = !asked;
  };
  return el(
    "section",
    { class: "keeping" },
    el("h2", {}, say("page.home.keeps")),
    el("p", {}, say(anything() ? "page.home.kept" : "page.home.nothing")),
    el(
      "div",
      { class: "buttons" },
      el("button", { type: "button", onclick: save }, say("page.home.export")),
      el("button", { type: "button", onclick: remove }, say("page.home.delete")),
    ),
    told,
  );
}
