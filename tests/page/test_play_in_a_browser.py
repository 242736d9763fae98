"""Free play in a real browser: choose, run, pause, beside; share, take along; keys alone; phones; audits."""

import itertools
import os
import re
import subprocess
import sys

import pytest

import koubai as kb
from koubai.train.train import train
from support.browser import in_a_browser

from .served import Served, look_at, tab_to, widen
from .test_page_in_a_browser import audit

for needed in ("starlette", "uvicorn"):
    pytest.importorskip(needed, reason="pip install 'koubai[page]'")
pytestmark = in_a_browser
SMALL = (
    "data.type=moons&data.n=200&data.noise=0.2&network.type=mlp&network.hidden=[8,8]&network.activation=tanh"
)
RECIPE = f"{SMALL}&initializer=lecun_normal&optimizer.type=adam&optimizer.learning_rate=0.02&steps=200"


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    rows = [f"{i % 7},{i * 3 % 11},{'left' if i % 7 > 3 else 'right'}" for i in range(60)]
    (folder / "kinds.csv").write_text("\n".join(["a,b,kind", *rows]))
    return folder


@pytest.fixture(scope="module")
def look(browser, tmp_path_factory, table):
    """Open the view in a browser that was let in; one server for all."""
    served = Served(tmp_path_factory.mktemp("runs"), "--data-dir", str(table))
    context = browser.new_context()
    look_at(context, served.address)
    state = {**context.storage_state(), "origins": []}
    context.close()

    def opened(address=RECIPE, **settings):
        context = browser.new_context(
            storage_state=state, viewport={"width": 1280, "height": 900}, accept_downloads=True, **settings
        )
        page = look_at(context, f"{served.origin}/#play/{address}")
        page.wait_for_selector("[data-do=run]")
        return page

    opened.origin = served.origin
    yield opened
    served.end()


def until_ended(page, step):
    page.wait_for_selector(f"[data-state=end][data-step='{step}']")
    page.wait_for_function(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"
    )


def run(page, what="run", step=200):
    page.click(f"[data-do={what}]")
    until_ended(page, step)


def drawn(page):
    return page.locator("[data-chart=loss] path.line").evaluate_all(
        "all => all.map((one) => one.getAttribute('d'))"
    )


def test_from_choosing_to_running_beside_with_the_recipe_taken_along(look, tmp_path):
    page = look(SMALL)
    page.fill("[data-field=steps]", "200")
    page.select_option("[data-field=activation]", "tanh")
    page.select_option("[data-field=optimizer]", "adam")
    page.fill("[data-field=rate]", "0.02")
    run(page)
    assert "Done" in page.inner_text(".state")
    first = drawn(page)
    assert len(first) == 1
    page.fill("[data-field=rate]", "0.0002")
    run(page, "beside")
    beside = drawn(page)
    assert len(beside) == 2
    assert beside[1] != beside[0]
    assert "Learning rate 0.02 → 2×10⁻⁴" in page.inner_text(".runs")
    page.select_option("[data-field=activation]", "relu")
    run(page, "beside")
    assert "2 things differ" in page.inner_text(".runs")
    for chart in ("loss", "score", "plane", "map", "histograms", "weights"):
        figure = page.locator(f"[data-chart={chart}]")
        assert figure.is_visible()
        figure.locator("summary").click()
        figure.locator("tbody tr").first.wait_for()
        figure.locator(".ranges input").first.focus()
        page.keyboard.press("ArrowRight")
        assert figure.locator("output.told").inner_text()
        assert not re.search(r"\{\w+\}|undefined|NaN|\[object", figure.inner_text())
    scores = page.inner_text(".runs li:last-child .note >> nth=0")
    found = {}
    for name in ("toml", "python"):
        with page.expect_download() as saved:
            page.click(f"[data-take={name}]")
        found[name] = tmp_path / saved.value.suggested_filename
        saved.value.save_as(found[name])
    printed = subprocess.run(
        [sys.executable, str(found["python"])], capture_output=True, text=True, check=True, env=os.environ
    ).stdout
    recipe = kb.Recipe.from_toml(found["toml"])
    own = train(recipe)
    assert printed.splitlines() == [f"{part} {s.loss} {s.accuracy}" for part, s in own.scores.items()]
    assert scores == f"test accuracy {own.scores['test'].accuracy:.1%}"
    assert page.complaints == []
    page.context.close()


PAUSE = """() => {
  const button = document.querySelector("[data-do=pause]");
  if (!button || document.querySelector(".play[data-step='0']")) return false;
  button.click();
  return true;
}"""


def test_pause_one_update_back_and_on_are_the_same_run(look):
    long = RECIPE.replace("steps=200", "steps=5000&batch_size=500").replace("[8,8]", "[100,100,100]")
    page = look(long)
    page.click("[data-do=run]")
    page.wait_for_function(PAUSE)  # by its script: the button is drawn again meanwhile
    page.wait_for_selector("[data-state=end]")
    step = int(page.get_attribute(".play", "data-step"))
    assert 0 < step < 5000
    assert "Paused" in page.inner_text(".state")
    page.click("[data-do=one]")
    until_ended(page, step + 1)
    assert page.inner_text(".counter") == f"Update {step + 1:,} of 5,000"
    page.click("[data-do=back]")
    until_ended(page, 0)
    assert page.locator("[data-chart=map] canvas").count() == 0, "nothing was updated yet"
    page.click("[data-do=on]")
    until_ended(page, 5000)
    assert page.complaints == []
    page.context.close()


def test_the_address_is_shared_and_the_same_question_answered_at_once(look):
    page = look()
    page.fill("[data-field=seed]", "3")
    run(page)
    address = page.url
    assert "seed=3" in address
    lines = drawn(page)
    other = look(address.partition("#play/")[2])
    assert other.input_value("[data-field=seed]") == "3"
    run(other)
    assert "had run before" in other.inner_text(".state")
    assert drawn(other) == lines
    other.context.close()
    page.reload()
    page.wait_for_selector("[data-do=run]")
    assert page.input_value("[data-field=seed]") == "3"
    page.context.close()


def test_what_cannot_be_is_told_at_its_field_in_the_language_of_the_page(look):
    page = look()
    run(page)
    page.fill("[data-field=rate]", "-1")
    page.fill("[data-field=hidden]", "8, x")
    page.click("[data-do=run]")
    page.wait_for_selector(".field.wrong")
    assert page.locator("[aria-invalid=true]").count() == 2
    assert "out of range" in page.inner_text(".field:has([data-field=rate]) .error")
    assert page.evaluate("document.activeElement.dataset.field") == "hidden"
    page.click(".controls [lang=ja]")
    page.wait_for_selector("html[lang=ja]")
    assert "範囲" in page.inner_text(".field:has([data-field=rate]) .error")
    assert len(drawn(page)) == 1, "what had run is still there"
    page.fill("[data-field=rate]", "0.02")
    page.fill("[data-field=hidden]", "8, 8")
    page.fill("[data-field=steps]", "100")
    run(page, step=100)
    assert page.locator(".field.wrong").count() == 0
    page.context.close()


def test_a_table_of_ones_own_and_an_address_that_is_none(look):
    page = look("steps=%")
    assert "could not be read" in page.inner_text(".state")
    page.select_option("[data-field=data]", "file:kinds.csv")
    assert page.input_value("[data-field=target]") == "kind"
    page.fill("[data-field=steps]", "50")
    run(page, step=50)
    assert "test accuracy" in page.inner_text(".runs")
    assert "path=kinds.csv" in page.url
    page.context.close()


def test_with_keys_alone(look):
    page = look()
    press = page.keyboard.press

    def to(what):
        tab_to(page, what, 90)

    to("[data-field=optimizer]")
    press("ArrowUp")  # the one before Adam in the list
    to("[data-field=steps]")
    press("Control+a")
    page.keyboard.type("150")
    to("[data-do=run]")
    press("Enter")
    until_ended(page, 150)
    assert page.evaluate("document.activeElement.dataset.do") == "run", "no key press meets another button"
    to("[data-do=back]")
    press("Enter")
    until_ended(page, 0)
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.dataset.do") == "one"
    press("Enter")
    until_ended(page, 1)
    to("[data-chart=map] .ranges label:nth-child(2) input")
    press("ArrowRight")
    assert "2: Linear" in page.inner_text("[data-chart=map] output.told")
    to("[data-chart=map] .reader button")
    press("Enter")  # heard
    to("[data-chart=map] summary")
    press("Enter")
    page.wait_for_selector("[data-chart=map] tbody tr")
    to("[data-take=toml]")
    with page.expect_download() as saved:
        press("Enter")
    assert "steps = 150" in saved.value.path().read_text()
    assert page.complaints == []
    page.context.close()


@pytest.mark.parametrize(("lang", "scheme"), list(itertools.product(("en", "ja"), ("light", "dark"))))
def test_it_is_clean_on_a_phone_and_a_desk_in_both_languages_and_themes(look, lang, scheme):
    page = look(color_scheme=scheme, bypass_csp=True)  # the audit is a foreign script
    page.click(f".controls [lang={lang}]")
    page.wait_for_selector(f"html[lang={lang}]")
    assert audit(page) == []
    run(page)
    for width in (1280, 390):
        widen(page, width)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, "a phone would scroll sideways"
        assert audit(page) == []
    text = page.inner_text("main")
    assert not re.search(r"\{\w+\}|undefined|NaN|\[object", text)
    small = page.locator("main button, main select, main input, main summary").evaluate_all(
        "all => all.filter((one) => one.offsetParent && one.getBoundingClientRect().height < 24).length"
    )
    assert small == 0, "targets of 24 px"
    page.context.close()
