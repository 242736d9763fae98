"""Watch in a real browser: runs that are written, cut off, deleted, damaged; with keys, in both languages."""

import re
import shutil

import pytest

import koubai as kb
from koubai.train.recipe import Recipe
from koubai.train.train import train
from koubai.words import entries
from support.browser import in_a_browser

from .cut import Line, free_port
from .served import Served, look_at, widen
from .written import Written

for needed in ("starlette", "uvicorn"):
    pytest.importorskip(needed, reason="pip install 'koubai[page]'")
pytestmark = in_a_browser
LAYERS = [f"{i}" for i in range(6)]
RECIPE = Recipe(
    kb.Sequential(kb.Flatten(), kb.Linear(10)),
    kb.data.digits(),
    optimizer=kb.SGD(0.01),
    loss=kb.SoftmaxCrossEntropy(),
    batch_size=20,
    steps=40,
)


@pytest.fixture(scope="module")
def served(browser, tmp_path_factory):
    """A server that watches a folder, behind a line that can be cut."""
    line = Line()
    line.to = free_port()
    root = tmp_path_factory.mktemp("watched")
    own = ("--port", str(line.to), "--origin", f"http://127.0.0.1:{line.port}", "--runs", str(root))
    server = Served(tmp_path_factory.mktemp("store"), *own)
    server.line, server.root, server.origin = line, root, f"http://127.0.0.1:{line.to}"
    context = browser.new_context()
    look_at(context, server.address)
    server.cookie = {**context.storage_state(), "origins": []}
    context.close()
    yield server
    server.end()


@pytest.fixture
def look(browser, served):
    contexts = []

    def opened(path="watch", origin=served.origin, **settings):
        settings = {"viewport": {"width": 1280, "height": 800}, **settings}
        context = browser.new_context(storage_state=served.cookie, **settings)
        contexts.append(context)
        return look_at(context, f"{origin}/#{path}")

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def run(served, request):
    """A run of this test's own, which the test writes."""
    written = Written(served.root / re.sub(r"\W+", "-", request.node.name).strip("-"))
    grow(written, 1)
    yield written
    shutil.rmtree(written.folder, ignore_errors=True)


def grow(run, first, count=10):
    """Append some steps of a run whose gradient vanishes."""
    steps = range(first, first + count)
    run.add(steps, [2.0 / step for step in steps])
    for depth, layer in enumerate(LAYERS):
        run.add([first], [10.0 ** (depth - 6)], "activation_gradient_rms", layer)
        run.add([first], [10.0 ** (depth - 8)], "update_ratio", f"{layer}.weight")


def enter(page, run):
    """Open a run from the list, with keys."""
    link = page.locator(f".trainings a:text-is('{run.folder.name}')")
    link.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".live:not([hidden])")


def audit(page):
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python"
    )
    found = axe.Axe().run(page).response["violations"]
    return [(rule["id"], rule["nodes"][0]["html"]) for rule in found]


SMALL = """() => [...document.querySelectorAll("main :is(a, button, input, select, summary)")]
.filter((one) => {
  const { width, height } = one.getBoundingClientRect();
  return width && (width < 24 || height < 24) && one.type !== "radio" && !one.closest("label");
}).map((one) => one.outerHTML)"""


def well_made(page):
    """No fault that axe finds, no target below 24 px, no scrolling sideways on a phone, no hole in a text."""
    assert audit(page) == []
    assert page.evaluate(SMALL) == []
    widen(page, 390)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    widen(page, 1280)
    assert not re.search(r"\{\w+\}|undefined|NaN|\[object", page.inner_text("main"))


@pytest.mark.parametrize(
    ("lang", "scheme"), [("en", "dark"), ("ja", "light"), ("en", "light"), ("ja", "dark")]
)
def test_a_run_that_is_being_written_is_seen_as_it_goes_on(look, served, run, lang, scheme):
    page = look(color_scheme=scheme, bypass_csp=True)  # the audit is a foreign script
    page.click(f".controls [lang={lang}]")
    page.wait_for_selector(f"html[lang={lang}]")
    page.wait_for_selector(f".trainings a:text-is('{run.folder.name}')")
    well_made(page)
    enter(page, run)
    sentence = page.locator(".heat p").first
    assert "10⁻⁶" in sentence.inner_text()
    assert "0.1" in sentence.inner_text()
    status = page.inner_text("[role=status] >> nth=0")
    grow(run, 11)
    page.wait_for_function("told => document.querySelector('.live .note').innerText.includes(told)", arg="20")
    run.judge()
    page.wait_for_selector(".finding")
    assert page.inner_text("[role=status] >> nth=0") != status, "it has ended"
    title = entries("runs")["findings"][lang]
    assert page.locator(f"h2:text-is('{title}')").count() == 1
    assert "`" not in page.inner_text("main")
    for summary in page.locator(".live:not([hidden]) summary").all():
        summary.click()
    page.wait_for_selector(
        f".heat tbody tr >> nth={2 * len(LAYERS) - 1}"
    )  # a table is made when it is opened
    well_made(page)
    assert page.complaints == []
    assert all(url.startswith(f"{served.origin}/") for url in page.requested)


def test_names_in_backticks_are_code_and_a_single_backtick_is_itself(look):
    made = look().evaluate(
        """async () => {
            const { coded, el } = await import("/files/dom.js");
            const texts = ["`a b` of c, `d`", "one ` alone", "<i>"];
            return texts.map((text) => el("p", {}, coded(text)).innerHTML);
        }"""
    )
    assert made == ["<code>a b</code> of c, <code>d</code>", "one ` alone", "&lt;i&gt;"]


def test_every_chart_is_read_with_arrow_keys_and_heard(look, run):
    page = look()
    enter(page, run)
    page.evaluate(
        """() => {
          window.heard = [];
          const make = AudioContext.prototype.createOscillator;
          AudioContext.prototype.createOscillator = function () {
            const tone = make.call(this);
            const start = tone.start;
            tone.start = (at) => {
              window.heard.push(tone.frequency.value);
              return start.call(tone, at);
            };
            return tone;
          };
        }"""
    )
    reader = page.locator(".live input[type=range]").first
    reader.focus()
    page.keyboard.press("ArrowRight")
    assert page.inner_text(".live output >> nth=0") == "Step 2. loss of each batch: 1"
    page.locator(".live button").first.click()
    heard = page.evaluate("window.heard.splice(0)")
    assert heard == sorted(heard, reverse=True), "the loss falls, and so do the tones"
    page.locator("[data-axis=row]").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.locator(".heat output").first.inner_text() == "layer 2, step 1: 10⁻⁴"
    page.locator(".heat button").first.click()
    heard = page.evaluate("window.heard.splice(0)")
    assert len(heard) == len(LAYERS)
    assert heard == sorted(heard, reverse=True), "from the last layer to the first the gradient vanishes"
    assert page.complaints == []


def test_what_is_open_and_focused_stays_so_while_the_run_goes_on(look, run):
    page = look()
    enter(page, run)
    page.locator(".live summary").first.click()
    page.locator(".live .scroll").first.focus()
    grow(run, 11)
    page.wait_for_selector("tbody th:text-is('20')")
    assert page.evaluate("document.activeElement.className") == "scroll"
    assert page.locator(".live details[open]").count() == 1


def test_a_cut_line_is_picked_up_and_a_second_page_sees_the_same(browser, look, served, run):
    first = look(origin=f"http://127.0.0.1:{served.line.port}")
    enter(first, run)
    second = look(first.url.partition("#")[2])
    second.wait_for_selector(".live:not([hidden])")
    served.line.cut()
    first.wait_for_selector("text=The connection was cut")
    grow(run, 11)
    second.wait_for_selector("text=/at step 20/")
    served.line.mend()
    first.wait_for_selector("text=/at step 20/")
    tables = []
    for page in (first, second):
        page.locator(".live summary").first.click()
        page.wait_for_selector(".live tbody tr >> nth=19")
        tables.append(page.inner_text(".live table >> nth=0"))
    assert tables[0] == tables[1], "nothing is lost, nothing is doubled"
    grow(run, 21)
    for page in (first, second):
        page.wait_for_selector("text=/at step 30/")
        assert [text for text in page.complaints if "net::ERR" not in text] == []
    stranger = browser.new_context()
    answer = stranger.request.get(f"{served.origin}/runs/events")
    assert answer.status == 403
    stranger.close()


def test_a_run_that_is_deleted_or_damaged_while_it_is_watched_says_so(look, run):
    page = look()
    enter(page, run)
    with run.history.open("ab") as file:
        file.write(b"{}\n")
    page.wait_for_selector("text=The history is damaged from here on")
    (run.folder / "watch.json").write_text("{}")
    page.wait_for_selector("[data-state=damaged]")
    assert "is not as it was written" in page.inner_text("main")
    shutil.rmtree(run.folder)
    page.wait_for_selector("text=The folder of this run is gone")
    assert page.locator(".live:not([hidden])").count(), "what was seen stays"
    page.reload()
    page.wait_for_selector("text=There is no such run here")
    assert [text for text in page.complaints if "404" not in text] == []


def test_an_empty_folder_says_what_begins_a_run_and_shows_it_when_it_has_begun(look, served):
    page = look()
    for place in list(served.root.iterdir()):
        shutil.rmtree(place)
    page.wait_for_selector("text=There is no run in this folder yet")
    first = Written(served.root / "first")
    first.add([1], [1.0])
    page.wait_for_selector(".trainings a:text-is('first')")
    second = Written(served.root / "second")
    second.add([1], [3.0])
    page.wait_for_selector(".trainings a:text-is('second')")
    widen(page, 390)
    for box in page.locator(".trainings input").all():
        assert box.bounding_box()["x"] + box.bounding_box()["width"] <= 390, (
            "on a phone, too, each can be chosen"
        )
        box.check()
    page.click("text=Compare the chosen runs")
    page.wait_for_selector("h1:text-is('Runs beside each other')")
    page.wait_for_selector(".legend li >> nth=1")
    assert {"first", "second"} <= set(page.inner_text(".legend").split())
    assert page.complaints == []
    for place in (first, second):
        shutil.rmtree(place.folder)


def test_a_change_is_tried_on_a_copy_and_both_curves_and_a_verdict_are_shown(look, served):
    train(RECIPE, folder=served.root / "own", save_every=20)
    before = {file: file.read_bytes() for file in (served.root / "own").rglob("*") if file.is_file()}
    page = look(bypass_csp=True)
    page.click(".trainings a:text-is('own')")
    page.wait_for_selector(".try select")
    page.locator(".try input[type=radio]").first.check()
    page.click(".try button.main")
    page.wait_for_selector("text=Choose a change first.")
    page.select_option(".try select", "rate_ten")
    page.click(".try button.main")
    page.wait_for_selector(".try .gap:not([hidden])")
    assert page.locator(".try path.mean").count() == 2
    assert page.locator(".try path.seed").count() == 8
    assert page.locator(".try > div:last-child tbody tr").count() == 5
    verdict = page.inner_text(".try .gap")
    assert verdict.startswith("The change helps here: the loss is lower in 5 of 5 pairs")
    page.click(".controls [lang=ja]")
    page.wait_for_selector("html[lang=ja]")
    assert "この変更は有効です" in page.inner_text(".try .gap")
    well_made(page)
    assert page.complaints == []
    assert before == {file: file.read_bytes() for file in (served.root / "own").rglob("*") if file.is_file()}
    shutil.rmtree(served.root / "own")
