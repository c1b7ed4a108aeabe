"""Back, Forward and reload in the widget: each view is an entry of the page's history and is come back to."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser import journeys
from tests.browser.journeys import PNG, Ann
from tests.browser.stage import LANGUAGES, PHONE, Stage, example, inner_overflow, overflow

pytestmark = pytest.mark.browser

REFUSED = (
    """Object.defineProperty(window, "sessionStorage", { get() { throw new DOMException("", "SecurityError") } })"""
)
ALL_LANGUAGES = LANGUAGES if os.environ.get("LONG") else ("ar",)
NOT_COME_BACK_TO = {
    # The number that was lost is asked for from the search; what was mailed is not mailed again.
    ("lose_the_number", "lost number"): "Find your order",
    ("lose_the_number", "links mailed"): "Find your order",
    # A choice is made inside the order; it is opened again with its button.
    ("answer_a_delay", "choice"): "Order LIN-42",
    ("answer_a_delay", "choice made"): "Order LIN-42",
    # A code is asked for by what needs it, which is done again; the code that was typed is spent.
    ("start_a_return", "code"): "Why do you send it back?",
    ("start_a_return", "code mailed again"): "Why do you send it back?",
    ("prove_it_is_you", "code"): "Return or cancel",
    ("prove_it_is_you", "code mailed again"): "Return or cancel",
    # How a return stands is asked for anew, with the other returns of the order.
    ("start_a_return", "return"): "Return or cancel",
    ("follow_a_return", "return, approved"): "Return or cancel",
    ("follow_a_return", "return, with a problem"): "Return or cancel",
    ("follow_a_return", "return, to be canceled"): "Return or cancel",
    # A declaration that was not confirmed is written again; a confirmed one stands with the returns.
    ("withdraw_in_two_steps", "confirm"): "Withdraw from the contract",
    ("withdraw_in_two_steps", "receipt"): "Return or cancel",
    # A message that was sent is not written again.
    ("miss_a_parcel", "message sent"): "Order LIN-42",
    ("write_to_the_store", "message sent"): "Order LIN-42",
}
"""By journey and view, the heading a reload leads to where it is not the view's own; why stands above each."""
EXPIRED = "Your access has run out. Find your order again."


@pytest.fixture
def ann(open_alone: Callable[..., Any]) -> Ann:
    """Ann at a phone, whose tab has seen nothing yet; the server reads her order again."""
    stage = Stage(open_alone(viewport=PHONE), csp="")
    stage.answers["orders"] = (200, {"orders": [example("found")]})
    return Ann(stage)


def at_the_review(ann: Ann) -> None:
    """Come to the last step of a return."""
    ann.press("Return or cancel")
    ann.press("Start a return")
    ann.field("How many").select_option("1")
    ann.press("Say why")
    ann.field("Reason").select_option("too_small")
    ann.press("Choose what you get")
    ann.press("Check everything")
    ann.sees("Is this right?")


def test_back_leads_to_the_search_as_it_was_left_and_forward_to_the_order(ann: Ann) -> None:
    ann.searches()
    ann.sees("Order LIN-42")
    ann.page.go_back()
    ann.sees("Find your order")
    assert ann.field("Order number").input_value() == "LIN-42"
    ann.page.go_forward()
    ann.sees("Order LIN-42")
    assert ann.stage.errors == []


def test_each_step_of_a_return_is_gone_back_to_with_what_was_chosen(ann: Ann) -> None:
    ann.opens()
    at_the_review(ann)
    for heading in ("What would you like?", "Why do you send it back?", "What do you want to send back?"):
        ann.page.go_back()
        ann.sees(heading)
    assert ann.field("How many").input_value() == "1"
    assert ann.widget.locator(".sum").inner_text() != ""
    ann.page.go_back()
    ann.sees("Return or cancel")
    ann.page.go_back()
    ann.sees("Order LIN-42")


def test_the_widgets_own_back_and_the_browsers_are_one(ann: Ann) -> None:
    ann.opens()
    at_the_review(ann)
    depth = ann.page.evaluate("history.length")
    ann.press("Back")
    ann.sees("What would you like?")
    assert ann.page.evaluate("history.length") == depth
    ann.page.go_forward()
    ann.sees("Is this right?")


def test_what_was_sent_is_not_gone_back_into(ann: Ann) -> None:
    ann.opens()
    at_the_review(ann)
    ann.stage.answers["returns/options"] = (200, journeys.with_a_return())
    ann.press("Start return")
    ann.sees("Return requested")
    ann.page.go_back()
    ann.sees("Return or cancel")
    assert ann.button("See this return").is_visible()
    ann.page.go_back()
    ann.sees("Order LIN-42")


def test_a_message_that_was_sent_is_not_gone_back_into(ann: Ann) -> None:
    ann.opens()
    ann.press("Write to the store")
    ann.field("Your message").fill("Where is it?")
    ann.press("Send message")
    ann.sees("The store has your message")
    ann.page.go_back()
    ann.sees("Order LIN-42")


def test_who_turns_away_from_the_code_can_press_the_same_button_again(ann: Ann) -> None:
    ann.opens()
    at_the_review(ann)
    ann.stage.answers["returns"] = (403, example("step_up"))
    ann.button("Start return").click()
    ann.sees("Look into your mailbox")
    ann.page.go_back()
    ann.sees("Is this right?")
    ann.button("Start return").click()
    journeys.prove(ann, "returns", (201, example("return")))
    ann.sees("Return requested")


def test_a_code_that_was_typed_is_no_stop_on_the_way_back(ann: Ann) -> None:
    ann.opens()
    ann.press("Return or cancel")
    ann.press("Start a return")
    ann.field("How many").select_option("1")
    ann.press("Say why")
    ann.field("Reason").select_option("damaged")
    ann.stage.answers["photos"] = (403, example("step_up"))
    ann.widget.locator("input[type=file]").set_input_files(PNG)
    journeys.prove(ann, "photos", (201, {"id": "9", "url": "", "width": 1, "height": 1}))
    ann.widget.get_by_text("a.png").wait_for()
    ann.page.go_back()
    ann.sees("What do you want to send back?")


@pytest.mark.parametrize(
    ("presses", "heading"),
    [
        ([], "Order LIN-42"),
        (["Return or cancel"], "Return or cancel"),
        (["Write to the store"], "Write to the store"),
        (["Withdraw from contract here"], "Withdraw from the contract"),
        (["Return or cancel", "Start a return"], "What do you want to send back?"),
    ],
)
def test_a_reload_keeps_the_place_and_back_still_leads_from_it(ann: Ann, presses: list[str], heading: str) -> None:
    ann.searches()
    for label in presses:
        ann.press(label)
    ann.sees(heading)
    ann.page.reload()
    ann.sees(heading)
    assert [url for url in ann.stage.requests if "/shop/k/orders?" in url]
    for _ in range(len(presses)):
        ann.page.go_back()
    ann.sees("Order LIN-42")
    ann.page.go_back()
    ann.sees("Find your order")
    assert ann.stage.errors == []


def test_a_reload_in_the_middle_of_a_return_keeps_what_was_chosen(ann: Ann) -> None:
    ann.opens()
    at_the_review(ann)
    ann.field("Anything else the store should know (optional)").fill("Too tight at the neck.")
    ann.page.reload()
    ann.sees("Is this right?")
    assert ann.field("Anything else the store should know (optional)").input_value() == "Too tight at the neck."
    ann.page.go_back()
    ann.sees("What would you like?")
    ann.page.go_back()
    ann.sees("Why do you send it back?")
    assert ann.field("Reason").input_value() == "too_small"
    ann.stage.answers["returns/options"] = (200, journeys.with_a_return())
    ann.press("Choose what you get")
    ann.press("Check everything")
    ann.press("Start return")
    ann.sees("Return requested")
    ann.page.reload()
    ann.sees("Return or cancel")
    assert ann.stage.errors == []


def test_a_reload_at_the_search_stays_there(ann: Ann) -> None:
    ann.searches()
    ann.page.go_back()
    ann.sees("Find your order")
    ann.page.reload()
    ann.sees("Find your order")


def test_an_order_from_a_mailed_link_is_there_after_a_reload(ann: Ann) -> None:
    ann.opens()
    ann.page.reload()
    ann.sees("Order LIN-42")
    assert ann.stage.errors == []


def test_where_storage_is_refused_a_reload_leads_to_the_search_with_the_number(ann: Ann) -> None:
    ann.page.add_init_script(REFUSED)
    ann.searches()
    ann.press("Write to the store")
    ann.page.reload()
    ann.sees("Find your order")
    assert ann.field("Order number").input_value() == "LIN-42"
    ann.field("E-mail address or postcode you ordered with").fill("ann@shopper.example")
    ann.press("Show my order")
    ann.sees("Write to the store")
    assert ann.stage.errors == []


def test_after_the_token_ended_a_reload_leads_to_the_search_and_says_why(ann: Ann) -> None:
    ann.searches()
    ann.stage.answers["orders"] = (401, {"error": {"code": "not_allowed", "message": EXPIRED}})
    ann.page.reload()
    ann.sees("Find your order")
    assert ann.widget.get_by_role("alert").inner_text() == EXPIRED
    assert ann.field("Order number").input_value() == "LIN-42"


def test_the_pages_own_history_state_is_kept(ann: Ann) -> None:
    ann.stage.open()
    ann.page.evaluate("history.replaceState({ router: 7 }, '')")
    ann.field("Order number").fill("LIN-42")
    ann.field("E-mail address or postcode you ordered with").fill("ann@shopper.example")
    ann.press("Show my order")
    assert ann.page.evaluate("history.state.router") == 7
    ann.page.go_back()
    ann.sees("Find your order")
    assert ann.page.evaluate("history.state") == {"router": 7}


class Turner:
    """Presses Back, Forward and reload at each view that is come back to, as a journey goes through it."""

    def __init__(self, stage: Stage, journey: Callable[[Ann], None]) -> None:
        self.stage, self.page, self.journey = stage, stage.page, journey
        self.ann = Ann(stage, self.look)
        self.headings: dict[int, str] = {}

    def look(self, view: str) -> None:
        self.fits(view)
        depth, shown = self.depth(), self.ann.widget.locator("h2").inner_text()
        self.headings[depth] = shown
        if (self.journey.__name__, view) in NOT_COME_BACK_TO:
            return
        self.stage.answers["orders"] = (200, {"orders": [self.stage.answers["open"][1]]})
        self.page.reload()
        self.comes_to(view, shown)
        if depth:  # before the first view lies another page
            self.leaves(self.page.go_back)
            self.comes_to(view, self.headings.get(depth - 1, ""))
            self.leaves(self.page.go_forward)
            self.comes_to(view, shown)

    def depth(self) -> int:
        """Give how many views deep the page's history says the widget is."""
        entry = self.page.evaluate("Object.entries(history.state ?? {}).find(([key]) => key.startsWith('aftercare:'))")
        return int(entry[1][0]) if entry else 0

    def leaves(self, turn: Callable[[], object]) -> None:
        """Turn, and wait until the view is gone: the one it leads to may bear the same heading."""
        left = self.ann.widget.locator("h2").element_handle()
        turn()
        self.page.wait_for_function("left => !left.isConnected", arg=left)

    def comes_to(self, view: str, heading: str) -> None:
        self.ann.widget.locator("h2", has_text=heading).wait_for()
        self.fits(view)

    def fits(self, view: str) -> None:
        assert (view, overflow(self.page), inner_overflow(self.page)) == (view, 0, [])


@pytest.fixture
def turn(open_page: Callable[..., Any]) -> Callable[..., Turner]:
    """Open a narrow tab that has seen nothing yet, in a language; a context's tabs share no history and no session."""

    def make(language: str, journey: Callable[[Ann], None]) -> Turner:
        stage = Stage(open_page(viewport={"width": 360, "height": 740}), csp="", lang=language)
        stage.answers["orders"] = (200, {"orders": [example("found")]})
        return Turner(stage, journey)

    return make


@pytest.mark.parametrize("journey", journeys.JOURNEYS, ids=lambda journey: journey.__name__)
@pytest.mark.parametrize("language", ALL_LANGUAGES)
def test_a_journey_with_back_forward_and_a_reload_at_each_step(
    turn: Callable[..., Turner], language: str, journey: Callable[[Ann], None]
) -> None:
    turner = turn(language, journey)
    journey(turner.ann)
    assert turner.ann.stage.errors == []


class Stopped(Exception):
    """The view was reached."""


@pytest.mark.parametrize(("name", "view"), list(NOT_COME_BACK_TO)[:: 1 if os.environ.get("LONG") else 3])
@pytest.mark.parametrize("language", ALL_LANGUAGES)
def test_a_reload_of_a_view_that_is_not_come_back_to_leads_to_what_led_to_it(
    turn: Callable[..., Turner], language: str, name: str, view: str
) -> None:
    turner = turn(language, getattr(journeys, name))
    ann, page = turner.ann, turner.page

    def stop(seen: str) -> None:
        if seen == view:
            raise Stopped

    ann.look = stop
    with pytest.raises(Stopped):
        turner.journey(ann)
    page.reload()
    ann.sees(NOT_COME_BACK_TO[name, view])
    turner.fits(view)
    if turner.depth():
        page.go_back()
        page.go_forward()
        ann.sees(NOT_COME_BACK_TO[name, view])
        turner.fits(view)
    assert ann.stage.errors == []


def test_back_closes_the_sheet_of_a_floating_button_and_a_reload_opens_it(open_alone: Callable[..., Any]) -> None:
    stage = Stage(open_alone(viewport=PHONE), '<after-care store="k" mode="button"></after-care>')
    stage.answers["orders"] = (200, {"orders": [example("found")]})
    ann, page = Ann(stage), stage.page
    stage.open()
    sheet = ann.widget.locator("dialog")
    ann.widget.locator("button").first.click()
    ann.field("Order number").fill("LIN-42")
    ann.field("E-mail address or postcode you ordered with").fill("ann@shopper.example")
    ann.press("Show my order")
    page.reload()
    ann.sees("Order LIN-42")
    page.go_back()
    ann.sees("Find your order")
    page.go_back()
    sheet.wait_for(state="hidden")
    page.go_forward()
    ann.sees("Find your order")
    page.keyboard.press("Escape")
    sheet.wait_for(state="hidden")
    page.go_back()  # what Escape closed, Back opens again
    ann.sees("Find your order")
    assert stage.errors == []
