"""Returns at the desk of a running demo, on a phone held in Arabic: nothing overflows, axe finds nothing."""

from __future__ import annotations

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

pytestmark = pytest.mark.browser

PHONE = 320


@pytest.fixture
def desk(demo: Any, browser: Any) -> Any:
    """Max's phone at the sample store's desk, once something has come back there; `desk.show` opens a page."""
    context = browser.new_context(viewport={"width": PHONE, "height": 800}, locale="ar")
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"script error: {error}"))
    root = f"{demo.base}/admin/{demo.keys()['sample']}"
    demo.wait_for("withdrawal_receipt", seconds=120)
    page.goto(f"{demo.base}/demo/desk/{demo.keys()['sample']}")

    def show(path: str) -> str:
        page.goto(f"{root}/{path}{'&' if '?' in path else '?'}lang=ar")
        return str(page.content())

    page.show = show
    yield page
    context.close()


def assert_fits(page: Any) -> None:
    """Nothing is wider than the phone, nothing is inaccessible (WCAG 2.2 AA), and Arabic reads from the right."""
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert (page.locator("html").get_attribute("dir"), wide) == ("rtl", 0), page.url
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]})
    assert found.violations_count == 0, found.generate_report()


def test_returns_withdrawals_and_the_policy_fit_a_phone_in_arabic(desk: Any) -> None:
    returns = re.findall(r"/returns/(\d+)\"", desk.show("returns?show=all"))
    assert_fits(desk)
    assert len(set(returns)) >= 3
    for return_id in dict.fromkeys(returns):
        desk.show(f"returns/{return_id}")
        assert_fits(desk)
    # The sample store's own, or one that a shopper of another test declared.
    withdrawal = re.findall(r"/withdrawals/(\d+)\"", desk.show("withdrawals?show=all"))[0]
    assert_fits(desk)
    for path in (f"withdrawals/{withdrawal}", "returns/policy", "returns/settings", "returns/money", ""):
        desk.show(path)
        assert_fits(desk)


def test_a_merchant_sees_what_a_shorter_window_would_change(desk: Any) -> None:
    desk.show("returns/policy")
    desk.fill("#days", "1")
    desk.locator("button[name=rehearse]").first.click()
    desk.locator("section.parcel").first.wait_for()
    desk.locator("button[name=edit]").click()
    assert desk.input_value("#days") == "1"
    desk.show("returns/policy")
    assert desk.input_value("#days") == "30"
