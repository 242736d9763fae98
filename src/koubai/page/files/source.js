// Where lessons, questions and runs come from: the server; or, in a file that was handed out, the file itself.

const recorded = () => document.getElementById("recorded");
const data = recorded() ? JSON.parse(recorded().textContent) : null;

/** Whether runs can be made: not in a file. */
export const live = data === null;
export const only = data?.lesson ?? null;
export const preferred = data?.lang ?? null;

export async function got(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

export const loadWords = (lang) => (data ? data.words[lang] : got(`words/${lang}.json`));
export const loadLessons = () => (data ? data.lessons : got("lessons.json"));

/** A question with numbers of its own. */
export async function loadQuestion(name) {
  if (data) {
    const many = data.questions[name];
    return many[Math.floor(Math.random() * many.length)];
  }
  return got(`questions/${name}/${Math.floor(Math.random() * 2 ** 31)}`);
}

export const post = (path, body) =>
  fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

/** This page, for as long as its tab is open: one client has one job. */
export function client() {
  const name = sessionStorage.getItem("koubai-client") ?? crypto.getRandomValues(new Uint32Array(4)).join("-");
  sessionStorage.setItem("koubai-client", name);
  return name;
}

/** Run a lesson; `hear` gets every event once, in order. Returns {stop, leave}. */
export function run(lesson, round, hear) {
  if (data) {
    data.events.forEach(hear);
    return { stop: () => {}, leave: () => {} };
  }
  const asked = []; // before the job has a name
  const control = { stop: () => asked.push("stop"), leave: () => asked.push("leave") };
  const tell = (event) => asked.includes("leave") || hear(event);
  post("jobs", { client: client(), lesson, round }).then(
    async (answer) => {
      if (!answer.ok) return tell({ kind: answer.status === 429 ? "busy" : "lost" });
      const { job, ready } = await answer.json();
      if (!ready) tell({ kind: "warming" });
      Object.assign(control, listen(job, hear));
      asked.forEach((what) => control[what]());
    },
    () => tell({ kind: "lost" }),
  );
  return control;
}

const TRIES = 20; // a second apart, after which a server that refuses is given up

/**
 * Read a stream while the page is seen; one that was hidden, or cut off, is opened again at `address()`.
 * `take` gets each message, `tell` a word: cut, heard, lost, or what `gone` says where there is nothing to go on with.
 */
export function stream(address, take, tell, gone = async () => null) {
  let source = null;
  let over = false;
  let failures = 0;
  const close = () => {
    source?.close();
    source = null;
  };
  const open = () => {
    if (over || source || document.hidden) return;
    source = new EventSource(address());
    source.onmessage = take;
    source.onerror = () => {
      tell("cut");
      if (source.readyState !== EventSource.CLOSED) return; // it tries again by itself
      close();
      retry();
    };
    source.onopen = () => {
      failures = 0;
      tell("heard");
    };
  };
  const retry = async () => {
    failures += 1;
    const word = (await gone()) ?? (failures >= TRIES ? "lost" : null);
    if (over) return;
    if (!word) return setTimeout(open, 1000);
    leave();
    tell(word);
  };
  const leave = () => {
    over = true;
    close();
    document.removeEventListener("visibilitychange", look);
  };
  const look = () => (document.hidden ? close() : open());
  document.addEventListener("visibilitychange", look);
  open();
  return {
    leave,
    again: () => {
      close();
      open();
    },
  };
}

/** Listen to a job; one that was hidden, or cut off, goes on behind the last event it had. */
export function listen(job, hear) {
  let seen = -1;
  const address = () => `jobs/${job}/events?after=${seen}`.replace("?after=-1", "");
  const take = ({ data: text, lastEventId }) => {
    if (Number(lastEventId) <= seen) return;
    seen = Number(lastEventId);
    const event = JSON.parse(text);
    if (["end", "failed"].includes(event.kind)) leave();
    hear(event);
  };
  const { leave } = stream(address, take, (kind) => hear({ kind }));
  return { stop: () => post(`jobs/${job}/stop`, {}), leave };
}
