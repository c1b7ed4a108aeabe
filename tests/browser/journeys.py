"""What Ann does in the widget, by the roles and names she meets: the same steps in every language.

A journey begins at an empty search and tells `look` the name of each view it comes to.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import cache
from typing import Any

from tests.browser.looks import focus
from tests.browser.stage import ROOT, Stage, example

Look = Callable[[str], None]
PNG = {"name": "a.png", "mimeType": "image/png", "buffer": b"png"}


@cache
def words(language: str) -> dict[str, Any]:
    """Give the widget's sentences in a language, by their English."""
    found: dict[str, Any] = json.loads((ROOT / "widget" / "words" / f"{language}.json").read_text("utf-8"))["words"]
    return found


class Ann:
    """A shopper at a stage's page, who reads its language. What the catalog does not have, the server said."""

    def __init__(self, stage: Stage, look: Look = lambda view: None) -> None:
        self.stage, self.page, self.look = stage, stage.page, look
        self.widget = self.page.locator("after-care").first

    def reads(self, english: str) -> str:
        """Give a sentence as it stands on her page."""
        return str(words(self.stage.lang).get(english, english))

    def button(self, english: str) -> Any:
        return self.widget.get_by_role("button", name=self.reads(english), exact=True).first

    def field(self, english: str) -> Any:
        return self.widget.get_by_label(self.reads(english), exact=True).first

    def press(self, english: str, view: str = "") -> None:
        """Press a button, wait until its work is done, and look at the view it led to."""
        self.button(english).click()
        self.widget.locator("[aria-busy=true]").first.wait_for(state="detached")
        assert focus(self.page), f"the focus is lost after {english!r}"
        if view:
            self.look(view)

    def sees(self, english: str) -> None:
        """Wait for a heading."""
        self.widget.get_by_role("heading", name=self.reads(english), exact=True).first.wait_for()

    def unfold(self) -> None:
        """Open whatever is folded."""
        folded = self.widget.locator("details:not([open]) > summary")
        while folded.count():
            folded.first.click()

    def searches(self) -> None:
        """Come to the page and ask for the order."""
        self.stage.open()
        self.field("Order number").fill("LIN-42")
        self.field("E-mail address or postcode you ordered with").fill("ann@shopper.example")
        self.press("Show my order")

    def opens(self) -> None:
        """Come with the link of a mail, and be at the order."""
        self.stage.open("#aftercare=abc.def")
        self.sees("Order LIN-42")


def find_an_order(ann: Ann) -> None:
    ann.stage.open()
    ann.look("find")
    ann.press("Show my order", "find, with problems")
    ann.searches()
    ann.sees("Order LIN-42")
    ann.look("order")


def lose_the_number(ann: Ann) -> None:
    ann.stage.open()
    ann.press("I lost my order number", "lost number")
    ann.field("E-mail address you ordered with").fill("ann@shopper.example")
    ann.press("Mail me my links", "links mailed")
    ann.press("Back to the search")
    ann.sees("Find your order")


def read_the_timeline(ann: Ann) -> None:
    ann.opens()
    ann.unfold()
    ann.look("order, unfolded")
    assert ann.widget.locator(".scans li").count() == 2


def answer_a_delay(ann: Ann) -> None:
    ann.opens()
    ann.press("Keep waiting for it", "choice")
    ann.press("Yes, I will wait", "choice made")
    ann.widget.get_by_text(ann.reads("Nothing more to do.")).wait_for()


def start_a_return(ann: Ann) -> None:
    """Send a mug back that came damaged, with its photo and the mailed code."""
    ann.opens()
    ann.press("Return or cancel", "what can go back")
    ann.press("Start a return", "what")
    ann.press("Say why", "what, with a problem")
    ann.field("How many").select_option("1")
    ann.press("Say why", "why")
    ann.field("Reason").select_option("damaged")
    ann.press("Choose what you get", "why, with a problem")
    ann.stage.answers["photos"] = (403, example("step_up"))
    ann.widget.locator("input[type=file]").set_input_files(PNG)
    prove(ann, "photos", (201, {"id": "9", "url": "", "width": 1, "height": 1}))
    ann.widget.get_by_text("a.png").wait_for()
    ann.look("why, with a photo")
    ann.press("Choose what you get", "wish")
    ann.press("Check everything")
    ann.unfold()
    ann.look("review")
    ann.press("Start return")
    ann.sees("Return requested")
    ann.look("return")


def prove(ann: Ann, path: str, answer: tuple[int, Any]) -> None:
    """Type the mailed code; from then on the server lets her."""
    ann.sees("Look into your mailbox")
    ann.look("code")
    ann.press("Mail me a new code", "code mailed again")
    ann.field("Code").fill("123456")
    ann.stage.answers[path] = answer
    ann.press("Check the code")


def prove_it_is_you(ann: Ann) -> None:
    """Cancel a return: the code is asked for once, and what was pressed is done."""
    ann.stage.answers["returns/options"] = (200, with_a_return())
    ann.stage.answers["cancel"] = (403, example("step_up"))
    ann.opens()
    ann.press("Return or cancel")
    ann.press("See this return")
    ann.press("Cancel this return")
    ann.button("Yes, cancel this return").click()
    prove(ann, "cancel", (200, example("return") | {"headline": "Return canceled", "can_cancel": False}))
    ann.sees("Return canceled")


def follow_a_return(ann: Ann) -> None:
    """See where an approved return stands, and tell that it is on its way."""
    ann.stage.answers["returns/options"] = (200, with_a_return())
    ann.stage.answers["sent"] = (200, with_a_return()["returns"][0] | {"can_tell_sent": False})
    ann.opens()
    ann.press("Return or cancel", "what is under way")
    ann.press("See this return")
    ann.unfold()
    ann.look("return, approved")
    ann.press("Tell the store it is on its way", "return, with a problem")
    ann.field("Tracking number of the parcel you sent").fill("RR123456789LT")
    ann.press("Tell the store it is on its way")
    ann.press("Cancel this return", "return, to be canceled")
    assert ann.button("Yes, cancel this return").is_visible()
    assert ann.widget.get_by_text(ann.reads("€18.50 was refunded")).is_visible()


def withdraw_in_two_steps(ann: Ann) -> None:
    ann.opens()
    ann.press("Withdraw from contract here", "withdraw")
    ann.field("Your name").fill("Ann Bell")
    ann.press("Look at the declaration", "confirm")
    ann.press("Confirm withdrawal", "receipt")
    assert ann.button("Print the receipt").is_visible()


def miss_a_parcel(ann: Ann) -> None:
    """It says delivered, but she doesn't have it."""
    ann.stage.answers["open"] = (200, delivered())
    ann.opens()
    ann.look("order, delivered")
    ann.press("I don't have it", "it has not come")
    ann.field("What the store should know").fill("Nobody rang.")
    ann.press("Tell the store it has not come", "message sent")
    ann.sees("The store has your message")


def write_to_the_store(ann: Ann) -> None:
    ann.opens()
    ann.press("Write to the store", "message")
    ann.press("Send message", "message, with a problem")
    ann.field("Your message").fill("Can you leave it at the door?")
    ann.press("Send message", "message sent")
    ann.press("Back to the order")
    ann.sees("Order LIN-42")


JOURNEYS = (
    find_an_order, lose_the_number, read_the_timeline, answer_a_delay, start_a_return, follow_a_return,
    withdraw_in_two_steps, miss_a_parcel, write_to_the_store, prove_it_is_you,
)  # fmt: skip


def with_a_return() -> dict[str, Any]:
    """Give what can go back of an order of which something already does."""
    approved = example("return") | {
        "status": "approved",
        "headline": "Send it back by Tue 8 Dec",
        "sentence": "The store waits for your parcel.",
        "due": {"what": "refund", "by": "2026-12-20T12:00:00Z", "sentence": "Your refund is due by Sun 20 Dec."},
        "instructions": ["Pack it so that it does not break.", "Put the label on the outside."],
        "label_url": "https://care.example/labels/1",
        "reimbursements": [{"sentence": "€18.50 was refunded on Fri 4 Dec.", "link": "https://pay.example/1"}],
        "can_tell_sent": True,
    }
    return example("options") | {"returns": [approved], "withdrawals": [example("withdrawal_declared")]}


def delivered() -> dict[str, Any]:
    """Give an order whose first parcel is there, it is said."""
    found: dict[str, Any] = copy.deepcopy(example("found"))
    card = {"headline": "Delivered Tue 24 Nov", "tone": "ok", "promise_broken": False, "why": ""}
    found["page"]["cards"][0] |= card | {
        "stations": [[name, "done"] for name, _ in found["page"]["cards"][0]["stations"]]
    }
    found["page"]["choices"] = []
    return found
