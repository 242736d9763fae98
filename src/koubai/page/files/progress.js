// What a learner has done stays in this browser. When questions come again: 1, 3, 7, 21 days after a right answer.

const KEY = "koubai-progress";
const DAY = 24 * 3600 * 1000;
const AFTER = [1, 3, 7, 21];

const empty = () => ({ format: 1, lessons: {}, questions: {} });

function read() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY));
    return found?.format === 1 && found.lessons && found.questions ? found : empty();
  } catch {
    return empty();
  }
}

function change(edit) {
  const now = read();
  edit(now);
  try {
    localStorage.setItem(KEY, JSON.stringify(now));
  } catch {
    // a browser that keeps nothing: the lesson works all the same
  }
}

/** Keep how far a lesson is, and what was guessed. */
export const reached = (lesson, stage, guess) =>
  change((now) => {
    const before = now.lessons[lesson] ?? { stage: 0 };
    now.lessons[lesson] = { ...before, stage: Math.max(before.stage, stage), guess: guess ?? before.guess ?? null };
  });

export const stage = (lesson) => read().lessons[lesson]?.stage ?? 0;

/** Keep an answer; a wrong one comes again tomorrow, a right one later and later. */
export const answered = (question, right, now = Date.now()) =>
  change((all) => {
    const streak = right ? (all.questions[question]?.streak ?? 0) + 1 : 0;
    const days = AFTER[Math.min(Math.max(streak - 1, 0), AFTER.length - 1)];
    all.questions[question] = { streak, due: now + days * DAY };
  });

/** Questions that are due, longest first. */
export const due = (now = Date.now()) =>
  Object.entries(read().questions)
    .filter(([, one]) => one.due <= now)
    .sort((a, b) => a[1].due - b[1].due)
    .map(([name]) => name);

/** When a question comes again; null if it was never asked. */
export const next = (question) => read().questions[question]?.due ?? null;

export const exported = () => JSON.stringify(read(), null, 2);
export const forget = () => localStorage.removeItem(KEY);
export const anything = () => Object.keys(read().lessons).length + Object.keys(read().questions).length > 0;
