// From values to places in a drawing, and what stands beside the axis.

import { number, percent, raised } from "./words.js";

/** Map values of [low, high] to [from, to]; values outside stop at the ends. */
export function linear(low, high, from, to) {
  const map = (value) => from + ((Math.min(Math.max(value, low), high) - low) / (high - low)) * (to - from);
  map.back = (place) => low + ((place - from) / (to - from)) * (high - low);
  return map;
}

/** Some five round values between two. */
export function ticks(low, high, whole = false) {
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max([1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough), whole ? 1 : 0);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step / 1e6; value += step) found.push(value);
  return found.map((value) => Number(value.toPrecision(12)));
}

/** The scale of a point of a guess: its own, where it has one. */
export const at = (guess, point) => ({ ...guess, ...guess.scales[point] });

/** How a guess writes its values. A logarithmic guess is in exponents of ten. */
export function writing(guess) {
  if (guess.share) return (value) => percent(value, 0);
  if (guess.log) return (value) => (Number.isInteger(value) ? (value === 0 ? "1" : `10${raised(value)}`) : number(10 ** value, 2));
  return (value) => number(value);
}

/** Where a value of a run lies on the scale of the guess. */
export const placed = (guess, value) => (guess.log ? Math.log10(Math.max(value, 1e-300)) : value);

/** The value of a run that a place on the scale stands for. */
export const meant = (guess, place) => (guess.log ? 10 ** place : place);

// Okabe and Ito's colors, as in the reports; the style sheet changes some on a dark page.
export const STYLES = [
  { color: "var(--first)", dash: "none" },
  { color: "var(--second)", dash: "7 4" },
  { color: "var(--third)", dash: "2 3" },
  { color: "var(--fourth)", dash: "9 3 2 3" },
  { color: "var(--fifth)", dash: "12 4" },
];
export const style = (i) => STYLES[i % STYLES.length];
