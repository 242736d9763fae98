// A chart for eyes, ears and keys: a drawing, one sentence, sliders that read it point by point, tones, a table.

import { el, fresh } from "./dom.js";
import { play } from "./sound.js";
import { say } from "./words.js";

export class Figure {
  /** `name` is that of its words: play.chart.NAME, .NAME.seen ... */
  constructor(name) {
    this.name = name;
    this.drawing = el("div", { class: "drawing" });
    this.caption = el("p", { class: "seen" });
    this.text = el("output", { class: "told" });
    this.ranges = el("div", { class: "ranges" });
    this.holder = el("div", {});
    this.details = el("details", { class: "numbers", ontoggle: () => this.details.open && this.list() });
    this.id = fresh("figure");
    this.node = el("figure", { class: "figure", "data-chart": name, "aria-labelledby": this.id });
    this.at = [];
    new ResizeObserver(() => this.draw()).observe(this.drawing);
    this.write();
  }

  // What a chart is, for its own class to say:
  axes() {
    return []; // [{name, count, told(i)}]
  }
  sentence() {
    return "";
  }
  tell() {
    return ""; // the point at this.at
  }
  tones() {
    return []; // places between 0 and 1
  }
  table() {
    return { head: [], rows: [] };
  }
  paint() {} // draw into this.drawing, `this.at` marked where it is set

  /** Say everything again, in the language of the moment. */
  write() {
    const listen = el("button", { type: "button", onclick: () => play(this.tones()) }, say("page.chart.listen"));
    this.details.replaceChildren(el("summary", {}, say("page.chart.numbers")), this.holder);
    this.node.replaceChildren(
      el("figcaption", { id: this.id }, say(`play.chart.${this.name}`)),
      this.caption,
      this.drawing,
      el("div", { class: "reader" }, this.ranges, listen, this.text),
      this.details,
    );
    this.known = "";
    this.text.textContent = "";
    this.refresh();
  }

  /** What is shown has changed. */
  refresh() {
    this.caption.textContent = this.sentence();
    const axes = this.axes();
    const known = axes.map(({ name, count }) => `${name} ${count}`).join();
    if (known !== this.known) this.sliders(axes);
    this.known = known;
    this.draw();
    if (this.details.open) this.list();
  }

  sliders(axes) {
    const focused = [...this.ranges.querySelectorAll("input")].indexOf(document.activeElement);
    const inputs = axes.map(({ name, count, told }, i) => {
      this.at[i] = Math.min(this.at[i] ?? 0, Math.max(count - 1, 0));
      const input = el("input", {
        type: "range",
        min: 0,
        max: Math.max(count - 1, 0),
        step: 1,
        value: this.at[i],
        disabled: count < 2,
        "aria-label": `${say("page.chart.read")}: ${name}`,
        "aria-valuetext": count ? told(this.at[i]) : "–",
        oninput: () => {
          this.at[i] = Number(input.value);
          input.setAttribute("aria-valuetext", told(this.at[i]));
          this.marked = true;
          this.text.textContent = this.tell();
          this.draw();
        },
      });
      return el("label", {}, el("span", { "aria-hidden": "true" }, name), input);
    });
    this.at.length = axes.length;
    this.ranges.replaceChildren(...inputs);
    if (focused >= 0) inputs[focused]?.querySelector("input").focus();
  }

  draw() {
    if (this.drawing.clientWidth) this.paint(this.drawing.clientWidth);
  }

  list() {
    const { head, rows } = this.table();
    const caption = fresh("caption");
    const row = ([first, ...rest]) => el("tr", {}, el("th", { scope: "row" }, first), ...rest.map((text) => el("td", {}, text)));
    this.holder.replaceChildren(
      el(
        "div",
        { class: "scroll tall", tabindex: 0, role: "region", "aria-labelledby": caption },
        el(
          "table",
          {},
          el("caption", { id: caption }, say(`play.chart.${this.name}`)),
          el("thead", {}, el("tr", {}, ...head.map((text) => el("th", { scope: "col" }, text)))),
          el("tbody", {}, ...rows.map(row)),
        ),
      ),
    );
  }
}

/** Some of many rows, evenly, the last among them. */
export function some(rows, most = 60) {
  if (rows.length <= most) return rows;
  return Array.from({ length: most }, (_, i) => rows[Math.round((i * (rows.length - 1)) / (most - 1))]);
}

/** A canvas of cells, in colors; sharp on every screen. */
export function cells(width, height, columns, rows, color) {
  const canvas = document.createElement("canvas");
  const scale = Math.min(devicePixelRatio || 1, 2);
  Object.assign(canvas, { width: Math.round(width * scale), height: Math.round(height * scale) });
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const pen = canvas.getContext("2d");
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const left = Math.floor((column * canvas.width) / columns);
      const top = Math.floor((row * canvas.height) / rows);
      pen.fillStyle = color(column, row);
      pen.fillRect(left, top, Math.floor(((column + 1) * canvas.width) / columns) - left, Math.floor(((row + 1) * canvas.height) / rows) - top);
    }
  }
  return canvas;
}

const STOPS = [
  [13, 8, 90],
  [92, 20, 140],
  [178, 48, 120],
  [233, 104, 72],
  [250, 178, 60],
  [250, 250, 170],
];
const mixed = (stops, share) => {
  const at = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
  const low = Math.min(Math.floor(at), stops.length - 2);
  return `rgb(${stops[low].map((value, i) => Math.round(value + (at - low) * (stops[low + 1][i] - value))).join()})`;
};

/** Dark for little, light for much. */
export const warm = (share) => mixed(STOPS, share);

/** Blue below 0, orange above; white at 0. -1 to 1. */
export const signed = (value) => mixed([[0, 80, 160], [110, 175, 220], [246, 246, 246], [245, 170, 100], [190, 80, 0]], (value + 1) / 2);

export const GRAY = "rgb(128,128,128)";
