"""Watch behind its gate: which runs are listed, what a stream tells, and what can be tried on a copy."""

import asyncio
import json
import re

import pytest

pytest.importorskip("starlette", reason="pip install 'koubai[page]'")

from koubai.doctor.answer.diary import plain_verdict
from koubai.doctor.answer.verdict import Verdict
from koubai.page.watch import hub as hubs
from koubai.page.watch.hub import ShownRun
from koubai.page.watch.look import look_at_run
from koubai.page.watch.trial import trial

from .whole import StillHelper
from .written import Written


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    monkeypatch.setattr(hubs, "TICK", 0.02)
    StillHelper.made.clear()


def told(answer):
    """Return the events of a stream: where each stands, and what it says."""
    blocks = answer.body.decode().split("\n\n")
    matches = [re.fullmatch(r"id: (\S+)\ndata: (.*)", block, re.DOTALL) for block in blocks]
    return [(match[1], json.loads(match[2])) for match in matches if match]


async def listed(page):
    return (await page.ask("GET", "/runs.json")).json()


def test_without_a_folder_and_with_an_empty_one_the_list_says_which(page, tmp_path):
    async def talk(page):
        return await listed(page)

    assert page(talk) == {"runs": [], "full": False, "roots": 0}
    assert page(talk, runs=[tmp_path]) == {"runs": [], "full": False, "roots": 1}


def test_runs_are_listed_as_they_come_and_go(page, tmp_path):
    async def talk(page):
        first = Written(tmp_path / "a")
        first.add([1, 2], [3.0, 2.5])
        (row,) = (await listed(page))["runs"]
        assert row | {"id": ""} == {
            "id": "",
            "name": "a",
            "kind": "watched",
            "state": "running",
            "planned": 1000,
            "written": None,
            "step": 2,
            "loss": 2.5,
        }
        Written(tmp_path / "deep" / "b")
        assert {row["name"] for row in (await listed(page))["runs"]} == {"a", "deep/b"}
        for file in first.folder.iterdir():
            file.unlink()
        assert {row["name"] for row in (await listed(page))["runs"]} == {"deep/b"}

    page(talk, runs=[tmp_path])


def test_a_stream_tells_what_is_new_and_goes_on_behind_what_was_seen(page, tmp_path):
    async def talk(page):
        run = Written(tmp_path / "a")
        run.add([1], [3.0])
        (row,) = (await listed(page))["runs"]
        path, query = "/runs/events", f"runs={row['id']}".encode()
        first = told(await page.ask("GET", path, query=query, patience=0.3))
        whole = {}
        for _, news in first:
            whole |= news["runs"][row["id"]]
        assert whole["about"]["model"] == "Net"
        assert whole["history"]["step"] == 1
        assert first[0][1]["runs"][row["id"]]["history"]["whole"]
        seen = first[-1][0]
        run.add([2], [2.0])
        again = told(await page.ask("GET", path, query=query, last_event_id=seen, patience=0.3))
        assert [news["runs"][row["id"]]["history"]["cells"] for _, news in again] == [
            [[0, 1, [[2, 2.0, 2.0, 2.0, 0]]]]
        ]
        after = query + b"&after=" + again[-1][0].encode()
        assert told(await page.ask("GET", path, query=after, patience=0.2)) == [], "nothing is new"
        foreign = query + b"&after=00000000-9999"
        (_, news), *_ = told(await page.ask("GET", path, query=foreign, patience=0.3))
        assert news["runs"][row["id"]]["history"]["whole"], "another server's numbers say nothing here"
        assert (page.hub.watching, page.hub.listing_streams, page.jobs.streams) == ({}, 0, 0)

    page(talk, runs=[tmp_path])


def test_a_run_that_is_deleted_while_it_is_watched_says_so(page, tmp_path):
    async def talk(page):
        run = Written(tmp_path / "a")
        run.add([1], [3.0])
        (row,) = (await listed(page))["runs"]
        stream = asyncio.ensure_future(
            page.ask("GET", "/runs/events", query=f"runs={row['id']}".encode(), patience=0.6)
        )
        await asyncio.sleep(0.2)
        for file in run.folder.iterdir():
            file.unlink()
        run.folder.rmdir()
        states = [
            news["runs"][row["id"]]["about"]["state"]
            for _, news in told(await stream)
            if "about" in news["runs"][row["id"]]
        ]
        assert states == ["running", "gone"]

    page(talk, runs=[tmp_path])


@pytest.mark.parametrize(
    ("query", "status"),
    [
        (b"runs=../etc", 400),
        (b"runs=" + b"0" * 32, 404),
        (b"runs=" + b".".join(b"%032x" % i for i in range(5)), 400),
        (b"runs=" + b"A" * 32, 400),
        (b"after=1", 400),
        (b"after=00000000-x", 400),
        (b"trial=../x", 400),
        (b"trial=" + b"x" * 16, 200),
    ],
)
def test_runs_are_asked_for_by_the_ids_that_are_listed(page, tmp_path, query, status):
    async def talk(page):
        return (await page.ask("GET", "/runs/events", query=query, patience=0.05)).status

    assert page(talk, runs=[tmp_path]) == status


def test_a_trial_is_of_a_listed_run_a_stored_step_and_an_offered_change(page, tmp_path):
    async def talk(page):
        Written(tmp_path / "a")
        (row,) = (await listed(page))["runs"]
        run = page.hub.runs[row["id"]] = ShownRun(page.hub.listing.places[row["id"]], 1)
        run.offers = [{"name": "use_relu", "start": True}, {"name": "rate_ten", "start": False}]
        run.steps = [100, 200]
        asked = {"run": row["id"], "step": 200, "change": "rate_ten"}

        async def ask(**changes):
            return await page.ask("POST", "/runs/trials", json.dumps(asked | changes).encode())

        wrong = [
            {"step": 7},
            {"step": -1},
            {"step": True},
            {"change": "../x"},
            {"change": "use_relu"},
            {"more": 1},
        ]
        assert [(await ask(**changes)).status for changes in wrong] == [400] * len(wrong)
        assert (await ask(run="0" * 32)).status == 404
        assert StillHelper.made == []
        name = (await ask()).json()["trial"]
        (helper,) = StillHelper.made
        assert (helper.body, helper.args[2:]) == (trial, (200, "rate_ten"))
        assert (await ask()).status == 429, "one at a time"
        helper.hear({"kind": "length", "from": 200, "steps": 50})
        helper.hear({"kind": "run", "arm": "changed", "pair": 0, "loss": None, "skill": None})
        helper.hear({"kind": "over"})
        state = page.hub.tries.news(name, -1)["state"]
        assert (state["kind"], state["steps"], len(state["runs"])) == ("failed", 50, 1)
        name = (await ask()).json()["trial"]
        assert (await page.ask("POST", f"/runs/trials/{name}/stop", b"{}")).status == 204
        assert StillHelper.made[-1].killed
        assert page.hub.tries.news(name, -1)["state"]["kind"] == "stopped"
        assert (await page.ask("POST", "/runs/trials/x/stop", b"{}")).status == 404

    page(talk, runs=[tmp_path])


def test_the_doctor_looks_once_at_each_checkpoint_and_what_it_meets_is_told(page, tmp_path):
    async def talk(page):
        Written(tmp_path / "a")
        (row,) = (await listed(page))["runs"]
        run = ShownRun(page.hub.listing.places[row["id"]], 1)
        page.hub.runs[row["id"]], run.about, run.steps = run, {"state": "running"}, [5]
        object.__setattr__(run.place, "kind", "koubai")
        for _ in range(3):
            page.hub._examine(run)
        (helper,) = StillHelper.made
        assert helper.body is look_at_run
        helper.hear({"kind": "failed", "why": {"en": "no", "ja": "いいえ"}})
        helper.hear({"kind": "over"})
        assert run.verdict == {"failed": {"en": "no", "ja": "いいえ"}}
        page.hub._examine(run)
        assert len(StillHelper.made) == 1
        run.steps = [5, 10]
        page.hub._examine(run)
        assert len(StillHelper.made) == 2
        verdict = plain_verdict(Verdict([])) | {"step": 10}
        StillHelper.made[-1].hear({"kind": "verdict", "verdict": verdict, "offers": [1]})
        assert run.verdict == {"name": "healthy", "findings": [], "unseen": [], "step": 10}
        assert run.offers == [1]

    page(talk, runs=[tmp_path])
