// A filter on a picture: moved by keys or buttons; each place is a column of im2col, each of its cells a pixel.

import { el, svg } from "./dom.js";
import { choices } from "./why.js";
import { number, say } from "./words.js";

const CELL = 26;
const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/** Places of the filter along a side: floor((n + 2p - k) / s) + 1. */
export const side = ({ size, kernel, stride, padding }) => Math.floor((size + 2 * padding - kernel) / stride) + 1;

/** The pixels under the filter at a place, row by row: 1 is the first pixel, 0 is padding. */
export function under({ size, kernel, stride, padding }, [row, column]) {
  const cells = [...Array(kernel * kernel).keys()].map((i) => [row * stride - padding + Math.floor(i / kernel), column * stride - padding + (i % kernel)]);
  return cells.map(([y, x]) => (y < 0 || x < 0 || y >= size || x >= size ? 0 : y * size + x + 1));
}

/** The filter of a lesson; `settings`: name -> {size, kernel, stride, padding}, `called`: what each is called. */
export function filter(settings, called) {
  const names = Object.keys(settings);
  const state = { name: names[0], at: [0, 0], cell: 0 };
  const told = el("p", { class: "told", role: "status" });
  const picture = el("div", { class: "picture", tabindex: 0, role: "group", "aria-label": say("page.filter.keys"), onkeydown: key });
  const column = el("ol", { class: "column" });
  const matrix = el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": say("page.filter.matrix") });
  const setting = () => settings[state.name];

  function key(event) {
    if (!(event.key in MOVES)) return;
    event.preventDefault();
    move(MOVES[event.key]);
  }

  function move([down, right]) {
    const last = side(setting()) - 1;
    state.at = [state.at[0] + down, state.at[1] + right].map((place) => Math.min(Math.max(place, 0), last));
    show();
  }

  function show() {
    const one = setting();
    const count = side(one);
    const place = state.at[0] * count + state.at[1];
    const pixels = under(one, state.at);
    const chosen = pixels[state.cell];
    const every = [...Array(count * count).keys()].map((i) => under(one, [Math.floor(i / count), i % count]));
    const times = chosen ? every.filter((cells) => cells.includes(chosen)).length : 0;
    node.dataset.column = pixels.join();
    node.dataset.times = String(times);
    const values = { place: place + 1, count: count * count, row: state.at[0] + 1, column: state.at[1] + 1, cell: state.cell + 1, pixel: number(chosen), times };
    told.textContent = `${say("page.filter.place", values)} ${say(chosen ? "page.filter.pixel" : "page.filter.padding", values)}`;
    picture.replaceChildren(drawn(one, pixels));
    column.replaceChildren(...pixels.map(cell));
    matrix.replaceChildren(columns(every, place, chosen));
  }

  function cell(pixel, i) {
    const text = pixel ? say("page.filter.of", { pixel: number(pixel) }) : say("page.filter.zero");
    const choose = () => {
      state.cell = i;
      show();
      column.children[i].firstChild.focus();
    };
    return el("li", {}, el("button", { type: "button", "aria-pressed": String(i === state.cell), onclick: choose }, text));
  }

  /** The picture with its padding, the filter on it, and the pixel that is chosen. */
  function drawn({ size, kernel, stride, padding }, pixels) {
    const whole = (size + 2 * padding) * CELL;
    const inside = [...Array(size * size).keys()].map((i) => {
      const [x, y] = [(padding + (i % size)) * CELL, (padding + Math.floor(i / size)) * CELL];
      const kind = i + 1 === pixels[state.cell] ? "pixel chosen" : pixels.includes(i + 1) ? "pixel under" : "pixel";
      return [svg("rect", { class: kind, x, y, width: CELL, height: CELL }), svg("text", { x: x + CELL / 2, y: y + CELL / 2 + 4, "text-anchor": "middle" }, String(i + 1))];
    });
    const frame = svg("rect", { class: "frame", x: state.at[1] * stride * CELL, y: state.at[0] * stride * CELL, width: kernel * CELL, height: kernel * CELL });
    return svg("svg", { viewBox: `-2 -2 ${whole + 4} ${whole + 4}`, width: whole + 4, height: whole + 4, "aria-hidden": "true" }, svg("rect", { class: "padding", width: whole, height: whole }), inside.flat(), frame);
  }

  /** All columns of im2col: this place's is marked, and the chosen pixel wherever it stands. */
  function columns(every, place, chosen) {
    const [wide, high] = [9, 14];
    const cells = every.flatMap((pixels, x) =>
      pixels.map((pixel, y) => svg("rect", { class: chosen && pixel === chosen ? "pixel chosen" : x === place ? "pixel under" : pixel ? "pixel" : "padding", x: x * wide, y: y * high, width: wide, height: high })),
    );
    const [width, height] = [every.length * wide + 2, every[0].length * high + 2];
    return svg("svg", { viewBox: `-1 -1 ${width} ${height}`, width, height, "aria-hidden": "true" }, cells);
  }

  const arrow = (name, sign) => el("button", { type: "button", "data-move": name, "aria-label": say(`page.filter.${name}`), onclick: () => move(MOVES[name]) }, sign);
  const node = el(
    "section",
    { class: "filter" },
    el("h3", {}, say("page.filter.title")),
    choices(say("page.filter.setting"), names.map((name) => [name, called(name)]), state.name, (name) => {
      Object.assign(state, { name, at: [0, 0], cell: 0 });
      show();
    }),
    el("p", {}, say("page.filter.how")),
    el("div", { class: "buttons" }, arrow("ArrowLeft", "◀"), arrow("ArrowUp", "▲"), arrow("ArrowDown", "▼"), arrow("ArrowRight", "▶")),
    told,
    el("div", { class: "beside" }, picture, el("div", {}, el("p", { class: "note" }, say("page.filter.column")), column)),
    el("p", { class: "note" }, say("page.filter.matrix")),
    matrix,
  );
  show();
  return node;
}
