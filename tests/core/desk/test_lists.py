"""The desk's lists: pages that begin at a row, filters in the address, counts that stop, an index for every sort."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from core.conversations.model import Case
from core.db.base import new_id, table_of
from core.desk.lists import reading
from core.desk.lists.definition import MOST_SORTS, ListKind, Moment
from core.desk.lists.kinds import audit_log, cases, messages, orders, returns, reviews, withdrawals
from core.desk.lists.state import ListState, read_state
from core.i18n.words import Words
from core.orders.messages.notice import Notice
from core.orders.model import Order, Shipment
from core.returns.model import Reimbursement, Return, Withdrawal
from core.reviews.model import Reply, Review
from core.services import Services
from core.stores.model import AuditEntry, Store
from tests.conftest import NOON, Clock
from tests.core.desk.returns_scene import path, said, seat
from tests.core.shipping.seed import on_sqlite, statements

LISTS = {
    kind.name: kind
    for kind in (
        orders.LIST,
        returns.LIST,
        withdrawals.LIST,
        reviews.LIST,
        cases.LIST,
        messages.LIST,
        audit_log.LIST,
    )
}
PAGES = {"messages": "notices"}
"""Addresses of lists that are not their names."""
WORDS = Words("en")


def a_row(model: Any, store: Store, **values: Any) -> dict[str, Any]:
    """A row with something in every column that must have something."""
    row: dict[str, Any] = {}
    for column in table_of(model).columns:
        if column.nullable or column.name in ("store_id", "id"):
            row[column.name] = None
        elif isinstance(column.type, sa.JSON):
            row[column.name] = []
        elif isinstance(column.type, sa.Boolean):
            row[column.name] = False
        elif isinstance(column.type, sa.Integer | sa.BigInteger):
            row[column.name] = 0
        elif isinstance(column.type, sa.String):
            row[column.name] = ""
        else:
            row[column.name] = NOON
    return row | {"store_id": store.id, "id": new_id()} | values


def put(services: Services, store: Store, model: Any, rows: list[dict[str, Any]]) -> list[int]:
    """Write rows as they are; give their ids."""
    made = [a_row(model, store, **row) for row in rows]
    with services.db.transaction(store.id) as session:
        session.execute(sa.insert(table_of(model)), made)
    return [row["id"] for row in made]


def put_orders(services: Services, store: Store, many: int, **values: Any) -> list[int]:
    facts = {"currency": "EUR", "state": "open", "country": "LT"} | values
    rows = [
        {"ref": f"o{number}", "number": f"#{number}", "placed_at": NOON - timedelta(minutes=number), **facts}
        for number in range(many)
    ]
    return put(services, store, Order, rows)


def fill(services: Services, store: Store, many: int = 1500) -> None:
    """Fill every list, one row in fifty being what its filters look for."""
    ids = put_orders(services, store, many)
    rare = [number % 50 == 0 for number in range(many)]
    noted = [{"at": NOON - timedelta(minutes=number), "what": "approve", "facts": {}} for number in range(many)]
    put(services, store, AuditEntry, noted)
    put(
        services,
        store,
        Shipment,
        [{"order_id": id_, "ref": "p", "late": late} for id_, late in zip(ids, rare, strict=True)],
    )
    put(
        services,
        store,
        Return,
        [
            {
                "order_id": id_,
                "rma": f"RMA-{number}",
                "currency": "EUR",
                "kind": "return",
                "acceptance": "requested" if rare[number] else "declined",
                "status": "requested" if rare[number] else "declined",
                "opened_at": NOON - timedelta(minutes=number),
            }
            for number, id_ in enumerate(ids)
        ],
    )
    put(
        services,
        store,
        Withdrawal,
        [
            {
                "order_id": id_,
                "number": f"WD-{number}",
                "state": "acknowledged" if rare[number] else "reimbursed",
                "declared_at": NOON - timedelta(minutes=number),
            }
            for number, id_ in enumerate(ids)
        ],
    )
    put(
        services,
        store,
        Review,
        [
            {
                "ref": f"r{number}",
                "rating": 1 + number % 5,
                "state": "published",
                "answered_at": None if rare[number] else NOON,
                "posted_at": NOON - timedelta(minutes=number),
            }
            for number in range(many)
        ],
    )
    put(
        services,
        store,
        Case,
        [
            {"order_id": id_, "kind": "reply", "state": "open" if rare[number] else "closed", "opened_at": NOON}
            for number, id_ in enumerate(ids)
        ],
    )
    put(
        services,
        store,
        Notice,
        [
            {
                "order_id": id_,
                "rule": "x",
                "kind": "delay",
                "occasion": "x",
                "state": "draft" if rare[number] else "sent",
            }
            for number, id_ in enumerate(ids)
        ],
    )
    put(
        services,
        store,
        Reimbursement,
        [{"order_id": id_, "intent": str(id_), "key": str(id_), "state": "issued"} for id_ in ids],
    )
    put(
        services,
        store,
        Reply,
        [{"review_id": id_, "intent": str(id_), "key": str(id_), "state": "shown"} for id_ in ids],
    )
    if not services.db.is_sqlite:
        with services.db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("analyze")


def plan_of(session: Session, statement: Any) -> str:
    """How the database runs a statement, in its own words."""
    connection, asked = session.connection(), []

    def note(_c: Any, _cursor: Any, sql: str, parameters: Any, *_rest: Any) -> None:
        asked.append((sql, parameters))

    sa.event.listen(connection, "before_cursor_execute", note)
    session.execute(statement).all()
    sa.event.remove(connection, "before_cursor_execute", note)
    sql, parameters = asked[-1]
    how = "explain query plan " if connection.dialect.name == "sqlite" else "explain "
    return "\n".join(str(row[-1]) for row in connection.exec_driver_sql(how + sql, parameters))


def rows_in(page: str) -> list[str]:
    """What the first cell of each row links to."""
    return re.findall(r'<tr><td>(?:<span[^>]*>[★☆]+</span> )?<a href="[^"]*/(\d+)"', page)


def link(page: str, rel: str) -> str:
    """Where the pager's link leads, "" where there is none."""
    found = re.search(rf'rel="{rel}" href="([^"]*)"', page)
    return unescape(found[1]) if found else ""


@pytest.fixture
def max_(services: Services, store: Store) -> FlaskClient:
    return seat(services, store, "owner", "max")


def test_every_list_and_sort_is_read_by_an_index(services: Services, store: Store) -> None:
    fill(services, store)
    at = Moment(NOON, ZoneInfo("UTC"))
    with services.db.transaction(store.id, write=False) as session:
        if not services.db.is_sqlite:  # which reads a table of this size whole, if it may: it is asked what it can do
            for way in ("seqscan", "sort", "bitmapscan", "hashjoin"):
                session.execute(sa.text(f"set local enable_{way} = off"))
        for kind in LISTS.values():
            assert len(kind.sorts) <= MOST_SORTS
            for sort in kind.sorts:
                state = ListState(kind, {sort.only[0]: sort.only[1]} if sort.only[0] else {}, sort.name)
                state = read_state(kind, {**state.filters, "sort": sort.name})
                rows = reading.read_rows(session, state, at, None, 3)
                place = reading.place_of(state, *rows[1])
                for part in range(len(sort.segments) or 1):
                    asked = reading.statement(state, at, part, place if part == place.segment else None)
                    plan = plan_of(session, asked.limit(51))
                    small = kind.name == "returns" and part == 1  # the few whose money is stuck, found by its index
                    found = re.findall("Seq Scan|SCAN [a-z_]+(?! USING)|TEMP B-TREE FOR ORDER|Sort Key", plan)
                    assert small or found == [], f"{kind.name} by {sort.name}\n{plan}"


def test_a_page_of_any_list_asks_at_most_fifteen_times(services: Services, store: Store, max_: FlaskClient) -> None:
    fill(services, store, 120)
    for name, kind in LISTS.items():
        everything = {"returns": "?show=all", "withdrawals": "?show=all", "reviews": "?show=all", "cases": "?state=all"}
        with statements(services.db) as sent:
            page = max_.get(path(store, PAGES.get(name, name) + everything.get(name, "")))
        assert page.status_code == 200
        assert page.text.count("<tr><td") == 50, kind.name  # an entry of the log has no page of its own
        assert len(sent) <= 15, kind.name


@on_sqlite
def test_pages_follow_each_other_without_a_gap_whatever_is_added_meanwhile(
    services: Services, store: Store, max_: FlaskClient
) -> None:
    ids = put_orders(services, store, 120)
    first = max_.get(path(store, "orders")).text
    put_orders_above = [{"ref": "new", "number": "#new", "currency": "EUR", "placed_at": NOON + timedelta(hours=1)}]
    put(services, store, Order, put_orders_above)
    second = max_.get(link(first, "next")).text
    third = max_.get(link(second, "next")).text
    seen = [*rows_in(first), *rows_in(second), *rows_in(third)]
    assert seen == [str(id_) for id_ in ids]
    assert (link(first, "prev"), link(third, "next")) == ("", "")
    assert rows_in(max_.get(link(third, "prev")).text) == rows_in(second)
    assert "121 rows" in said(max_.get(path(store, "orders")))


def test_a_return_whose_money_is_stuck_stands_between_those_that_wait(
    services: Services, store: Store, max_: FlaskClient
) -> None:
    (order_id,) = put_orders(services, store, 1)
    standings: list[Mapping[str, Any]] = [
        {"acceptance": "approved", "reception": "received", "status": "received"},
        {"acceptance": "approved", "status": "approved"},
        {"acceptance": "requested", "status": "requested"},
        {"acceptance": "requested", "status": "requested", "approval_asked_by": "Agnes"},
        {"acceptance": "declined", "status": "declined"},
    ]
    shared = {"order_id": order_id, "currency": "EUR", "kind": "return", "opened_at": NOON}
    ids = put(services, store, Return, [{**shared, "rma": f"RMA-{n}", **one} for n, one in enumerate(standings)])
    put(services, store, Reimbursement, [{"order_id": order_id, "return_id": ids[1], "state": "needs_staff"}])
    assert rows_in(max_.get(path(store, "returns")).text) == [str(ids[place]) for place in (3, 2, 1, 0)]
    for wait, place in {"approval": 3, "decision": 2, "money": 1, "inspection": 0}.items():
        assert rows_in(max_.get(path(store, f"returns?wait={wait}")).text) == [str(ids[place])], wait


@on_sqlite
@pytest.mark.parametrize("text", ["x", "\0", "e30.e30.e30", "9" * 5000])
def test_a_forged_cursor_answers_the_first_page(services: Services, store: Store, max_: FlaskClient, text: str) -> None:
    put_orders(services, store, 60)
    first = rows_in(max_.get(path(store, "orders")).text)
    for name in ("after", "before"):
        page = max_.get(path(store, "orders"), query_string={name: text})
        assert (page.status_code, rows_in(page.text)) == (200, first)


@on_sqlite
def test_a_cursor_of_another_sort_store_or_month_answers_the_first_page(
    services: Services, store: Store, clock: Clock
) -> None:
    place, state = reading.Place(0, (NOON,), 7), ListState(orders.LIST)
    text = reading.sign_place(services.keyring, store.id, state, place, now=NOON)

    def read(store_id: int, days: int = 0, **changes: str) -> reading.Place | None:
        asked = read_state(orders.LIST, {"after": text, **changes})
        return reading.read_place(services.keyring, store_id, asked, now=NOON + timedelta(days=days))

    assert read(store.id) == place
    assert [read(store.id, sort="oldest"), read(store.id + 1), read(store.id, days=30)] == [None, None, None]


def test_filters_stand_in_the_address_and_come_off_by_their_chips(
    services: Services, store: Store, max_: FlaskClient
) -> None:
    plain, abroad, late, held = (
        put_orders(services, store, 1),
        put(services, store, Order, [{"ref": "b", "country": "VN", "currency": "VND", "state": "done"}]),
        put(services, store, Order, [{"ref": "c", "country": "LT", "currency": "EUR", "return_open": True}]),
        put(services, store, Order, [{"ref": "d", "country": "LT", "currency": "EUR", "holds": [{"ref": "h"}]}]),
    )
    put(services, store, Shipment, [{"order_id": late[0], "ref": "p", "late": True}])
    for query, ids in {
        "country=VN": abroad,
        "status=done": abroad,
        "late=1": late,
        "returned=1": late,
        "held=1": held,
        "placed_from=2026-11-19": [],
        "placed_to=2026-11-17": [],
        "late=1&country=VN": [],
        "country=nowhere&status=x&placed_from=yesterday&sort=x": sorted([*held, *late, *abroad, *plain], reverse=True),
    }.items():
        page = max_.get(path(store, f"orders?{query}"))
        assert rows_in(page.text) == [str(id_) for id_ in ids], query
    page = max_.get(path(store, "orders?country=VN&late=1"))
    assert "Nothing fits these filters." in said(page)
    chips = [unescape(url) for url in re.findall(r'<li><a href="([^"]*)"><bdi>', page.text)]
    assert [url.partition("?")[2] for url in chips] == ["country=VN", "late=1"]


@on_sqlite
def test_counts_stop_at_a_thousand(services: Services, store: Store, max_: FlaskClient) -> None:
    put_orders(services, store, 1000)
    assert "1,000 rows" in said(max_.get(path(store, "orders")))
    put(services, store, Order, [{"ref": "one more", "currency": "EUR"}])
    assert "1,000+ rows" in said(max_.get(path(store, "orders")))


def test_no_list_shows_or_counts_another_store_s_rows(services: Services, store: Store) -> None:
    fill(services, store, 60)
    at = Moment(NOON, ZoneInfo("UTC"))
    for kind in LISTS.values():
        states = [read_state(kind, {one.name: value}) for one in kind.filters for value in _values(kind, one.name)]
        with services.db.transaction(store.id + 1, write=False) as session:
            assert set(reading.count(session, {str(n): state for n, state in enumerate(states)}, at).values()) == {0}
            assert [row for state in states for row in reading.read_rows(session, state, at, None, 9)] == []
        with services.db.transaction(store.id, write=False) as session:
            assert sum(reading.count(session, {"": ListState(kind)}, at).values()) > 0, kind.name


def _values(kind: ListKind, name: str) -> list[str]:
    one = kind.filter(name)
    if one.kind == "day":
        return ["2026-11-18"]
    return [value for value, _ in one.options(WORDS)] if one.options and name != "language" else ["1"]
