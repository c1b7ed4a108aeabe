"""The widget among strangers: pages that broke the language, style everything and redraw at will; data that attacks."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.stage import CARE, INLINE, PHONE, SHOP, Stage, example, inner_overflow, overflow

pytestmark = pytest.mark.browser

# What Prototype.js 1.6, MooTools 1.2 and hasty polyfills do to a page, and worse.
BROKEN = """
Array.prototype.toJSON = String.prototype.toJSON = function () { return "broken" };
Object.prototype.extra = function () { return this };
Array.prototype.extra = 1;
Array.from = function () { return [] };
Function.prototype.bind = function () { return this };
for (const name of ["find", "reduce", "entries", "flat", "flatMap", "at", "includes", "reverse"])
  Array.prototype[name] = function () { throw new Error("a library replaced " + name) };
for (const name of ["remove", "append", "prepend", "before", "after", "replaceWith", "replaceChildren", "matches"])
  Element.prototype[name] = function () { throw new Error("a library replaced " + name) };
window.$ = window.jQuery = function () { throw new Error("not ours") };
window.h = window.say = window.open = null;
"""
LOUD = """
* { all: revert; font-size: 9px !important; color: red !important; letter-spacing: 9px !important;
    opacity: 0 !important; transform: rotate(3deg) !important; box-sizing: content-box !important; float: left }
after-care { display: none !important; visibility: hidden !important; position: absolute !important; width: 9000px }
button, input, h2, h3, p, section { display: none !important; width: 5000px !important; text-transform: uppercase }
"""
NASTY = [
    "<img src=x onerror=window.hit=1><script>window.hit=1</script>",
    "\u202e\u2066 FO-1080 \u202dright to left",
    "👩‍👩‍👧‍👦" * 60,
    "W" * 200,
    "&lt;b&gt; ${window.hit=1} {{7*7}} %(x)s $& \u0000\ufeff",
]


@pytest.fixture
def page(open_page: Callable[..., Any]) -> Any:
    """A phone."""
    return open_page(viewport=PHONE)


def poison(value: Any, text: str) -> Any:
    """Put a text in place of everything a stranger writes; addresses run script."""
    if isinstance(value, list):
        return [poison(one, text) for one in value]
    if not isinstance(value, dict):
        return value
    said = {"title", "variant", "headline", "window", "why", "age", "carrier", "tracking_number", "sentence", "note",
            "label", "statement", "text", "placed", "reason_label", "message"}  # fmt: skip
    links = {"tracking_url", "image_url", "link", "label_url"}
    kept = {key: text if key in said and one else poison(one, text) for key, one in value.items()}
    return kept | dict.fromkeys(links & value.keys(), "javascript:window.hit=1")


@pytest.mark.parametrize("text", NASTY, ids=["markup", "bidi", "emoji", "long word", "templates"])
def test_nothing_a_stranger_wrote_runs_or_sticks_out(page: Any, text: str) -> None:
    stage = Stage(page, csp="")  # no policy stands between the data and the page
    for name in ("found", "options", "return"):
        path = {"found": "find", "options": "returns/options", "return": "returns"}[name]
        answer = poison(example(name), text)
        answer |= {"page": poison_page(answer["page"], text)} if name == "found" else {}
        stage.answers[path] = (200, answer)
    widget = stage.find()
    assert (overflow(page), inner_overflow(page)) == (0, [])
    assert widget.locator("a[href^=javascript], img[src^=javascript]").count() == 0
    widget.locator(".view > .row button").first.click()
    widget.locator(".body > .view > button.primary").click()
    widget.locator("select").first.wait_for()
    assert (overflow(page), inner_overflow(page)) == (0, [])
    assert page.evaluate("window.hit") is None
    assert stage.errors == []


def poison_page(shown: dict[str, Any], text: str) -> dict[str, Any]:
    """The sentences of an order hold what the store and the carrier wrote."""
    for card in shown["cards"]:
        card["items"] = [text]
        card["scans"] = [[text, text]]
    return shown | {"notes": [text], "lists": [{"title": text, "lines": [[text, text]]}]}


def test_a_page_that_broke_the_language_gets_the_whole_journey(page: Any) -> None:
    stage = Stage(page, csp="", head=f"<script>{BROKEN}</script>")
    bodies: list[str] = []
    page.on("request", lambda request: request.post_data and bodies.append(request.post_data))
    widget = stage.find()
    widget.locator(".view > .row button").first.click()
    widget.locator(".body > .view > button.primary").click()
    widget.locator("select").first.select_option("1")
    widget.locator("button.primary").click()
    widget.locator("select").first.select_option("changed_mind")
    widget.locator("button.primary").click()
    widget.locator("input[type=radio]").first.wait_for()
    widget.locator("button.primary").click()
    widget.locator("textarea").wait_for()
    widget.locator("button.primary").click()
    widget.locator(".path").wait_for()
    assert json.loads(bodies[0]) == {"number": "LIN-42", "proof": "ann@shopper.example"}
    assert json.loads(bodies[-1])["lines"][0]["quantity"] == 1
    assert stage.errors == []


def test_a_page_that_styles_everything_does_not_reach_inside(page: Any) -> None:
    stage = Stage(page, csp="", head=f"<style>{LOUD}</style>")
    page.goto(f"{SHOP}/")
    heading = page.locator("after-care h2")
    heading.wait_for(state="visible")
    seen = heading.evaluate(
        """one => {
          const style = getComputedStyle(one);
          return [style.letterSpacing, style.textTransform, parseFloat(style.fontSize) >= 16];
        }"""
    )
    assert seen == ["normal", "none", True]
    button = page.locator("after-care button.primary")
    assert button.is_visible()
    assert button.evaluate("one => getComputedStyle(one).color") != "rgb(255, 0, 0)"
    assert stage.errors == []


def test_the_strictest_policy_is_kept(page: Any) -> None:
    stage = Stage(page)
    stage.find()
    assert stage.errors == []  # a broken policy is told on the console


def test_it_leaves_only_its_place_and_the_tabs_token_and_asks_nobody_else(page: Any) -> None:
    stage = Stage(
        page, body=INLINE, csp="", head="<script>window.before = new Set(Object.getOwnPropertyNames(window))</script>"
    )
    stage.find()
    added = "Object.getOwnPropertyNames(window).filter((name) => !window.before.has(name) && name !== 'before')"
    assert page.evaluate(added) == []
    left = page.evaluate("[document.cookie, localStorage.length, { ...sessionStorage }, history.state]")
    assert left == ["", 0, {"aftercare:k": example("found")["token"]}, {"aftercare:k": [1, "order", "LIN-42"]}]
    assert {"/".join(url.split("/")[:3]) for url in stage.requests} == {SHOP, CARE}
    assert "ann@" not in "".join(stage.requests)


def test_a_link_from_a_mail_opens_its_order_and_leaves_the_address_bar(page: Any) -> None:
    stage = Stage(page)
    told: list[str] = []
    page.on("request", lambda request: request.url.endswith("/open?lang=en") and told.append(request.post_data))
    widget = stage.open("#aftercare=abc.def-123")
    widget.locator(".card").first.wait_for()
    assert page.url.startswith(f"{SHOP}/?")
    assert "#" not in page.url
    assert [json.loads(one) for one in told] == [{"link": "abc.def-123"}]
    assert "abc.def-123" not in "".join(stage.requests[1:])


def test_a_dead_link_says_so_and_offers_the_search(page: Any) -> None:
    stage = Stage(page)
    stage.answers["open"] = (404, {"error": {"code": "link_expired", "message": "This link no longer works."}})
    widget = stage.open("#aftercare=abc.def")
    assert widget.locator(".problem").first.inner_text() == "This link no longer works."
    assert widget.locator("input").count() == 2


def test_two_widgets_on_a_page_do_not_mix(page: Any) -> None:
    stage = Stage(page, body='<after-care store="k"></after-care><after-care store="k" lang="lt"></after-care>')
    stage.open()
    first, second = page.locator("after-care").nth(0), page.locator("after-care").nth(1)
    first.locator("input").first.fill("LIN-42")
    assert second.locator("input").first.input_value() == ""
    assert first.locator("h2").inner_text() != second.locator("h2").inner_text()
    assert stage.errors == []


def test_a_floating_button_opens_a_sheet_that_escape_closes(page: Any) -> None:
    stage = Stage(page, body='<after-care store="k" mode="button"></after-care>')
    widget = stage.open()
    assert not [url for url in stage.requests if "/start-" in url]  # nothing more until somebody asks
    widget.locator("button").click()
    widget.locator("dialog input").first.wait_for()
    assert (overflow(page), inner_overflow(page)) == (0, [])
    page.keyboard.press("Escape")
    assert not widget.locator("dialog").is_visible()
    assert page.evaluate("document.activeElement.shadowRoot.activeElement.tagName") == "BUTTON"


def test_an_element_moved_by_a_framework_keeps_what_was_typed(page: Any) -> None:
    widget = Stage(page).open()
    widget.locator("input").first.fill("LIN-42")
    page.evaluate(
        "const a = document.querySelector('after-care'); document.body.insertBefore(a, document.body.firstChild)"
    )
    assert widget.locator("input").first.input_value() == "LIN-42"


def test_an_element_made_anew_shows_the_order_again(page: Any) -> None:
    stage = Stage(page, csp="")
    stage.find()
    page.evaluate("document.querySelector('main').innerHTML = '<after-care store=\"k\"></after-care>'")
    page.locator("after-care .card").first.wait_for()
    assert len([url for url in stage.requests if "/find" in url and "lang" in url]) == 1
    assert stage.errors == []


def test_an_element_removed_while_it_waits_lets_go(page: Any) -> None:
    stage = Stage(page)
    given_up: list[str] = []
    page.on("requestfailed", lambda request: given_up.append(request.url))
    stage.answers["find"] = (200, lambda route: None)  # never answered
    widget = stage.open()
    widget.locator("input").nth(0).fill("LIN-42")
    widget.locator("input").nth(1).fill("ann@shopper.example")
    with page.expect_event("requestfailed", timeout=5_000):  # far less than the patience for an answer
        widget.locator("button.primary").click()
        page.evaluate(
            "document.querySelector('after-care').parentNode.removeChild(document.querySelector('after-care'))"
        )
    assert [url.split("?")[0] for url in given_up] == [f"{CARE}/shop/k/find"]
    assert [said for said in stage.errors if "ERR_FAILED" not in said] == []


@pytest.mark.parametrize(
    ("status", "answer"),
    [(0, None), (502, "<h1>Bad gateway</h1>"), (200, "not an order")],
    ids=["offline", "proxy", "garbage"],
)
def test_a_server_that_fails_leaves_a_way_on(page: Any, status: int, answer: Any) -> None:
    stage = Stage(page)
    stage.answers["find"] = (status, answer)
    widget = stage.open()
    widget.locator("input").nth(0).fill("LIN-42")
    widget.locator("input").nth(1).fill("ann@shopper.example")
    widget.locator("button.primary").click()
    said = widget.locator("[role=alert]")
    said.wait_for()
    assert "ry again" in said.inner_text()
    assert widget.locator("input").first.input_value() == "LIN-42"
    stage.answers["find"] = (200, example("found"))
    widget.locator("button.primary").click()
    widget.locator(".card").first.wait_for()


def test_a_slow_server_shows_the_shape_of_what_comes(page: Any) -> None:
    stage = Stage(page)
    stage.answers["open"] = (200, lambda route: None)
    page.goto(f"{SHOP}/#aftercare=abc.def")
    page.locator("after-care .wait i").first.wait_for()


def test_access_that_ran_out_leads_back_to_the_search(page: Any) -> None:
    stage = Stage(page)
    widget = stage.find()
    sentence = "Your access has run out. Find your order again."
    stage.answers["returns/options"] = (401, {"error": {"code": "not_allowed", "message": sentence}})
    widget.locator(".view > .row button").first.click()
    widget.locator("form").wait_for()
    assert widget.locator(".problem").first.inner_text() == sentence


def test_files_that_cannot_be_loaded_lead_to_the_page_without_script(page: Any) -> None:
    stage = Stage(page)
    page.route("**/start-*.js", lambda route: route.abort())
    page.goto(f"{SHOP}/")
    link = page.locator("after-care a")
    link.wait_for()
    assert link.get_attribute("href") == f"{CARE}/find/k?lang=en"
    assert stage.errors


def test_an_element_without_a_store_waits_for_one(page: Any) -> None:
    stage = Stage(page, body="<after-care></after-care>")
    page.goto(f"{SHOP}/")
    page.evaluate("document.querySelector('after-care').setAttribute('store', 'k')")
    page.locator("after-care input").first.wait_for()
    assert stage.errors == []
