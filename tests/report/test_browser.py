"""Reports in a real browser: drawn, silent, alone, accessible, narrow, dark, printed, without scripts."""

import time

import pytest

from koubai.report import write_html
from koubai.report.html import write_page
from koubai.report.run import RunRecord, run_page
from koubai.train.folder import RunFolder
from support.browser import WAIT, in_a_browser

pytestmark = in_a_browser


@pytest.fixture
def look(browser):
    """Open a file with the network cut; yield the page, what it asked for and what it complained about."""
    contexts = []

    def opened(path, **settings):
        settings = {"viewport": {"width": 1280, "height": 800}, **settings}
        context = browser.new_context(offline=True, **settings)
        context.set_default_timeout(WAIT)
        contexts.append(context)
        page = context.new_page()
        page.requested, page.complaints = [], []
        page.on("request", lambda request: page.requested.append(request.url))
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.goto(path.resolve().as_uri())
        if settings.get("java_script_enabled", True):
            page.wait_for_selector("html[data-drawn]", timeout=WAIT)
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Return where the report of a result lies, written once."""
    folder, written = tmp_path_factory.mktemp("reports"), {}

    def report(result, lang):
        name = f"{result.experiment.name}-{len(result.runs)}-{lang}"
        if name not in written:
            written[name] = write_html(result, folder / f"{name}.html", lang)
        return written[name]

    return report


def until(page, expression):
    """Wait until a JavaScript expression is true."""
    deadline = time.monotonic() + WAIT / 1000
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, f"never true: {expression}"
        time.sleep(0.05)


MARKS = ".points path, .lines path, .js-line, .hm image, .contourlayer path, .bars path"


def drawn(page):
    """Return for every plot whether it shows marks of data."""
    return page.evaluate(
        "marks => [...document.querySelectorAll('.plot')].map((plot) => plot.querySelector(marks) !== null)",
        MARKS,
    )


# Each kind of report once, in turns English and Japanese, light and dark.
LOOKS = {
    "vanishing": ("en", "light"),
    "hostile": ("ja", "dark"),
    "convnet": ("ja", "light"),
    "rates": ("en", "dark"),
    "valley": ("ja", "light"),
}


@pytest.fixture(scope="module", params=LOOKS)
def kind(request, made_up):
    lang, scheme = LOOKS[request.param]
    return made_up(request.param), lang, scheme


def test_every_figure_is_drawn_without_a_word_without_a_request_and_clean_for_axe(look, reports, kind):
    result, lang, scheme = kind
    path = reports(result, lang)
    page = look(path, color_scheme=scheme, bypass_csp=True)  # the audit is a foreign script
    assert all(drawn(page)), f"not drawn: {[i for i, seen in enumerate(drawn(page)) if not seen]}"
    assert page.complaints == []
    assert page.requested == [path.resolve().as_uri()]
    assert page.evaluate("document.querySelectorAll('details[open]').length") == 0
    assert page.title() == page.inner_text("h1")
    page.set_viewport_size({"width": 390, "height": 800})
    until(page, "[...document.querySelectorAll('.plot .main-svg')].every((svg) => svg.clientWidth <= 390)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390, "a phone would scroll sideways"
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python"
    )
    found = axe.Axe().run(page).response["violations"]
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found] == []


def test_a_name_that_means_harm_does_nothing(look, reports, hostile_result):
    page = look(reports(hostile_result, "en"))
    assert page.evaluate("document.querySelectorAll('svg b, svg a, main b').length") == 0
    assert "<script>" in page.inner_text("main")


def test_question_verdict_and_the_picture_that_answers_are_on_the_first_screen(look, reports, grid_result):
    page = look(reports(grid_result, "en"))
    assert page.locator("h1").bounding_box()["y"] < 200
    for part in (".tally", "header .plot"):
        box = page.locator(part).first.bounding_box()
        assert box["y"] + box["height"] < 800, part
    plain = look(reports(grid_result, "en"), java_script_enabled=False)
    box = plain.locator(".tally").bounding_box()
    assert box["y"] + box["height"] < 800


SIZES = """[...document.querySelectorAll("body *")]
    .filter((e) => e.checkVisibility() && [...e.childNodes]
        .some((n) => n.nodeType === 3 && n.textContent.trim()))
    .map((e) => parseFloat(getComputedStyle(e).fontSize))"""


def test_no_text_is_small_hovering_covers_nothing_and_a_figure_is_one_tab_stop(look, reports, grid_result):
    page = look(reports(grid_result, "en"), bypass_csp=True)
    assert min(page.evaluate(SIZES)) >= 14
    stops = page.evaluate("""[...document.querySelectorAll("figure")].map((figure) =>
        [...figure.querySelectorAll("a[href], button, summary, [tabindex='0']")].filter(
            (e) => e.tabIndex >= 0 && e.checkVisibility({ visibilityProperty: true })).length)""")
    assert max(stops) == 1
    point = page.locator("header .plot .points path").last.bounding_box()
    page.mouse.move(point["x"] + point["width"] / 2, point["y"] + point["height"] / 2)
    until(page, "document.querySelector('header .hovered').textContent !== ''")
    assert (
        page.evaluate("getComputedStyle(document.querySelector('header .hoverlayer')).visibility") == "hidden"
    )


CROWDED = """[...document.querySelectorAll(".plot")].filter((plot) => {
  const texts = [...plot.querySelectorAll(".xtick text")];
  const turned = texts.some((text) => /rotate\\((?!0[,)])/.test(text.getAttribute("transform") || ""));
  const boxes = texts.map((text) => text.getBoundingClientRect()).sort((a, b) => a.left - b.left);
  return turned || boxes.some((box, i) => i && box.left < boxes[i - 1].right);
}).map((plot) => plot.id)"""


def test_ticks_are_never_turned_and_never_touch_on_a_phone(look, reports, kind):
    result, lang, _ = kind
    path = reports(result, lang)
    page = look(path, viewport={"width": 390, "height": 800})
    assert page.evaluate("document.querySelectorAll('.xtick text').length") > 3
    assert page.evaluate(CROWDED) == []
    page = look(path)
    page.set_viewport_size({"width": 390, "height": 800})
    until(page, f"{CROWDED}.length === 0")


def test_a_table_sorts_by_the_column_that_is_clicked(look, reports, grid_result):
    page = look(reports(grid_result, "en"))
    read = """(i) => [...document.querySelector("table[data-sorts]").tBodies[0].rows].map(
        (row) => parseFloat(row.cells[i].textContent))"""
    head = page.locator("table[data-sorts] th button").nth(2)
    head.click()
    up = page.evaluate(read, 2)
    assert up == sorted(up)
    head.press("Enter")
    assert page.evaluate(read, 2) == up[::-1]


INK = "getComputedStyle(document.querySelector('.plot .xtick text')).fill"


def test_figures_follow_the_page_into_the_dark_and_back(look, reports, made_up):
    page = look(reports(made_up("convnet"), "en"))
    assert page.complaints == [], "its own policy lets it draw"
    light = page.evaluate(INK)
    page.emulate_media(color_scheme="dark")
    until(page, f"{INK} !== '{light}'")
    page.emulate_media(color_scheme="light")
    until(page, f"{INK} === '{light}'")
    assert page.complaints == []


def test_a_print_is_white_and_as_wide_as_the_paper(look, reports, made_up):
    page = look(reports(made_up("convnet"), "ja"), color_scheme="dark")
    printed = page.pdf(format="A4")
    assert printed.startswith(b"%PDF")
    assert 5 <= printed.count(b"/Type /Page\n") + printed.count(b"/Type/Page\n") <= 30
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    until(page, "document.querySelector('.plot .main-svg').getAttribute('width') == 680")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_without_scripts_the_sentences_and_the_numbers_are_there(look, reports, grid_result):
    page = look(reports(grid_result, "en"), java_script_enabled=False)
    assert page.locator("noscript").inner_text().startswith("The figures are drawn by a script")
    assert page.locator("figure table").first.is_visible()
    assert page.locator("figure table").count() == page.locator("figure").count()


def test_an_old_browser_says_so_and_shows_the_numbers(browser, reports, made_up):
    page = browser.new_page()
    page.add_init_script("delete window.DecompressionStream")
    page.goto(reports(made_up("valley"), "en").resolve().as_uri())
    page.wait_for_selector("#undrawn:not([hidden])", timeout=WAIT)
    assert page.locator("figure table").first.is_visible()
    page.close()


def test_a_runs_report_is_drawn_and_clean(look, run_folder, tmp_path):
    path = write_page(run_page(RunRecord.read(RunFolder(run_folder)), "ja", []), tmp_path / "run.html")
    page = look(path)
    assert all(drawn(page))
    assert page.complaints == []
    assert page.requested == [path.resolve().as_uri()]
