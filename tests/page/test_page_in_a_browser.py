"""The page in a real browser: whole lessons, with keys alone, cut off, on a phone, in both languages."""

import http.client
import re

import numpy as np
import pytest

from koubai.layers.im2col import col2im, im2col
from koubai.page.offline import write_lesson
from koubai.study.lessons import lessons
from koubai.study.lessons.output_size import SETTINGS
from koubai.study.lessons.valley import RULES
from koubai.train.recipe_address import read_address
from koubai.words import LANGUAGES, entries
from support.browser import in_a_browser

from .cut import Line, free_port
from .served import Served, look_at, tab_to, widen

for needed in ("starlette", "uvicorn"):
    pytest.importorskip(needed, reason="pip install 'koubai[page]'")
pytestmark = in_a_browser
FIRST = "vanishing_gradient"
STAGES = ["guess", "run", "gap", "why", "right", "question", "later"]


class Holder:
    """One server for all tests of this process, and the cookie it gave; a new one where a test ended it."""

    def __init__(self, browser, folders):
        self._browser, self._folders, self.server = browser, folders, None

    def get(self):
        """Return a server that runs: behind a line that can be cut, and at a port of its own."""
        if self.server is None or self.server.process.poll() is not None:
            line = Line()
            line.to = free_port()
            own = ("--port", str(line.to), "--origin", f"http://127.0.0.1:{line.port}")
            self.server = Served(self._folders.mktemp("runs"), *own)
            self.server.line, self.server.origin = line, f"http://127.0.0.1:{line.to}"
            self.server.state = self._enter()
        return self.server

    def _enter(self):
        """Let one browser in; return its cookie and nothing else."""
        context = self._browser.new_context()
        page = look_at(context, self.server.address)
        assert page.url == f"http://127.0.0.1:{self.server.line.port}/", "the token is gone from the address"
        assert page.complaints == []
        kept = context.storage_state()
        context.close()
        self.server.address = self.server.another()
        return {**kept, "origins": []}


@pytest.fixture(scope="module")
def holder(browser, tmp_path_factory):
    held = Holder(browser, tmp_path_factory)
    yield held
    if held.server is not None and held.server.process.poll() is None:
        held.server.end()


@pytest.fixture
def served(holder):
    return holder.get()


@pytest.fixture
def look(browser, served):
    contexts = []

    def opened(path="", origin=served.origin, **settings):
        context = browser.new_context(
            storage_state=served.state, viewport={"width": 1280, "height": 800}, **settings
        )
        contexts.append(context)
        return look_at(context, f"{origin}/{path}")

    yield opened
    for context in contexts:
        context.close()


def stage(page):
    return page.get_attribute(".lesson", "data-stage")


def guess(page):
    """Move what can be moved, with keys."""
    for press in ("Enter", "Enter"):
        if page.locator(".moves").count():
            page.locator(".moves button").last.focus()
            page.locator(".moves button >> nth=-2").focus()
            page.keyboard.press(press)
    maps = page.locator(".paths .drawing")
    for i in range(maps.count()):
        maps.nth(i).focus()
        for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
            page.keyboard.press(key)
    points = page.locator("[role=slider], .level input")
    for i in range(points.count()):
        points.nth(i).focus()
        for _ in range(1 + i % 3):
            page.keyboard.press("PageDown")


def onward(page, **how):
    page.locator(".card button.main").last.click(**how)


def run_to_the_end(page):
    onward(page)
    page.wait_for_selector("[data-holds=gap]")


def walk(page, at_each=lambda page: None):
    """Do the whole lesson that is open; call `at_each` in every part."""
    at_each(page)
    guess(page)
    page.locator("fieldset input").nth(2).check()
    run_to_the_end(page)
    at_each(page)
    onward(page)
    at_each(page)
    onward(page)
    page.locator("fieldset input").nth(1).check()
    onward(page)
    at_each(page)
    onward(page)
    at_each(page)
    onward(page)
    page.locator(".question input").first.check()
    onward(page)
    page.wait_for_selector(".feedback .good, .feedback .bad")
    at_each(page)
    onward(page)
    at_each(page)


# The first lesson in both languages, the others in turns; so that every part is seen in both, light and dark.
LOOKS = [(FIRST, "ja", "light")] + [
    (name, *(("en", "dark"), ("ja", "dark"), ("en", "light"), ("ja", "light"))[i % 4])
    for i, name in enumerate(sorted(lessons(), key=lambda name: name != FIRST))
]


@pytest.mark.parametrize(("name", "lang", "scheme"), LOOKS)
def test_a_whole_lesson_from_guess_to_later(look, served, name, lang, scheme):
    page = look(f"#{name}", color_scheme=scheme, bypass_csp=True)  # the audit is a foreign script
    page.click(f".controls [lang={lang}]")
    page.wait_for_selector(f"html[lang={lang}]")
    seen, wide, words = [], [], []

    def at_each(page):
        seen.append(stage(page))
        words.append(page.inner_text("main"))
        widen(page, 390)
        wide.append(page.evaluate("document.documentElement.scrollWidth"))
        assert page.evaluate(SMALL) == [], "targets of 24 px"
        widen(page, 1280)
        if name == FIRST or stage(page) in ("guess", "why"):  # the other parts are built alike in all lessons
            assert audit(page) == [], stage(page)

    walk(page, at_each)
    assert seen == STAGES
    assert max(wide) <= 390, "a phone would scroll sideways"
    assert page.complaints == []
    assert all(url.startswith(f"{served.origin}/") for url in page.requested)
    text = "\n".join(words)
    assert not re.search(r"\{\w+\}|undefined|NaN|\[object", text)
    foreign = entries("lessons")[f"{name}.title"]["ja" if lang == "en" else "en"]
    assert foreign not in text
    assert page.locator("tbody tr").count() == len(lessons()[name].guess.points)


def test_a_lesson_in_a_file_works_without_a_server_and_asks_for_nothing(browser, tmp_path, monkeypatch):
    lang = "ja"
    monkeypatch.setenv("KOUBAI_LANG", lang)
    path = write_lesson(lessons()["step_size"], tmp_path / "lesson.html")
    context = browser.new_context(offline=True, viewport={"width": 390, "height": 800})
    page = look_at(context, path.resolve().as_uri())
    seen = []
    walk(page, lambda page: seen.append((stage(page), page.inner_text("main"))))
    assert [name for name, _ in seen] == STAGES
    assert seen[0][1].startswith(entries("lessons")["step_size.title"][lang])
    assert entries("page")["run.recorded"][lang].replace("{count}", "11") in seen[1][1]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.complaints == []
    assert page.requested == [path.resolve().as_uri()]
    assert page.locator("text=/別の乱数|止める/").count() == 0, "no button that cannot work"
    context.close()


def audit(page):
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python"
    )
    found = axe.Axe().run(page).response["violations"]
    return [(rule["id"], rule["nodes"][0]["html"]) for rule in found]


COLORS = ("light", "dark")
SMALL = """() => [
  ...document.querySelectorAll("button, a, input, select, summary, [role=slider]")
].filter((one) => {
  const { width, height } = one.getBoundingClientRect();
  return width && (width < 24 || height < 24) && !one.closest("label") && !one.matches(".skip");
}).map((one) => one.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize(("lang", "scheme"), [(lang, scheme) for lang in LANGUAGES for scheme in COLORS])
def test_the_first_page_has_no_fault_that_axe_finds(look, lang, scheme):
    page = look(color_scheme=scheme, bypass_csp=True)
    page.click(f".controls [lang={lang}]")
    page.wait_for_selector(f"html[lang={lang}]")
    assert audit(page) == []


@pytest.mark.slow
@pytest.mark.parametrize("scheme", COLORS)
@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", lessons())
def test_no_part_of_any_lesson_has_a_fault_that_axe_finds(look, name, lang, scheme):
    page = look(f"#{name}", color_scheme=scheme, bypass_csp=True)
    page.click(f".controls [lang={lang}]")
    page.wait_for_selector(f"html[lang={lang}]")
    found = {}
    walk(page, lambda page: found.update({stage(page): audit(page)}))
    assert found == {name: [] for name in STAGES}


def test_a_lesson_with_keys_alone_changes_its_language_on_the_way(look):
    page = look()
    press = page.keyboard.press

    def to(what):
        tab_to(page, what, 60)

    to(f"a[href='#{FIRST}']")
    press("Enter")
    page.wait_for_selector(".lesson")
    to("[role=slider]")
    for key in ("ArrowDown", "PageDown", "ArrowRight", "Home", "ArrowRight", "ArrowUp"):
        press(key)
    assert page.get_attribute("[role=slider][data-point='1']", "aria-valuetext") == "0.0032"
    assert page.get_attribute("[role=slider][data-point='2']", "aria-valuetext") == "10⁻¹⁸"
    to("fieldset input")
    press("Space")
    to(".card button.main")
    press("Enter")
    page.wait_for_selector("[data-holds=gap]")
    to(".card button.main")
    press("Enter")
    sentence = page.inner_text("p.gap")
    page.click(".controls [lang=ja]")
    page.wait_for_selector("html[lang=ja]")
    assert stage(page) == "gap", "nothing is lost"
    assert "第" in page.inner_text(".prompt")
    assert page.inner_text("p.gap") != sentence
    to(".card button.main")
    press("Enter")
    to("fieldset input")
    press("ArrowDown")
    to(".card button.main")
    press("Enter")
    to("[data-step$=' 1']")
    number = page.inner_text(".number >> nth=0")
    press("Enter")
    assert page.inner_text(".number >> nth=0") != number, "one update further"
    to(".buttons:last-child button.main")
    press("Enter")
    assert page.inner_text("blockquote")
    to(".card button.main")
    press("Enter")
    page.wait_for_selector(".question input")
    to(".question input")
    press("Space")
    to("button.main")
    press("Enter")
    page.wait_for_selector(".feedback .place")
    asked = page.inner_text(".question legend")
    to(".card > .buttons button:not(.main)")
    press("Enter")
    page.wait_for_function(  # the lesson's next question comes from the server
        "asked => document.querySelector('.question legend')?.innerText !== asked", arg=asked
    )
    to(".question input")
    press("Space")
    to("button.main")
    press("Enter")
    page.wait_for_selector(".feedback .place")
    to(".card > .buttons button.main")
    press("Enter")
    assert stage(page) == "later"
    page.click(".brand")
    assert page.inner_text(".lessons li .note >> nth=0")
    assert page.complaints == []


def test_a_guess_is_drawn_with_the_mouse_and_cannot_be_skipped_silently(look):
    page = look(f"#{FIRST}")
    assert page.get_attribute(".card button.main", "aria-disabled") == "true"
    onward(page, force=True)
    assert stage(page) == "guess"
    assert "Guess first" in page.inner_text(".card")
    frame = page.locator(".drawing svg").bounding_box()
    page.mouse.move(frame["x"] + 80, frame["y"] + 200)
    page.mouse.down()
    page.mouse.move(frame["x"] + frame["width"] - 60, frame["y"] + 60, steps=30)
    page.mouse.up()
    values = [
        float(one)
        for one in page.locator("[role=slider]").evaluate_all("all => all.map((one) => one.ariaValueNow)")
    ]
    assert values == sorted(values)
    assert values[0] < -5 < -1 > values[-1] - 2
    page.click("text=I do not know")
    page.wait_for_selector("[data-holds=gap]")
    onward(page)
    assert page.inner_text("p.gap").startswith("You left it open")


def test_a_run_that_is_stopped_says_so_and_can_be_run_again(look):
    page = look(f"#{FIRST}")
    guess(page)
    onward(page)
    page.wait_for_selector("[data-holds=gap]")
    for _ in range(2):  # seeds that no other test has trained
        onward(page)
        page.click("text=Run it on other random numbers")
        page.wait_for_selector("[data-holds=stop]")
        page.click("[data-holds=stop] button")
        page.wait_for_selector("[data-holds=again], [data-holds=gap]")
        if page.locator("[data-holds=again]").count():
            break
    assert page.inner_text(".card p[role=status]").strip() == "Stopped."
    page.click("[data-holds=again] button")
    page.wait_for_selector("[data-holds=gap]")


def test_an_order_is_put_by_keys_and_the_one_furthest_off_is_named(look):
    page = look("#optimizers")
    order = [
        "sgd_large",
        "adam",
        "rmsprop",
        "adagrad",
        "momentum",
        "sgd",
    ]  # turned round: the usual answer is not
    for name in reversed(order):
        button = page.locator(f"[data-by='{name} -1']")
        button.focus()
        for _ in order:
            page.keyboard.press("Enter")
    assert page.locator(".ranking li").evaluate_all("all => all.map((one) => one.dataset.arm)") == order
    assert page.evaluate("document.activeElement.dataset.by") == "sgd_large -1"
    assert page.inner_text("p.told") == "SGD 3: place 1 of 6"
    onward(page)
    page.wait_for_selector("[data-holds=gap]")
    onward(page)
    assert page.inner_text("p.gap").startswith("Your order holds")
    page.locator(".steps button").first.click()
    for _ in order[1:]:
        page.locator("[data-by='sgd_large 1']").click()
    onward(page)
    page.wait_for_selector("[data-holds=gap]")
    onward(page)
    assert re.search(r"Furthest off is SGD 3: you put it in place 6; with 9\d", page.inner_text("p.gap"))
    page.locator(".numbers summary").click()
    assert page.locator("tbody tr").count() == 6
    onward(page)
    page.locator("fieldset input").first.check()
    onward(page)
    onward(page)
    assert page.complaints == []


def to_the_reason(page):
    """From the run of a lesson on to its reason, shown."""
    onward(page)
    page.wait_for_selector("[data-holds=gap]")
    onward(page)
    onward(page)
    page.locator("fieldset input").first.check()
    onward(page)


def test_a_path_is_drawn_by_keys_by_clicks_and_in_one_go_and_held_against_the_real_one(look):
    page = look("#valley")
    onward(page, force=True)
    assert "Draw a path first" in page.inner_text(".card")
    sgd, momentum, adagrad, _ = (page.locator(f".paths [data-arm={arm}]") for arm in RULES)
    press = page.keyboard.press
    sgd.locator(".drawing").focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "Backspace"):
        press(key)
    assert sgd.locator(".told").inner_text() == "(\u22126.5, 1.5) after 2 pieces"
    for _ in range(2):
        sgd.locator(".edits button").first.click()
    onward(page, force=True)
    assert stage(page) == "guess", "what was taken back is no guess"
    box = momentum.locator("svg").bounding_box()

    def at(x, y):  # the map shows x from -8 to 3 and y from -3 to 3
        return box["x"] + (x + 8) / 11 * box["width"], box["y"] + (3 - y) / 6 * box["height"]

    page.mouse.click(*at(-5, 2.5))
    page.mouse.click(*at(2.5, 2.5))
    assert momentum.locator(".told").inner_text().endswith("after 2 pieces")
    box = adagrad.locator("svg").bounding_box()
    page.mouse.move(*at(-7, 2))
    page.mouse.down()
    page.mouse.move(*at(0, 0), steps=25)
    page.mouse.up()
    assert int(re.search(r"(\d+) pieces", adagrad.locator(".told").inner_text())[1]) > 5
    onward(page)
    page.wait_for_selector("[data-holds=gap]")
    onward(page)
    assert page.inner_text("p.gap").startswith("Furthest off is Momentum")
    assert "You crossed the floor of the valley 0 times, it does so 4 times" in page.inner_text("p.gap")
    page.locator(".numbers summary").click()
    cells = page.locator("tbody tr").evaluate_all(
        "all => all.map((row) => [...row.cells].map((cell) => cell.innerText))"
    )
    assert [row[4] for row in cells] == ["30", "4", "0", "2"]
    assert cells[0][1] == "\u2013", "nothing was drawn for SGD"
    onward(page)
    page.locator("fieldset input").first.check()
    onward(page)
    page.wait_for_selector(".paths circle.step")
    place = page.get_attribute(".paths circle.step", "cx")
    page.locator("[data-step$=' 1']").first.click()
    assert page.get_attribute(".paths circle.step", "cx") != place, "the step that is spoken of is marked"
    assert page.complaints == []


def test_a_slider_shows_each_arm_at_other_values_and_filters_move(look):
    page = look("#sparsity")
    guess(page)
    to_the_reason(page)
    page.wait_for_selector(".slider")
    shares = {}
    page.focus(".slider input")
    page.keyboard.press("Home")
    for value in ("0.001", "0.003", "0.01", "0.03", "0.1"):
        assert (
            page.inner_text(".slider output")
            == value
            == page.get_attribute(".slider input", "aria-valuetext")
        )
        shares[value] = page.inner_text(".slider tr[data-arm=soft] td >> nth=0").strip()
        assert page.inner_text(".slider tr[data-arm=l1] td >> nth=0").strip() == "0.0%"
        page.keyboard.press("ArrowRight")
    assert len(set(shares.values())) == 5
    page.goto(f"{page.url.partition('#')[0]}#convnet")
    page.wait_for_selector("html[data-drawn=convnet]", state="attached")
    guess(page)
    to_the_reason(page)
    page.wait_for_selector(".pictures canvas")
    before = page.inner_text(".pictures output")
    page.locator(".pictures input").nth(1).focus()
    page.keyboard.press("End")
    assert "filter 8 lie between" in page.inner_text(".pictures output") != before
    page.get_by_role("button", name="Let them move").click()
    page.wait_for_selector(".pictures output:has-text('After 1,000 updates')")
    assert page.complaints == []


FAILS_LATE = """
const Stream = EventSource;
window.EventSource = class extends Stream {
  set onmessage(hear) {
    super.onmessage = (event) => {
      const { kind } = JSON.parse(event.data);
      const failed = { data: '{"kind": "failed", "text": null}', lastEventId: event.lastEventId };
      if (kind === "end") window.fail = () => hear(failed);
      else if (kind !== "slid") hear(event);
    };
  }
};"""


def test_what_was_to_come_after_the_answer_and_failed_is_no_longer_waited_for(look):
    page = look()
    page.add_init_script(FAILS_LATE)
    page.reload()
    page.click("a[href='#sparsity']")
    page.wait_for_selector("html[data-drawn=sparsity]", state="attached")
    guess(page)
    to_the_reason(page)
    waits = page.get_by_text(entries("page")["slider.waits"]["en"])
    waits.wait_for()
    page.wait_for_function("() => window.fail !== undefined")
    assert waits.count() == 1
    page.evaluate("fail()")
    assert waits.count() == 0
    assert page.locator(".number").count(), "the reason stays"


def test_a_lesson_that_is_left_before_its_job_has_a_name_stops_it(look):
    page = look(f"#{FIRST}")
    held = []

    def hold(route):
        held.append(route)

    page.route("**/jobs", hold)
    guess(page)
    with page.expect_request("**/jobs"):
        onward(page)
    page.click(".brand")
    page.wait_for_selector(".lessons")
    with page.expect_request(re.compile("/jobs/.*/stop$")):
        held[0].continue_()


def test_a_filter_is_moved_by_keys_and_its_column_is_that_of_im2col(look):
    page = look("#output_size")
    guess(page)
    to_the_reason(page)
    for name, one in SETTINGS.items():
        page.locator(f".filter input[value={name}]").check()
        pixels = np.arange(1.0, one.size**2 + 1).reshape(1, 1, one.size, one.size)
        window = {"kernel": one.kernel, "stride": one.stride, "padding": one.padding}
        columns = im2col(pixels, **window)[0]
        times = col2im(im2col(np.ones_like(pixels), **window), pixels.shape, **window).ravel()
        side = int(columns.shape[1] ** 0.5)
        page.focus(".filter .picture")
        for press, place in (("", 0), ("ArrowRight", 1), ("ArrowDown", side + 1), ("ArrowLeft", side)):
            if press:
                page.keyboard.press(press)
            found = [float(cell) for cell in page.get_attribute(".filter", "data-column").split(",")]
            assert found == columns[:, place].tolist()
        for _ in range(side + 2):  # no further than the last place
            page.click("[data-move=ArrowRight]")
            page.click("[data-move=ArrowDown]")
        assert [float(x) for x in page.get_attribute(".filter", "data-column").split(",")] == columns[
            :, -1
        ].tolist()
        for cell, pixel in enumerate(columns[:, -1].astype(int)):
            page.locator(".column button").nth(cell).click()
            assert int(page.get_attribute(".filter", "data-times")) == (times[pixel - 1] if pixel else 0)
    widen(page, 390)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.complaints == []


def test_a_lesson_leads_to_free_play_with_its_own_network(look):
    page = look(f"#{FIRST}")
    cards = page.evaluate("fetch('lessons.json').then((one) => one.json())")
    address = next(card["play"] for card in cards if card["name"] == FIRST)
    experiment = lessons()[FIRST].experiment((0,))
    assert read_address(address) == experiment.plan(experiment.arms[0], 0)
    page.goto(f"{page.url.partition('#')[0]}#play/{address}")
    page.wait_for_selector("[data-do=run]")
    assert page.input_value("[data-field=hidden]") == ", ".join(["50"] * 10)


def test_what_is_kept_can_be_saved_and_deleted_and_comes_again_when_its_day_has_come(look):
    page = look()
    kept = {
        "format": 1,
        "lessons": {FIRST: {"stage": 6, "guess": None}},
        "questions": {"depth": {"streak": 1, "due": 5}},
    }
    page.evaluate("kept => localStorage.setItem('koubai-progress', JSON.stringify(kept))", kept)
    page.reload()
    page.wait_for_selector("html[data-drawn]", state="attached")
    assert "Asked again today: 1 question" in page.inner_text("main")
    assert "Done" in page.inner_text(".lessons")
    with page.expect_download() as saved:
        page.click("text=Save as a file")
    assert '"depth"' in saved.value.path().read_text()
    page.click("text=Delete")
    page.click("text=Delete")
    assert page.evaluate("localStorage.getItem('koubai-progress')") is None


def test_a_wrong_token_and_another_host_see_nothing(browser, served):
    context = browser.new_context()
    page = context.new_page()
    answer = page.goto(f"{served.origin}/?token=wrong")
    assert answer.status == 403
    assert "koubai.js" not in page.content()
    assert page.goto(served.origin).status == 403
    assert all(entries("page")["refused.cookie"][lang] in page.inner_text("body") for lang in LANGUAGES)
    context.close()
    port = int(served.origin.rpartition(":")[2])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/", headers={"Host": f"attacker.example:{port}"})
    assert connection.getresponse().status == 421
    connection.close()


def test_a_cut_line_is_picked_up_another_page_waits_and_ctrl_c_ends_all_at_once(browser, served, look):
    first = look(f"#{FIRST}", origin=f"http://127.0.0.1:{served.line.port}")
    second = look_at(context := browser.new_context(), served.address)  # a browser without the cookie
    second.goto(f"{second.url}#{FIRST}")
    second.wait_for_selector(".lesson")
    guess(first)
    run_to_the_end(first)
    onward(first)
    served.line.cut_at(b'"progress"')  # behind the first news of the runs
    first.click("text=Run it on other random numbers")
    first.wait_for_selector("text=The connection was cut")
    served.line.mend()
    first.wait_for_selector("[data-holds=gap]")
    for arm in lessons()[FIRST].arms:
        assert first.locator(f"g[data-arm={arm}] path.seed").count() == 5, "every run once"
    onward(first)
    first.click("text=Run it on other random numbers")
    first.wait_for_selector("[data-holds=stop]")
    guess(second)
    onward(second)
    second.wait_for_selector("text=Another page's runs are under way")
    code, errors, seconds = served.end()
    assert (code, errors) == (0, "")
    assert seconds < 10, "a bound for what hangs: streams are open, and would be for minutes"
    context.close()
