"""A shopper can be told what is kept of them, and forgotten: everywhere, for good, and nobody else with them."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from core.changes.apply import apply_orders
from core.conversations.model import Case, Message
from core.jobs.queue import Job
from core.jobs.worker import Worker
from core.orders import find
from core.orders.find import OrderNotFound
from core.orders.messages.notice import Notice
from core.orders.model import Order, Shipment
from core.platform.sample import World
from core.platform.snapshots import ReplySnapshot, ReviewSnapshot
from core.privacy import personal_data
from core.reviews import sync as reviews_sync
from core.reviews.model import Review
from core.schema.models import metadata
from core.services import Services
from core.stores.model import Store
from core.stores.tokens import answer_token, tracking_token
from tests.conftest import Clock
from tests.core.private import EMAIL, TRACES, dump, her_order, her_review, leave_traces, seen_in
from tests.core.samples import EVE, anns_order, find_mine

HARMLESS = {
    "audit": "what subject facts hash",
    "audit_heads": "hash",
    "case_messages": "side origin",
    "call_buckets": "name",
    "cases": "kind state",
    "feeds": "name cursor state since operation",
    "findings": "code sentence",
    "jobs": "kind state lease_token",
    "line_items": "ref kind title variant_ref sku product_ref image_url tags taxes",
    "nonces": "digest",
    "list_exports": "list_name query columns language style state place",
    "notices": "rule kind occasion state cause language message_id",
    "order_events": "kind",
    "orders": "ref number number_key state status currency store_currency language country shipping_method payments "
    "admin_url",
    "counters": "name",
    "reimbursements": "intent key kind state currency lines payout payments explanation restock platform_ref balance "
    "obstacle credit booked",
    "return_items": "line_ref title reason wish grade exchange_title",
    "return_photos": "mime digest",
    "return_policies": "document",
    "returns": "rma kind acceptance reception reimbursement status answer objections rules refund_when label_paid_by "
    "fees currency digest carrier source native_ref native_name native_url native_state native_status native_past "
    "native_told native_conflict",
    "withdrawals": "number state source lines country currency receipt_hash",
    "declarations": "number state language draft_digest receipt_hash",
    "replies": "intent key state ref",
    "reviews": "ref source state product_ref product_title product_url order_ref",
    "search_changes": "kind",
    "search_documents": "kind tokens",
    "search_postings": "documents",
    "search_states": "complete walking position places",
    "shipments": "status raw_status carrier carrier_name service items delivered_source last_scan_status "
    "promise_source expected_source answer",
    "stores": "key platform ref state state_reason currency timezone language country plan missing hook_digest "
    "settings",
    "throttles": "digest",
    "tracking_events": "status raw",
}
"""Texts that lead to no shopper: kinds, states, refs, goods, keyed digests."""
MERCHANTS = {
    "audit": "who staff_ref",
    "list_exports": "staff_ref",
    "reimbursements": "created_by",
    "replies": "author changed_by",
    "return_policies": "saved_by",
    "returns": "opened_by decided_by decided_ref approval_asked_by",
    "saved_views": "staff_ref list_name name query columns",
    "staff": "ref name former_names email language chosen_language role",
    "review_sources": "key name account_ref label credentials hook hook_digest state state_reason",
    "store_claims": "ref facts credentials",
    "stores": "name url email credentials secret forwarding_secret hook_token platform_id renewal_lease",
}
"""What is the merchant's own; it goes with the store."""


def erase(services: Services, store: Store, **who: object) -> dict[str, int]:
    with services.db.transaction(store.id) as session:
        return personal_data.erase_person(session, services.keyring, **who, now=services.clock())  # type: ignore[arg-type]


def export(services: Services, store: Store, **who: object) -> dict[str, list[dict[str, object]]]:
    with services.db.transaction(store.id, write=False) as session:
        return personal_data.export_person(session, services.keyring, **who)  # type: ignore[arg-type]


def store_again(services: Services, store: Store, *snapshots: object) -> None:
    now = services.clock()
    with services.db.transaction(store.id) as session:
        apply_orders(session, services, store, snapshots, asked_at=now, now=now)  # type: ignore[arg-type]


def review_again(services: Services, store: Store, snapshot: ReviewSnapshot) -> list[int]:
    def key(email: str) -> str:
        return find.email_key(email, services.keyring)

    with services.db.transaction(store.id) as session:
        return reviews_sync.apply(session, store.id, [snapshot], asked_at=services.clock(), email_key=key)


def test_every_text_column_is_known_as_personal_or_harmless() -> None:
    telling = (sa.String, sa.JSON, sa.LargeBinary)
    there = {
        (table.name, column.name)
        for table in metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, telling)
    }
    personal = [
        personal_data.PERSONAL,
        personal_data.PARTLY_PERSONAL,
        personal_data.MAIL_JOBS,
        personal_data.LIST_EXPORTS,
    ]
    listed = [(table, column) for part in personal for table, columns in part.items() for column in columns]
    for part in (HARMLESS, MERCHANTS):
        listed += [(table, column) for table, columns in part.items() for column in columns.split()]
    assert there - set(listed) == set(), "say in core/privacy/personal_data.py or here what these hold"
    assert set(listed) - there == set(), "these are no columns any more"
    assert len(listed) == len(set(listed)), "personal and harmless at once"


def test_a_shopper_is_told_everything_that_is_kept_of_them(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    leave_traces(services, store, world, worker)
    told = json.dumps(export(services, store, email=f" {EMAIL.upper()} "))
    assert [trace for trace in TRACES if trace not in told] == []
    assert export(services, store, email=EVE) == {}
    assert export(services, store) == {}


def test_nothing_leads_to_an_erased_shopper_and_the_books_stay(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    leave_traces(services, store, world, worker)
    her_key = find.email_key(EMAIL, services.keyring)
    # Each trace is there before: else the search below could not fail.
    assert {word for _, word in seen_in(dump(services.db, store.id), (*TRACES, her_key))} == {*TRACES, her_key}
    counts = erase(services, store, email=EMAIL)
    assert seen_in(dump(services.db, store.id), (*TRACES, her_key, her_key[:32])) == set()
    once = "orders line_items shipments tracking_events reviews cases case_messages case_mails jobs"
    assert counts == dict.fromkeys(once.split(), 1) | {"notices": 2}  # one bounced, one the rules only watched
    with services.db.transaction(store.id, write=False) as session:
        order = session.scalars(sa.select(Order)).one()
        assert (order.ref, order.number, order.total, order.erased_at) == ("1", "1041", 2400, services.clock())
        assert [(refund["ref"], refund["amount"], refund["reason"]) for refund in order.refunds] == [("f1", 300, "")]
        assert set(session.scalars(sa.select(Notice.state))) == {"bounced", "watched"}
    assert erase(services, store, email=EMAIL) == {}


def test_other_shoppers_stay_as_they_were(services: Services, store: Store, world: World, worker: Worker) -> None:
    world.put(anns_order(ref="2", number="1049", email=EVE, name="Eve", updated_at=services.clock()))
    leave_traces(services, store, world, worker)

    def eves() -> list[str]:
        return [row for rows in dump(services.db, store.id).values() for row in rows if "1049" in row or EVE in row]

    before = eves()
    erase(services, store, email=EMAIL, shopper_ref="", order_refs=[])
    assert eves() == before != []


@pytest.mark.parametrize("who", [{"shopper_ref": "account-4711"}, {"order_refs": ["1", "no such order"]}])
def test_an_account_or_an_order_names_a_shopper_too(
    services: Services, store: Store, world: World, worker: Worker, who: dict[str, object]
) -> None:
    leave_traces(services, store, world, worker)
    assert erase(services, store, **who)["orders"] == 1
    told = dump(services.db, store.id, without=["jobs"])  # the promised links name an address nobody spoke of
    assert seen_in(told, TRACES) == set()


@pytest.mark.parametrize("who", [{}, {"email": " "}, {"shopper_ref": ""}, {"order_refs": [""]}])
def test_whoever_is_not_named_is_nobody(
    services: Services, store: Store, world: World, worker: Worker, who: dict[str, object]
) -> None:
    world.put(anns_order(email="", postcode="", shopper_ref=""))  # a guest without an address must not be meant
    leave_traces(services, store, world, worker)
    before = dump(services.db, store.id)
    assert erase(services, store, **who) == {}
    assert dump(services.db, store.id) == before


def test_what_the_store_says_later_does_not_bring_a_shopper_back(
    services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    leave_traces(services, store, world, worker)
    with services.db.transaction(store.id, write=False) as session:
        parcel = session.scalars(sa.select(Shipment.id)).one()
    erase(services, store, email=EMAIL)
    newer = her_order(status="done", updated_at=clock.forward(hours=1))
    for snapshot in (her_order(), newer):
        clock.forward(minutes=1)
        store_again(services, store, snapshot)
        assert seen_in(dump(services.db, store.id), TRACES) == set()
    with services.db.transaction(store.id, write=False) as session:
        assert session.scalars(sa.select(Order.status)).all() == ["done"]
        assert session.scalars(sa.select(Shipment.id)).all() == [parcel]
    before = dump(services.db, store.id)
    store_again(services, store, newer)
    assert dump(services.db, store.id) == before, "the same news again is no news"


def test_a_review_edited_after_its_author_was_erased_keeps_its_stars_alone(
    services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    leave_traces(services, store, world, worker)
    erase(services, store, email=EMAIL)
    erased_at = clock.now
    answered = (ReplySnapshot("r1/1", f"Dear {TRACES[1]}, we are sorry."),)
    edited = her_review(rating=5, replies=answered, updated_at=clock.forward(hours=1))
    for snapshot in (her_review(), edited):
        clock.forward(minutes=1)
        review_again(services, store, snapshot)
        assert seen_in(dump(services.db, store.id), TRACES) == set()
    with services.db.transaction(store.id, write=False) as session:
        (review,) = session.scalars(sa.select(Review))
        assert (review.rating, review.updated_at, review.erased_at) == (5, edited.updated_at, erased_at)
        assert (review.author, review.email_key, review.title, review.text, review.replies) == ("", "", "", "", [])
    before = dump(services.db, store.id)
    assert review_again(services, store, edited) == [], "the same news again is no news"
    assert dump(services.db, store.id) == before
    clock.forward(minutes=1)
    erase(services, store, order_refs=["1"])
    with services.db.transaction(store.id, write=False) as session:
        assert session.scalars(sa.select(Review.erased_at)).all() == [erased_at], "the first time counts"


def test_a_new_order_of_an_erased_shopper_is_an_order_like_any_other(
    services: Services, store: Store, world: World, worker: Worker
) -> None:
    leave_traces(services, store, world, worker)
    erase(services, store, email=EMAIL)
    store_again(services, store, her_order("2"))
    with services.db.transaction(store.id, write=False) as session:
        assert find_mine(session, services.keyring, "1042", EMAIL).ref == "2"


def test_links_and_look_ups_of_an_erased_shopper_open_nothing(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker
) -> None:
    order_id = leave_traces(services, store, world, worker)
    link = f"/t/{tracking_token(services.keyring, store.id, order_id, 1)}"
    with services.db.transaction(store.id, write=False) as session:
        notice_id = session.scalars(sa.select(Notice.id).where(Notice.state == "bounced")).one()
    tap = f"/a/{answer_token(services.keyring, store.id, notice_id, 1)}/wait"
    assert [client.get(path).status_code for path in (link, tap)] == [200, 200]
    erase(services, store, email=EMAIL)
    assert [client.get(path).status_code for path in (link, tap)] == [404, 404]
    assert client.post(tap).status_code == 404, "its answer would carry a fresh link"
    with services.db.transaction(store.id, write=False) as session:
        for proof in (EMAIL, TRACES[3], ""):
            with pytest.raises(OrderNotFound):
                find_mine(session, services.keyring, "1041", proof)


def test_nothing_is_sent_to_an_erased_shopper(services: Services, store: Store, world: World, worker: Worker) -> None:
    order_id = leave_traces(services, store, world, worker)
    with services.db.transaction(store.id) as session:
        waiting = session.scalars(sa.select(Notice).where(Notice.state == "bounced")).one()
        waiting.state = "queued"
        new = {"kind": "shipping.send_notice", "key": f"notice:{waiting.id}", "payload": {"id": waiting.id}}
        session.add(Job(**new, run_at=services.clock(), created_at=services.clock()))
    erase(services, store, order_refs=["1"])
    worker.run_until_idle()  # no mail server is set up: what were sent would wait for one
    with services.db.transaction(store.id, write=False) as session:
        notices = session.scalars(sa.select(Notice).where(Notice.order_id == order_id)).all()
        assert {(notice.state, notice.reason) for notice in notices} == {("suppressed", "stopped"), ("watched", "")}


def test_a_case_that_hangs_on_no_order_is_found_by_its_address(services: Services, store: Store) -> None:
    now = services.clock()
    with services.db.transaction(store.id) as session:
        case = Case(kind="reply", subject=TRACES[12], email_key=find.email_key(EMAIL, services.keyring), opened_at=now)
        session.add(case)
        session.flush()
        session.add(Message(case_id=case.id, at=now, side="shopper", text=TRACES[13]))
    assert erase(services, store, email=EMAIL) == {"cases": 1, "case_messages": 1}
    assert seen_in(dump(services.db, store.id), TRACES) == set()
