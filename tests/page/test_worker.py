"""The worker's own part: the events of a job, one after another, without a process around it."""

import json

from koubai.page.worker import perform
from koubai.study.lessons import lessons

LESSON = lessons()["step_size"]


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
