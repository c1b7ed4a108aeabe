"""Every view of the widget in every language, light and dark, wide and narrow: axe is silent, nothing sticks out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.stage import LANGUAGES, Stage, example, inner_overflow, overflow

pytestmark = pytest.mark.browser

RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]
Look = Callable[[str], None]


def press(widget: Any, which: str = "button.primary") -> None:
    """Press a button and wait for what it leads to."""
    heading = widget.locator("h2").inner_text()
    widget.locator(which).first.click()
    widget.page.wait_for_function(
        "before => document.querySelector('after-care').shadowRoot.querySelector('h2').innerText !== before",
        arg=heading,
    )


def violations(page: Any) -> list[str]:
    """Name what axe finds (WCAG 2.2 AA): rule, element, what to do. Its own report knows no shadow roots."""
    found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
    return [f"{one['id']}: {node['html']} {node['failureSummary']}" for one in found for node in one["nodes"]]


def walk(stage: Stage, look: Look) -> None:
    """Go through all views, and look at each."""
    widget = stage.open()
    look("find")
    press(widget, "button.plain")
    look("lost number")
    press(widget, "button.back")
    widget.locator("input").nth(0).fill("LIN-42")
    widget.locator("input").nth(1).fill("ann@shopper.example")
    press(widget)
    for fold in widget.locator("summary").all():
        fold.click()
    widget.locator(".choices .row button").nth(1).click()
    widget.locator(".choices button.primary").wait_for()
    look("late order")
    press(widget, ".view > .row button")
    look("what can go back")
    return_something(stage, widget, look)
    press(widget, "button.back")
    withdraw(widget, look)
    press(widget, "button.back")
    press(widget, "button.back")
    press(widget, ".view > .row button >> nth=1")
    look("message")
    widget.locator("textarea").fill("Where is it?")
    press(widget)
    look("message sent")


def return_something(stage: Stage, widget: Any, look: Look) -> None:
    """Return a mug that came damaged, with its photo and the mailed code."""
    press(widget)
    widget.locator("select").first.select_option("1")
    look("what")
    press(widget)
    widget.locator("select").first.select_option("damaged")
    widget.locator("input[type=file]").wait_for()
    widget.locator("button.primary").click()
    widget.locator("[aria-invalid=true]").wait_for()
    look("why, with a problem")
    stage.answers["photos"] = (403, example("step_up"))
    widget.locator("input[type=file]").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": b"png"})
    widget.locator("input[autocomplete=one-time-code]").wait_for()
    look("code")
    stage.answers["photos"] = (201, {"id": "9", "url": "", "width": 1, "height": 1})
    widget.locator("input").fill("123456")
    press(widget)
    widget.locator(".lines bdi", has_text="a.png").wait_for()
    press(widget)
    look("wish")
    press(widget)
    for fold in widget.locator("summary").all():
        fold.click()
    look("review")
    press(widget)
    look("return")


def withdraw(widget: Any, look: Look) -> None:
    """Withdraw from all of it, and see the receipt."""
    press(widget, ".choices > button")
    look("withdraw")
    press(widget)
    look("confirm")
    press(widget)
    look("receipt")


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    contexts = []

    def make(**options: Any) -> Any:
        contexts.append(browser.new_context(**options))
        return contexts[-1].new_page()

    yield make
    for context in contexts:
        context.close()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_view_is_accessible_and_fits_a_phone(open_page: Any, language: str, dark: bool) -> None:
    page = open_page(viewport={"width": 320, "height": 700})
    theme = "dark" if dark else "light"
    stage = Stage(page, f'<after-care store="k" theme="{theme}"></after-care>', lang=language)

    def look(view: str) -> None:
        assert (view, overflow(page), inner_overflow(page)) == (view, 0, [])
        if os.environ.get("LONG") or language in ("en", "ar"):  # axe takes most of the time
            assert (view, violations(page)) == (view, [])

    walk(stage, look)
    assert [said for said in stage.errors if "403" not in said] == []


@pytest.mark.parametrize("width", [768, 1280])
def test_it_is_one_column_never_wider_than_38_rem(open_page: Any, width: int) -> None:
    page = open_page(viewport={"width": width, "height": 900})
    stage = Stage(page)

    def look(view: str) -> None:
        box = page.locator("after-care .care").bounding_box()
        assert box["width"] <= 38 * 16, view

    walk(stage, look)


def test_targets_are_44_pixels_and_text_16(open_page: Any) -> None:
    page = open_page(viewport={"width": 320, "height": 700})

    def look(view: str) -> None:
        small = page.evaluate(
            """() => [...document.querySelector("after-care").shadowRoot.querySelectorAll(
              "button, select, summary, textarea, label.tick, input:not(label.tick input)"
            )].filter((one) => one.offsetHeight < 44).map((one) => `${one.tagName} ${one.className}`)"""
        )
        assert (view, small) == (view, [])

    walk(Stage(page), look)


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


def test_who_wants_no_motion_sees_none(open_page: Any) -> None:
    page = open_page(reduced_motion="reduce")
    stage = Stage(page)
    stage.answers["find"] = (200, lambda route: None)
    widget = stage.open()
    moving = page.evaluate("document.getAnimations().length")
    assert (moving, widget.locator("button.primary").evaluate("one => getComputedStyle(one).transitionDuration")) == (
        0,
        "0s",
    )


def test_a_printed_order_has_its_facts_and_no_buttons(open_page: Any) -> None:
    page = open_page()
    widget = Stage(page).find()
    page.emulate_media(media="print")
    assert widget.locator("button:visible").count() == 0
    assert widget.locator("h3").first.is_visible()


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
