// The news of runs that are watched: one stream, picked up where it was; and what of it a page keeps.

import { got, post, stream } from "./source.js";
import { say } from "./words.js";

export const loadRuns = () => got("runs.json");

/** Listen for news while the page is seen. `hear` gets news, or a word: cut, heard, lost, gone. */
export function listen(runs, hear) {
  let trial = null;
  let seen = "";
  const address = () => {
    const asked = Object.entries({ runs: runs.join("."), trial, after: seen }).filter(([, value]) => value);
    return `runs/events?${new URLSearchParams(asked)}`;
  };
  const take = ({ data, lastEventId }) => {
    seen = lastEventId;
    hear(JSON.parse(data));
  };
  const gone = async () => {
    const known = await loadRuns().then(({ runs: rows }) => rows.map(({ id }) => id), () => null);
    return known && runs.some((run) => !known.includes(run)) ? "gone" : null;
  };
  const { leave, again } = stream(address, take, hear, gone);
  return {
    leave,
    /** Hear of a trial, too. */
    follow: (name) => {
      trial = name;
      again();
    },
  };
}

export const begin = (run, step, change) => post("runs/trials", { run, step, change });
export const stop = (trial) => post(`runs/trials/${trial}/stop`, {});

/** Cells of one series: how many steps each covers, and [mean, low, high, not finite] by its number. */
export class Series {
  constructor() {
    this.width = 1;
    this.end = Infinity; // the last step of the run
    this.cells = new Map();
  }

  /** Take in cells; where their width is another, all of them have come. */
  take(width, cells) {
    if (width !== this.width) this.cells.clear();
    this.width = width;
    cells.forEach(([i, ...values]) => this.cells.set(i, values));
  }

  /** Numbers of the cells, in order. */
  get order() {
    return [...this.cells.keys()].sort((a, b) => a - b);
  }

  /** The last step of a cell, as it is told. */
  step(i) {
    return Math.min((i + 1) * this.width - 1, this.end);
  }
}

/** All that is known of one run. */
export class Run {
  constructor(id) {
    Object.assign(this, { id, about: null, verdict: null, offers: [], stored: [] });
    this.forget();
  }

  forget() {
    Object.assign(this, { step: 0, fault: null, leftOut: 0, names: [], series: [] });
  }

  /** Take in news; return which parts are new. */
  take({ about, verdict, offers, stored, history }) {
    if (about) this.about = about;
    if (verdict) Object.assign(this, { verdict, offers, stored });
    if (about?.verdict) this.verdict = about.verdict;
    if (!history) return;
    if (history.whole) this.forget();
    Object.assign(this, { step: history.step, fault: history.fault, leftOut: history.left_out });
    (history.names ?? []).forEach(([i, path, quantity]) => {
      this.names[i] = { path, quantity };
      this.series[i] = new Series();
    });
    (history.cells ?? []).forEach(([i, width, cells]) => this.series[i].take(width, cells));
    this.series.forEach((series) => (series.end = Math.max(this.step, 0)));
  }

  /** The gradient at each layer's output; where that was not measured, of each parameter. */
  layers() {
    const layers = this.of("activation_gradient_rms");
    if (!layers.length) return this.of("gradient_norm");
    return layers.map(({ path, series }) => ({ path: say("runs.heat.layer", { path }), series }));
  }

  /** The series of a quantity: [{path, series}], in the order they came up. */
  of(quantity) {
    return this.names.flatMap((name, i) => (name.quantity === quantity ? [{ path: name.path, series: this.series[i] }] : []));
  }
}
