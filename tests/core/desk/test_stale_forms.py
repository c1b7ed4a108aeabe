"""Nothing that a stale page says is carried out: every POST of the desk, twice from pages of one version.

A POST without a case here fails: whoever adds one says from which page its form is sent, and what is typed there.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from core.app import create_app
from core.conversations.model import Case as PersonCase
from core.platform.contract import Feature, StaffIdentity
from core.platform.registry import Registry
from core.platform.sample import Demo
from core.returns.model import PolicyVersion, Reimbursement, Return, Withdrawal
from core.returns.policy.policy_document import Policy
from core.services import Services
from core.stores import staff
from core.stores.model import Staff, Store
from tests.core import isolation_reviews as reviews
from tests.core.desk.returns_scene import fields, said
from tests.core.isolation_returns import set_up_with_returns
from tests.core.private import dump
from tests.core.returns.pictures import encoded, landscape
from tests.core.returns.seed import bought
from tests.core.shipping.seed import apply
from tests.core.two_stores import Two

EXEMPT = {
    "/admin/open/<platform>": "the platform's own signed request, whose nonce is used once",
    "/admin/enter/<token>": "a link that works once",
    "/admin/confirm-sender/<token>": "a mailed link that names the address; pressed twice it changes nothing",
    "/admin/<key>/sign-out": "ends the sessions of whoever asks; after it nobody is signed in",
    "/admin/<key>/connection/sources/<name>": "shows no row: a form for keys; an account connected twice is one source",
    "/admin/<key>/lists/<name>/views": "makes a row of one's own, that nobody else sees",
    "/admin/<key>/lists/<name>/views/<int:view_id>/<verb>": "a row of one's own with a version of its own; 409 too",
    "/admin/<key>/lists/<name>/columns": "one's own choice, and all of it",
    "/admin/<key>/lists/<name>/exports": "makes a file of what the list holds then",
    "/admin/<key>/person": "asked by nobody yet known, for a code that is mailed",
    "/admin/<key>/person/code": "a code that works once",
}
"""POSTs that show no row of the store, and why two of them cannot differ."""


class SignsIn(Demo):
    """A sample platform where shoppers sign in."""

    features = Demo.features | {Feature.SHOPPER_SIGN_IN}


@dataclass(frozen=True)
class Case:
    """Where a form stands, where it is sent, and what is typed into it: by who is first, and by who is second."""

    page: str
    action: str
    first: Mapping[str, str] = field(default_factory=dict)
    second: Mapping[str, str] = field(default_factory=dict)
    late_action: str = ""
    """Where the second sends theirs, if not to the same address."""
    photo: bool = False
    keeps: tuple[str, ...] = ()
    """What the page of the second must still hold."""
    is_own: bool = False
    """Whether both are one person, in two tabs."""


WISH = {"quantity.l2": "1"}
CASES = {
    "/admin/<key>/returns/<int:return_id>/<verb>": Case(
        "returns/{rma}",
        "returns/{rma}/receive",
        late_action="returns/{rma}/keep",
        second={"note": "Not worth the way back."},
        keeps=("Not worth the way back.",),
    ),
    "/admin/<key>/money/<int:money_id>/<verb>": Case(
        "returns/{rma}",
        "money/{money}/retry",
        late_action="money/{money}/paid",
        second={"note": "By bank transfer."},
        keeps=("By bank transfer.",),
    ),
    "/admin/<key>/withdrawals/<int:withdrawal_id>/delivery-cost": Case(
        "withdrawals/{withdrawal}",
        "withdrawals/{withdrawal}/delivery-cost",
        {"amount": "0.00", "reason": "Express."},
        {"amount": "0.00", "reason": "Sent by courier."},
        keeps=("Sent by courier.",),
    ),
    "/admin/<key>/withdrawals/<int:withdrawal_id>/<verb>": Case(
        "withdrawals/{withdrawal}",
        "withdrawals/{withdrawal}/contest",
        {"note": "It was made to measure."},
        {"note": "RR123456789LT"},
        late_action="withdrawals/{withdrawal}/sent",
        keeps=("RR123456789LT",),
    ),
    "/admin/<key>/withdrawals/<int:withdrawal_id>/lost-value": Case(
        "withdrawals/{withdrawal}",
        "withdrawals/{withdrawal}/lost-value",
        {"amount": "1.00", "reason": "Worn."},
        {"amount": "2.00", "reason": "Scratched all over."},
        photo=True,
        keeps=("Scratched all over.", "2.00", "Files have to be chosen again."),
    ),
    "/admin/<key>/declarations/<int:declaration_id>/<verb>": Case(
        "declarations/{declaration}",
        "declarations/{declaration}/close",
        {"note": "No such order."},
        {"note": "#2099"},
        late_action="declarations/{declaration}/match",
        keeps=("#2099",),
    ),
    "/admin/<key>/orders/<int:order_id>/return": Case(
        "orders/{sold}/return",
        "orders/{sold}/return",
        WISH,
        WISH | {"comment": "Ann rang us up."},
        keeps=("Ann rang us up.",),
    ),
    "/admin/<key>/notices/<int:notice_id>/<verb>": Case(
        "notices/{draft}", "notices/{draft}/send", late_action="notices/{draft}/discard"
    ),
    "/admin/<key>/reviews/<int:review_id>/<verb>": Case(
        "reviews/{review}",
        "reviews/{review}/edit",
        {"text": "We are sorry, Ann."},
        {"text": "Thank you all the same."},
        keeps=("Thank you all the same.",),
    ),
    "/admin/<key>/jobs/<int:job_id>/retry": Case("jobs", "jobs/{stuck}/retry"),
    "/admin/<key>/cases/<int:case_id>/decide": Case(
        "cases", "cases/{unconfirmed}/decide", {"choice": "set_aside"}, {"choice": "carry_out"}
    ),
    "/admin/<key>/connection/try": Case("connection", "connection/try"),
    "/admin/<key>/connection/claims/<int:claim_id>": Case(
        "connection", "connection/claims/{claim}", {"choice": "copy"}, {"choice": "moved"}
    ),
    "/admin/<key>/returns/policy": Case(
        "returns/policy", "returns/policy", {"days": "20"}, {"days": "41", "grace_days": "3"}, keeps=('value="41"',)
    ),
    "/admin/<key>/returns/policy/versions/<int:version>/restore": Case(
        "returns/policy", "returns/policy/versions/2/restore"
    ),
    "/admin/<key>/returns/policy/file": Case(
        "returns/policy", "returns/policy/file", {"document": "{file}"}, {"document": "{other}"}, keeps=('value="77"',)
    ),
    "/admin/<key>/connection/sources/<int:source_id>/try": Case(
        "connection", "connection/sources/{source}/try", late_action="connection/sources/{source}/disconnect"
    ),
    "/admin/<key>/connection/sources/<int:source_id>/disconnect": Case(
        "connection", "connection/sources/{source}/disconnect", late_action="connection/sources/{source}/try"
    ),
    "/admin/<key>/returns/settings": Case(
        "returns/settings", "returns/settings", {"answer_days": "4"}, {"refund_days": "11"}, keeps=('value="11"',)
    ),
    "/admin/<key>/settings": Case(
        "settings",
        "settings",
        {"rule.no_scan.after": "5"},
        {"rule.not_shipped.after": "17"},
        keeps=('value="17"', 'value="5"'),
    ),
    "/admin/<key>/settings/page": Case(
        "settings",
        "settings/page",
        {"page": "https://linden.example/help"},
        {"page": "https://linden.example/orders"},
        keeps=("https://linden.example/orders", "Saved meanwhile: https://linden.example/help"),
    ),
    "/admin/<key>/settings/lookup": Case("settings", "settings/lookup", {"form": ""}, {"form": "1"}),
    "/admin/<key>/sender": Case(
        "sender", "sender", {"name": "Linden"}, {"address": "Lime Street 4"}, keeps=("Lime Street 4", "Linden")
    ),
    "/admin/<key>/privacy": Case(
        "privacy", "privacy", {"keep_days": "400"}, {"keep_days": "500"}, keeps=("500", "400")
    ),
    "/admin/<key>/me": Case("me", "me", {"language": "en"}, {"language": "th"}, is_own=True),
    "/admin/<key>/orders/<int:order_id>/erase": Case(
        "orders/{sold}/privacy", "orders/{sold}/erase", {"number": "#2009"}, {"number": "#2009"}, keeps=("#2009",)
    ),
}
"""In an order in which each leaves the next one possible."""


@dataclass
class Desk:
    """A store's desk with two people at it, and the ids of what they act on."""

    two: Two
    bruno: FlaskClient
    bea: FlaskClient

    @property
    def store(self) -> Store:
        return self.two.theirs

    def path(self, page: str) -> str:
        return f"/admin/{self.store.key}/{page.format(**self.two.ids)}"

    def form(self, client: FlaskClient, case: Case, action: str) -> dict[str, Any]:
        """What a browser would send from the page's form, untouched."""
        page = client.get(self.path(case.page)).text
        mark = f'action="{self.path(action)}"'
        assert mark in page, f"{case.page} has no form for {action}"
        start = page.index(mark)
        return fields(page[start : page.index("</form>", start)])

    def send(self, client: FlaskClient, action: str, typed: Mapping[str, Any], *, photo: bool) -> TestResponse:
        files = {"photos": (BytesIO(encoded(landscape())), "one.png")} if photo else {}
        kind = "multipart/form-data" if photo else None
        return client.post(self.path(action), data={**typed, **files}, content_type=kind)


@pytest.fixture
def desk(services: Services, tmp_path: Path) -> Desk:
    """A store with one of everything, that has lost its connection, and Bruno and Bea in its desk."""
    with_sign_in = replace(services, platforms=Registry({"demo": SignsIn}))
    two = reviews.leave_reply(set_up_with_returns(with_sign_in, tmp_path))
    app, store, now = two.services, two.theirs, two.services.clock()
    apply(app, store, bought(ref="9", number="#2009"))
    two.worker.run_until_idle()
    bea = staff.enter(app, store, StaffIdentity(ref="bea", name="Bea"))
    with app.db.transaction(store.id) as session:
        session.execute(sa.update(Staff).values(role="owner"))
        row = session.get_one(Store, store.id)
        row.settings = row.settings | {"returns": {"tells_of_lost_value": True}}
        row.state, row.closed_at = "closed", now
        case = PersonCase(order_id=two.ids["order"], kind="unconfirmed_erase", opened_at=now)
        session.add(case)
        session.execute(sa.update(Return).values(reimbursement="failed", rma="RMA-999"))
        policy = Policy(version=2, timezone="UTC", currency="EUR", reasons={"other": {}}, otherwise="review")
        session.execute(sa.update(PolicyVersion).values(document={"policy": policy.model_dump_json()}))
        session.flush()
        two.ids["unconfirmed"] = case.id
        two.ids["sold"] = session.scalars(sa.text("select id from orders where ref = '9'")).one()
        lines = [{"ref": "l1", "title": "Mug", "quantity": 1, "exemption": "", "schema_number": 2}]
        session.execute(sa.update(Withdrawal).values(order_id=two.ids["sold"], lines=lines))
        bruno = session.scalars(sa.select(Staff).where(Staff.ref == "bruno")).one()
    two.outbox.sent.clear()
    return Desk(two, sit(two, bruno), sit(two, bea))


def sit(two: Two, person: Staff) -> FlaskClient:
    client = create_app(two.services.config, services=two.services).test_client()
    session = staff.open_session(two.services.keyring, person)
    client.set_cookie(f"aftercare_desk_{two.theirs.key}", session, path="/admin")
    return client


def posts(two: Two) -> Iterator[tuple[str, Any]]:
    """Walk the POSTs of the desk: each rule, and the view behind it."""
    app = create_app(two.services.config, services=two.services)
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/admin/") and "POST" in (rule.methods or ()):
            yield rule.rule, app.view_functions[rule.endpoint]


def fill(typed: Mapping[str, str], desk: Desk) -> dict[str, str]:
    """Put a policy's file where the case names one."""
    file = desk.bruno.get(desk.path("returns/policy/file")).text if "document" in typed else ""
    other = re.sub(r'"days": (null|\d+)', '"days": 77', file, count=1)
    return {name: {"{file}": file, "{other}": other}.get(value, value) for name, value in typed.items()}


def test_of_two_forms_of_one_version_the_second_is_told_and_nothing_it_says_is_done(desk: Desk) -> None:
    rules = dict(posts(desk.two))
    assert rules.keys() - CASES.keys() - EXEMPT.keys() == set(), "say from which page this form is sent"
    assert [rule for rule, view in rules.items() if rule in CASES and not hasattr(view, "is_versioned")] == []
    for rule, case in CASES.items():
        late_action = case.late_action or case.action
        second = desk.bruno if case.is_own else desk.bea
        shown = desk.form(second, case, case.action if case.photo else late_action)
        early = desk.form(desk.bruno, case, case.action) | fill(case.first, desk)
        late = shown | fill(case.second, desk)
        assert early["version"].partition(".")[0] == late["version"].partition(".")[0], rule
        answer = desk.send(desk.bruno, case.action, early, photo=case.photo)
        assert answer.status_code in (302, 303), (rule, said(answer))
        before, sent = dump(desk.two.services.db, desk.store.id), list(desk.two.outbox.sent)
        answer = desk.send(second, late_action, late, photo=case.photo)
        assert answer.status_code == 409, (rule, said(answer))
        assert dump(desk.two.services.db, desk.store.id) == before, rule
        assert desk.two.outbox.sent == sent
        who = "This has changed since" if case.is_own else "Bruno was here before you"
        assert who in said(answer), rule
        assert [text for text in case.keeps if text not in answer.text] == [], rule


def test_a_form_without_a_version_is_stale(desk: Desk) -> None:
    """It is from a page that an older release printed."""
    for rule, case in CASES.items():
        before = dump(desk.two.services.db, desk.store.id)
        typed = fill(case.first, desk) | {"version": ""}
        answer = desk.send(desk.bruno, case.action, typed, photo=case.photo)
        assert answer.status_code == 409, rule
        assert "This has changed since you opened the page." in said(answer), rule
        assert dump(desk.two.services.db, desk.store.id) == before, rule


def test_what_an_older_process_writes_makes_a_form_stale_too(desk: Desk) -> None:
    """During an upgrade it knows of no version: it changes the row alone."""
    case = CASES["/admin/<key>/returns/<int:return_id>/<verb>"]
    form = desk.form(desk.bruno, case, case.action)
    with desk.two.services.db.transaction(desk.store.id) as session:
        session.execute(sa.update(Return).values(acceptance="declined", status="declined"))
    assert desk.send(desk.bruno, case.action, form, photo=False).status_code == 409


def test_what_the_machine_moves_on_by_itself_makes_no_form_stale(desk: Desk) -> None:
    """The worker pays, publishes and tells the platform seconds after somebody decided."""
    store, db = desk.store, desk.two.services.db
    with db.transaction(store.id) as session:
        session.execute(sa.update(Return).values(reimbursement="pending"))
    case = CASES["/admin/<key>/returns/<int:return_id>/<verb>"]
    form = desk.form(desk.bruno, case, case.action)
    with db.transaction(store.id) as session:
        changed = {"reimbursement": "issued", "native_state": "approved", "native_told": "x", "native_url": "https://x"}
        session.execute(sa.update(Return).values(**changed))
    assert desk.send(desk.bruno, case.action, form, photo=False).status_code == 302


@pytest.mark.parametrize("name", ["returns/<int:return_id>", "money/<int:money_id>", "reviews/<int:review_id>"])
def test_of_two_who_press_at_once_exactly_one_acts(desk: Desk, name: str) -> None:
    case = CASES[f"/admin/<key>/{name}/<verb>"]
    late_action = case.late_action or case.action
    forms = [
        (desk.bruno, case.action, desk.form(desk.bruno, case, case.action) | case.first),
        (desk.bea, late_action, desk.form(desk.bea, case, late_action) | case.second),
    ]
    start, said_to = threading.Barrier(2), {}

    def press(number: int) -> None:
        client, action, typed = forms[number]
        start.wait()
        said_to[number] = desk.send(client, action, typed, photo=False).status_code

    threads = [threading.Thread(target=press, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said_to.values()) == [302, 409]
    with desk.two.services.db.transaction(desk.store.id, write=False) as session:
        money = session.scalars(sa.select(Reimbursement)).one()
        rma = session.scalars(sa.select(Return)).one()
    if name.startswith("money"):
        assert money.state == ("pending" if said_to[0] == 302 else "issued")
    elif name.startswith("returns"):
        assert rma.reception == ("received" if said_to[0] == 302 else "kept")
