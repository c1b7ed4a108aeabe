"""The demo as a stranger meets it: started by its command, clicked through by shopper and merchant."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from core.i18n.words import languages

pytestmark = pytest.mark.browser

PHONE, TABLET, DESK = 320, 768, 1280


def look(browser: Any, width: int, language: str = "en", dark: bool = False, script: bool = True) -> Any:
    """Open a page as wide as that; console errors and failed requests fail the test at once."""
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        locale=language,
        color_scheme="dark" if dark else "light",
        java_script_enabled=script,
    )
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"script error: {error}"))
    return page


def overflow(page: Any) -> int:
    """Give how many pixels the page is wider than the window."""
    width: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return width


def assert_accessible(page: Any) -> None:
    """axe finds nothing (WCAG 2.2 AA)."""
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]})
    assert found.violations_count == 0, found.generate_report()


def test_a_delay_is_told_before_the_promised_day_with_both_dates(demo: Any) -> None:
    mail = demo.wait_for("delay")
    assert mail["sent_at"][:10] <= mail["promised_by"] < mail["expected_by"]
    assert set(mail) == {
        "id", "store", "order", "to", "kind", "subject", "sent_at", "promised_by", "expected_by", "language",
    }  # fmt: skip
    assert mail["order"]
    assert mail["language"] in languages()


def test_the_woocommerce_store_was_read_through_its_api(demo: Any, browser: Any) -> None:
    page = look(browser, DESK)
    page.goto(f"{demo.base}/demo/desk/{demo.keys()['woo']}")
    rows = page.locator("tr", has_text="First reading of orders")
    rows.wait_for()
    assert re.search(r"finished\s+\d{2,}", rows.inner_text()), rows.inner_text()


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("width", [PHONE, TABLET, DESK])
def test_a_shopper_finds_a_late_order(demo: Any, browser: Any, width: int, language: str) -> None:
    mail = demo.wait_for("delay", store="Fern & Oak")
    key = demo.keys()["sample"]
    page = look(browser, width, language)
    page.goto(f"{demo.base}/find/{key}?lang={language}")
    assert_accessible(page)
    page.fill("#number", mail["order"].lower())
    page.fill("#proof", mail["to"].upper())
    page.click("button.primary")
    struck = page.locator(".promise s")
    struck.first.wait_for()
    assert overflow(page) == 0
    assert_accessible(page)


def test_the_shop_shows_what_the_store_replied_to_a_review(demo: Any, browser: Any) -> None:
    page = look(browser, PHONE)
    page.goto(f"{demo.base}/demo/store/{demo.keys()['sample']}")
    replies = page.locator("after-care[view=replies]")
    replies.locator("blockquote").first.wait_for()
    assert "Thank you, we are glad that you like it." in replies.locator("blockquote").first.inner_text()
    assert overflow(page) == 0
    assert_accessible(page)


def test_a_wrong_pair_keeps_what_was_typed_and_says_one_thing(demo: Any, browser: Any) -> None:
    key = demo.keys()["sample"]
    page = look(browser, PHONE, script=False)
    page.goto(f"{demo.base}/find/{key}")
    page.fill("#number", "FO-1079")
    page.fill("#proof", "eve@shopper.example")
    page.click("button.primary")
    assert page.input_value("#number") == "FO-1079"
    assert (
        page.locator("[role=alert]").inner_text().startswith("We couldn't find an order with that number and e-mail.")
    )


def test_one_tap_in_the_mail_answers_it(demo: Any, browser: Any) -> None:
    mail = demo.wait_for("delay")
    page = look(browser, PHONE)
    page.goto(f"{demo.base}/demo/mailbox/{mail['id']}")
    link = re.search(rf"{demo.base}/a/\S+/wait", page.locator("pre").inner_text())
    assert link
    page.goto(link[0])
    page.locator("[role=status]").wait_for()
    assert overflow(page) == 0
    assert_accessible(page)


def test_the_mailbox_shows_a_mail_with_its_pictures(demo: Any, browser: Any) -> None:
    mail = demo.wait_for("delay")
    page = look(browser, PHONE)
    problems: list[str] = []
    page.on("console", lambda said: problems.append(said.text))
    page.goto(f"{demo.base}/demo/mailbox/{mail['id']}")
    letter = page.frame_locator("iframe")
    letter.get_by_role("heading").first.wait_for()
    pictures = letter.locator("img")
    pictures.first.wait_for()
    widths = pictures.evaluate_all("all => Promise.all(all.map(one => one.decode().then(() => one.naturalWidth)))")
    assert widths
    assert all(widths)
    assert problems == []


def test_the_stop_link_asks_before_it_stops(demo: Any, browser: Any) -> None:
    mail = demo.wait_for("shipped")
    page = look(browser, PHONE)
    page.goto(f"{demo.base}/demo/mailbox/{mail['id']}")
    link = re.search(rf"{demo.base}/a/\S+/stop", page.locator("pre").inner_text())
    assert link
    page.goto(link[0])
    page.click("button.primary")
    page.locator("[role=status]").wait_for()
    page.locator("form button").click()  # turn them on again: other tests read on


@pytest.mark.parametrize(("width", "dark"), [(PHONE, True), (DESK, False)])
def test_the_merchant_walks_the_desk(demo: Any, browser: Any, width: int, dark: bool) -> None:
    page = look(browser, width, dark=dark)
    page.goto(f"{demo.base}/demo/desk/{demo.keys()['sample']}")
    for name in (
        "Today",
        "Orders",
        "Cases",
        "Returns",
        "Withdrawals",
        "Reviews",
        "Messages",
        "Replay",
        "Settings",
        "Work",
    ):
        page.get_by_role("navigation").get_by_role("link", name=name, exact=True).first.click()
        page.locator("h1").wait_for()
        assert overflow(page) == 0, name
        assert_accessible(page)


def test_keys_walk_the_desk_and_press_nothing(demo: Any, browser: Any) -> None:
    page = look(browser, DESK)
    page.goto(f"{demo.base}/demo/desk/{demo.keys()['sample']}")
    desk = page.url.rstrip("/")
    page.keyboard.press("g")
    page.keyboard.press("o")
    page.wait_for_url(f"{desk}/orders")
    page.locator("main tbody tr").nth(1).wait_for()
    links = page.locator("main tbody tr a[href*='/orders/']")
    for key, row in (("j", 0), ("j", 1), ("k", 0)):
        page.keyboard.press(key)
        assert page.evaluate("document.activeElement.href") == links.nth(row).evaluate("one => one.href"), (key, row)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/orders/\d+$"))
    page.keyboard.press("u")
    page.wait_for_url(f"{desk}/orders")
    page.keyboard.press("?")
    page.locator("dialog[open] kbd").first.wait_for()
    assert_accessible(page)
    page.keyboard.press("g")
    page.keyboard.press("r")
    assert page.url == f"{desk}/orders"  # a dialog keeps its keys
    page.keyboard.press("Escape")
    page.locator("header summary").press("g")  # with the focus on something, and in another script's layout
    page.evaluate("dispatchEvent(new KeyboardEvent('keydown', {code: 'KeyR', key: 'ق', bubbles: true}))")
    page.wait_for_url(f"{desk}/returns")
    page.goto(f"{desk}/me")
    page.get_by_role("checkbox", name="Keyboard shortcuts").uncheck()
    page.locator("main button.primary").click()
    page.locator("[role=status]").wait_for()
    page.keyboard.press("g")
    page.keyboard.press("o")
    page.wait_for_timeout(300)
    assert page.url.startswith(f"{desk}/me")
    page.get_by_role("checkbox", name="Keyboard shortcuts").check()
    page.locator("main button.primary").click()
    page.locator("[role=status]").wait_for()


def test_a_killed_worker_comes_back_and_goes_on(demo: Any) -> None:
    seen = subprocess.run(
        ["pgrep", "-f", "core.demo work", "-P", str(demo.process.pid)], capture_output=True, text=True
    )
    before = len(demo.mails())
    os.kill(int(seen.stdout.split()[0]), signal.SIGKILL)
    deadline = time.monotonic() + 90
    while len(demo.mails()) <= before:
        assert time.monotonic() < deadline, "no further message after the worker was killed"
        time.sleep(0.5)
