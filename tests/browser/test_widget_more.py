"""What the widget does beside following and returning: replies under reviews, gifts, warranty, exchanges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.looks import violations
from tests.browser.stage import INLINE, PHONE, SHOP, Stage, example, inner_overflow, overflow, press

pytestmark = pytest.mark.browser

REPLIES = '<after-care store="k" view="replies" product="mug"></after-care><p id="under">under it</p>'
WATCH_SHIFTS = """<script type="module">
window.shift = 0;
new PerformanceObserver((list) => { for (const one of list.getEntries()) window.shift += one.value; })
  .observe({type: "layout-shift", buffered: true});
</script>"""


def replies_on(page: Any, answer: Any, status: int = 200, **options: Any) -> Stage:
    """A page with a product's replies; the server answers this."""
    stage = Stage(page, REPLIES, **options)
    stage.answers["replies"] = (status, answer)
    page.goto(f"{SHOP}/")
    return stage


def bodies_to(page: Any, path: str) -> list[dict[str, Any]]:
    """Collect what is sent to the end of this path from now on."""
    sent: list[dict[str, Any]] = []

    def note(request: Any) -> None:
        if request.url.partition("?")[0].endswith(path) and request.post_data:
            sent.append(request.post_data_json)

    page.on("request", note)
    return sent


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "ar"])
def test_replies_are_read_under_their_reviews(open_page: Callable[..., Any], language: str, theme: str) -> None:
    page = open_page(viewport=PHONE)
    body = REPLIES.replace("product", f'theme="{theme}" product')
    stage = Stage(page, body, lang=language)
    stage.answers["replies"] = (200, example("replies"))
    page.goto(f"{SHOP}/")
    widget = page.locator("after-care")
    widget.locator("blockquote").nth(1).wait_for()
    assert widget.locator("[role=img]").count() == 2
    assert "Thank you for telling us." in widget.locator("blockquote").first.inner_text()
    arabic = widget.get_by_text("وصل متأخرًا")
    assert arabic.evaluate("one => getComputedStyle(one).direction") == "rtl"
    english = widget.get_by_text("It keeps the tea warm.")
    assert english.evaluate("one => getComputedStyle(one).direction") == "ltr"
    assert (overflow(page), inner_overflow(page), violations(page), stage.errors) == (0, [], [], [])


def test_stars_dates_and_who_wrote_are_said_in_words(open_page: Callable[..., Any]) -> None:
    page = open_page(viewport=PHONE, timezone_id="UTC")
    replies_on(page, example("replies"))
    first = page.locator("after-care article").first
    first.get_by_role("img", name="5 of 5 stars").wait_for()
    said = first.inner_text()
    for words in ("Ann B. · 9 November 2026 · Bought at this store", "The store replied · 11 November 2026"):
        assert words in said
    assert "Bought" not in page.locator("after-care article").nth(1).inner_text()


def test_how_purchases_are_verified_and_which_reviews_are_shown_is_said_at_the_reviews(
    open_page: Callable[..., Any],
) -> None:
    page = open_page(viewport=PHONE)
    replies_on(page, example("replies"))
    widget = page.locator("after-care")
    widget.locator("blockquote").first.wait_for()
    for words in (
        "the store's system knows an order by the writer",
        "of other reviews it is not known whether the writer bought it",
        "the published reviews that the store has replied to",
        "whatever their stars, the newest reply first",
    ):
        assert words in widget.locator("section, div").first.inner_text(), words


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, {"product": "mug", "replies": [], "more": False}),
        (404, {"error": {"code": "not_found", "message": "There is nothing here."}}),
        (502, "<h1>Bad gateway</h1>"),
        (200, {"replies": [{"rating": 5}], "more": False}),
        (0, None),
    ],
    ids=["none", "unknown", "proxy", "garbage", "offline"],
)
def test_where_there_are_no_replies_there_is_nothing(open_page: Callable[..., Any], status: int, answer: Any) -> None:
    page = open_page(viewport=PHONE)
    with page.expect_request("**/replies?*"):
        replies_on(page, answer, status, csp="", head=WATCH_SHIFTS)
    page.wait_for_timeout(300)  # long enough to draw, had there been something
    widget = page.locator("after-care")
    assert widget.bounding_box()["height"] == 0
    assert widget.evaluate("one => one.shadowRoot.textContent") == ""
    assert page.evaluate("window.shift") == 0


def test_more_replies_are_added_below_and_read_on_from_there(open_page: Callable[..., Any]) -> None:
    page = open_page(viewport=PHONE)
    pages = {1: example("replies") | {"more": True}, 2: example("replies")}
    pages[2]["replies"][0]["text"] = "From the second page"

    def answer(route: Any) -> None:
        number = 2 if "page=2" in route.request.url else 1
        route.fulfill(json=pages[number], headers={"Access-Control-Allow-Origin": "*"})

    replies_on(page, answer)
    widget = page.locator("after-care")
    widget.get_by_role("button", name="Show more").click()
    widget.get_by_text("From the second page").wait_for()
    assert widget.locator("article").count() == 4
    assert widget.locator("li").nth(2).evaluate("one => one === one.getRootNode().activeElement")
    assert not widget.get_by_role("button", name="Show more").is_visible()


def test_what_strangers_wrote_under_a_product_stays_text(open_page: Callable[..., Any]) -> None:
    page = open_page(viewport=PHONE)
    nasty = "<img src=x onerror=window.hit=1>\u202e" + "W" * 300
    answer = example("replies")
    for one in answer["replies"]:
        one |= {"title": nasty, "text": nasty, "author": nasty, "rating": 99, "reply": one["reply"] | {"text": nasty}}
    replies_on(page, answer, csp="")
    page.locator("after-care blockquote").first.wait_for()
    assert (page.evaluate("window.hit"), page.locator("after-care img").count(), overflow(page)) == (None, 0, 0)
    assert inner_overflow(page) == []


def test_a_mailed_link_is_left_to_the_element_that_shows_orders(open_page: Callable[..., Any]) -> None:
    page = open_page(viewport=PHONE)
    stage = Stage(page, REPLIES + INLINE)
    stage.answers["replies"] = (200, example("replies"))
    page.goto(f"{SHOP}/#aftercare=abc.def")
    page.locator("after-care .card").first.wait_for()
    assert len([url for url in stage.requests if "/open?" in url]) == 1
    assert stage.errors == []


def back_panel(page: Any, wishes: list[str] | None = None) -> tuple[Stage, Any]:
    """Find an order and ask what can go back; the server tells a gift and a claim apart."""
    stage = Stage(page)

    def options(route: Any) -> None:
        url = route.request.url
        name = "options_gift" if "gift=true" in url else "options_warranty" if "kind=warranty" in url else "options"
        answer = example(name)
        if wishes is not None:
            answer["wishes"] = [one for one in answer["wishes"] if one["key"] in wishes]
        route.fulfill(json=answer, headers={"Access-Control-Allow-Origin": "*"})

    stage.answers["returns/options"] = (200, options)
    widget = stage.find()
    press(widget, ".view > .row button")
    return stage, widget


def choose_a_mug(widget: Any) -> None:
    """Take one mug, and say why."""
    widget.locator("select").first.select_option("1")
    press(widget)
    widget.locator("select").first.select_option("changed_mind")
    press(widget)


def test_a_gift_goes_back_without_a_price(open_page: Callable[..., Any]) -> None:
    page = open_page(viewport=PHONE)
    stage, widget = back_panel(page)
    stage.answers["returns/quote"] = (200, example("quote") | {"amount": None, "fees": None, "explanation": []})
    opened = bodies_to(page, "/returns")
    widget.get_by_role("button", name="It was a gift").click()
    seen = [widget.locator(".note").first.inner_text()]
    choose_a_mug(widget)
    assert widget.locator("input[type=radio]").evaluate_all("all => all.map((one) => one.value)") == [
        "exchange",
        "store_credit",
    ]
    press(widget)
    seen.append(widget.locator(".body").inner_text())
    press(widget)
    assert seen[0] == "A gift is exchanged or becomes store credit. No price is shown."
    assert "€" not in seen[1]
    assert (opened[0]["gift"], "kind" in opened[0], opened[0]["lines"][0]["wish"]) == (True, False, "exchange")


def test_what_broke_later_is_claimed_in_the_same_steps(open_page: Callable[..., Any]) -> None:
    page = open_page(viewport=PHONE)
    _, widget = back_panel(page)
    quoted, opened = bodies_to(page, "/returns/quote"), bodies_to(page, "/returns")
    widget.get_by_role("button", name="It broke later: use the warranty").click()
    widget.get_by_role("heading", name="What broke?").wait_for()
    choose_a_mug(widget)
    press(widget)
    widget.get_by_role("button", name="Send the claim").click()
    widget.locator(".path").wait_for()
    assert {one["kind"] for one in [*quoted, *opened]} == {"warranty"}
    assert opened[0]["lines"][0]["wish"] == "repair"
    assert "gift" not in opened[0]


def test_a_gift_is_offered_only_where_the_store_exchanges_or_credits(open_page: Callable[..., Any]) -> None:
    _, widget = back_panel(open_page(viewport=PHONE), wishes=["refund"])
    assert widget.get_by_role("button", name="It was a gift").count() == 0


def test_what_is_wanted_instead_goes_with_its_line_and_outlives_a_step_back(open_page: Callable[..., Any]) -> None:
    page = open_page(viewport=PHONE)
    _, widget = back_panel(page)
    opened = bodies_to(page, "/returns")
    widget.get_by_role("button", name="Start a return").click()
    choose_a_mug(widget)
    field = widget.get_by_label("What you would like instead, such as another size or color (optional)")
    assert field.count() == 0
    widget.locator("input[value=exchange]").check()
    field.fill("  sand, large ")
    assert (inner_overflow(page), violations(page)) == ([], [])
    press(widget)
    assert "Instead: sand, large" in widget.locator(".body").inner_text()
    press(widget, "button.back")
    assert field.input_value().strip() == "sand, large"
    press(widget)
    press(widget)
    assert opened[0]["lines"][0]["exchange_for"] == "sand, large"


def test_a_variant_is_chosen_with_its_difference_in_sight_and_goes_as_the_store_offered_it(
    open_page: Callable[..., Any],
) -> None:
    page = open_page(viewport=PHONE)
    stage, widget = back_panel(page)
    stage.answers["returns/options"] = (200, example("options_exchange"))
    stage.answers["returns/variants"] = (200, example("variants"))
    stage.answers["returns/quote"] = (200, example("quote_exchange"))
    stage.answers["returns"] = (201, example("return_exchange"))
    widget.get_by_role("button", name="Back").first.click()
    widget.get_by_role("button", name="Return or cancel").click()
    opened = bodies_to(page, "/returns")
    widget.get_by_role("button", name="Start a return").click()
    choose_a_mug(widget)
    widget.locator("input[value=exchange]").check()
    offered = widget.locator("fieldset", has_text="The same again")
    offered.wait_for()
    assert offered.locator("label").all_inner_texts() == [
        "moss",
        "ink, large · +€4.00",
        "sand · −€2.00 · Out of stock",
        "The same again",
        "Something else",
    ]
    assert offered.get_by_label("sand").is_disabled()
    offered.get_by_label("ink, large").check()
    told = example("quote_exchange")["exchange"]
    assert "pay" in told
    widget.locator(".sum", has_text=told).wait_for()
    assert (inner_overflow(page), violations(page)) == ([], [])
    press(widget)
    assert told in widget.locator(".sum").inner_text()
    assert "You get back" not in widget.locator(".body").inner_text()
    press(widget)
    assert opened[0]["lines"][0]["exchange_offer"] == example("variants")["variants"][1]["offer"]
    assert "exchange_for" not in opened[0]["lines"][0]
    assert told in widget.locator(".body").inner_text()
    assert "You get back" not in widget.locator(".body").inner_text()


@pytest.mark.parametrize(("cheaper", "first"), [("You may also withdraw: no fee until Mon 30 Nov.", True), ("", False)])
def test_a_withdrawal_that_costs_less_stands_before_the_return_and_says_so(
    open_page: Callable[..., Any], cheaper: str, first: bool
) -> None:
    stage = Stage(open_page(viewport=PHONE))
    answer = example("options")
    answer["withdrawal"]["cheaper"] = cheaper
    stage.answers["returns/options"] = (200, answer)
    widget = stage.find()
    press(widget, ".view > .row button")
    buttons = widget.locator(".body button").all_inner_texts()
    assert (buttons.index(answer["withdrawal"]["label"]) < buttons.index("Start a return")) is first
    assert widget.locator(".body button.primary").all_inner_texts() == [
        answer["withdrawal"]["label"] if first else "Start a return"
    ]
    assert cheaper in widget.locator(".body").inner_text()
    assert violations(stage.page) == []
