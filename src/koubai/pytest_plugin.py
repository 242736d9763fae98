"""pytest sees through training: a test that trains a PyTorch model fails with what the doctor finds.

| what                        | meaning                                                                     |
|-----------------------------|-----------------------------------------------------------------------------|
| fixture `watched`           | this test trains: it fails with the findings, and where nothing trained     |
| `watched(model, optimizer)` | a watch of one model, as `koubai.watch` gives: `with watched(model): ...`   |
| `--koubai`                  | every test is watched as with the fixture, but may well train nothing       |
| `--koubai-fail-on LEVEL`    | info, warn (as ever), severe; unseen: what cannot be judged fails, too      |

pytest loads this module by its entry point wherever koubai is installed, so it imports nothing slow.
"""

from __future__ import annotations

from collections.abc import Generator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from koubai.words import say

if TYPE_CHECKING:
    from koubai.doctor.answer.verdict import Verdict
    from koubai.doctor.visit.finding import Finding
    from koubai.doctor.watch.search import ModelSearch
    from koubai.doctor.watch.watcher import Watch

LEVELS = ("info", "warn", "severe", "unseen")
_VERDICT = "koubai"  # the property of a report, which also stands in JUnit's XML


class Watched:
    """What is trained in one test: the models that the test named, else the one that made most steps."""

    def __init__(self) -> None:
        self._named: list[Watch] = []
        self._search: ModelSearch | None = None

    def __call__(self, model: Any, optimizer: Any = None, **settings: Any) -> Watch:
        """Return a watch of this model, to be used in a `with`; settings are those of `koubai.watch`."""
        from koubai.api import watch

        self.stop()
        self._named.append(watch(model, optimizer, **settings))
        return self._named[-1]

    def start(self) -> None:
        """Look for what trains from here on."""
        from koubai.doctor.watch.search import ModelSearch

        self._search = ModelSearch()
        self._search.__enter__()

    def stop(self) -> None:
        """Look no more; what was seen stays, until a model is named."""
        if self._search is not None:
            self._search.__exit__()
            self._search = None if self._search.best is None else self._search

    def verdicts(self) -> list[Verdict]:
        """Return a verdict for each model that trained."""
        found = None if self._search is None else self._search.best
        watches = self._named or ([] if found is None else [found])
        return [watch.verdict for watch in watches if watch.seen.step or watch.seen.backwards]


_KEY = pytest.StashKey[Watched]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --koubai and --koubai-fail-on."""
    group = parser.getgroup("koubai")
    group.addoption("--koubai", action="store_true", help=say("plugin.all"))
    group.addoption("--koubai-fail-on", choices=LEVELS, default="warn", help=say("plugin.fail_on"))


@pytest.fixture
def watched(request: pytest.FixtureRequest) -> Watched:
    """Watch the PyTorch model that this test trains; the test fails with what is wrong, and where."""
    if find_spec("torch") is None:
        pytest.fail(say("plugin.torch"), pytrace=False)
    return request.node.stash.setdefault(_KEY, Watched())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Watch a test while it runs, then judge what it trained."""
    asked = item.stash.get(_KEY, None)
    wanted = item.config.getoption("--koubai") and find_spec("torch") is not None
    if asked is None and not wanted:
        return (yield)
    eye = Watched() if asked is None else asked
    eye.start()
    try:
        result = yield
    except BaseException:
        eye.stop()
        _note(item, eye.verdicts())
        raise
    eye.stop()
    verdicts = eye.verdicts()
    if not verdicts and asked is not None:
        pytest.fail(say("plugin.nothing"), pytrace=False)
    level = item.config.getoption("--koubai-fail-on")
    text = _note(item, verdicts, failing=any(_fails(verdict, level) for verdict in verdicts))
    if text:
        pytest.fail(text, pytrace=False)
    return result


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many tests were judged, and how."""
    reports = [each for found in terminalreporter.stats.values() for each in found]
    judged = [
        value
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, value in report.user_properties
        if name == _VERDICT
    ]
    if judged:
        counts: dict[str, Any] = {name: judged.count(name) for name in ("healthy", "findings", "not_judged")}
        terminalreporter.write_line(f"koubai: {say('plugin.summary', **counts)}")


def _note(item: pytest.Item, verdicts: list[Verdict], *, failing: bool = False) -> str:
    """Note the verdicts on a test in its report; return what is to be said if it fails for them."""
    from koubai.doctor.answer.tell import tell_verdict

    texts = []
    for verdict in verdicts:
        item.user_properties.append((_VERDICT, verdict.name))
        first = [_line(item, finding) for finding in verdict.findings if finding.alarm]
        texts.append("\n".join([*first, *([""] if first else []), tell_verdict(verdict)]))
    text = "\n\n".join(texts)
    if text and not failing:
        item.add_report_section("call", "koubai", text)
    return text if failing else ""


def _line(item: pytest.Item, finding: Finding) -> str:
    """Return a finding as editors and CI read it: file:line, code and title; the test's own line at worst."""
    from koubai.doctor.answer.tell import title_of

    file, line, _ = item.location
    place = f"{file}:{(line or 0) + 1}" if finding.place is None else finding.place.shown
    return f"{place}: {finding.code} {title_of(finding.name)}"


def _fails(verdict: Verdict, level: str) -> bool:
    if level == "unseen" and verdict.name == "not_judged":
        return True
    return any(finding.at_least("warn" if level == "unseen" else level) for finding in verdict.findings)
