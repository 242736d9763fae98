"""Jobs: one a client, in turn, stopped, resumed; streams that pick up where they were, in bounded number."""

import asyncio
import json

import pytest

pytest.importorskip("starlette", reason="pip install 'koubai[page]'")

from koubai.page.jobs import MOST_STREAMS, MOST_WAITING
from support.asgi import events

LESSON = "vanishing_gradient"


async def submit(page, client="a-client-of-tests", turn=0):
    answer = await page.ask(
        "POST", "/jobs", json.dumps({"client": client, "lesson": LESSON, "round": turn}).encode()
    )
    return answer.json()["job"] if answer.status == 201 else answer.status


def kinds(page, job):
    return [event["kind"] for event in page.jobs.find(job).events]


def test_jobs_of_other_clients_wait_and_are_told_how_many_are_before_them(page):
    async def talk(page):
        first, second, third = [await submit(page, f"client-number-{i}") for i in range(3)]
        assert [message[1] for message in page.jobs.asked] == [first], "one at a time"
        assert page.jobs.find(third).events[-1] == {"kind": "waiting", "before": 2}
        page.jobs.says(first, kind="end", stopped=False)
        assert [message[1] for message in page.jobs.asked] == [first, second]
        assert page.jobs.find(third).events[-1] == {"kind": "waiting", "before": 1}

    page(talk)


def test_a_second_job_of_a_client_takes_the_place_of_the_first_which_says_so(page):
    async def talk(page):
        first = await submit(page)
        second = await submit(page, turn=1)
        assert page.jobs.asked[-1] == ("stop", first)
        page.jobs.says(first, kind="end", stopped=True)
        assert kinds(page, first)[-1] == "end"
        assert page.jobs.asked[-1] == ("job", second, "lesson", LESSON, 1)

    page(talk)


def test_a_job_that_waits_is_stopped_at_once_and_never_begins(page):
    async def talk(page):
        first, second = await submit(page), await submit(page, "another-client")
        assert (await page.ask("POST", f"/jobs/{second}/stop", b"{}")).status == 204
        assert page.jobs.find(second).events[-1] == {"kind": "end", "stopped": True}
        page.jobs.says(first, kind="end", stopped=False)
        assert not any(message[1] == second for message in page.jobs.asked)

    page(talk)


def test_the_queue_is_bounded(page):
    async def talk(page):
        made = [await submit(page, f"client-number-{i}") for i in range(MOST_WAITING + 3)]
        assert made[MOST_WAITING:] == [429] * 3

    page(talk)


def test_a_stream_has_ten_pieces_a_second_at_most_and_nothing_is_lost(page):
    async def talk(page):
        job = page.jobs.find(await submit(page))

        async def read():
            now = asyncio.get_running_loop().time
            return [(now(), piece) async for piece in page.jobs.listen(job, -1)]

        reading = asyncio.ensure_future(read())
        for done in range(120):
            page.jobs.says(job.id, kind="progress", done=done)
            await asyncio.sleep(0.01)
        page.jobs.says(job.id, kind="end", stopped=False)
        pieces = await reading
        times = [time for time, _ in pieces]
        assert all(b - a > 0.99 for a, b in zip(times, times[10:], strict=False))
        assert len(pieces) < 20
        seen = events("".join(piece for _, piece in pieces).encode())
        assert [number for number, _ in seen] == list(range(122))

    page(talk)


def test_a_stream_gives_what_was_missed_and_ends_with_the_job(page):
    async def talk(page):
        job = await submit(page)
        for done in range(4):
            page.jobs.says(job, kind="progress", done=done)
        whole = asyncio.ensure_future(page.ask("GET", f"/jobs/{job}/events"))
        await asyncio.sleep(0)
        page.jobs.says(job, kind="end", stopped=False)
        seen = events((await whole).body)
        assert [number for number, _ in seen] == list(range(6)), "started, four times progress, end"
        assert seen[-1][1]["kind"] == "end"
        again = await page.ask("GET", f"/jobs/{job}/events", last_event_id="3")
        assert events(again.body) == seen[4:]
        asked = await page.ask("GET", f"/jobs/{job}/events", query=b"after=4")
        assert events(asked.body) == seen[5:]
        assert (await page.ask("GET", f"/jobs/{job}/events", last_event_id="5")).status == 204, "come no more"

    page(talk)


@pytest.mark.parametrize("wrong", ["-1", "1e3", "x", "٣", "99999999999999999999"])
def test_a_place_in_a_stream_is_a_plain_number(page, wrong):
    async def talk(page):
        job = await submit(page)
        answer = await page.ask("GET", f"/jobs/{job}/events", query=f"after={wrong}".encode())
        assert answer.status == 400

    page(talk)


def test_streams_are_bounded_and_given_back(page):
    async def talk(page):
        job = await submit(page)
        open_ones = [
            asyncio.ensure_future(page.ask("GET", f"/jobs/{job}/events")) for _ in range(MOST_STREAMS)
        ]
        await asyncio.sleep(0.05)
        assert page.jobs.streams == MOST_STREAMS
        assert (await page.ask("GET", f"/jobs/{job}/events")).status == 429
        page.jobs.closing.set()  # as Ctrl-C does
        await asyncio.wait_for(asyncio.gather(*open_ones), 3)
        assert page.jobs.streams == 0

    page(talk)


def test_a_stream_whose_page_went_away_is_given_back(page):
    async def talk(page):
        job = await submit(page)
        await page.ask("GET", f"/jobs/{job}/events", patience=0.05)  # then the connection ends
        assert page.jobs.streams == 0

    page(talk)


def test_a_job_whose_worker_died_says_so_and_the_next_one_begins(page):
    async def talk(page):
        first, second = await submit(page), await submit(page, "another-client")
        page.jobs._lost(page.jobs._pipe)
        assert page.jobs.find(first).events[-1] == {"kind": "failed", "text": None}
        assert page.jobs.asked == [("job", second, "lesson", LESSON, 0)], "to the new worker"

    page(talk)


def test_workers_that_keep_dying_are_not_started_for_ever(page):
    async def talk(page):
        jobs = [await submit(page, f"client-number-{i}") for i in range(5)]
        deaths = 0
        while page.jobs._pipe is not None:
            page.jobs._lost(page.jobs._pipe)
            deaths += 1
        assert deaths == 3
        assert all(page.jobs.find(job).events[-1] == {"kind": "failed", "text": None} for job in jobs)
        again = await submit(page)
        assert page.jobs.asked == [("job", again, "lesson", LESSON, 0)], "who asks gets one more"

    page(talk)


@pytest.mark.parametrize(
    "asked",
    [
        {"client": "short", "lesson": LESSON, "round": 0},
        {"client": "a-client-of-tests", "lesson": "../x", "round": 0},
        {"client": "a-client-of-tests", "lesson": LESSON, "round": -1},
        {"client": "a-client-of-tests", "lesson": LESSON, "round": 100},
        {"client": "a-client-of-tests", "lesson": LESSON, "round": True},
        {"client": "a-client-of-tests", "lesson": LESSON, "round": 1.0},
        {"client": "a-client-of-tests", "lesson": LESSON},
        {"client": "a-client-of-tests", "lesson": LESSON, "round": 0, "steps": 10**9},
        [],
        None,
    ],
)
def test_only_a_lesson_and_a_round_can_be_asked_for(page, asked):
    async def talk(page):
        answer = await page.ask("POST", "/jobs", json.dumps(asked).encode())
        assert answer.status == 400
        assert page.jobs.asked == []

    page(talk)
