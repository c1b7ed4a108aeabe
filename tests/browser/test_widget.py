"""The widget in the demo's shop, against the running server: a shopper finds, asks, returns and withdraws."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.browser.stage import PHONE, inner_overflow, overflow

pytestmark = pytest.mark.browser

ANN = "ann@shopper.example"


@pytest.fixture
def shop(demo: Any, open_page: Callable[..., Any]) -> Any:
    """The sample store's page on a phone."""
    page = open_page(viewport=PHONE, locale="en")
    page.on("pageerror", lambda error: pytest.fail(f"script error: {error}"))
    page.goto(f"{demo.base}/demo/store/{demo.keys()['sample']}?lang=en")
    return page


def find(page: Any, number: str, proof: str = ANN) -> Any:
    """Find an order; give the widget."""
    widget = page.locator("#orders after-care")
    widget.locator("input").nth(0).fill(number)
    widget.locator("input").nth(1).fill(proof)
    widget.locator("button.primary").click()
    widget.locator("h3, [role=alert]").first.wait_for()
    return widget


def code_for(demo: Any, before: set[str]) -> str:
    """Wait for the mailed code that was not there before."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for mail in demo.mails():
            if mail["kind"] == "code" and mail["id"] not in before:
                shown = requests.get(f"{demo.base}/demo/mailbox/{mail['id']}", timeout=10).text
                return re.findall(r"\b\d{6}\b", shown.split("<pre")[1])[0]
        time.sleep(0.3)
    raise AssertionError("no code was mailed")


def order_of_ann(demo: Any, can: str) -> str:
    """Give the number of an order of Ann's that can be returned, or withdrawn from.

    Those on their way are withdrawn from, older ones returned: few tries, for ten look-ups are all she has in a while.
    """
    shop = f"{demo.base}/shop/{demo.keys()['sample']}"
    for number in range(1068 if can == "return" else 1080, 1001, -6):  # every sixth order is hers
        answer = requests.post(f"{shop}/find", json={"number": f"FO-{number}", "proof": ANN}, timeout=10).json()
        if "token" not in answer:
            continue
        bearer = {"Authorization": f"Bearer {answer['token']}"}
        seen = requests.get(f"{shop}/returns/options?order={answer['order_id']}", headers=bearer, timeout=10).json()
        if seen["returns"] or seen["withdrawals"]:
            continue
        goes_back = any(line["answer"] != "decline" and line["left"] for line in seen["lines"])
        if goes_back if can == "return" else seen["withdrawal"]["available"]:
            return f"FO-{number}"
    raise AssertionError(f"Ann has no order to {can}")


def late_order(demo: Any) -> dict[str, Any]:
    """Give the mail about a parcel that is still late: the sample store goes on, and some arrive meanwhile."""
    shop, deadline = f"{demo.base}/shop/{demo.keys()['sample']}", time.monotonic() + 60
    looked_up: set[str] = set()
    while time.monotonic() < deadline:
        told = [mail for mail in demo.mails() if mail["kind"] == "delay" and mail["store"] == "Fern & Oak"]
        for mail in told:
            if mail["id"] in looked_up:
                continue
            looked_up.add(mail["id"])
            pair = {"number": mail["order"], "proof": mail["to"]}
            seen = requests.post(f"{shop}/find", json=pair, timeout=10).json()
            if any(_runs_late(parcel) for parcel in seen.get("order", {}).get("parcels", ())):
                return mail
        time.sleep(1)
    raise AssertionError("no parcel runs late")


def _runs_late(parcel: dict[str, Any]) -> bool:
    promised, expected = parcel["promised_by"], parcel["expected_likely"]
    return bool(promised and expected and expected > promised and not parcel["delivered_at"] and not parcel["answer"])


def test_a_late_parcel_says_what_was_promised_what_is_expected_and_what_can_be_done(demo: Any, shop: Any) -> None:
    mail = late_order(demo)
    widget = find(shop, mail["order"].lower(), mail["to"].upper())
    widget.locator("s").first.wait_for()
    widget.locator(".choices .row button").nth(2).click()
    widget.locator(".choices button.primary").click()
    widget.locator(".good").wait_for()
    assert (overflow(shop), inner_overflow(shop)) == (0, [])


def test_a_wrong_pair_keeps_what_was_typed(shop: Any) -> None:
    widget = find(shop, "FO-1080", "eve@shopper.example")
    said = widget.locator("[role=alert]").inner_text()
    assert said.startswith("We couldn't find an order with that number and e-mail.")
    assert widget.locator("input").nth(0).input_value() == "FO-1080"


def test_a_sample_order_opens_as_from_its_mail(shop: Any) -> None:
    shop.locator(".try a").first.click()
    shop.locator("after-care .card, after-care .note").first.wait_for()
    assert "aftercare" not in shop.url


def test_a_return_is_opened_with_a_mailed_code(demo: Any, shop: Any) -> None:
    widget = find(shop, order_of_ann(demo, "return"))
    known = {mail["id"] for mail in demo.mails()}
    widget.locator(".view > .row button").first.click()
    widget.get_by_role("button", name="Start a return").click()
    picker = widget.locator(".lines > li:not(.off) select, .lines > li:not(.off) input").first
    picker.wait_for()
    picker.check() if picker.get_attribute("type") == "checkbox" else picker.select_option("1")
    widget.get_by_role("button", name="Say why").click()
    widget.locator("select").first.select_option("changed_mind")
    widget.get_by_role("button", name="Choose what you get").click()
    widget.get_by_role("button", name="Check everything").click()
    widget.get_by_role("button", name="Start return").click()
    widget.locator("input[autocomplete=one-time-code]").fill(code_for(demo, known))
    widget.get_by_role("button", name="Check the code").click()
    widget.locator(".path").wait_for()
    assert re.search(r"RMA-\d+", widget.locator(".muted").first.inner_text())


def test_a_withdrawal_is_declared_in_two_steps_without_a_code(demo: Any, shop: Any) -> None:
    widget = find(shop, order_of_ann(demo, "withdraw"))
    widget.get_by_role("button", name="Withdraw from contract here").click()
    widget.get_by_label("Your name").fill("Ann Bell")
    widget.get_by_role("button", name="Look at the declaration").click()
    widget.get_by_role("button", name="Confirm withdrawal").click()
    widget.get_by_role("button", name="Print the receipt").wait_for()
    assert re.search(r"\b[0-9a-f]{64}\b", widget.locator(".view").inner_text())
    assert (overflow(shop), inner_overflow(shop)) == (0, [])


def test_a_message_becomes_a_case_with_a_time(demo: Any, shop: Any) -> None:
    widget = find(shop, "FO-1076", "hoa@shopper.example")
    widget.get_by_role("button", name="Write to the store").click()
    widget.locator("textarea").fill("Can you leave it at the door?")
    widget.get_by_role("button", name="Send message").click()
    assert "answer" in widget.locator(".good").inner_text()
