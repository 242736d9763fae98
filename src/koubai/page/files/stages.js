// What the card of a lesson holds at each of its seven parts.

import { el } from "./dom.js";
import { filter } from "./filter.js";
import { between, ranks } from "./order.js";
import { apart, end, turns } from "./paths.js";
import { next } from "./progress.js";
import { put } from "./question.js";
import { pictures } from "./pictures.js";
import { at, meant, placed, writing } from "./scale.js";
import { slider } from "./slider.js";
import { live } from "./source.js";
import { choices, trace } from "./why.js";
import { language, say } from "./words.js";

/** Events after which no other one of a job comes. */
export const LAST = ["end", "failed", "lost", "busy"];

export const STAGES = ["guess", "run", "gap", "why", "right", "question", "later"];

/** Milliseconds without a finished run, after which the page says why that may be. */
export const PATIENCE = 3000;

/** The elements of one part. */
export const fill = (stage, view) => PARTS[stage](view);

const button = (key, onclick, settings = {}) => el("button", { type: "button", onclick, ...settings }, say(`page.${key}`));
const onward = (view, key) => button(key, () => view.show(view.stage + 1), { class: "main" });
const buttons = (...all) => el("div", { class: "buttons" }, ...all);

function guess(view) {
  const sure = choices(
    say("page.guess.sure"),
    [0, 1, 2].map((i) => [String(i), say(`page.sure.${i}`)]),
    view.sure,
    (value) => (view.sure = value),
  );
  const missing = el("p", { role: "status" });
  const take = (values) => {
    view.guess = values && { ...values };
    view.begin();
  };
  const go = () => {
    if (!view.moved) return (missing.textContent = say(`page.guess.first.${view.lesson.guess.kind}`));
    take(view.chart.values);
  };
  view.go = button(live ? "guess.go" : "guess.show", go, { class: "main", "aria-disabled": String(!view.moved) });
  return [
    el("p", {}, say(`page.guess.how.${view.lesson.guess.kind}`)),
    sure,
    buttons(view.go, button("guess.unknown", () => take(null))),
    missing,
  ];
}

function run(view) {
  const bar = el("progress", { "aria-label": say("page.run.progress") });
  const text = el("p", { role: "status" });
  const row = el("div", { class: "buttons" });
  view.redraw = () => {
    if (view.total) Object.assign(bar, { max: view.total, value: view.seen });
    text.textContent = state(view);
    const over = view.end !== null || LAST.includes(view.state?.kind);
    bar.hidden = over;
    const wanted = view.end ? ["gap"] : over ? ["again"] : live ? ["stop"] : [];
    if (row.dataset.holds === wanted.join()) return;
    row.dataset.holds = wanted.join();
    row.replaceChildren(...wanted.map((name) => ACTIONS[name](view)));
  };
  view.redraw();
  return [el("p", {}, say(`${view.words}.runs`)), bar, text, row];
}

const ACTIONS = {
  gap: (view) => onward(view, "run.gap"),
  again: (view) => button("run.again", () => view.begin(), { class: "main" }),
  stop: (view) => button("run.stop", () => view.job.stop()),
};

/** How the runs stand, in words. */
function state(view) {
  const event = view.state;
  if (event?.kind === "waiting") return say("page.run.waiting", { before: event.before });
  if (event?.kind === "failed") return say("page.run.failed", { why: event.text?.[language()] ?? say("page.run.died") });
  if (!view.end && event?.kind === "end" && event.stopped) return say("page.run.stopped");
  if (view.end && !live) return say("page.run.recorded", { count: view.total });
  if (view.end) return say(view.reused === view.total ? "page.run.kept" : "page.run.done", { count: view.total });
  if (["busy", "lost", "cut", "warming"].includes(event?.kind)) return say(`page.run.${event.kind}`);
  if (!view.seen && Date.now() - view.begun > PATIENCE) return say("page.run.warming");
  return view.total ? say("page.run.under", { done: view.seen, total: view.total }) : say("page.run.begins");
}

/** Where the guess is furthest off, by how much of the scale; null where nothing was guessed. */
function furthest(view) {
  const { guess } = view.lesson;
  if (!view.guess) return null;
  if (guess.kind === "order") return misplaced(guess, view);
  if (guess.kind === "paths") return astray(guess, view);
  const gaps = view.end.means
    .filter((one) => (!guess.arm || one.arm === guess.arm) && !(one.point in guess.given))
    .map((one) => ({ ...one, guessed: view.guess[one.point], gap: view.guess[one.point] - placed(at(guess, one.point), one.mean) }));
  const part = ({ gap, point }) => Math.abs(gap) / (at(guess, point).high - at(guess, point).low); // of its scale
  return gaps.reduce((most, one) => (part(one) > part(most) ? one : most));
}

/** The path that lies furthest from the real one. */
function astray(guess, view) {
  const drawn = guess.points.filter((point) => view.guess[point]);
  const gaps = drawn.map((point) => {
    const [mine, real] = [view.guess[point], view.chart.runs.get(point)];
    return { point, gap: apart(mine, real), guessed: turns(mine), turns: turns(real), mean: end(real) };
  });
  return gaps.reduce((most, one) => (one.gap > most.gap ? one : most), { gap: -1 });
}

/** The arm that is furthest from its place; arms that reach the same may change places. */
function misplaced(guess, view) {
  const means = view.end.means.filter((one) => guess.points.includes(one.point));
  const places = ranks(means, guess.tie);
  const gaps = means.map((one) => {
    const [first, last] = places[one.point];
    const guessed = view.guess[one.point];
    return { ...one, guessed, places: [first, last], gap: guessed - Math.min(Math.max(guessed, first), last) };
  });
  return gaps.reduce((most, one) => (Math.abs(one.gap) > Math.abs(most.gap) ? one : most));
}

/** Whether a gap is a small one: of a scale of its own a tenth, as its ends are close. */
function near(guess, { gap, point }) {
  if (guess.kind === "order") return gap === 0;
  if (guess.kind === "paths") return gap <= 0.3;
  const { low, high, log, share } = at(guess, point);
  return Math.abs(gap) <= (point in guess.scales ? (high - low) / 10 : log ? 1 : share ? 0.05 : (high - low) / 20);
}

/** The gap between the guess and the runs, in one sentence. */
function difference(view) {
  const { guess } = view.lesson;
  const most = furthest(view);
  if (most === null) return say("page.gap.open");
  const names = view.names();
  if (guess.kind === "order") {
    const told = { point: names.points[most.point], guessed: most.guessed, place: between(most.places ?? []), mean: names.write(most.mean) };
    return say(most.gap === 0 ? "page.gap.order.near" : "page.gap.order.far", told);
  }
  if (guess.kind === "paths") {
    const told = { point: names.points[most.point], off: most.gap, guessed: most.guessed, turns: most.turns, mean: most.mean };
    return say(`page.gap.paths.${near(guess, most) ? "near" : "far"}`, told);
  }
  const scale = at(guess, most.point);
  const values = {
    point: guess.kind === "curve" ? `${names.x} ${names.points[most.point]}` : names.points[most.point],
    guessed: writing(scale)(most.guessed),
    mean: names.write(most.mean, most.point),
    times: 10 ** Math.abs(most.gap),
    points: String(Math.round(100 * Math.abs(most.gap))),
    off: Math.abs(most.gap),
  };
  if (near(guess, most)) return say("page.gap.near", values);
  if (scale.log && most.mean <= guess.floor) return say("page.gap.log.zero", values);
  const kind = scale.log ? "log" : scale.share ? "share" : "plain";
  return say(`page.gap.${kind}.${most.gap > 0 ? "above" : "below"}`, values);
}

function gap(view) {
  const most = furthest(view);
  const lines = [el("p", { class: "gap" }, difference(view))];
  if (most !== null && view.sure !== null) {
    lines.push(el("p", {}, say(`page.gap.sure.${near(view.lesson.guess, most) ? "near" : "far"}.${view.sure}`)));
  }
  const row = [onward(view, "gap.why")];
  if (live && view.lesson.random) row.push(button("gap.fresh", () => view.begin(true)));
  return [...lines, buttons(...row)];
}

function why(view) {
  const { lesson, words } = view;
  const place = el("div", {});
  const told = el("p", { role: "status" });
  const order = lesson.reasons.toSorted(); // the right one is not always first
  const options = order.map((name) => [name, say(`${words}.reason.${name}`)]);
  let chosen = view.reason;
  const show = () => {
    const right = view.reason === lesson.reasons[0];
    told.className = right ? "good" : "bad";
    told.textContent = say(right ? "page.why.right" : "page.why.wrong");
    const names = view.names();
    const named = (name) => names.points[name] ?? (lesson.arms.includes(name) ? names.of(name) : name);
    const pointed = (name, frame) => view.chart.point(lesson.guess.points.includes(name) ? lesson.guess.points.indexOf(name) : null, frame);
    const further = el("div", {});
    view.more = () => further.replaceChildren(...extras(view));
    view.more();
    place.replaceChildren(
      el("p", {}, say(`${words}.why`, view.end.facts)),
      el("p", { class: "note" }, say("page.why.trace")),
      trace(lesson, view.frames, named, pointed),
      lesson.filters ? filter(lesson.filters, named) : "",
      further,
      buttons(onward(view, "why.next")),
    );
  };
  const check = () => {
    if (chosen === null) return (told.textContent = say("page.question.choose"));
    view.reason = chosen;
    show();
  };
  if (view.reason !== null) show();
  return [
    choices(say(`${words}.ask`), options, chosen, (value) => (chosen = value)),
    buttons(button("why.check", check, { class: "main" })),
    told,
    place,
  ];
}

/** What comes a little later than the answer: pictures, and a setting to be moved. */
function extras(view) {
  const { lesson } = view;
  const open = !LAST.includes(view.state?.kind);
  const waits = (key) => (open ? el("p", { class: "note", role: "status" }, say(`page.${key}.waits`)) : "");
  return [
    view.pictures ? pictures(view.pictures) : lesson.pictures ? waits("pictures") : "",
    view.slid ? slider(lesson, view.slid) : lesson.slider ? waits("slider") : "",
  ];
}

/** The wrong idea that reason or guess shows; else the usual one, told as that of others. */
function idea(view) {
  const { lesson } = view;
  if (view.reason !== null && view.reason !== lesson.reasons[0]) return { name: view.reason, own: true };
  const shown = view.guess && lesson.wrongs.find(({ when }) => fits(when, features(lesson.guess, view.guess)));
  return shown ? { name: shown.name, own: true } : { name: lesson.usual, own: false };
}

const fits = (when, found) => Object.entries(when).every(([name, [low, high]]) => found[name] >= low && found[name] <= high);

/** Numbers of a guess: its values, and for a curve the factor from one point to the one before. */
function features(guess, values) {
  if (guess.kind === "paths") {
    const drawn = Object.entries(values);
    return Object.fromEntries(drawn.flatMap(([arm, path]) => [[arm, end(path)], [`${arm}_turns`, turns(path)]]));
  }
  const found = Object.fromEntries(guess.points.map((point) => [point, meant(at(guess, point), values[point])]));
  const [first, last] = [guess.points[0], guess.points.at(-1)];
  if (guess.kind === "curve" && guess.log) found.factor = 10 ** ((values[first] - values[last]) / (guess.points.length - 1));
  return found;
}

function right(view) {
  const { name, own } = idea(view);
  const facts = view.end.facts;
  return [
    el("p", {}, say(own ? "page.right.own" : "page.right.many")),
    el("blockquote", {}, say(`${view.words}.wrong.${name}`, facts)),
    el("p", { class: "not" }, el("strong", {}, say("page.right.wrong")), ` ${say(`${view.words}.not.${name}`, facts)}`),
    others(view, name),
    buttons(onward(view, "right.next")),
  ];
}

/** The other wrong ideas of the lesson, to be opened. */
function others(view, told) {
  const { reasons, wrongs, usual, others: further } = view.lesson;
  const names = new Set([usual, ...further, ...wrongs.map(({ name }) => name), ...reasons.slice(1)]);
  names.delete(told);
  const one = (name) => el("details", {}, el("summary", {}, say(`${view.words}.wrong.${name}`)), el("p", {}, say(`${view.words}.not.${name}`, view.end.facts)));
  return el("section", { class: "others" }, el("h3", {}, say("page.right.others")), ...[...names].map(one));
}

/** One question of the lesson; then the next, for whoever wants it. */
function question(view) {
  const place = el("div", { class: "question" });
  const row = buttons();
  const { questions } = view.lesson;
  const ask = (i) => {
    const offered = () => row.replaceChildren(onward(view, "question.next"), ...(i + 1 < questions.length ? [button("question.more", () => ask(i + 1))] : []));
    row.replaceChildren();
    put(place, questions[i], offered);
    if (view.furthest > view.stage) offered();
  };
  ask(0);
  return [place, row];
}

function later(view) {
  const { lesson } = view;
  const day = new Intl.DateTimeFormat(language(), { month: "long", day: "numeric" });
  const due = lesson.questions.map(next).filter((time) => time !== null);
  const lines = [el("p", {}, due.length ? say("page.later.due", { date: day.format(Math.min(...due)) }) : say("page.later.none"))];
  lines.push(el("p", {}, say("page.later.kept")));
  if (lesson.experiment) {
    const command = (more) => el("p", { class: "code" }, el("code", { tabindex: 0 }, `koubai run ${lesson.experiment}${more}`));
    lines.push(el("p", {}, say("page.later.further")), command(""));
    if (lesson.mnist) lines.push(el("p", {}, say("page.later.mnist")), command(" --data mnist"));
  }
  if (lesson.play && live) lines.push(el("p", {}, say("page.later.goal"), " ", el("strong", {}, say(`${view.words}.goal`))));
  const row = [el("a", { class: "button", href: "#" }, say("page.later.home"))];
  if (lesson.play) row.push(el("a", { class: "button", href: `#play/${lesson.play}` }, say("page.later.play")));
  if (view.following) row.unshift(el("a", { class: "button main", href: `#${view.following.name}` }, say("page.later.next", { title: say(`lessons.${view.following.name}.title`) })));
  return [...lines, live ? buttons(...row) : null].filter(Boolean);
}

const PARTS = { guess, run, gap, why, right, question, later };
