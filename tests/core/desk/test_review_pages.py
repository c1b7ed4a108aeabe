"""Reviews at the desk: who waits first, the facts beside the box, a warning before it is public, and who was first."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from core.jobs.worker import Worker
from core.orders.model import Order
from core.platform.registry import Registry
from core.platform.sample import World
from core.platform.snapshots import ReplySnapshot
from core.reviews.model import Reply
from core.services import Services
from core.stores.model import AuditEntry, Store
from tests.conftest import NOON
from tests.core.desk.returns_scene import fields, has_form, path, said, seat, version_on
from tests.core.reviews.scene import SORRY, Mute, answer, review_there, said_there
from tests.core.samples import anns_order, anns_review
from tests.core.shipping.seed import apply, on_sqlite, rows, statements

pytestmark = on_sqlite
LATE_MUG = anns_review(order_ref="1", author="Ann Berg", product_title="Mug", product_ref="mug")


@pytest.fixture
def review_id(services: Services, store: Store, world: World) -> int:
    """Ann's two stars, of an order that was late and has a return open."""
    apply(services, store, anns_order(name="Ann Berg"))
    with services.db.transaction(store.id) as session:
        session.execute(sa.update(Order).values(late=True, return_open=True))
    return review_there(services, store, world, LATE_MUG)


@pytest.fixture
def max_(services: Services, store: Store) -> FlaskClient:
    return seat(services, store, "owner", "max")


def press(client: FlaskClient, store: Store, review_id: int, verb: str, **typed: str) -> TestResponse:
    return client.post(path(store, f"reviews/{review_id}/{verb}"), data=typed)


def show(client: FlaskClient, store: Store, review_id: int) -> TestResponse:
    return client.get(path(store, f"reviews/{review_id}"))


def listed(client: FlaskClient, store: Store, query: str = "") -> list[str]:
    """The titles in the inbox, in their order."""
    return re.findall(
        r"<td><span[^>]*>[★☆]+</span> <a[^>]*><bdi>([^<]*)</bdi>", client.get(path(store, f"reviews?{query}")).text
    )


def plain(page: TestResponse) -> str:
    """The page's text without the marks that keep a quoted piece apart."""
    return re.sub("[\u2068\u2069]", "", said(page))


def the_replies(services: Services, store: Store) -> list[Reply]:
    return rows(services, store, Reply)


def test_the_angriest_who_waits_longest_comes_first(
    services: Services, store: Store, world: World, max_: FlaskClient
) -> None:
    def there(title: str, rating: int, days: int, answered: bool = False) -> None:
        replies = (ReplySnapshot("x", "Thank you."),) if answered else ()
        at = NOON - timedelta(days=days)
        review = anns_review(title, at=at, title=title, rating=rating, replies=replies)
        review_there(services, store, world, review)

    there("five", 5, 9)
    there("one, new", 1, 1)
    there("one, old", 1, 5)
    there("one, answered", 1, 30, answered=True)
    there("three", 3, 7)
    waiting = ["one, old", "one, new", "three", "five"]
    assert listed(max_, store) == waiting
    assert listed(max_, store, "show=all") == [*waiting, "one, answered"]
    assert listed(max_, store, "show=answered") == ["one, answered"]
    assert listed(max_, store, "show=all&stars=1") == ["one, old", "one, new", "one, answered"]
    assert listed(max_, store, "show=nonsense&stars=9&page=-3") == waiting
    assert "<strong>4</strong> reviews waiting for a reply" in max_.get(path(store)).text


def test_the_inbox_has_pages_and_asks_little(services: Services, store: Store, world: World, max_: FlaskClient) -> None:
    for number in range(51):
        review_there(services, store, world, anns_review(f"r{number}", title=f"t{number}", rating=1 + number % 5))
    with statements(services.db) as sent:
        first = listed(max_, store)
    assert len(sent) <= 15
    (there,) = re.findall(r'rel="next" href="[^"]*\?([^"]*)"', max_.get(path(store, "reviews")).text)
    second = listed(max_, store, there)
    assert (len(first), len(second), len({*first, *second})) == (50, 1, 51)
    assert "Next page" not in said(max_.get(path(store, f"reviews?{there}")))


def test_the_facts_stand_beside_the_box(
    services: Services, store: Store, world: World, max_: FlaskClient, review_id: int
) -> None:
    review_there(services, store, world, anns_review("r2", at=NOON - timedelta(days=9), product_title="Pot"))
    with statements(services.db) as sent:
        page = show(max_, store, review_id)
    assert len(sent) <= 15
    text = said(page)
    facts = (
        "One came broken.",
        "Order 1042",
        "It is or was late.",
        "Nothing was refunded.",
        "A return is open.",
        "Pot",
    )
    for fact in facts:
        assert fact in text, fact
    assert "Publish the reply" in text


def test_a_review_that_names_no_order_finds_the_one_the_same_address_bought_it_with(
    services: Services, store: Store, world: World, max_: FlaskClient
) -> None:
    mug = replace(anns_order().lines[0], product_ref="mug")
    apply(services, store, anns_order(lines=(mug,), name="Ann Berg"))
    known = review_there(services, store, world, replace(LATE_MUG, order_ref=""))
    other = review_there(services, store, world, replace(LATE_MUG, ref="r2", order_ref="", product_ref="pot"))
    assert "The same address bought this product with this one." in said(show(max_, store, known))
    assert "No order is known for this review." in said(show(max_, store, other))


def test_an_answer_goes_out_and_says_so(
    services: Services, store: Store, world: World, worker: Worker, max_: FlaskClient, review_id: int
) -> None:
    done = press(max_, store, review_id, "answer", text=SORRY)
    assert done.status_code == 302
    assert "Replied to the review · Max · Wed 18 Nov, 14:00" in said(max_.get(done.headers["Location"]))
    worker.run_until_idle()
    assert said_there(world) == [SORRY]
    text = said(show(max_, store, review_id))
    assert "Your reply · published" in text
    assert listed(max_, store) == []
    audited = [(entry.staff_ref, entry.what) for entry in rows(services, store, AuditEntry)]
    assert ("max", "answer_review") in audited


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("Dear Ann Berg, sorry.", "It names the shopper in full: Ann Berg"),
        ("Write to ann@shopper.example.", "It holds an e-mail address: ann@shopper.example"),
        ("Call +370 612 00017.", "It holds what reads like a phone number: +370 612 00017"),
        ("Order 1042 was late.", "It holds what reads like an order number: 1042"),
        ("👍", "There are no words in it."),
    ],
)
def test_a_doubtful_answer_is_looked_at_twice_and_never_blocked(
    services: Services, store: Store, world: World, worker: Worker, max_: FlaskClient, review_id: int,
    text: str, warning: str,
) -> None:  # fmt: skip
    page = press(max_, store, review_id, "answer", text=text)
    assert (page.status_code, warning in plain(page), the_replies(services, store)) == (422, True, [])
    again = fields(page.text)
    assert again["text"] == text, "nothing typed is lost"
    assert press(max_, store, review_id, "answer", **again).status_code == 302
    worker.run_until_idle()
    assert said_there(world) == [text]


def test_what_was_added_after_a_warning_is_warned_of_too(
    services: Services, store: Store, max_: FlaskClient, review_id: int
) -> None:
    seen = fields(press(max_, store, review_id, "answer", text="Dear Ann Berg.").text)["seen"]
    page = press(max_, store, review_id, "answer", text="Dear Ann Berg, order 1042.", seen=seen)
    assert "order number: 1042" in plain(page)
    assert the_replies(services, store) == []


def test_the_store_s_own_address_is_no_doubt(
    services: Services, store: Store, max_: FlaskClient, review_id: int
) -> None:
    with services.db.transaction(store.id) as session:
        session.get_one(Store, store.id).settings = {"mail": {"support": "care@linden.example"}}
    assert press(max_, store, review_id, "answer", text="Write to care@linden.example.").status_code == 302


def test_an_empty_answer_is_asked_for(services: Services, store: Store, max_: FlaskClient, review_id: int) -> None:
    page = press(max_, store, review_id, "answer", text="  ")
    assert (page.status_code, "Write the reply first." in said(page)) == (422, True)
    assert the_replies(services, store) == []


def test_whoever_answers_second_learns_who_was_first_and_keeps_the_text(
    services: Services, store: Store, world: World, worker: Worker, max_: FlaskClient, review_id: int
) -> None:
    bea = seat(services, store, "agent", "bea")
    seen = version_on(bea, path(store, f"reviews/{review_id}"))
    press(max_, store, review_id, "answer", text=SORRY)
    page = press(bea, store, review_id, "answer", text="How sad.", version=seen)
    assert page.status_code == 409
    assert "Max was here before you: Replied to the review, Wed 18 Nov, 14:00." in said(page)
    assert "How sad." in page.text
    worker.run_until_idle()
    assert said_there(world) == [SORRY]


def test_an_edit_of_an_older_look_is_refused_and_of_the_newest_goes_out(
    services: Services, store: Store, world: World, worker: Worker, max_: FlaskClient, review_id: int
) -> None:
    row = answer(services, store, review_id)
    worker.run_until_idle()
    bea = seat(services, store, "agent", "bea")
    form = {"reply": str(row.id), "version": version_on(bea, path(store, f"reviews/{review_id}"))}
    assert press(max_, store, review_id, "edit", text="So sorry, Ann.", **form).status_code == 302
    page = press(bea, store, review_id, "edit", text="Never mind.", **form)
    assert (page.status_code, "Max was here before you: Changed the reply" in said(page)) == (409, True)
    assert press(bea, store, review_id, "remove", **form).status_code == 409
    worker.run_until_idle()
    assert said_there(world) == ["So sorry, Ann."]


def test_taking_back_opens_the_box_again(
    services: Services, store: Store, world: World, worker: Worker, max_: FlaskClient, review_id: int
) -> None:
    row = answer(services, store, review_id)
    worker.run_until_idle()
    assert press(max_, store, review_id, "remove", reply=str(row.id)).status_code == 302
    worker.run_until_idle()
    text = said(show(max_, store, review_id))
    assert said_there(world) == []
    assert "Took the reply back · Max" in text
    assert "Publish the reply" in text
    assert len(listed(max_, store)) == 1


def test_a_stuck_answer_stands_in_the_inbox_with_the_store_s_sentence_and_a_button(
    services: Services, store: Store, world: World, worker: Worker, max_: FlaskClient, review_id: int
) -> None:
    there = world.review("r1")
    assert there is not None
    world.remove("review", "r1")
    with services.db.transaction(store.id) as session:
        session.execute(sa.text("delete from jobs"))
    row = answer(services, store, review_id)
    worker.run_until_idle(limit=1)
    assert "1 reply was not taken by the store." in said(max_.get(path(store, "reviews")))
    assert len(listed(max_, store, "show=stuck")) == 1
    page = show(max_, store, review_id)
    assert "The store says: This review is no longer there." in said(page)
    world.put(there)
    assert press(max_, store, review_id, "retry", reply=str(row.id)).status_code == 302
    worker.run_until_idle()
    assert said_there(world) == [SORRY]
    assert "not taken by the store" not in said(max_.get(path(store, "reviews")))


def test_where_the_platform_takes_no_answers_the_page_says_who_shows_it(
    services: Services, store: Store, world: World, worker: Worker, review_id: int
) -> None:
    client = seat(replace(services, platforms=Registry({"demo": Mute})), store, "owner", "max")
    assert "Aftercare shows yours on the product's page." in said(show(client, store, review_id))
    press(client, store, review_id, "answer", text=SORRY)
    assert "Your reply · shown by Aftercare" in said(show(client, store, review_id))
    worker.run_until_idle()
    assert said_there(world) == []


def test_a_viewer_reads_and_does_nothing(services: Services, store: Store, review_id: int) -> None:
    seat(services, store, "owner", "max")
    viewer = seat(services, store, "viewer", "vic")
    page = show(viewer, store, review_id)
    assert (page.status_code, has_form(page)) == (200, False)
    for verb in ("answer", "edit", "remove", "retry"):
        assert press(viewer, store, review_id, verb, text="Hello.").status_code == 403
    assert the_replies(services, store) == []


def test_what_is_not_there_is_not_found(store: Store, max_: FlaskClient, review_id: int) -> None:
    assert show(max_, store, review_id + 1).status_code == 404
    assert press(max_, store, review_id, "shout").status_code == 404
    assert press(max_, store, review_id + 1, "answer", text="Hello.").status_code == 404
    assert press(max_, store, review_id, "edit", text="Hello.", reply="7").status_code == 404
    for number in ("", "x", "9" * 40):
        assert press(max_, store, review_id, "remove", reply=number).status_code in (400, 404)


def test_what_a_shopper_wrote_is_shown_as_text(
    services: Services, store: Store, world: World, max_: FlaskClient
) -> None:
    nasty = anns_review(text="<script>alert(1)</script>", title="<b>", author="<i>")
    page = show(max_, store, review_there(services, store, world, nasty)).text
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_an_answer_to_a_review_no_order_is_known_of_goes_out(
    services: Services, store: Store, world: World, max_: FlaskClient
) -> None:
    review_id = review_there(services, store, world, anns_review("nobody's", order_ref="", product_ref=""))
    assert press(max_, store, review_id, "answer", text=SORRY).status_code == 302
    assert [row.text for row in the_replies(services, store)] == [SORRY]


def test_an_answer_about_an_order_without_digits_in_its_number_goes_out(
    services: Services, store: Store, world: World, max_: FlaskClient, review_id: int
) -> None:
    with services.db.transaction(store.id) as session:
        session.execute(sa.update(Order).values(number="SPRING"))
    assert press(max_, store, review_id, "answer", text=SORRY).status_code == 302
