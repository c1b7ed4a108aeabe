"""A browser whose desk forms are as fresh as a page opened just before, where a test names no version.

`tests/core/desk/test_stale_forms.py` sends the forms of real pages; every other test may press a button without
opening its page first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from core.conversations.model import Case
from core.desk.versions.row_facts import Connection, CurrentPolicy, OwnChoices, PersonalData, ReturnableGoods, Section
from core.desk.versions.row_version import version_of
from core.jobs.queue import Job
from core.orders.messages.notice import Notice
from core.orders.model import Order
from core.privacy import personal_data
from core.returns.model import Reimbursement, Return, Withdrawal
from core.returns.policy import policy_versions
from core.returns.withdrawal.model import Declaration
from core.reviews.model import Review
from core.services import Services
from core.stores.model import ConnectedSource, Staff, Store, StoreClaim
from core.stores.platform_access import StoreNotFound, store_by_key

Find = Callable[[Services, Session, Store, Mapping[str, Any]], Any]


def _by_id(model: type, name: str) -> Find:
    return lambda _app, session, store, values: session.get(model, (store.id, values[name]))


def _order(wrap: Callable[[Services, Session, Order], Any]) -> Find:
    def find(app: Services, session: Session, store: Store, values: Mapping[str, Any]) -> Any:
        order = session.get(Order, (store.id, values["order_id"]))
        return order and wrap(app, session, order)

    return find


def _person(app: Services, session: Session, order: Order) -> PersonalData:
    whose = {"email": order.email, "shopper_ref": order.shopper_ref, "order_refs": [order.ref]}
    return PersonalData(order, len(personal_data.find_person(session, app.keyring, **whose).order_ids))


def _section(name: str) -> Find:
    return lambda _app, _session, store, _values: Section(store, name)


def _own(_app: Services, session: Session, store: Store, _values: Mapping[str, Any]) -> OwnChoices | None:
    people = session.scalars(sa.select(Staff)).all()
    return OwnChoices(people[0]) if len(people) == 1 else None


def _policy(_app: Services, session: Session, store: Store, _values: Mapping[str, Any]) -> CurrentPolicy:
    return CurrentPolicy(policy_versions.policy_of(session, store).version)


ROWS: dict[str, Find] = {
    "move_return": _by_id(Return, "return_id"),
    "move_money": _by_id(Reimbursement, "money_id"),
    "move_withdrawal": _by_id(Withdrawal, "withdrawal_id"),
    "set_delivery_cost": _by_id(Withdrawal, "withdrawal_id"),
    "deduct_lost_value": _by_id(Withdrawal, "withdrawal_id"),
    "move_declaration": _by_id(Declaration, "declaration_id"),
    "move_review": _by_id(Review, "review_id"),
    "move_notice": _by_id(Notice, "notice_id"),
    "try_source": _by_id(ConnectedSource, "source_id"),
    "disconnect_source": _by_id(ConnectedSource, "source_id"),
    "retry_job": _by_id(Job, "job_id"),
    "decide_case": _by_id(Case, "case_id"),
    "decide_claim": _by_id(StoreClaim, "claim_id"),
    "try_connection": lambda _app, _session, store, _values: Connection(store),
    "open_for_shopper": _order(lambda _app, _session, order: ReturnableGoods(order)),
    "erase_shopper": _order(_person),
    "save_own_page": _own,
    "save_policy": _policy,
    "import_policy": _policy,
    "restore_policy": _policy,
    "save_settings": _section("shipping"),
    "save_page": _section("widget"),
    "save_lookup": _section("lookup"),
    "save_sender": _section("mail"),
    "save_retention": _section("privacy"),
    "save_return_settings": _section("returns"),
}
"""By the name of the view that acts, without its "desk.": the row of which its form says the version."""


def current_version(app: Flask, path: str) -> str:
    """Give the version that the form posted to `path` would carry if its page was opened now; "" where it has none."""
    try:
        endpoint, values = app.url_map.bind("localhost").match(path, method="POST")
        services: Services = app.extensions["aftercare"]
        find = ROWS.get(endpoint.removeprefix("desk."))
        if find is None:
            return ""
        store = store_by_key(services, values["key"])
    except (HTTPException, StoreNotFound):
        return ""
    with app.test_request_context(), services.db.transaction(store.id, write=False) as session:
        row = find(services, session, store, values)
        return "" if row is None else version_of(session, row)


class FreshForms(FlaskClient):
    """Flask's test client; `data` with a version of its own is sent as it is."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Send a request."""
        path, data = (args[0] if args else kwargs.get("path")), kwargs.get("data")
        is_form = data is None or isinstance(data, Mapping)
        if kwargs.get("method") == "POST" and isinstance(path, str) and path.startswith("/admin/") and is_form:
            version = current_version(self.application, path.partition("?")[0])
            if version and "version" not in (data or {}):
                kwargs["data"] = {**(data or {}), "version": version}
        return super().open(*args, **kwargs)
