"""Where the page is served, what is refused before it is, and what the real server makes of garbage."""

import socket

import pytest

from koubai.cli.main import main
from koubai.core.errors import KoubaiError
from koubai.page.serve import ServedAt, _listen, serve
from koubai.study.lessons import lessons

from .served import Served


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"host": "192.168.0.7"}, "other machines could reach this address"),
        ({"host": "0.0.0.0"}, "other machines could reach this address"),
        ({"host": "example.org"}, "other machines could reach this address"),
        ({"host": "0.0.0.0", "remote": True}, "every address at once"),
        ({"host": "::", "remote": True}, "every address at once"),
        ({"port": -1}, "no such port"),
        ({"port": 65536}, "no such port"),
        ({"root_path": "proxy"}, "a path begins with /"),
        ({"origin": "hub.example"}, "not the beginning of an address"),
        ({"origin": "https://hub.example/path"}, "not the beginning of an address"),
        ({"origin": "ftp://hub.example"}, "not the beginning of an address"),
    ],
)
def test_what_cannot_be_served_is_said_before_anything_listens(settings, message):
    with pytest.raises(KoubaiError, match=message):
        ServedAt(**settings)


@pytest.mark.parametrize(
    ("settings", "origins"),
    [
        ({}, ["http://127.0.0.1:80", "http://localhost:80", "http://[::1]:80"]),
        ({"host": "::1"}, ["http://[::1]:80", "http://127.0.0.1:80", "http://localhost:80"]),
        ({"host": "localhost"}, ["http://localhost:80", "http://127.0.0.1:80", "http://[::1]:80"]),
        ({"host": "10.0.0.7", "remote": True}, ["http://10.0.0.7:80"]),
        ({"host": "0.0.0.0", "remote": True, "origin": "http://box:8000"}, ["http://box:8000"]),
        (
            {"origin": "https://hub.example"},
            ["https://hub.example", "http://127.0.0.1:80", "http://localhost:80", "http://[::1]:80"],
        ),
    ],
)
def test_the_page_is_seen_under_these_addresses_and_no_other(settings, origins):
    assert ServedAt(**settings).origins(80) == origins


GARBAGE = [
    b"\0" * 100,
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET /\xff\xfe HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: " + b"x" * 100_000 + b"\r\n\r\n",
    b"POST /jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
    b"POST /jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00",
]


def test_garbage_is_refused_without_a_word_in_the_terminal_and_ctrl_c_ends_well(tmp_path):
    pytest.importorskip("uvicorn", reason="pip install 'koubai[page]'")
    served = Served(tmp_path)
    port = int(served.origin.rpartition(":")[2])
    for sent in GARBAGE:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as line:
            line.sendall(sent)
            line.shutdown(socket.SHUT_WR)
            answer = b""
            while part := line.recv(65536):
                answer += part
        assert answer == b"" or answer.split(b" ")[1][:1] == b"4", (sent, answer)
        assert b"Traceback" not in answer
    with pytest.raises(KoubaiError, match="nothing can be served here"):
        serve(ServedAt(port=port), store=tmp_path, on_address=print)
    code, errors, _ = served.end()
    assert (code, errors) == (0, "")


def test_the_lessons_are_listed_and_a_name_that_is_none_is_told_with_the_nearest(capsys):
    assert main(["lesson", "--plain"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in lessons())
    assert main(["lesson", "vanishing-gradent"]) == 2
    assert "did you mean 'vanishing_gradient'?" in capsys.readouterr().err


def test_serving_beyond_this_machine_needs_to_be_said(capsys):
    assert main(["serve", "--host", "192.168.0.7"]) == 2
    assert "--allow-remote" in capsys.readouterr().err


def test_what_is_sent_is_sent_at_once():
    """A small piece behind another waits some 40 ms for an answer to the first, unless told not to."""
    with _listen(ServedAt()) as listening, socket.create_connection(listening.getsockname()):
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
