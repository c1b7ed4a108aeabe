"""The widget on bad days: slow, failing and absent servers, access that runs out, and how a shopper likes to see."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser import journeys
from tests.browser.journeys import JOURNEYS, Ann
from tests.browser.looks import faults, violations
from tests.browser.stage import PHONE, Stage, example

pytestmark = pytest.mark.browser

LONG = bool(os.environ.get("LONG"))
SLOWER = 6
"""How many times slower than this machine: about a cheap phone."""
TRY_AGAIN = "We cannot look this up right now. Try again in a minute."
EXPIRED = "Your access has run out. Find your order again."
BUSY = {"error": {"code": "busy", "message": "The store is busy. Try again in a minute."}}
CORS = {"Access-Control-Allow-Origin": "*"}
FOLLOW = (journeys.read_the_timeline, journeys.start_a_return, journeys.withdraw_in_two_steps)
"""Between them, most of what the widget can draw."""


@pytest.mark.parametrize("journey", JOURNEYS if LONG else FOLLOW, ids=lambda journey: journey.__name__)
def test_a_slow_phone_comes_to_the_end(open_page: Any, journey: Callable[[Ann], None]) -> None:
    page = open_page(viewport=PHONE)
    stage = Stage(page)
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    journey(Ann(stage))
    assert stage.errors == []


def begun(open_page: Any, **options: Any) -> tuple[Ann, Stage]:
    """Give Ann at the last step of a return, with a comment typed."""
    stage = Stage(open_page(viewport=PHONE, **options))
    ann = Ann(stage)
    ann.opens()
    ann.press("Return or cancel")
    ann.press("Start a return")
    ann.field("How many").select_option("1")
    ann.press("Say why")
    ann.field("Reason").select_option("changed_mind")
    ann.press("Choose what you get")
    ann.press("Check everything")
    ann.field("Anything else the store should know (optional)").fill("The box was torn.")
    return ann, stage


@pytest.mark.parametrize(
    ("status", "answer", "said"),
    [
        (500, {"error": {"code": "ours", "message": "This did not work. Try again."}}, "This did not work. Try again."),
        (
            503,
            lambda route: route.fulfill(status=503, json=BUSY, headers=CORS | {"Retry-After": "60"}),
            "The store is busy.",
        ),
        (200, lambda route: route.fulfill(status=200, body="<h1>Hello</h1>", headers=CORS), TRY_AGAIN),
        (200, lambda route: route.abort("connectionreset"), TRY_AGAIN),
        (200, {"neither": "a return"}, "This did not work. Try again, or ask the store."),
    ],
    ids=["500", "503", "html", "cut", "garbage"],
)
def test_a_server_that_fails_says_what_to_do_and_the_same_button_works_later(
    open_page: Any, status: int, answer: Any, said: str
) -> None:
    ann, stage = begun(open_page)
    stage.answers["returns"] = (status, answer)
    ann.press("Start return")
    alert = ann.widget.get_by_role("alert")
    assert alert.inner_text().startswith(said)
    assert faults(ann.page) == []
    stage.answers["returns"] = (201, example("return"))
    ann.press("Start return")
    ann.sees("Return requested")


def test_an_answer_after_8_seconds_is_waited_for_and_after_20_no_more(open_alone: Any) -> None:
    page = open_alone(viewport=PHONE)
    page.clock.install()
    stage, held = Stage(page), list[Any]()
    stage.answers["find"] = (200, held.append)
    ann = Ann(stage)
    stage.open()
    ann.field("Order number").fill("LIN-42")
    ann.field("E-mail address or postcode you ordered with").fill("ann@shopper.example")
    with page.expect_request("**/find?lang=en"):
        ann.button("Show my order").click()
    page.clock.run_for(8_000)
    assert ann.button("Show my order").get_attribute("aria-busy") == "true"
    page.clock.run_for(13_000)
    assert ann.widget.get_by_role("alert").inner_text() == TRY_AGAIN
    with page.expect_request("**/find?lang=en"):
        ann.button("Show my order").click()
    page.clock.run_for(8_000)
    held[-1].fulfill(json=example("found"), headers=CORS)
    ann.sees("Order LIN-42")


def test_without_a_connection_it_says_so_and_goes_on_when_it_is_back(open_alone: Any) -> None:
    ann, stage = begun(open_alone)
    stage.answers["returns"] = (0, None)
    ann.page.context.set_offline(True)
    try:
        ann.press("Start return")
        said = ann.widget.get_by_role("alert").inner_text()
    finally:
        ann.page.context.set_offline(False)
    assert said == "There is no connection. Check it, then try again."
    stage.answers["returns"] = (201, example("return"))
    ann.press("Start return")
    ann.sees("Return requested")


def test_access_that_runs_out_in_the_middle_is_found_again_and_nothing_typed_is_lost(open_page: Any) -> None:
    ann, stage = begun(open_page)
    bodies: list[dict[str, Any]] = []
    ann.page.on("request", lambda request: request.url.endswith("/returns?lang=en") and bodies.append(request))
    stage.answers["returns"] = (401, {"error": {"code": "not_allowed", "message": EXPIRED}})
    ann.button("Start return").click()
    assert ann.widget.get_by_role("alert").inner_text() == EXPIRED
    assert ann.field("Order number").input_value() == "LIN-42"
    stage.answers["returns"] = (403, example("step_up"))  # what was found again may only look
    ann.field("E-mail address or postcode you ordered with").fill("ann@shopper.example")
    ann.press("Show my order")
    journeys.prove(ann, "returns", (201, example("return")))
    ann.sees("Return requested")
    assert [request.post_data_json["comment"] for request in bodies if request.method == "POST"] == [
        "The box was torn."
    ] * 3


def test_who_finds_another_order_stays_there(open_page: Any) -> None:
    ann, stage = begun(open_page)
    stage.answers["returns"] = (401, {"error": {"code": "not_allowed", "message": EXPIRED}})
    ann.button("Start return").click()
    other = example("found") | {"order_id": "77"}
    stage.answers["find"] = (200, other | {"page": other["page"] | {"title": "Order LIN-77"}})
    ann.field("E-mail address or postcode you ordered with").fill("ann@shopper.example")
    ann.press("Show my order")
    ann.sees("Order LIN-77")


SEEN_APART = """() => {
  const root = document.querySelector("after-care").shadowRoot;
  const edge = (name) => { const one = root.querySelector(name); return one && getComputedStyle(one) };
  const bare = [...root.querySelectorAll(
    "button, select, textarea, input:not(.tick input)")].filter((one) => {
    const style = getComputedStyle(one);
    return one.checkVisibility() && (style.borderStyle === "none" || style.borderColor === style.backgroundColor);
  }).map((one) => one.textContent || one.tagName);
  const apart = (one, other) => !edge(one) || !edge(other) || ["borderTopColor", "borderTopWidth", "fontWeight"]
    .some((name) => edge(one)[name] !== edge(other)[name]);
  return [bare, apart(".primary", "button:not(.primary)"), apart(".stations .done", ".stations .ahead"),
    apart(".stations .now", ".stations .done")];
}"""


@pytest.mark.parametrize("journey", FOLLOW, ids=lambda journey: journey.__name__)
def test_forced_colors_leave_every_button_and_state_apart(open_page: Any, journey: Callable[[Ann], None]) -> None:
    page = open_page(viewport=PHONE, forced_colors="active", reduced_motion="reduce")

    def look(view: str) -> None:
        assert (view, page.evaluate(SEEN_APART)) == (view, [[], True, True, True])
        assert (view, violations(page)) == (view, [])

    journey(Ann(Stage(page), look))


def test_who_wants_no_motion_sees_none(open_page: Any) -> None:
    page = open_page(viewport=PHONE, reduced_motion="reduce")
    moving = """() => [document.getAnimations().length, ...[...document.querySelector("after-care").shadowRoot
      .querySelectorAll("*")].filter((one) => getComputedStyle(one).transitionDuration !== "0s")]"""
    journeys.start_a_return(Ann(Stage(page), lambda view: _assert_equal(view, page.evaluate(moving), [0])))


def _assert_equal(view: str, seen: Any, wanted: Any) -> None:
    assert (view, seen) == (view, wanted)


def test_where_motion_is_welcome_it_takes_no_more_than_150_milliseconds(open_page: Any) -> None:
    page = open_page(viewport=PHONE)
    journeys.find_an_order(Ann(Stage(page)))
    longest = page.evaluate(
        """() => Math.max(...[...document.querySelector("after-care").shadowRoot.querySelectorAll("*")]
          .map((one) => parseFloat(getComputedStyle(one).transitionDuration)))"""
    )
    assert longest <= 0.15


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("journey", FOLLOW, ids=lambda journey: journey.__name__)
def test_text_twice_as_large_fits_half_a_window(open_page: Any, journey: Callable[[Ann], None], language: str) -> None:
    """640 pixels with the browser's text size at 200 %; zoom of a 640 pixel window is the width of a phone."""
    page = open_page(viewport={"width": 640, "height": 700}, reduced_motion="reduce")
    stage = Stage(page, csp="", lang=language, head="<style>:root { font-size: 32px }</style>")

    def look(view: str) -> None:
        size = page.locator("after-care .body").evaluate("one => getComputedStyle(one).fontSize")
        assert (view, size, faults(page)) == (view, "32px", [])

    journey(Ann(stage, look))


def test_a_printed_order_has_its_timeline_unfolded_and_no_buttons(open_page: Any) -> None:
    page = open_page(viewport=PHONE)
    ann = Ann(Stage(page))
    ann.opens()
    page.emulate_media(media="print")
    assert ann.widget.locator("button:visible").count() == 0
    for told in ("Now expected Wed 25 Nov", "Promised by Mon 23 Nov", "On its way, Kaunas", "TRKp1", "2 × Mug"):
        assert ann.widget.get_by_text(told, exact=True).first.is_visible(), told
    assert ann.widget.get_by_text("We told you it is running late").is_visible()
    names = [name for name, _ in example("found")["page"]["cards"][0]["stations"]]
    sizes = (
        ann.widget.locator(".stations")
        .first.locator("li")
        .evaluate_all("all => all.map((one) => [one.textContent, parseFloat(getComputedStyle(one).fontSize) > 9])")
    )
    assert sizes == [[name, True] for name in names]


def test_a_screen_reader_hears_the_timeline_in_order(open_page: Any) -> None:
    ann = Ann(Stage(open_page(viewport=PHONE)))
    ann.opens()
    ann.unfold()
    heard = ann.widget.aria_snapshot()
    order = [
        'heading "Order LIN-42" [level=2]', "Placed Wednesday 18 November",
        'heading "Now expected Wed 25 Nov" [level=3]', "Promised by Mon 23 Nov", "The carrier moved the date.",
        'heading "If that is too late" [level=4]', 'button "Keep waiting for it"', 'button "Ask to cancel"',
        "listitem: Ordered", "listitem: Packed", "listitem: On its way", "listitem: Out for delivery",
        "listitem: Delivered", "2 × Mug", "TRKp1", "Last scan 27 hours ago", "All scans", "Thu 19 Nov, 17:00",
        "On its way, Kaunas", 'heading "Arriving Sat 21 Nov" [level=3]', "Pot", 'button "Return or cancel"',
        "What we told you", "We told you it is running late",
    ]  # fmt: skip
    places = [heard.find(one) for one in order]
    assert -1 not in places, order[places.index(-1)] + heard
    assert places == sorted(places)
    assert ann.widget.locator(".stations [aria-current=step]").all_inner_texts() == ["On its way", "Ordered"]


TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')
PART = re.compile(r"%\(\w+\)s|\\.|\w+")
ACCENTS = str.maketrans("aeiouAEIOUcn", "áéïöûÁÉÏÖÛçñ")


def longer(text: str) -> str:
    """Write a sentence 40 % longer, with accents; what stands for a value stays."""

    def stretch(found: re.Match[str]) -> str:
        word = found[0]
        return word if word[0] in "%\\" else word.translate(ACCENTS) + word[-1] * round(len(word) * 0.4)

    return PART.sub(stretch, text)


def longer_words(name: str, script: str) -> str:
    """Do so to a built file of sentences, but not to its language, its direction and the file it loads."""

    def stretch(found: re.Match[str]) -> str:
        is_said = len(found[1]) > 3 and not found[1].startswith("./")
        return f'"{longer(found[1])}"' if is_said else found[0]

    return TEXT.sub(stretch, script) if name.startswith("en-") else script


def longer_answer(value: Any) -> Any:
    """Do so to what the server says: whatever has a space, and every label and station."""
    if isinstance(value, list):
        return [longer_answer(one) for one in value]
    if isinstance(value, dict):
        longest = {key: longer(one) for key, one in value.items() if key == "label"}
        stations = {
            key: [[longer(name), state] for name, state in one] for key, one in value.items() if key == "stations"
        }
        return {key: longer_answer(one) for key, one in value.items()} | longest | stations
    return longer(value) if isinstance(value, str) and " " in value else value


class LongerAnn(Ann):
    """She reads a language whose words are longer than any we have."""

    def reads(self, english: str) -> str:
        return longer(super().reads(english))


@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda journey: journey.__name__)
def test_words_40_percent_longer_fit_a_phone(open_page: Any, journey: Callable[[Ann], None]) -> None:
    page = open_page(viewport=PHONE, reduced_motion="reduce")
    stage = Stage(page)
    stage.rewrite, stage.translate = longer_words, longer_answer
    journey(LongerAnn(stage, lambda view: _assert_equal(view, faults(page), [])))
