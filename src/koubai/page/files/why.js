// The reason: first asked for, then shown as formula, code and number, one update and one place at a time.

import { el, fresh, math } from "./dom.js";
import { known, say } from "./words.js";

/** Choices of which one is taken; `chosen` is called with its value. */
export function choices(question, options, taken, chosen) {
  const name = fresh("choice");
  return el(
    "fieldset",
    {},
    el("legend", {}, question),
    ...options.map(([value, text]) => {
      const input = el("input", { type: "radio", name, value, checked: value === taken, onchange: () => chosen(value) });
      return el("label", { class: "choice" }, input, el("span", {}, text));
    }),
  );
}

/** Two buttons and what they step through. */
function stepper(name, count, told, moved) {
  let at = 0;
  const text = el("output", { class: "at" }, told(0));
  const button = (by, label, sign) =>
    el("button", { type: "button", "aria-label": `${name}: ${label}`, "data-step": `${name} ${by}`, onclick: () => step(by) }, sign);
  const back = button(-1, say("page.why.back"), "◀");
  const on = button(1, say("page.why.on"), "▶");
  const step = (by) => {
    at = Math.min(Math.max(at + by, 0), count - 1);
    text.textContent = told(at);
    limit();
    moved(at);
  };
  const limit = () => {
    back.setAttribute("aria-disabled", at === 0);
    on.setAttribute("aria-disabled", at === count - 1);
  };
  limit();
  return el("div", { class: "stepper", role: "group", "aria-label": name }, el("span", {}, name), back, text, on);
}

/** Formula, line of code and number for every row of a lesson, stepping through the updates that ran. */
export function trace(lesson, frames, placeName, pointed) {
  const words = `lessons.${lesson.name}`;
  const state = { frame: 0, place: 0 };
  const places = frames[0].places.map(([place]) => place);
  const numbers = lesson.rows.map(() => el("p", { class: "number" }));
  const show = () => {
    const [place, values] = frames[state.frame].places[state.place];
    lesson.rows.forEach((row, i) => {
      rows[i].hidden = row.places.length > 0 && !row.places.includes(place);
      numbers[i].textContent = say(`${words}.row.${row.name}`, { ...values, place: placeName(place) });
    });
    pointed(place, state.frame);
  };
  const controls = [
    stepper(say(known(`${words}.update`) ? `${words}.update` : "page.why.update"), frames.length, (i) => say("page.why.of", { at: frames[i].step, count: frames.length }), (i) => {
      state.frame = i;
      show();
    }),
    places.length > 1
      ? stepper(say(`${words}.place`), places.length, (i) => placeName(places[i]), (i) => {
          state.place = i;
          show();
        })
      : null,
  ];
  const rows = lesson.rows.map((row, i) =>
    el(
      "li",
      {},
      el("p", { class: "formula" }, math(row.formula)),
      el("p", { class: "code" }, el("code", { tabindex: 0 }, row.code), el("span", { class: "place" }, row.place)),
      numbers[i],
    ),
  );
  show();
  return el("div", { class: "trace" }, ...controls.filter(Boolean), el("ol", { class: "rows", "aria-live": "polite" }, ...rows));
}
