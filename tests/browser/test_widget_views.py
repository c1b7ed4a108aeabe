"""Every view of the widget in every language, light and dark, wide and narrow: axe is silent, nothing sticks out."""

from __future__ import annotations

from typing import Any

import pytest

from core.i18n.words import Words
from tests.browser.journeys import JOURNEYS, Ann
from tests.browser.looks import faults
from tests.browser.stage import LANGUAGES, PHONE, Stage

pytestmark = pytest.mark.browser

SMALL = """() => [...document.querySelector("after-care").shadowRoot.querySelectorAll(
  "button, select, summary, textarea, label.tick, input:not(label.tick input)"
)].filter((one) => one.checkVisibility() && one.offsetHeight < 44).map((one) => `${one.tagName} ${one.className}`)"""


@pytest.mark.parametrize("language", [tag for tag in LANGUAGES if tag != "en" and Words(tag).direction == "ltr"])
def test_every_view_fits_a_phone_in_every_language(open_page: Any, language: str) -> None:
    """English and Arabic are in test_widget_widths, with axe and in all widths."""
    page = open_page(viewport=PHONE, reduced_motion="reduce")
    seen: set[str] = set()

    def look(view: str) -> None:
        seen.add(view)
        assert (view, faults(page), page.evaluate(SMALL)) == (view, [], [])

    for journey in JOURNEYS:
        stage = Stage(page, lang=language)
        journey(Ann(stage, look))
        assert stage.errors == []
        stage.leave()
    assert len(seen) >= 28


def test_arabic_runs_from_right_to_left_and_tracking_numbers_do_not(open_page: Any) -> None:
    widget = Stage(open_page(), lang="ar").find()
    assert widget.locator(".care").get_attribute("dir") == "rtl"
    assert widget.locator("h3").first.evaluate("one => getComputedStyle(one).direction") == "rtl"
    assert widget.locator(".card bdi[dir=ltr]").first.inner_text() == "TRKp1"


def test_a_dark_page_has_a_dark_widget_and_the_attribute_overrules_it(open_page: Any) -> None:
    def is_dark(body: str, color: str) -> bool:
        page = open_page()
        stage = Stage(page, f'<div id="box">{body}</div>', csp="")
        stage.html = stage.html.replace("</head>", f"<style>body {{ color: {color} }}</style></head>")
        stage.open().locator("input").first.wait_for()
        return bool(page.locator("after-care .care.dark").count())

    assert is_dark('<after-care store="k"></after-care>', "#eee")
    assert not is_dark('<after-care store="k"></after-care>', "#222")
    assert not is_dark('<after-care store="k" theme="light"></after-care>', "#eee")


def test_the_stores_font_and_colors_are_the_widgets(open_page: Any) -> None:
    page = open_page()
    stage = Stage(page, csp="")
    stage.html = stage.html.replace(
        "</head>", "<style>body { font-family: Georgia; --ac-accent: rgb(120, 0, 80); --ac-radius: 0px }</style></head>"
    )
    button = stage.open().locator("button.primary")
    seen = button.evaluate(
        "one => { const s = getComputedStyle(one); return [s.fontFamily, s.backgroundColor, s.borderRadius] }"
    )
    assert seen == ["Georgia", "rgb(120, 0, 80)", "0px"]


def test_a_keyboard_is_enough_and_focus_follows(open_page: Any) -> None:
    page = open_page()
    widget = Stage(page).open()
    widget.locator("input").first.wait_for()
    keys = page.keyboard
    focused = "document.querySelector('after-care').shadowRoot.activeElement?.tagName"
    assert page.evaluate(focused) is None  # a page that loads keeps its focus
    for press_it in ("Tab", "LIN-42", "Tab", "ann@shopper.example", "Enter"):
        keys.type(press_it) if "-" in press_it or "@" in press_it else keys.press(press_it)
    widget.locator(".card").first.wait_for()
    assert page.evaluate(focused) == "H2"
    for _ in range(30):
        keys.press("Tab")
        if widget.locator(".view > .row button:focus").count():
            break
    keys.press("Enter")
    widget.locator("ul.lines, button.primary").first.wait_for()
    assert page.evaluate(focused) == "H2"


def test_an_empty_field_is_named_beside_itself_and_keeps_the_other(open_page: Any) -> None:
    page = open_page()
    widget = Stage(page).open()
    widget.locator("input").nth(0).fill("LIN-42")
    widget.locator("button.primary").click()
    second = widget.locator("input").nth(1)
    assert second.get_attribute("aria-invalid") == "true"
    said = second.get_attribute("aria-describedby")
    assert widget.locator(f"#{said}").inner_text() == "Fill this in."
    assert widget.locator("input").nth(0).input_value() == "LIN-42"
