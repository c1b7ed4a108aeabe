"""Export or erase a shopper's personal data, in every table that holds some.

`PERSONAL` is the map. A text column of any table that is neither in it nor known as harmless fails a test, so that a
new one cannot be forgotten here.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.conversations import raw_mail
from core.conversations.model import Case, CaseMail
from core.db.base import Base, table_of
from core.db.bulk import id_in
from core.jobs.queue import Job
from core.orders.find import email_keys
from core.orders.model import Order, Shipment
from core.orders.sanitize import storable
from core.orders.sync.anonymize import anonymize_ref
from core.returns.withdrawal.model import Declaration
from core.reviews.model import Review
from core.schema.models import metadata
from core.search import index as search_index
from core.search import sources as search_sources
from core.secrets import Keyring, Unsealable
from core.stores.exports.model import ListExport, ListExportPart

PERSONAL: Mapping[str, Mapping[str, Any]] = {
    "orders": {
        "email": "",
        "email_key": "",
        "phone": "",
        "name": "",
        "shopper_ref": "",
        "postcode": "",
        "digest": "",
    },
    "line_items": {"variant": ""},  # "engraved: Ann"
    "shipments": {"tracking_number": "", "tracking_url": ""},
    "tracking_events": {"text": "", "place": ""},
    "order_events": {"facts": {}},
    "notices": {"subject": "", "reason": "", "facts": {}},  # a mail server's refusal quotes the address
    "reviews": {"author": "", "email_key": "", "title": "", "text": "", "replies": [], "digest": ""},
    "replies": {"text": "", "public_text": "", "sentence": ""},  # an answer speaks to its shopper
    "cases": {"subject": "", "email_key": ""},
    "case_messages": {"text": ""},
    "case_mails": {"sealed": b""},
    "returns": {
        "comment": "",
        "note": "",
        "reasons": [],
        "tracking_number": "",
        "label_url": "",
        "native_sentence": "",
    },
    "return_items": {"answers": {}, "note": "", "exchange_for": ""},
    "return_photos": {"content": b""},
    # The hash of a receipt stays, so that a kept copy is proof.
    "withdrawals": {
        "name": "",
        "receipt": "",
        "note": "",
        "reasons": [],
        "lost_value_reason": "",
        "receipt_to": "",
        "receipt_key": "",
        "sent_proof": "",
    },
    "declarations": {"name": "", "order_number": "", "email": "", "email_key": "", "receipt": "", "note": ""},
    # In the shopper's words, perhaps.
    "reimbursements": {"reason": "", "reasons": [], "sentence": "", "link": "", "exchange": []},
}
"""Table → column → what it becomes. What else is in these tables (amounts, dates, refs, goods) the law lets a merchant
keep, in most of Europe for six to ten years, as part of the books."""
PARTLY_PERSONAL = {"orders": ("refunds", "holds"), "shipments": ("ref",)}
"""Columns of which a part goes: the free text of a refund or a hold, a tracking number inside a parcel's ref."""
MAIL_JOBS = {"jobs": ("key", "payload", "reason")}
"""Promised mail to a shopper names its reader: these rows go as a whole."""
LIST_EXPORTS = {"list_export_parts": ("sealed",)}
"""Files that staff asked for; whom they name is not known without opening them, so all of them go with anybody."""
_NOT_EXPORTED = {
    "store_id",
    "email_key",
    "receipt_key",
    "draft_digest",
    "digest",
    "number_key",
    "origin",
    "check_after",
}
"""Columns that say nothing to a person: our own bookkeeping."""


@dataclass(frozen=True, slots=True)
class PersonRows:
    """Which rows are a person's: their orders by id, and which of those that hang on no order."""

    order_ids: Sequence[int]
    email_keys: Sequence[str]
    reviews: sa.ColumnElement[bool]
    cases: sa.ColumnElement[bool]
    declarations: sa.ColumnElement[bool]


def export_person(
    session: Session, keyring: Keyring, *, email: str = "", shopper_ref: str = "", order_refs: Sequence[str] = ()
) -> dict[str, list[dict[str, Any]]]:
    """Give everything kept of a shopper as table → rows of JSON values; tables that know nothing are left out.

    A shopper is whoever ordered with this address, from this account, or these orders. Times are ISO 8601 in UTC,
    amounts minor units of the order's currency.
    """
    person = find_person(session, keyring, email=email, shopper_ref=shopper_ref, order_refs=order_refs)
    exported: dict[str, list[dict[str, Any]]] = {}
    for name, mine in _conditions(session, person).items():
        model = model_of(name)
        rows = session.scalars(sa.select(model).where(mine).order_by(model.id))
        shown = [column.name for column in table_of(model).columns if column.name not in _NOT_EXPORTED]
        if cells := [{column: _cell(keyring, row, column) for column in shown} for row in rows]:
            exported[name] = cells
    return exported


def erase_person(
    session: Session,
    keyring: Keyring,
    *,
    email: str = "",
    shopper_ref: str = "",
    order_refs: Sequence[str] = (),
    now: datetime,
) -> dict[str, int]:
    """Erase a shopper's personal data in every table; give how many rows of each were theirs. See `export_person`.

    Their links stop working, nothing is sent to them any more, and what their store says later of these orders and
    reviews is stored without them. Asked twice, the second finds less and changes nothing of it.
    """
    person = find_person(session, keyring, email=email, shopper_ref=shopper_ref, order_refs=order_refs)
    return erase_rows(session, person, now=now)


def find_person(
    session: Session, keyring: Keyring, *, email: str = "", shopper_ref: str = "", order_refs: Sequence[str] = ()
) -> PersonRows:
    """Find which rows are a shopper's; locks their orders, so that no snapshot is applied meanwhile."""
    keys = email_keys(email, keyring) if email.strip() else []
    theirs = [Order.email_key.in_(keys), Order.ref.in_([storable(ref) for ref in order_refs])]
    if shopper_ref:
        theirs.append(Order.shopper_ref == storable(shopper_ref))
    query = sa.select(Order.id).where(sa.or_(*theirs)).order_by(Order.id).with_for_update()
    return PersonRows(
        session.scalars(query).all(),
        keys,
        Review.email_key.in_(keys),
        Case.email_key.in_(keys),
        Declaration.email_key.in_(keys),
    )


def erase_rows(session: Session, person: PersonRows, *, now: datetime) -> dict[str, int]:
    """Erase the personal data in these rows; give how many rows of each table there were."""
    conditions = _conditions(session, person)
    found = {
        source.kind: session.scalars(sa.select(source.model.id).where(conditions[source.model.__tablename__])).all()
        for source in search_sources.all_sources()
    }
    _erase_parts(session, person.order_ids, now)
    counts: Counter[str] = Counter()
    for name, mine in conditions.items():
        gone = sa.update(model_of(name)).where(mine).values(_erased_values(name, now))
        counts[name] = _times(session, gone)
    if any(counts.values()):
        for export in (ListExportPart, ListExport):
            session.execute(sa.delete(export), execution_options={"synchronize_session": False})
    counts["jobs"] = _delete_mail_jobs(session, person)
    for kind, ids in found.items():
        search_index.forget_rows(session, kind, ids)
    session.expire_all()  # what the caller has loaded must not show what is gone
    return {name: times for name, times in counts.items() if times}


def _erased_values(table: str, now: datetime) -> dict[str, Any]:
    """Give what the columns of a table become; what a store says later must find that a review was erased."""
    values = dict(PERSONAL[table])
    if table == "reviews":
        values["erased_at"] = sa.func.coalesce(Review.erased_at, now)
    return values


def _conditions(session: Session, person: PersonRows) -> dict[str, sa.ColumnElement[bool]]:
    """Give, for every table with something personal, which of its rows are meant."""
    # A till that gives every order one address makes a "person" of thousands: lists as one parameter, not as many.
    ids = person.order_ids
    reviewed = sa.select(Order.ref).where(id_in(session, Order.id, ids)).scalar_subquery()
    theirs = sa.or_(person.reviews, Review.order_ref.in_(reviewed))
    reviews = session.scalars(sa.select(Review.id).where(theirs)).all()
    cases = session.scalars(sa.select(Case.id).where(sa.or_(person.cases, id_in(session, Case.order_id, ids)))).all()
    special = {
        "orders": id_in(session, Order.id, ids),
        "reviews": id_in(session, Review.id, reviews),
        "replies": id_in(session, model_of("replies").review_id, reviews),
        "cases": id_in(session, Case.id, cases),
        "case_messages": id_in(session, model_of("case_messages").case_id, cases),
        "case_mails": id_in(session, model_of("case_mails").case_id, cases),
        "declarations": sa.or_(person.declarations, id_in(session, Declaration.order_id, ids)),
    }
    of_orders = {name: id_in(session, model_of(name).order_id, ids) for name in PERSONAL.keys() - special.keys()}
    conditions = special | of_orders
    return {name: conditions[name] for name in PERSONAL}


def _erase_parts(session: Session, order_ids: Sequence[int], now: datetime) -> None:
    """Close the orders, and take out what is only a part of a column."""
    for order in session.scalars(sa.select(Order).where(id_in(session, Order.id, order_ids)).order_by(Order.id)):
        order.refunds = [{**refund, "reason": ""} for refund in order.refunds]
        order.holds = [{**hold, "note": "", "raw_reason": ""} for hold in order.holds]
        order.erased_at, order.stopped_at = order.erased_at or now, order.stopped_at or now
        order.link_version += 1
    for shipment in session.scalars(sa.select(Shipment).where(id_in(session, Shipment.order_id, order_ids))):
        shipment.ref = anonymize_ref(shipment.ref, shipment.tracking_number)
        shipment.check_after = None
    session.flush()


def _delete_mail_jobs(session: Session, person: PersonRows) -> int:
    """Drop promised mail that names its reader; what a worker has in hand finds nobody and ends by itself."""
    named = [Job.key.startswith(f"links:{key[:32]}:", autoescape=True) for key in person.email_keys]
    named += [Job.key.startswith(f"code:{order_id}:", autoescape=True) for order_id in person.order_ids]
    if not named:
        return 0
    # In slices: SQLite refuses an expression deeper than 1000 (3.50, "Limits").
    return sum(
        _times(session, sa.delete(Job).where(Job.state != "running", sa.or_(*named[start : start + 200])))
        for start in range(0, len(named), 200)
    )


def _times(session: Session, statement: Any) -> int:
    done = session.execute(statement, execution_options={"synchronize_session": False})
    return int(done.rowcount)  # type: ignore[attr-defined]


def model_of(table: str) -> Any:
    """Give the class of a table."""
    return next(mapper.class_ for mapper in Base.registry.mappers if mapper.local_table is metadata.tables[table])


def _cell(keyring: Keyring, row: Any, column: str) -> Any:
    """Give a column's value as JSON; a sealed mail opened, None where the key that sealed it is gone."""
    if not isinstance(row, CaseMail) or column != "sealed":
        return _as_json(getattr(row, column))
    try:
        return raw_mail.open_mail(keyring, row).decode("utf-8", "replace")
    except Unsealable:
        return None


def _as_json(value: Any) -> Any:
    if isinstance(value, bytes):  # a photo
        return base64.b64encode(value).decode()
    return value.isoformat() if isinstance(value, date | datetime) else value
