// Filters and what they make of a picture, update by update; and which pixels one unit sees.

import { el, still } from "./dom.js";
import { cells, signed, warm } from "./figure.js";
import { number, say } from "./words.js";

const CELL = 9;
const PACE = 700; // milliseconds from one picture to the next, when they move

/** `told`: {picture, label, seen: [first, second], frames: [{step, filters, maps}]}. */
export function pictures({ picture, label, seen, frames }) {
  const count = frames[0].filters.length;
  const state = { frame: 0, filter: 0 };
  let clock = null;
  const said = el("output", { class: "told" });
  const tiles = el("div", { class: "smalls" });
  const weights = el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": say("page.pictures.weights") });
  const most = Math.max(...frames.flatMap(({ filters }) => filters.flat(2).map(Math.abs)));
  const brightest = Math.max(...frames.flatMap(({ maps }) => maps.flat(2)));
  const image = (values, size, color) => {
    const rows = values.length;
    const canvas = cells(rows * size, rows * size, rows, rows, (x, y) => color(values[y][x]));
    canvas.setAttribute("aria-hidden", "true");
    return canvas;
  };
  const range = (name, length, set, text) => {
    const input = el("input", { type: "range", min: 0, max: length - 1, step: 1, value: 0, oninput: () => moved(Number(input.value)) });
    const moved = (value) => {
      set(value);
      show();
      input.setAttribute("aria-valuetext", text());
    };
    input.setAttribute("aria-valuetext", text());
    return { input, moved, node: el("label", {}, el("span", {}, name), input) };
  };
  const steps = range(say("page.pictures.step"), frames.length, (value) => (state.frame = value), () => number(frames[state.frame].step));
  const filters = range(say("page.pictures.filter"), count, (value) => (state.filter = value), () => number(state.filter + 1));

  function show() {
    const { step, filters: all, maps } = frames[state.frame];
    tiles.replaceChildren(
      ...all.map((filter, i) =>
        el("div", { class: i === state.filter ? "small chosen" : "small" }, image(filter, 20, (value) => signed(value / most)), image(maps[i], CELL, (value) => warm(value / brightest)), String(i + 1)),
      ),
    );
    const map = maps[state.filter].flat();
    said.textContent = say("page.pictures.told", { step, filter: state.filter + 1, low: Math.min(...all[state.filter].flat()), high: Math.max(...all[state.filter].flat()), share: map.filter((value) => value === 0).length / map.length });
    weights.replaceChildren(el("table", {}, el("caption", {}, say("page.pictures.weights")), el("tbody", {}, ...all[state.filter].map((row) => el("tr", {}, ...row.map((value) => el("td", {}, number(value, 2))))))));
  }

  const stop = () => {
    clearInterval(clock);
    clock = null;
    move.textContent = say("page.pictures.move");
  };
  const move = el("button", { type: "button", onclick: () => (clock ? stop() : start()) }, say("page.pictures.move"));
  const start = () => {
    if (state.frame === frames.length - 1) onward(-frames.length);
    if (still()) return onward(1); // who wants nothing to move goes on picture by picture
    move.textContent = say("page.pictures.stop");
    clock = setInterval(() => {
      if (!node.isConnected || state.frame === frames.length - 1) return stop();
      onward(1);
    }, PACE);
  };
  const onward = (by) => {
    steps.input.value = Math.min(Math.max(state.frame + by, 0), frames.length - 1);
    steps.moved(Number(steps.input.value));
  };

  const sees = (inside, i) => {
    const share = inside.flat().filter(Boolean).length / inside.flat().length;
    return el("figure", { class: "small" }, image(picture.map((row, y) => row.map((value, x) => [value, inside[y][x]])), 14, ([value, yes]) => (yes ? warm(0.35 + 0.65 * value) : `rgb(${[0, 0, 0].map(() => Math.round(90 + 70 * value)).join()})`)), el("figcaption", {}, say(`page.pictures.sees.${i ? "second" : "first"}`, { share })));
  };
  const node = el(
    "section",
    { class: "pictures" },
    el("h3", {}, say("page.pictures.title", { label })),
    el("p", {}, say("page.pictures.how")),
    el("div", { class: "ranges" }, steps.node, filters.node),
    el("div", { class: "buttons" }, move),
    said,
    tiles,
    el("details", {}, el("summary", {}, say("page.chart.numbers")), weights),
    el("h3", {}, say("page.pictures.sees")),
    el("div", { class: "smalls" }, ...seen.map(sees)),
  );
  show();
  return node;
}
