// The page: its head, the choice of language and colors, and which of its views is shown.

import { el } from "./dom.js";
import { home } from "./home.js";
import { LessonView } from "./lesson.js";
import { live, loadLessons, loadWords, only, preferred } from "./source.js";
import { LANGUAGES, language, say, speak } from "./words.js";

const main = document.getElementById("main");
const top = document.getElementById("top");
const THEMES = ["auto", "light", "dark"];
// Views beside the lessons: each a module of its own, loaded when its address (#play, #watch/...) is opened.
const VIEWS = { play: () => import("./play.js"), watch: () => import("./watch.js") };
let lessons = [];
let view = null;

const remembered = (name) => {
  try {
    return localStorage.getItem(`koubai-${name}`);
  } catch {
    return null;
  }
};
const remember = (name, value) => {
  try {
    localStorage.setItem(`koubai-${name}`, value);
  } catch {
    // it holds for this visit
  }
};

function head() {
  const languages = Object.entries(LANGUAGES).map(([lang, name]) =>
    el("button", { type: "button", lang, "aria-pressed": String(lang === language()), onclick: () => turn(lang) }, name),
  );
  const theme = el(
    "select",
    { id: "theme", "aria-label": say("page.theme"), onchange: (event) => paint(event.target.value) },
    ...THEMES.map((name) => el("option", { value: name, selected: name === (remembered("theme") ?? "auto") }, say(`page.theme.${name}`))),
  );
  const places = el("nav", { class: "views", "aria-label": say("page.views") }, ...["", ...Object.keys(VIEWS)].map(place));
  top.replaceChildren(
    el("a", { class: "skip", href: "#main", onclick: skip }, say("page.skip")),
    live ? el("a", { class: "brand", href: "#" }, "koubai 勾配") : el("span", { class: "brand" }, "koubai 勾配"),
    ...(live ? [places] : []),
    el("div", { class: "controls" }, el("div", { role: "group", "aria-label": say("page.language") }, ...languages), theme),
  );
}

/** A link in the head to one of the views; "" are the lessons. */
function place(name) {
  const here = name === viewed();
  return el("a", { href: `#${name}`, "aria-current": here ? "page" : null }, say(`page.view.${name || "lessons"}`));
}

const wanted = () => only ?? location.hash.slice(1);
const viewed = () => (wanted().split("/")[0] in VIEWS ? wanted().split("/")[0] : "");

function skip(event) {
  event.preventDefault(); // the address names the lesson
  main.focus();
}

function paint(theme) {
  remember("theme", theme);
  document.documentElement.dataset.theme = theme;
}

async function turn(lang) {
  remember("lang", lang);
  await speak(lang, loadWords);
  head();
  if (view) view.translate();
  else route();
  entitle();
  top.querySelector(`[lang="${lang}"]`).focus();
}

const entitle = () => (document.title = `${main.querySelector("h1")?.textContent ?? ""} – koubai`);

/** Show what the address names: a lesson, another view, or the first page. */
async function route() {
  view?.leave();
  view = null;
  const name = wanted();
  const other = viewed();
  const at = lessons.findIndex((lesson) => lesson.name === name);
  if (other) {
    const module = await VIEWS[other]();
    if (wanted() !== name) return; // the address has changed meanwhile
    view = module.open(name.split("/").slice(1));
  } else if (at >= 0) view = new LessonView(lessons[at], lessons[at + 1]);
  main.replaceChildren(view ? view.node : home(lessons));
  head();
  scrollTo(0, 0);
  entitle();
  document.documentElement.dataset.drawn = name;
}

async function begin() {
  paint(remembered("theme") ?? "auto");
  const lang = remembered("lang") ?? preferred ?? document.documentElement.lang;
  [lessons] = await Promise.all([loadLessons(), speak(lang in LANGUAGES ? lang : "en", loadWords)]);
  await route();
  addEventListener("hashchange", () => route().then(() => main.focus(), tell));
}

const tell = (error) => main.replaceChildren(el("p", { role: "alert" }, `koubai: ${error.message}`));

begin().catch(tell);
