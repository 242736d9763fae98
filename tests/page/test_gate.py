"""The gate holds for every route there is: the routes are read off the application, not listed here."""

import asyncio
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("starlette", reason="pip install 'koubai[page]'")

from koubai.page.gate import HEADERS, LARGEST_BODY, Keys
from koubai.page.play.choices import FIRST
from koubai.page.watch.hub import ShownRun

from .whole import ORIGIN, PORT, Page
from .written import Written

JOB = {"client": "a-client-of-tests", "lesson": "vanishing_gradient", "round": 0}
PLAY = {"client": "a-client-of-tests", "recipe": FIRST, "start": 0, "stop": -1}


def one_run(folder):
    """Return a folder with a run in it."""
    Written(folder / "runs" / "mine")
    return [folder / "runs"]


async def every_route(page):
    """Return (method, path, body) of an honest request to every route, streams included."""
    made = (await page.ask("POST", "/jobs", json.dumps(JOB).encode())).json()["job"]
    page.jobs.says(made, kind="end", stopped=True)
    (run,) = [row["id"] for row in (await page.ask("GET", "/runs.json")).json()["runs"]]
    seen = page.hub.runs[run] = ShownRun(page.hub.listing.places[run], 1)
    seen.offers = [{"name": "use_relu", "start": True}]
    asked = {"run": run, "step": 0, "change": "use_relu"}
    trial = (await page.ask("POST", "/runs/trials", json.dumps(asked).encode())).json()["trial"]
    page.hub.tries.stop(page.hub.tries.find(trial))
    known = {"name": "main.js", "lang": "en", "seed": "7", "job": made, "trial": trial}
    found = []
    for route in page.app.routes:
        method = "POST" if "POST" in route.methods else "GET"
        values = {**known, "name": "depth"} if "seed" in route.path_format else known
        path = route.path_format.format(**values)
        honest = {"/jobs": JOB, "/play": PLAY, "/runs/trials": asked}.get(path, {})
        body = json.dumps(honest).encode()
        found.append((method, path, body if method == "POST" else b""))
    assert len(found) == len(page.app.routes) >= 14
    return found


ATTACKS = {
    "no cookie": {"cookie": None},
    "another cookie": {"cookie": f"koubai-{PORT}=guessed"},
    "the cookie of another port": {"cookie": f"koubai-{PORT + 1}=guessed"},
    "another host": {"host": f"attacker.example:{PORT}"},
    "a host that begins right": {"host": f"127.0.0.1:{PORT}.attacker.example"},
    "a host that ends right": {"host": f"attacker.example:x@127.0.0.1:{PORT}"},
    "another port": {"host": f"127.0.0.1:{PORT + 1}"},
    "no port": {"host": "127.0.0.1"},
    "no host": {"host": None},
    "another site": {"sec_fetch_site": "cross-site"},
    "another port of this host": {"sec_fetch_site": "same-site"},
    "a site that is none": {"sec_fetch_site": "same-origin, cross-site"},
}
ONLY_POST = {
    "a foreign origin": {"origin": "http://attacker.example"},
    "the origin of another port": {"origin": f"http://127.0.0.1:{PORT + 1}"},
    "an opaque origin": {"origin": "null"},
    "no origin": {"origin": None},
    "a form": {"content_type": "application/x-www-form-urlencoded"},
    "plain text": {"content_type": "text/plain"},
    "JSON among others": {"content_type": "text/plain; application/json"},
    "no type": {"content_type": None},
    "no word on the site": {"sec_fetch_site": None},
    "typed in": {"sec_fetch_site": "none"},
    "a large body": {"content_length": str(LARGEST_BODY + 1)},
    "a length that is none": {"content_length": "0x10"},
}


def test_every_route_refuses_every_attack_and_every_answer_has_the_headers(page, tmp_path):
    async def talk(page):
        for method, path, body in await every_route(page):
            asked = len(page.jobs.asked)
            attacks = ATTACKS | ONLY_POST if method == "POST" else ATTACKS
            for name, changes in attacks.items():
                answer = await page.ask(method, path, body, **changes)
                assert 400 <= answer.status < 500, (method, path, name)
                assert HEADERS.items() <= answer.headers.items()
                assert "access-control-allow-origin" not in answer.headers
            assert len(page.jobs.asked) == asked, "nothing was done for a request that was refused"
            answer = await page.ask(method, path, body, patience=0.2)
            assert answer.status in (200, 201, 204), (path, answer.body)
            assert HEADERS.items() <= answer.headers.items()
            assert "access-control-allow-origin" not in answer.headers

    page(talk, runs=one_run(tmp_path))


def test_other_methods_and_what_is_beside_the_routes_are_refused(page, tmp_path):
    async def talk(page):
        for method, path, body in await every_route(page):
            for other in ("HEAD", "OPTIONS", "PUT", "DELETE", "TRACE", "POST" if method == "GET" else "GET"):
                answer = await page.ask(other, path, body if other == "POST" else b"")
                assert 400 <= answer.status < 500, (other, path)
        for path in (
            "/nothing",
            "/files/../app.py",
            "/files/%2e%2e/app.py",
            "/files/..%2fapp.py",
            "/docs",
            "/files/",
            "//",
        ):
            assert (await page.ask("GET", path)).status == 404
        assert (await page.ask("GET", "/", transfer_encoding="chunked")).status == 400

    page(talk, runs=one_run(tmp_path))


@pytest.mark.parametrize("query", [b"", b"\x80"])
@pytest.mark.parametrize("path", ["/jobs/", "/jobs//", "/lessons.json/", "//"])
def test_an_address_with_a_slash_more_leads_nowhere(page, path, query):
    async def talk(page):
        assert (await page.ask("GET", path, query=query)).status == 404

    page(talk)


def test_a_web_socket_is_closed(page):
    async def talk(page):
        sent = []

        async def keep(message):
            sent.append(message)

        scope = {"type": "websocket", "path": "/", "headers": page.headers()}
        await page.gate({**scope, "headers": []}, None, keep)
        return sent

    assert page(talk) == [{"type": "websocket.close", "code": 1008}]


def test_the_token_opens_once_and_gives_a_cookie_that_scripts_and_other_sites_do_not_get(page):
    async def talk(page):
        token = page.keys.token
        query = f"token={token}".encode()
        for wrong in (b"token=", b"token=x", b"token=" + token.encode()[:-1], b"token=%ff"):
            assert (await page.ask("GET", "/", query=wrong, cookie=None)).status == 403
        assert (await page.ask("GET", "/files/main.js", query=query, cookie=None)).status == 403
        # a link in another page, such as a terminal in the browser, may carry it
        opened = await page.ask("GET", "/", query=query, cookie=None, sec_fetch_site="cross-site")
        assert opened.status == 200
        cookie = opened.headers["set-cookie"]
        assert cookie == f"koubai-{PORT}={page.keys.secret}; HttpOnly; SameSite=Strict; Path=/"
        assert token not in opened.body.decode()
        assert page.keys.token != token
        assert (await page.ask("GET", "/", query=query, cookie=None)).status == 403, "it is spent"
        # who has the cookie may follow the old address
        assert (await page.ask("GET", "/", query=query)).status == 200
        assert b"main.js" in (await page.ask("GET", "/")).body

    page(talk)


def test_token_and_secret_have_256_bits_and_are_new_each_time():
    keys = [Keys() for _ in range(3)]
    assert len({key.token for key in keys} | {key.secret for key in keys}) == 6
    assert all(len(key.token) >= 43 for key in keys)  # 43 letters of 6 bits


def test_a_body_that_grows_while_it_comes_is_cut(page):
    async def talk(page):
        answer = await page.ask("POST", "/jobs", b'{"a": "' + b"x" * LARGEST_BODY + b'"}')
        assert answer.status == 413

    page(talk)


def test_behind_a_proxy_its_path_is_taken_off_and_stands_in_the_cookie(page):
    async def talk(page):
        for path in ("/", "/proxy/8123/", "/files/main.js", "/proxy/8123/files/main.js"):
            assert (await page.ask("GET", path)).status == 200, path
        assert (await page.ask("GET", "/proxy/81234/")).status == 404
        opened = await page.ask("GET", "/", query=f"token={page.keys.token}".encode(), cookie=None)
        assert opened.headers["set-cookie"].endswith("; Path=/proxy/8123/")

    page(talk, root_path="/proxy/8123")


# ------------------------------------------------------------------------------------ malformed requests

TEXT = st.text(st.characters(codec="latin-1"), max_size=30)
WORDS = st.sampled_from(
    [
        "/",
        "jobs",
        "files",
        "words",
        "en.json",
        "questions",
        "depth",
        "..",
        "%00",
        "events",
        "stop",
        "lessons.json",
        "runs.json",
        "runs",
        "trials",
        "play",
        "play.json",
    ]
)
PATHS = st.lists(WORDS | TEXT, max_size=5).map("/".join).map(lambda path: "/" + path)
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
JSONS = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)
TRIAL = {"run": "0" * 32, "step": 0, "change": "use_relu"}
JOBS = st.fixed_dictionaries(
    {}, optional={name: VALUES | st.just(value) for name, value in (JOB | TRIAL).items()}
)
BODIES = (
    st.binary(max_size=60)
    | (JSONS | JOBS).map(lambda value: json.dumps(value).encode())
    | st.just(b"[" * 60_000)
)
CHANGED = st.dictionaries(
    st.sampled_from(
        ["host", "cookie", "origin", "content_type", "sec_fetch_site", "last_event_id", "content_length"]
    ),
    TEXT,
    max_size=2,
)


@given(
    st.lists(
        st.tuples(st.sampled_from(["GET", "POST", "PUT", ""]), PATHS, BODIES, TEXT, CHANGED),
        min_size=20,
        max_size=20,
    )
)
@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@pytest.mark.long
def test_a_thousand_malformed_requests_are_answered_in_the_hundreds_of_two_or_four(requests):
    async def main():
        page = Page()
        for method, path, body, query, changes in requests:
            answer = await page.ask(
                method, path, body, query=query.encode("latin-1"), patience=0.01, **changes
            )
            assert answer.status // 100 in (2, 4), (method, path, changes, answer)
            assert b"Traceback" not in answer.body
            assert HEADERS.items() <= answer.headers.items()

    asyncio.run(main())


def test_the_origin_of_the_page_is_one_of_those_it_is_served_under(page):
    async def talk(page):
        assert ORIGIN in page.gate.origins
        for host in ("127.0.0.1", "localhost", "[::1]"):
            origin = f"http://{host}:{PORT}"
            answer = await page.ask(
                "POST", "/jobs", json.dumps(JOB).encode(), host=f"{host}:{PORT}", origin=origin
            )
            assert answer.status == 201

    page(talk)
