"""The worker's own part: the events of a job, one after another, without a process around it."""

import json
from multiprocessing import get_context

from koubai.page.worker import perform, work
from koubai.study.lessons import lessons

LESSON = lessons()["step_size"]


WAIT = 300  # seconds: a bound for what hangs


def events(folder, stopped=lambda: False):
    found = []
    found += perform(LESSON, 0, folder, None, stopped, found.append)
    return json.loads(json.dumps(found, allow_nan=False))


def test_a_job_tells_every_run_once_then_its_first_updates_then_the_facts(tmp_path):
    told = events(tmp_path)
    runs = [event for event in told if event["kind"] == "run"]
    assert sorted(point for run in runs for point in run["values"]) == sorted(LESSON.guess.points)
    rest = [event["kind"] for event in told if event["kind"] not in ("run", "progress")]
    assert rest == ["trace", "end"]
    assert told[-1]["facts"]["limit"] == 1
    assert [one["n"] for one in told[-1]["means"]] == [1] * len(LESSON.guess.points)
    progress = [event for event in told if event["kind"] == "progress"]
    assert progress[-1]["done"] == progress[-1]["total"] == len(runs)


def test_the_same_question_is_answered_from_the_store(tmp_path):
    first = events(tmp_path)
    again = events(tmp_path)
    assert again[-1] == first[-1]
    assert [event["reused"] for event in again if event["kind"] == "progress"] == [len(LESSON.guess.points)]


def test_a_job_that_was_stopped_says_so_and_keeps_what_is_whole(tmp_path):
    told = events(tmp_path, stopped=lambda: True)
    assert told == [{"kind": "end", "stopped": True}]


def test_a_process_does_its_jobs_and_ends_with_its_pipe(tmp_path):
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(theirs, tmp_path, None))
    process.start()
    theirs.close()
    for number in range(3):
        ours.send(("job", f"job {number}", "lesson", LESSON.registry_name, 0))
    ours.send(("stop", "job 2"))
    ended = {}
    while len(ended) < 3:
        assert ours.poll(WAIT)
        job, event = ours.recv()
        if event["kind"] == "end":
            ended[job] = event["stopped"]
    assert (ended["job 0"], ended["job 1"]) == (False, False)
    ours.close()
    process.join(WAIT)
    assert process.exitcode == 0
