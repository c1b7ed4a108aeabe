"""Every function that takes a session is asked, in my store's, for their rows: nothing leaks, nothing changes.

A function without a case here fails, unless it takes rows its caller has loaded, which my session refuses to load.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

import core
from core.changes import deliveries, facts, feed_waits
from core.changes.apply import apply_orders
from core.conversations import cases, raw_mail
from core.conversations import search_source as case_search
from core.db import bulk, orm_bypass
from core.db.base import Base, table_of
from core.desk import today
from core.desk.settings import store_choices
from core.i18n.words import Words
from core.jobs import claims, queue
from core.jobs.queue import Claimed, Job, LeaseLost, NewJob
from core.orders import email_digests, find
from core.orders.find import OrderNotFound
from core.orders.model import Order, OrderEvent
from core.orders.presenter import search_source as order_search
from core.orders.sync import child_rows
from core.orders.sync import order_sync as orders_sync
from core.orders.sync.order_sync import Fetched
from core.platform.contract import Feature, Missing, StoreFacts
from core.platform.snapshots import Change
from core.privacy import personal_data
from core.returns.presenter import search_source as return_search
from core.reviews import search_source as review_search
from core.reviews import sync as reviews_sync
from core.search import changes as search_changes
from core.search import find as search_find
from core.search import index as search_index
from core.search import postings
from core.search.model import SearchPosting, posting_parts
from core.secrets import Keyring
from core.services import Services
from core.shipping import coverage, evaluate, notice_actions, replay
from core.shipping.rules.terms import Terms
from core.stores import audit, housekeeping, install, platform_access, staff
from core.stores.connection import access, features, owner_mail, store_facts
from core.stores.model import Store
from core.stores.people import person_check
from core.stores.platform_access import StoreNotFound
from core.stores.worker_access import WorkerAccess
from tests.conftest import KEY, NOON
from tests.core import isolation_lists as lists
from tests.core import isolation_returns as returns
from tests.core import isolation_reviews as reviews
from tests.core.private import EMAIL, TRACES, dump, her_order
from tests.core.samples import EVE, anns_review
from tests.core.two_stores import SECRETS, Two, text_of

LATER = NOON + timedelta(days=1)


@pytest.fixture
def two(services: Services, tmp_path: Path) -> Two:
    return lists.keep_view(reviews.leave_reply(returns.set_up_with_returns(services, tmp_path)))


def key_of(two: Two) -> Callable[[str], str]:
    return lambda email: find.email_key(email, two.services.keyring)


def stolen(two: Two) -> Claimed:
    """Their stuck job as if my store held it."""
    return Claimed(two.mine.id, two.ids["stuck"], "changes.refresh_order", "order:77", {}, 1, "token", LATER)


def their_digests(two: Two) -> list[Any]:
    with two.services.db.transaction(two.theirs.id, write=False) as session:
        return email_digests.read_digests(session, two.theirs.id, 0)[0]


def their_postings(two: Two) -> list[int]:
    with two.services.db.transaction(two.theirs.id, write=False) as session:
        return list(session.scalars(sa.select(SearchPosting.id)))


def applied(session: Session, two: Two) -> list[int]:
    """Let a snapshot with their order's ref into my store: my order of that ref is meant."""
    told = her_order(updated_at=LATER)
    fetched = [Fetched(told, LATER)]
    return orders_sync.apply(session, two.mine.id, fetched, statuses={}, email_key=key_of(two), now=LATER)


ROTATED = Keyring(["a-second-long-random-text-of-36-signs", KEY])
SHE = {"email": EMAIL, "shopper_ref": TRACES[4], "order_refs": ["1"]}
VERBS: dict[str, Callable[[Session, Two], Any]] = {
    **returns.VERBS,
    **reviews.VERBS,
    **lists.VERBS,
    "db.bulk.id_in": lambda s, two: s.scalars(
        sa.select(Order).where(bulk.id_in(s, Order.id, [two.ids["order"]]))
    ).all(),
    "db.bulk.read_rows": lambda s, two: bulk.read_rows(
        s, table_of(Order), ("id", "email"), two.mine.id, "id", [two.ids["order"]]
    ),
    "db.bulk.update_rows": lambda s, two: bulk.update_rows(
        s,
        table_of(Order),
        two.mine.id,
        [{"id": two.ids["order"], "late": True}],
    ),
    "changes.deliveries.record": lambda s, two: deliveries.record(
        s,
        two.mine,
        [Change("order", "1"), Change("store", "1", event_id="e1")],
        b"{}",
        keyring=two.services.keyring,
        now=LATER,
    ),
    "changes.facts.open_case": lambda s, two: facts.open_case(
        s, two.services.keyring, Change("privacy", "1", facts={"email": EVE}), origin="fact:1", now=LATER
    ),
    "changes.facts.decide": lambda s, two: facts.decide(s, two.ids["case"], "carry_out", now=LATER),
    "changes.feed_waits.wake_feeds": lambda s, two: feed_waits.wake_feeds(s, two.mine.id, "bulk 1", now=LATER),
    "jobs.claims.fail": lambda s, two: claims.fail(s, stolen(two), "mine", now=LATER),
    "jobs.claims.give_back": lambda s, two: claims.give_back(s, stolen(two), now=LATER),
    "jobs.claims.give_up": lambda s, two: claims.give_up(s, stolen(two), "mine", now=LATER),
    "jobs.claims.is_ours": lambda s, two: claims.is_ours(s, stolen(two)),
    "jobs.claims.pause": lambda s, two: claims.pause(s, stolen(two), "mine", stores=WorkerAccess(), now=LATER),
    "conversations.cases.is_message_stored": lambda s, two: cases.is_message_stored(s, "one mail"),
    "conversations.raw_mail.mails_of": lambda s, two: [
        raw_mail.open_mail(two.services.keyring, row) for row in raw_mail.mails_of(s, two.ids["case"])
    ],
    "conversations.raw_mail.count_stale_mails": lambda s, two: raw_mail.count_stale_mails(s, ROTATED),
    "conversations.raw_mail.renew_seals": lambda s, two: raw_mail.renew_seals(s, ROTATED, 0),
    "desk.settings.store_choices.choices_of": lambda s, _two: store_choices.choices_of(
        s, Terms(), Words("en"), [], today=LATER.date()
    ),
    "desk.today.board": lambda s, two: today.board(s, LATER),
    "db.orm_bypass.insert_objects": lambda s, two: orm_bypass.insert_objects(
        s, [OrderEvent(store_id=two.theirs.id, order_id=two.ids["order"], at=LATER, kind="told")]
    ),
    "jobs.queue.enqueue": lambda s, two: queue.enqueue(s, two.mine.id, NewJob("x", "order:77"), now=LATER),
    "jobs.queue.finish": lambda s, two: queue.finish(s, stolen(two), LATER),
    "jobs.queue.retry": lambda s, two: queue.retry(s, two.mine.id, two.ids["stuck"], now=LATER),
    "jobs.queue.resume": lambda s, two: queue.resume(s, two.mine.id, now=LATER),
    "orders.sync.child_rows.write_children": lambda s, two: child_rows.write_children(
        s, two.mine.id, {two.ids["order"]: her_order()}, old=[two.ids["order"]], statuses={}, now=LATER
    ),
    "orders.find.orders_of": lambda s, two: find.orders_of(s, two.services.keyring, EMAIL),
    "orders.find.orders_of_shopper": lambda s, two: find.orders_of_shopper(s, TRACES[4], ["1"]),
    "privacy.personal_data.export_person": lambda s, two: personal_data.export_person(s, two.services.keyring, **SHE),  # type: ignore[arg-type]
    "privacy.personal_data.find_person": lambda s, two: personal_data.find_person(s, two.services.keyring, **SHE),  # type: ignore[arg-type]
    "privacy.personal_data.erase_rows": lambda s, two: personal_data.erase_rows(
        s, personal_data.PersonRows([two.ids["order"]], [], sa.true(), sa.true(), sa.true()), now=LATER
    ),
    "reviews.sync.apply": lambda s, two: reviews_sync.apply(
        s, two.mine.id, [anns_review(at=LATER)], asked_at=LATER, email_key=key_of(two)
    ),
    "reviews.sync.apply_gone": lambda s, two: reviews_sync.apply_gone(s, ["r1"], asked_at=LATER, now=LATER),
    "reviews.sync.touch": lambda s, two: reviews_sync.touch(s, ["r1"], asked_at=LATER),
    "conversations.search_source.read_cases": lambda s, two: case_search.read_cases(s, two.mine.id, [two.ids["case"]]),
    "orders.presenter.search_source.read_orders": lambda s, two: order_search.read_orders(
        s, two.mine.id, [two.ids["order"]]
    ),
    "returns.presenter.search_source.read_returns": lambda s, two: return_search.read_returns(
        s, two.mine.id, [two.ids["rma"]]
    ),
    "returns.presenter.search_source.read_withdrawals": lambda s, two: return_search.read_withdrawals(
        s, two.mine.id, [two.ids["withdrawal"]]
    ),
    "returns.presenter.search_source.read_declarations": lambda s, two: return_search.read_declarations(
        s, two.mine.id, [two.ids["declaration"]]
    ),
    "reviews.search_source.read_reviews": lambda s, two: review_search.read_reviews(
        s, two.mine.id, [two.ids["review"]]
    ),
    "search.find.find": lambda s, two: [
        search_find.find(s, two.services.keyring, two.mine.id, typed).groups for typed in (*TRACES, EMAIL, "1041")
    ],
    "search.changes.note_change": lambda s, two: search_changes.note_change(s, "order", [two.ids["order"]]),
    "search.index.lock_state": lambda s, two: search_index.lock_state(s),
    "search.index.forget_rows": lambda s, two: search_index.forget_rows(s, "order", [two.ids["order"]]),
    "search.index.write_documents": lambda s, two: search_index.write_documents(
        s, search_index.lock_state(s), order_search.SOURCES[0], {two.ids["order"]: None}
    ),
    "search.postings.read_postings": lambda s, two: postings.read_postings(s, two.mine.id, their_postings(two)),
    "search.postings.change_postings": lambda s, two: postings.change_postings(
        s, two.mine.id, [], [(posting_parts(id_)[0], 0) for id_ in their_postings(two)]
    ),
    "shipping.notice_actions.has_asked_to_cancel": lambda s, two: notice_actions.has_asked_to_cancel(
        s, two.ids["order"]
    ),
    "shipping.notice_actions.stop_messages": lambda s, two: notice_actions.stop_messages(
        s, two.ids["order"], now=LATER
    ),
    "shipping.notice_actions.resume_messages": lambda s, two: notice_actions.resume_messages(
        s, two.ids["order"], now=LATER
    ),
    "shipping.coverage.measure": lambda s, two: coverage.measure(s, now=LATER),
    "shipping.replay.read_histories": lambda s, two: replay.read_histories(s, now=LATER),
    "shipping.replay.simulate_store": lambda s, two: replay.simulate_store(s, two.mine, now=LATER),
    "shipping.replay.show": lambda s, two: replay.show(s, two.mine, now=LATER),
    "shipping.evaluate.evaluate_orders": lambda s, two: evaluate.evaluate_orders(
        s, two.mine, [two.ids["order"]], now=LATER
    ),
    "shipping.evaluate.recheck_parcels": lambda s, two: evaluate.recheck_parcels(s, now=LATER),
    "stores.platform_access.store_and_claim": lambda s, two: platform_access.store_and_claim(
        s, Store.id == two.theirs.id
    ),
    "stores.platform_access.store_by_id": lambda s, two: platform_access.store_by_id(s, two.theirs.id),
    "stores.staff.person_of": lambda s, two: staff.person_of(s, staff.DeskSession(two.theirs.id, 1, 1)),
    "stores.people.person_check.find_person": lambda s, two: person_check.find_person(s, EMAIL),
    "stores.people.person_check.is_owners": lambda s, two: person_check.is_owners(s, two.mine, two.theirs.email),
    "stores.platform_access.use_once": lambda s, two: platform_access.use_once(
        s, two.services.keyring, two.mine.id, "request:theirs", until=LATER
    ),
    "stores.audit.note": lambda s, two: audit.note(s, LATER, "staff", "look"),
    "stores.audit.verify_chain": lambda s, two: audit.verify_chain(s),
    "stores.connection.access.close": lambda s, two: access.close(
        s, two.theirs.id, "mine", sealed=two.theirs.credentials, now=LATER
    ),
    "stores.connection.access.is_in_doubt": lambda s, two: access.is_in_doubt(s),
    "stores.connection.access.look_after": lambda s, two: access.look_after(s, two.mine.id, at=LATER, now=LATER),
    "stores.connection.access.report_refusal": lambda s, two: access.report_refusal(s, two.mine.id, now=LATER),
    "stores.connection.access.try_now": lambda s, two: access.try_now(s, two.mine.id, now=LATER),
    "stores.connection.owner_mail.promise": lambda s, two: owner_mail.promise(
        s, two.mine, "closed", occasion="x", now=LATER
    ),
    "stores.connection.features.keep_missing": lambda s, two: features.keep_missing(
        s, two.theirs.id, {Feature.REPLY: Missing("plan")}
    ),
    "stores.connection.store_facts.learn": lambda s, two: store_facts.learn(
        s, two.theirs.id, StoreFacts(name="Mine"), now=LATER
    ),
    "stores.install.uninstall": lambda s, two: install.uninstall(s, two.theirs.id, now=LATER),
    "orders.email_digests.renew_digests": lambda s, two: email_digests.renew_digests(
        s,
        two.mine.id,
        two.services.keyring,
        [(id_, "max", was) for id_, _, was in their_digests(two)],
    ),
    "orders.email_digests.count_stale_digests": lambda s, two: email_digests.count_stale_digests(
        s, two.mine.id, two.services.keyring
    ),
    "stores.housekeeping.renew_seals": lambda s, two: housekeeping.renew_seals(s, two.theirs.id, two.services.keyring),
    "orders.email_digests.read_digests": lambda s, two: email_digests.read_digests(s, two.mine.id, 0),
    "orders.sync.order_sync.touch": lambda s, two: orders_sync.touch(s, ["1"], asked_at=LATER),
    "orders.sync.order_sync.apply_gone": lambda s, two: orders_sync.apply_gone(s, ["1"], asked_at=LATER, now=LATER),
    # Last: from here on my store holds what theirs does.
    "privacy.personal_data.erase_person": lambda s, two: personal_data.erase_person(
        s, two.services.keyring, **SHE, now=LATER
    ),  # type: ignore[arg-type]
    "orders.sync.order_sync.apply": applied,
    "changes.apply.apply_orders": lambda s, two: apply_orders(
        s, two.services, two.mine, [her_order(updated_at=LATER)], asked_at=LATER, now=LATER
    ),
}
TAKE_ROWS = (
    returns.TAKE_ROWS
    | reviews.TAKE_ROWS
    | lists.TAKE_ROWS
    | set(
        "db.bulk.insert_new db.bulk.insert_rows db.row_reader.session_reader conversations.cases.open_case "
        "conversations.cases.add_message conversations.raw_mail.keep_mail db.database.insert "
        "desk.trace.trace desk.versions.document_forms.document_form desk.versions.row_facts.facts_of "
        "returns.events.note_searchable "
        "desk.versions.row_version.check_version desk.versions.row_version.digest_of "
        "desk.versions.row_version.version_of desk.versions.who_acted.last_step desk.versions.who_acted.outcome_of "
        "db.orm_bypass.attach_row jobs.queue.wake_workers orders.shop.list_orders "
        "orders.presenter.timeline.view_order shipping.notice_actions.parcels_of "
        "shipping.notice_actions.record_answer shipping.store_decisions.write_notices "
        "shipping.store_decisions.write_orders shipping.store_decisions.write_parcels "
        "shipping.mail.notices.compose orders.messages.send_notice.notices_of_message stores.settings.change "
        "web.inbound_mail.take".split()
    )
)
"""They are handed rows, or none: whoever calls them has loaded these in the store's own transaction."""
SYSTEM = set(
    "jobs.claims.claim jobs.due_jobs.line_up jobs.claims.follow_clock_back db.database_clock.database_now "
    "ops.doctor.clock_problems jobs.queue.enqueue_for_stores jobs.claims.oldest_waiting jobs.prune.prune "
    "jobs.scheduler.clock_slot".split()
)
"""Made for a `system()` transaction, which sees all stores; what calls them is in core/README.md."""
REFUSALS = (
    StoreNotFound,
    OrderNotFound,
    LeaseLost,
    PermissionError,
    staff.SessionOver,
    *returns.REFUSALS,
    *reviews.REFUSALS,
    *lists.REFUSALS,
)


def functions() -> set[str]:
    """Walk the core: every public function of ours that takes a session."""
    found = set()
    for module in pkgutil.walk_packages(core.__path__, "core."):
        if module.name.startswith("core.demo") or module.name.endswith("__main__"):
            continue
        for name, function in vars(importlib.import_module(module.name)).items():
            ours = inspect.isfunction(function) and function.__module__ == module.name and not name.startswith("_")
            if ours and "Session" in [str(one.annotation) for one in inspect.signature(function).parameters.values()]:
                found.add(f"{module.name.removeprefix('core.')}.{name}")
    return found


def test_every_function_that_takes_a_session_has_its_case() -> None:
    found = functions()
    assert found - VERBS.keys() - TAKE_ROWS - SYSTEM == set(), "say what these do with another store's ids"
    assert (VERBS.keys() | TAKE_ROWS | SYSTEM) - found == set(), "these are no functions any more"


def test_no_function_shows_or_changes_another_store_s_rows(two: Two) -> None:
    before = dump(two.services.db, two.theirs.id)
    for name, call in VERBS.items():
        with suppress(*REFUSALS), two.services.db.transaction(two.mine.id) as session:
            given = call(session, two)
            session.flush()
            assert [word for word in SECRETS if word in text_of(given)] == [], name
            assert "is_kept" not in name or given is False
        assert dump(two.services.db, two.theirs.id) == before, name


def test_my_session_loads_none_of_their_rows(two: Two) -> None:
    tables = [mapper.class_ for mapper in Base.registry.mappers if mapper.class_.__tablename__ != "stores"]
    seen = set()
    for model in tables:
        with two.services.db.transaction(two.theirs.id, write=False) as session:
            theirs = list(session.scalars(sa.select(model.id)))
        with two.services.db.transaction(two.mine.id, write=False) as session:
            for id_ in theirs:
                seen.add(model.__tablename__)
                assert session.get(model, (two.mine.id, id_)) is None, model
                assert session.get(model, (two.theirs.id, id_)) is None, model
            assert set(session.scalars(sa.select(model.id))).isdisjoint(theirs), model
    assert {"orders", "notices", "cases", "jobs", "reviews", "staff", "returns", "withdrawals", "return_photos"} <= seen


def test_my_session_writes_none_of_their_rows(two: Two) -> None:
    before = dump(two.services.db, two.theirs.id)
    facts = {"kind": "x", "key": "x", "run_at": NOON, "created_at": NOON}
    with pytest.raises((PermissionError, sa.exc.ProgrammingError)), two.services.db.transaction(two.mine.id) as session:
        session.add(Job(store_id=two.theirs.id, **facts))
    with two.services.db.transaction(two.mine.id) as session:
        session.execute(sa.update(Order).values(status="mine"))
        session.execute(sa.delete(Job).where(Job.id == two.ids["stuck"]))
    assert dump(two.services.db, two.theirs.id) == before
