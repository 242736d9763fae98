// A question with new numbers each time; every choice is told why it is right or wrong.

import { el, math } from "./dom.js";
import { answered } from "./progress.js";
import { loadQuestion } from "./source.js";
import { language, say } from "./words.js";
import { choices } from "./why.js";

/** Ask one question in `place`; `done` hears whether the answer was right. */
export async function put(place, name, done = () => {}) {
  let asked;
  try {
    asked = await loadQuestion(name);
  } catch {
    place.replaceChildren(el("p", { role: "alert" }, say("page.lost")));
    return;
  }
  let chosen = null;
  let told = null;
  const draw = () => {
    const lang = language();
    const options = asked.choices.map((choice, i) => [String(i), choice.text[lang]]);
    const feedback = el("div", { class: "feedback", role: "status" });
    const check = el(
      "button",
      {
        type: "button",
        class: "main",
        onclick: () => {
          if (chosen === null) return feedback.replaceChildren(el("p", {}, say("page.question.choose")));
          if (told === null) {
            answered(name, asked.choices[chosen].right);
            done(asked.choices[chosen].right);
          }
          told = chosen;
          tell(feedback, asked, told);
        },
      },
      say("page.question.check"),
    );
    place.replaceChildren(
      choices(asked.text[lang], options, chosen, (value) => (chosen = value)),
      el("div", { class: "buttons" }, check, el("button", { type: "button", onclick: () => put(place, name, done) }, say("page.question.another"))),
      feedback,
    );
    if (told !== null) tell(feedback, asked, told);
  };
  draw();
}

function tell(feedback, asked, chosen) {
  const lang = language();
  const one = asked.choices[chosen];
  const right = asked.choices.find((choice) => choice.right);
  const lines = [
    el("p", { class: one.right ? "good" : "bad" }, el("strong", {}, say(one.right ? "page.question.right" : "page.question.wrong")), ` ${one.because[lang]}`),
  ];
  if (!one.right) lines.push(el("p", {}, `${say("page.question.answer", { answer: right.text[lang] })} ${right.because[lang]}`));
  lines.push(
    el("p", { class: "formula" }, ...asked.formulas.flatMap((tree, i) => (i ? [";  ", math(tree)] : [math(tree)]))),
    el("p", { class: "place" }, say("page.question.computed", { place: asked.place })),
  );
  feedback.replaceChildren(...lines);
}
