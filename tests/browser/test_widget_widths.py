"""Every journey on a phone, a tablet and a desk, by role and name: nothing is cut, lost or too small, axe is silent.

Each view is looked at in three widths and two themes, so each journey is walked once a language. English and Arabic by
default, which is both directions; LONG=1 takes all languages, and begins each journey in each theme and width anew.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.journeys import JOURNEYS, Ann
from tests.browser.looks import COLORS, faults, focus, set_dark, violations
from tests.browser.stage import LANGUAGES, Stage

pytestmark = pytest.mark.browser

LONG = bool(os.environ.get("LONG"))
WIDTHS = (320, 768, 1280)
STARTS = (
    [(width, tag, theme) for width in WIDTHS for tag in LANGUAGES for theme in ("light", "dark")]
    if LONG
    else [(320, "en", "light"), (320, "ar", "light")]
)
WIDEST = 38 * 16
HEIGHT = 800


@pytest.fixture(scope="module", params=STARTS, ids=lambda start: "-".join(map(str, start)))
def start(request: pytest.FixtureRequest, contexts: Callable[..., Any]) -> Iterator[tuple[Any, str, str, set[str]]]:
    """One window for all journeys that begin so, and the views axe has seen in it."""
    width, language, theme = request.param
    page = contexts(viewport={"width": width, "height": HEIGHT}, reduced_motion="reduce").new_page()
    yield page, language, theme, set()
    page.close()


@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda journey: journey.__name__)
def test_a_journey_ends_and_nothing_breaks_on_the_way(start: Any, journey: Callable[[Ann], None]) -> None:
    page, language, theme, seen = start
    stage = Stage(page, f'<after-care store="k" theme="{theme}"></after-care>', lang=language)
    begun = page.viewport_size["width"]

    def look(view: str) -> None:
        for width in sorted(WIDTHS, key=lambda width: width == begun):
            page.set_viewport_size({"width": width, "height": HEIGHT})
            assert (view, width, faults(page)) == (view, width, [])
            assert page.locator("after-care .care").bounding_box()["width"] <= WIDEST
        if focus(page):
            page.keyboard.press("Tab")
            ring = focus(page)
            assert ring is None or (view, *ring[1:]) == (view, True, True)  # none where the widget has ended
        if view not in seen:
            seen.add(view)
            assert (view, violations(page)) == (view, [])
            set_dark(page, theme == "light")
            assert (view, violations(page, COLORS)) == (view, [])
            set_dark(page, theme == "dark")

    journey(Ann(stage, look))
    assert stage.errors == []
    stage.leave()
