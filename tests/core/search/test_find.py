"""Find anything: every kind of term, only in one's own store, after a change, an erasure, a new key, a killed job."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from core.app import wire_kinds
from core.changes.apply import apply_orders
from core.conversations import cases
from core.db.base import SYSTEM, new_id, table_of
from core.db.purpose import Purpose
from core.jobs import claims, queue
from core.jobs.queue import Job, NewJob
from core.jobs.worker import Worker
from core.orders import find as orders_find
from core.orders.model import Order
from core.orders.sync.order_sync import apply_gone
from core.platform.sample import World
from core.platform.snapshots import LineItemSnapshot, ShipmentSnapshot, TrackingStatus
from core.privacy import personal_data
from core.returns.model import Return, ReturnItem, Withdrawal
from core.returns.withdrawal.model import Declaration
from core.reviews import sync as reviews_sync
from core.search import jobs as search_jobs
from core.search.changes import note_change
from core.search.find import SearchResult, find
from core.search.model import SearchChange, SearchDocument, SearchPosting, SearchState
from core.search.tokens import index_mark
from core.services import Services
from core.stores.model import Store
from core.stores.worker_access import WorkerAccess
from tests.conftest import KEY, NOON, Clock, connect
from tests.core.samples import ANN, anns_order, anns_review
from tests.core.test_rotation import with_keys

NAMES = ("Nguyễn Văn An", "李明", "王小明", "สมชาย ใจดี", "أحمد علي", "Žukauskas", "Ann Berg")
SHIRT = LineItemSnapshot(ref="l1", title="Linen shirt", variant="blue", sku="LS-77", quantity=1, total=2400)
PARCEL = ShipmentSnapshot(
    ref="p1", status=TrackingStatus.IN_TRANSIT, tracking_number="RR 123456789 LT", items={"l1": 1}
)


def fill(services: Services, store: Store) -> None:
    """Orders 1001 to 1007 of seven people, a return, a withdrawal, a declaration, a review, a case."""
    orders = [
        anns_order(
            ref=str(i), number=f"#100{i}", name=name, email=f"p{i}@shopper.example", phone=f"+84 91 234 56 7{i}",
            lines=(SHIRT,), shipments=(replace(PARCEL, tracking_number=f"RR 12345678{i} LT"),),
        )
        for i, name in enumerate(NAMES, 1)
    ]  # fmt: skip
    with services.db.transaction(store.id) as session:
        ids = apply_orders(session, services, store, orders, asked_at=NOON, now=NOON)
        review = anns_review(author="Ann", text="The zipper broke on day one.", product_title="Rain jacket")
        key = lambda email: orders_find.email_key(email, services.keyring)  # noqa: E731
        reviews_sync.apply(session, store.id, [review], asked_at=NOON, email_key=key)
        case = cases.open_case(session, kind="reply", order=None, now=NOON, subject="Wrong color")
        cases.add_message(session, case, side="shopper", text="I got a turquoise one.", origin="m1", now=NOON)
        add_returns(session, ids[0])


def add_returns(session: sa.orm.Session, order_id: int) -> None:
    rma = Return(
        id=new_id(), order_id=order_id, rma="RMA-1001", answer="review", currency="EUR", comment="too small",
        opened_by="shopper", opened_at=NOON, tracking_number="1Z999AA10123456784",
    )  # fmt: skip
    item = ReturnItem(
        return_id=rma.id, order_id=order_id, line_ref="l1", title="Linen shirt", quantity=1, reason="x", wish="refund"
    )
    withdrawal = Withdrawal(
        id=new_id(), order_id=order_id, number="WD-1001", name="Karl Krause", country="DE", currency="EUR",
        state="declared", started_at=NOON, declared_at=NOON,
        lines=[{"ref": "l1", "title": "Linen shirt", "quantity": 1, "exemption": "", "schema_number": 0}],
    )  # fmt: skip
    declaration = Declaration(
        id=new_id(), number="WD-1002", name="Otto Ohnesorg", order_number="9", email="otto@x.example", email_key="",
        language="de", draft_digest="d", declared_at=NOON, receipt="r", receipt_hash="h", mailed=False,
    )  # fmt: skip
    session.add_all([rma, item, withdrawal, declaration])
    session.flush()
    for kind, row in (("return", rma), ("withdrawal", withdrawal), ("declaration", declaration)):
        note_change(session, kind, [row.id])


def run_index(services: Services) -> int:
    """Let the clock promise what is due, and a worker do it; give how many jobs ran."""
    with services.db.system(Purpose.INSPECT) as session:
        queue.enqueue(session, SYSTEM, NewJob("clock.search", f"clock.search:{new_id()}", once=True), now=NOON)
    kinds = {name: kind for name, kind in wire_kinds().items() if name in search_jobs.JOBS}
    return Worker(services, kinds, stores=WorkerAccess()).run_until_idle()


def search(services: Services, store: Store, typed: str) -> SearchResult:
    with services.db.transaction(store.id, write=False) as session:
        return find(session, services.keyring, store.id, typed)


def found(services: Services, store: Store, typed: str) -> list[str]:
    """What is found, in order, each as people call it."""
    names = {"order": "number", "return": "rma", "withdrawal": "number", "declaration": "number", "review": "text"}
    groups = search(services, store, typed).groups
    return [str(getattr(hit.text.row, names.get(kind, "subject"))) for kind, hits in groups.items() for hit in hits]


def count(services: Services, store: Store, model: type) -> int:
    with services.db.transaction(store.id, write=False) as session:
        return session.scalar(sa.select(sa.func.count()).select_from(model)) or 0


@pytest.fixture
def filled(services: Services, store: Store) -> Store:
    fill(services, store)
    run_index(services)
    assert count(services, store, SearchChange) == 0
    return store


TERMS = [
    ("#1003", ["#1003"]),
    ("1003", ["#1003"]),
    ("2026-1003", ["#1003"]),
    ("order 1003", ["#1003"]),
    ("nguyen", ["#1001"]),
    ("Nguyễn an", ["#1001"]),
    ("李明", ["#1002"]),
    ("王", ["#1003"]),
    ("สมชาย", ["#1004"]),
    ("احمد", ["#1005"]),
    ("zukau", ["#1006"]),
    ("ann berg", ["#1007"]),
    ("p5@shopper.example", ["#1005"]),
    ("P5@Shopper", ["#1005"]),
    ("0912345675", ["#1005"]),
    ("RR123456784LT", ["#1004"]),
    ("rr 123456784", ["#1004"]),
    ("RMA-1001", ["RMA-1001"]),
    ("rma 1001", ["RMA-1001"]),
    ("1Z999AA10123456784", ["RMA-1001"]),
    ("too small", ["RMA-1001"]),
    ("wd-1001", ["WD-1001"]),
    ("WD 1002", ["WD-1002"]),
    ("krause", ["WD-1001"]),
    ("ohne", ["WD-1002"]),
    ("rain jacket", ["The zipper broke on day one."]),
    ("zipper", ["The zipper broke on day one."]),
    ("turquoise", ["Wrong color"]),
    ("LS-77 王", ["#1003"]),
    ("RMA-1003", []),
    ("Karl Berg", []),
    ("%", []),
    ("_", []),
    ("\0", []),
    ("' or 1=1 --", []),
    ("🎉", []),
    ("x" * 10_000, []),
]


def test_every_kind_of_term_finds_its_row_and_no_other(services: Services, filled: Store) -> None:
    assert {typed: found(services, filled, typed) for typed, _ in TERMS} == dict(TERMS)


def test_a_bare_number_finds_the_order_first_and_all_that_have_its_digits(services: Services, filled: Store) -> None:
    assert found(services, filled, "1001") == ["#1001", "RMA-1001", "WD-1001"]


def test_goods_are_found_in_orders_returns_and_withdrawals(services: Services, filled: Store) -> None:
    groups = search(services, filled, "linen shirt").groups
    assert {kind: len(hits) for kind, hits in groups.items()} == {"order": 7, "return": 1, "withdrawal": 1}


@pytest.mark.parametrize(
    ("typed", "kind"),
    [
        *[("1003", "order"), ("order 1003", "order"), ("rma-1001", "return"), ("WD-1001", "withdrawal")],
        *[("1001", "order"), ("RR 123456784 LT", "order")],
        *[("nguyen", ""), ("linen shirt", ""), ("RMA-9", ""), ("", "")],
    ],
)
def test_one_exact_number_leads_to_its_row(services: Services, filled: Store, typed: str, kind: str) -> None:
    only = search(services, filled, typed).only_one()
    assert (only.kind if only else "") == kind


def test_digits_among_words_open_no_order(services: Services, filled: Store) -> None:
    with services.db.transaction(filled.id) as session:
        cases.open_case(session, kind="reply", order=None, now=NOON, subject="phone 1003 is broken")
    assert search(services, filled, "phone 1003").only_one() is None


def test_what_changed_a_moment_ago_is_found_before_its_job_and_after(services: Services, filled: Store) -> None:
    with services.db.transaction(filled.id) as session:
        later = NOON + timedelta(days=1)
        order = anns_order(ref="1", number="#1001", name="Quentin", email=ANN, updated_at=later)
        apply_orders(session, services, filled, [order], asked_at=later, now=later)
    assert found(services, filled, "quentin") == ["#1001"]
    assert found(services, filled, "nguyen") == []
    run_index(services)
    assert found(services, filled, "quentin") == ["#1001"]
    assert count(services, filled, SearchChange) == 0


def test_a_number_and_an_address_are_found_before_anything_is_indexed(services: Services, store: Store) -> None:
    fill(services, store)
    with services.db.transaction(store.id) as session:
        session.execute(sa.delete(SearchChange))
    assert found(services, store, "1003") == ["#1003"]
    assert found(services, store, "p5@shopper.example") == ["#1005"]
    assert found(services, store, "rma 1001") == ["RMA-1001"]
    assert found(services, store, "nguyen") == []


def test_rows_that_nobody_noted_are_found_by_the_first_walk(services: Services, store: Store) -> None:
    fill(services, store)
    with services.db.transaction(store.id) as session:
        session.execute(sa.delete(SearchChange))
    run_index(services)
    assert {typed: found(services, store, typed) for typed, _ in TERMS} == dict(TERMS)


def test_a_walk_that_was_killed_goes_on_where_it_was(
    services: Services, store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(services, store)
    monkeypatch.setattr(search_jobs, "BATCH", 3)
    worker = Worker(services, wire_kinds(), stores=WorkerAccess())
    with services.db.transaction(store.id) as session:
        session.execute(sa.delete(SearchChange))
        session.execute(sa.delete(Job))
        queue.enqueue(session, store.id, NewJob("search.index", "search.index"), now=clock())

    def claim() -> claims.Claimed:
        with services.db.system(Purpose.CLAIM_JOBS) as session:
            (job,) = claims.claim(session, 1, WorkerAccess(), now=clock())
        return job

    worker.perform(claim())
    with services.db.transaction(store.id, write=False) as session:
        before = session.scalars(sa.select(SearchState)).one()
    assert before.position["after"] > 0
    assert before.complete == ""
    claim()  # this worker dies with the job in its hands
    assert worker.run_until_idle() == 0
    clock.forward(minutes=10)
    assert worker.run_until_idle() > 2
    assert count(services, store, SearchDocument) == 12
    assert {typed: found(services, store, typed) for typed, _ in TERMS} == dict(TERMS)


def test_the_index_holds_no_word_and_is_another_in_another_store(
    services: Services, filled: Store, tmp_path: Path
) -> None:
    other = connect(services, World(tmp_path / "other.db"), "maple")
    fill(services, other)
    run_index(services)
    with services.db.system(Purpose.INSPECT, write=False) as session:
        rows = session.connection().execute(sa.select(table_of(SearchPosting))).all()
        mine, theirs = ({row.id for row in rows if row.store_id == id_} for id_ in (filled.id, other.id))
        documents = session.connection().execute(sa.select(table_of(SearchDocument).c.tokens)).scalars().all()
    assert len(mine) > 100
    assert len(mine & theirs) < 5
    assert not any(word in packed for word in (b"ngu", b"Ngu", "李明".encode()) for packed in documents)


def test_nobody_finds_another_store_s_rows(services: Services, filled: Store, tmp_path: Path) -> None:
    other = connect(services, World(tmp_path / "other.db"), "maple")
    run_index(services)
    assert [typed for typed, _ in TERMS if found(services, other, typed)] == []


def test_an_erased_person_is_not_found_and_leaves_no_piece(services: Services, filled: Store) -> None:
    pieces = count(services, filled, SearchPosting)
    with services.db.transaction(filled.id) as session:
        personal_data.erase_person(session, services.keyring, email="p1@shopper.example", now=NOON)
    with services.db.transaction(filled.id, write=False) as session:
        erased = session.scalars(sa.select(Order.id).where(Order.erased_at.is_not(None))).one()
        known = session.scalars(sa.select(SearchDocument.row_id)).all()
    assert erased not in known
    assert count(services, filled, SearchPosting) < pieces
    for _ in range(2):
        assert found(services, filled, "nguyen") == found(services, filled, "0912345671") == []
        assert found(services, filled, "too small") == found(services, filled, "krause") == []
        assert found(services, filled, "1001") == ["#1001", "RMA-1001", "WD-1001"]
        run_index(services)


def test_an_erasure_while_a_batch_is_read_wins(
    services: Services, filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = search_jobs._tokens_of_rows

    def read_and_be_late(*args: object) -> object:
        packed = read(*args)  # type: ignore[arg-type]
        with services.db.transaction(filled.id) as session:
            personal_data.erase_person(session, services.keyring, email="p1@shopper.example", now=NOON)
        monkeypatch.undo()
        return packed

    with services.db.transaction(filled.id) as session:
        order_id = session.scalars(sa.select(Order.id).where(Order.ref == "1")).one()
        note_change(session, "order", [order_id])
        session.execute(sa.delete(Job))
        queue.enqueue(session, filled.id, NewJob("search.index", "search.index"), now=NOON)
        session.execute(sa.delete(SearchDocument).where(SearchDocument.row_id == order_id))
    monkeypatch.setattr(search_jobs, "_tokens_of_rows", read_and_be_late)
    with services.db.system(Purpose.CLAIM_JOBS) as session:
        (job,) = claims.claim(session, 1, WorkerAccess(), now=NOON)
    Worker(services, wire_kinds(), stores=WorkerAccess()).perform(job)
    with services.db.transaction(filled.id, write=False) as session:
        assert session.scalar(sa.select(SearchDocument.id).where(SearchDocument.row_id == order_id)) is None
        assert session.scalar(sa.select(SearchChange.row_id).where(SearchChange.row_id == order_id)) == order_id


def test_after_a_new_key_all_is_found_before_the_walk_and_after_it_without_the_old(
    services: Services, filled: Store
) -> None:
    new = "a-second-long-random-text-of-36-signs"
    both, alone = with_keys(services, new, KEY), with_keys(services, new)
    assert found(both, filled, "nguyen") == ["#1001"]
    assert found(alone, filled, "nguyen") == []
    run_index(both)
    assert {typed: found(alone, filled, typed) for typed, _ in TERMS} == dict(TERMS)
    with services.db.transaction(filled.id, write=False) as session:
        assert session.scalars(sa.select(SearchState.complete)).one() == index_mark(alone.keyring)
    assert run_index(alone) == 1, "the clock promised a job although nothing is left to do"


def test_what_its_store_no_longer_has_is_not_found(services: Services, filled: Store) -> None:
    with services.db.transaction(filled.id) as session:
        apply_gone(session, ["3"], asked_at=NOON + timedelta(days=1), now=NOON + timedelta(days=1))
        reviews_sync.apply_gone(session, ["r1"], asked_at=NOON + timedelta(days=1), now=NOON + timedelta(days=1))
    for _ in range(2):
        assert found(services, filled, "1003") == found(services, filled, "zipper") == []
        run_index(services)
    assert count(services, filled, SearchDocument) == 10


def test_a_search_takes_five_statements_and_one_a_kind_and_each_is_answered_by_an_index(
    services: Services, filled: Store
) -> None:
    seen: list[tuple[str, Any]] = []

    def keep(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        seen.append((statement, parameters))

    sa.event.listen(services.db.engine, "before_cursor_execute", keep)
    assert search(services, filled, "linen shirt").groups.keys() == {"order", "return", "withdrawal"}
    assert search(services, filled, "zipper").groups
    assert search(services, filled, "turquoise").groups
    sa.event.remove(services.db.engine, "before_cursor_execute", keep)
    asked = [one for one in seen if one[0].lstrip().lower().startswith(("select", "with"))]
    assert len(asked) == 3 * 5 + 5
    explain = "explain query plan " if services.db.is_sqlite else "explain "
    with services.db.transaction(filled.id, write=False) as session:
        if not services.db.is_sqlite:  # a small table is read whole; the question is whether it must be
            session.connection().exec_driver_sql("set local enable_seqscan = off")
        for statement, parameters in asked:
            plan = session.connection().exec_driver_sql(explain + statement, parameters).all()
            lines = "\n".join(str(step[-1]) for step in plan)
            whole = re.findall(r"SCAN (?!anon_|json_each|\()\w+|Seq Scan on \w+", lines)
            whole += re.findall(r"SEARCH (?!search_).* \(store_id=\?\)", lines)
            assert whole == [], (statement, lines)
