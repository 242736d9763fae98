"""The worker's own part: the events of a job, one after another, without a process around it."""

import json
from multiprocessing import get_context

from koubai.core.errors import SettingError
from koubai.lab.perform.plans.descent import Descent
from koubai.lab.perform.progress import CampaignProgress, RunUnderWay
from koubai.lab.perform.work import tasks_of
from koubai.page.lesson_job import _Teller, perform_lesson
from koubai.page.offline import recorded
from koubai.page.worker import work
from koubai.study.lessons import lessons, sparsity
from koubai.words import LANGUAGES

LESSON = lessons()["step_size"]


WAIT = 300  # seconds: a bound for what hangs


def events(folder, stopped=lambda: False):
    found = []
    found += perform_lesson(LESSON, 0, folder, None, stopped, found.append)
    return json.loads(json.dumps(found, allow_nan=False))


def test_a_job_tells_every_run_once_then_its_first_updates_then_the_facts(tmp_path):
    told = events(tmp_path)
    runs = [event for event in told if event["kind"] == "run"]
    assert sorted(point for run in runs for point in run["values"]) == sorted(LESSON.guess.points)
    rest = [event["kind"] for event in told if event["kind"] not in ("run", "progress")]
    assert rest == ["trace", "facts", "end"]
    assert told[-2]["facts"]["limit"] == 1
    assert [one["n"] for one in told[-2]["means"]] == [1] * len(LESSON.guess.points)
    progress = [event for event in told if event["kind"] == "progress"]
    assert progress[-1]["done"] == progress[-1]["total"] == len(runs)


def test_the_same_question_is_answered_from_the_store(tmp_path):
    first = events(tmp_path)
    again = events(tmp_path)
    assert again[-1] == first[-1]
    assert [event["reused"] for event in again if event["kind"] == "progress"] == [len(LESSON.guess.points)]


def test_the_runs_of_a_slider_come_behind_the_answer_in_a_file_too(tmp_path, monkeypatch):
    lesson = lessons()["sparsity"]
    monkeypatch.setattr(sparsity, "STRENGTHS", (0.003,))
    monkeypatch.setattr(type(lesson), "slider", (0.003,))
    told = []
    told += perform_lesson(lesson, 0, tmp_path, None, lambda: False, told.append)
    rest = [event for event in told if event["kind"] not in ("run", "progress")]
    assert [event["kind"] for event in rest] == ["trace", "facts", "slid", "end"]
    assert [one["arm"] for one in rest[2]["slid"]] == ["l2", "l1", "soft"]
    assert all(one["n"] == 5 for one in rest[2]["slid"])
    filed = [event for event in recorded(lesson, tmp_path) if event["kind"] not in ("run", "progress")]
    assert json.dumps(filed) == json.dumps(rest)


def test_a_job_that_was_stopped_says_so_and_keeps_what_is_whole(tmp_path):
    told = events(tmp_path, stopped=lambda: True)
    assert told == [{"kind": "end", "stopped": True}]


def test_the_first_point_is_told_at_once_and_the_next_ten_times_a_second_at_most():
    told, lesson = [], lessons()["vanishing_gradient"]
    tell = _Teller(lesson, lambda: False, told.append)
    task = tasks_of(lesson.experiment((0,)))[0]
    progress = CampaignProgress(3)
    tell(progress)
    progress.running[task.key] = RunUnderWay(task, 1, 300, 2.5)
    tell(progress)
    tell(progress)
    assert [[one["loss"] for one in event["running"]] for event in told] == [[], [2.5]]


def test_what_went_wrong_is_told_in_both_languages(tmp_path, monkeypatch):
    def failing(self, context):
        raise SettingError("experiment_needs_threads", expected="threads >= 1", got=0)

    monkeypatch.setattr(Descent, "perform", failing)
    event = events(tmp_path)[-1]
    assert event["kind"] == "failed"
    assert event["text"] == {
        lang: SettingError("experiment_needs_threads", expected="threads >= 1", got=0).say(lang)
        for lang in LANGUAGES
    }
    assert event["text"]["ja"] != event["text"]["en"]


def test_what_python_says_stays_as_it_is_behind_a_line_in_each_language(tmp_path, monkeypatch):
    monkeypatch.setattr(Descent, "perform", lambda self, context: 1 / 0)
    text = events(tmp_path)[-1]["text"]
    assert all("ZeroDivisionError: division by zero" in text[lang] for lang in LANGUAGES)
    assert text["ja"] != text["en"]


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
