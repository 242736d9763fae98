// One setting at other values: a learner moves it, and sees what each arm reaches there, from runs that were made.

import { el } from "./dom.js";
import { number, say, written } from "./words.js";

/** `told`: [{value, arm, NUMBER: ...}] for every value and arm of the lesson's slider. */
export function slider(lesson, told) {
  const words = `lessons.${lesson.name}`;
  const { values, arms, numbers } = lesson.slider;
  const caption = say(`${words}.slider`);
  const output = el("output", {});
  const body = el("tbody", {});
  const range = el("input", { type: "range", min: 0, max: values.length - 1, step: 1, value: Math.floor(values.length / 2), "aria-label": say(`${words}.value`), oninput: () => show() });
  const show = () => {
    const value = values[Number(range.value)];
    output.textContent = number(value);
    range.setAttribute("aria-valuetext", output.textContent);
    body.replaceChildren(...arms.map((arm) => row(arm, told.find((one) => one.arm === arm && one.value === value))));
  };
  const row = (arm, one) => el("tr", { "data-arm": arm }, el("th", { scope: "row" }, say(`${words}.kind.${arm}`)), ...numbers.map((name) => cell(name, one[name])));
  const cell = (name, value) => {
    const share = isShare(name);
    return el("td", {}, share ? el("meter", { min: 0, max: 1, value, "aria-hidden": "true" }) : "", share ? written("share", value) : number(value));
  };
  const heads = numbers.map((name) => el("th", { scope: "col" }, say(`${words}.number.${name}`)));
  show();
  return el(
    "section",
    { class: "slider" },
    el("h3", {}, caption),
    el("label", { class: "named" }, el("span", {}, say(`${words}.value`)), output),
    range,
    el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption }, el("table", {}, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, say(`${words}.place`)), ...heads)), body)),
    el("p", { class: "note" }, say("page.slider.runs", { count: told[0].n })),
  );
}

const isShare = (name) => /(accuracy|share|weights)$/.test(name);
