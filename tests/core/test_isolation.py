"""Whatever one store is asked with another's ids, tokens and refs: nothing leaks, nothing changes.

A route or a kind of job without a case here fails: whoever adds one says how it is asked for somebody else's rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from core.app import create_app, wire_kinds
from core.db.base import SYSTEM
from core.db.purpose import Purpose
from core.jobs import claims, queue
from core.jobs.queue import NewJob
from core.orders.messages import envelope
from core.platform.sample import SIGNATURE, forward, sign
from core.platform.sample_signing import news_query
from core.services import Services
from core.shipping import notice_actions
from core.stores import staff
from core.stores.model import Store
from core.stores.platform_access import link_of
from core.stores.tokens import answer_token, shopper_token, tracking_token
from core.stores.worker_access import WorkerAccess
from tests.core import isolation_lists as lists
from tests.core import isolation_returns as returns
from tests.core import isolation_reviews as reviews
from tests.core.private import EMAIL, TRACES, dump
from tests.core.samples import hook_path
from tests.core.two_stores import CODE, INBOUND, PENDING, SECRETS, Two

Ask = tuple[str, dict[str, Any]]
"""A path, and what the test client sends there."""


@pytest.fixture
def two(services: Services, tmp_path: Path) -> Two:
    return lists.keep_view(reviews.leave_reply(returns.set_up_with_returns(services, tmp_path)))


def browser(two: Two) -> FlaskClient:
    """Max at his own store's desk."""
    client = create_app(two.services.config, services=two.services).test_client()
    session = staff.open_session(two.services.keyring, two.me)
    for store in (two.mine, two.theirs):  # a cookie under their name is still mine
        client.set_cookie(f"aftercare_desk_{store.key}", session, path="/admin")
    return client


def secret(two: Two, store: Store) -> str:
    return link_of(two.services, store).secret


def forwarding_secret(two: Two, store: Store) -> str:
    return link_of(two.services, store).forwarding_secret


def signed(two: Two, body: bytes, **headers: str) -> dict[str, Any]:
    """A delivery my store signs."""
    return {"data": body, "headers": {SIGNATURE: sign(secret(two, two.mine), body), **headers}}


def nothing_special(path: str) -> Callable[[Two], list[Ask]]:
    return lambda _two: [(path, {})]


def desk(path: str, **more: Any) -> Callable[[Two], list[Ask]]:
    """A page of the desk: mine with their ids, and theirs."""

    def asks(two: Two) -> list[Ask]:
        filled = path.format(**two.ids)
        return [(f"/admin/{store.key}/{filled}", more) for store in (two.mine, two.theirs)]

    return asks


def shop(path: str, **more: Any) -> Callable[[Two], list[Ask]]:
    """A question of the widget: my store's token over their order, and their own token at my store."""

    def asks(two: Two) -> list[Ask]:
        ring, order = two.services.keyring, two.ids["order"]
        tokens = [shopper_token(ring, store.id, [order], level="act") for store in (two.mine, two.theirs)]
        path_here = f"/shop/{two.mine.key}/{path}"
        return [(path_here, {"headers": {"Authorization": f"Bearer {token}"}, **more}) for token in tokens]

    return asks


def find_page(path: str, **form: str) -> Callable[[Two], list[Ask]]:
    return lambda two: [(f"/find/{two.mine.key}{path}", {"data": form})]


def answer(two: Two) -> list[Ask]:
    tokens = [answer_token(two.services.keyring, two.mine.id, two.ids[name], 1) for name in ("draft", "sent")]
    choices = (*notice_actions.CHOICES, "stop", "resume")
    return [(f"/a/{token}/{choice}", {}) for token in tokens for choice in choices]


def track(two: Two) -> list[Ask]:
    return [(f"/t/{tracking_token(two.services.keyring, two.mine.id, two.ids['order'], 1)}", {})]


def beyond(path: str, **form: str) -> Callable[[Two], list[Ask]]:
    """Ask for what lies behind an order's page."""
    return lambda two: [(f"{page}{path}", {"data": form} if form else {}) for page, _ in track(two)]


def proxied(two: Two) -> list[Ask]:
    shopper = {"ref": TRACES[4], "email": EMAIL, "orders": ["1"]}
    mine = forwarding_secret(two, two.mine)
    named = {"ref": two.mine.ref, "other": two.theirs.ref, "key": two.theirs.key}
    return [
        ("/proxy/demo/orders", {"headers": forward(mine, store, nonce=nonce, shopper=shopper)})
        for nonce, store in named.items()
    ]


def hook(two: Two) -> list[Ask]:
    body = b'{"resource": "order", "ref": "1"}'
    paths = [hook_path(two.services, store) for store in (two.mine, two.theirs)]
    return [(path, signed(two, body)) for path in paths]


def hook_by_get(two: Two) -> list[Ask]:
    query = news_query(secret(two, two.mine), b'{"resource": "order", "ref": "1"}')
    return [(f"{hook_path(two.services, store)}?{query}", {}) for store in (two.mine, two.theirs)]


def named_hook(two: Two) -> list[Ask]:
    body = b'{"resource": "privacy", "ref": "1", "facts": {"request": "erase_store"}}'
    return [("/hooks/demo", signed(two, body, **{"x-demo-store": name})) for name in (two.theirs.ref, two.theirs.key)]


def mailed(two: Two) -> list[Ask]:
    token = envelope.mail_token(two.services.keyring, two.mine.id, two.ids["order"])
    mail = f"From: {EMAIL}\r\nTo: reply+{token}@localhost\r\nSubject: x\r\nMessage-ID: <1@x>\r\n\r\nWhere is it?\r\n"
    return [("/mail/inbound", {"data": mail.encode(), "headers": {"Authorization": f"Bearer {INBOUND}"}})]


def confirm(two: Two) -> list[Ask]:
    token = two.services.keyring.sign({"s": two.mine.id, "a": PENDING}, purpose="sender")
    return [(f"/admin/confirm-sender/{token}", {})]


def entered(two: Two) -> list[Ask]:
    mine = {"s": two.mine.id, "i": two.me.id, "v": 9, "n": "once"}
    return [
        (f"/admin/enter/{two.services.keyring.sign(facts, purpose='invite')}", {})
        for facts in (mine, mine | {"s": two.theirs.id})
    ]


def opened(two: Two) -> list[Ask]:
    mine = forwarding_secret(two, two.mine)
    return [
        ("/admin/open/demo", {"headers": forward(mine, name, nonce=name)}) for name in (two.theirs.key, two.theirs.ref)
    ]


def installed(two: Two) -> list[Ask]:
    state = two.services.keyring.sign({"p": "demo", "n": "1", "f": {"ref": two.theirs.ref}}, purpose="track")
    return [(f"/install/demo/done?state={state}", {})]


PAIR = {"number": "1041", "proof": EMAIL}
TERMS = {"part": "messages", "rule.no_scan.mode": "send"}
ROUTES: dict[str, Callable[[Two], list[Ask]]] = {
    **returns.ROUTES,
    **reviews.ROUTES,
    **lists.ROUTES,
    "GET /shop/openapi.json": nothing_special("/shop/openapi.json"),
    "GET /static/<path:name>": nothing_special("/static/desk.css"),
    "GET /healthz": nothing_special("/healthz"),
    "GET /readyz": nothing_special("/readyz"),
    "GET /metrics": nothing_special("/metrics"),
    "POST /hooks/<platform>/<token>": hook,
    "POST /hooks/<platform>": named_hook,
    "GET /hooks/<platform>/<token>": hook_by_get,
    "GET /hooks/<platform>": named_hook,
    "GET /install/<platform>": nothing_special("/install/demo?store=maple"),
    "POST /install/<platform>": nothing_special("/install/demo?store=maple"),
    "GET /install/<platform>/done": installed,
    "POST /install/<platform>/done": installed,
    "GET /proxy/<platform>/orders": proxied,
    "POST /mail/inbound": mailed,
    "GET /shop/find-store": nothing_special("/shop/find-store?platform=demo&ref=maple"),  # a store's name is public
    "GET /widget/<name>": nothing_special("/widget/aftercare.js"),
    "POST /shop/<key>/find": shop("find", json=PAIR),
    "POST /shop/<key>/open": lambda two: [
        (f"/shop/{two.mine.key}/open", {"json": {"link": path.removeprefix("/t/")}}) for path, _ in track(two)
    ],
    "POST /shop/<key>/answers": lambda two: [
        (f"/shop/{two.mine.key}/answers", {"json": {"answer": path, "sure": True}}) for path, _ in answer(two)
    ],
    "GET /shop/<key>/ways": shop("ways"),
    "GET /shop/<key>/orders": shop("orders"),
    "POST /shop/<key>/links": shop("links", json={"email": EMAIL}),
    "POST /shop/<key>/code": shop("code"),
    "POST /shop/<key>/code/check": shop("code/check", json={"code": CODE}),
    "GET /find/<key>": find_page(""),
    "POST /find/<key>": find_page("", **PAIR),
    "GET /find/<key>/withdraw": find_page("/withdraw"),
    "POST /find/<key>/withdraw": find_page("/withdraw", name="Ann", number="1041"),
    "POST /find/<key>/withdraw/confirm": find_page("/withdraw/confirm", draft="00"),
    "POST /find/<key>/links": find_page("/links", email=EMAIL),
    "GET /find/<key>/sign-in": find_page("/sign-in?as=ann"),
    "GET /find/<key>/signed-in": find_page("/signed-in?code=x&state=x"),
    "GET /t/<token>": track,
    "GET /t/<token>/message": beyond("/message"),
    "POST /t/<token>/message": beyond("/message", text="Where is it?"),
    "GET /t/<token>/return": beyond("/return"),
    "GET /a/<token>/<choice>": answer,
    "POST /a/<token>/<choice>": answer,
    "GET /admin/open/<platform>": opened,
    "POST /admin/open/<platform>": opened,
    "GET /admin/<key>/": desk(""),
    "GET /admin/<key>/search": desk(f"search?q={EMAIL}"),
    "GET /admin/<key>/orders": desk(f"orders?q={EMAIL}"),
    "GET /admin/<key>/orders/<int:order_id>": desk("orders/{order}"),
    "GET /admin/<key>/orders/<int:order_id>/privacy": desk("orders/{order}/privacy"),
    "GET /admin/<key>/orders/<int:order_id>/export": desk("orders/{order}/export"),
    "POST /admin/<key>/orders/<int:order_id>/erase": desk("orders/{order}/erase", data={"number": "1041"}),
    "GET /admin/<key>/privacy": desk("privacy"),
    "POST /admin/<key>/privacy": desk("privacy", data={"keep_days": "30"}),
    "GET /admin/<key>/cases/<int:case_id>/export": desk("cases/{case}/export"),
    "POST /admin/<key>/cases/<int:case_id>/decide": desk("cases/{case}/decide", data={"choice": "carry_out"}),
    "GET /admin/<key>/notices": desk("notices?state=draft"),
    "GET /admin/<key>/notices/<int:notice_id>": desk("notices/{draft}"),
    "POST /admin/<key>/notices/<int:notice_id>/<verb>": desk("notices/{draft}/send"),
    "GET /admin/<key>/jobs": desk("jobs"),
    "POST /admin/<key>/jobs/<int:job_id>/retry": desk("jobs/{stuck}/retry"),
    "GET /admin/<key>/cases": desk("cases"),
    "GET /admin/<key>/settings": desk("settings"),
    "POST /admin/<key>/settings": desk("settings", data=TERMS),
    "POST /admin/<key>/settings/page": desk("settings/page", data={"page": "https://x.example"}),
    "POST /admin/<key>/settings/lookup": desk("settings/lookup", data={}),
    "GET /admin/<key>/replay": desk("replay"),
    "GET /admin/<key>/me": desk("me"),
    "GET /admin/<key>/audit": desk("audit?verify=1"),
    "POST /admin/<key>/me": desk("me", data={"language": "lt"}),
    "GET /admin/<key>/connection": desk("connection"),
    "POST /admin/<key>/connection/claims/<int:claim_id>": desk("connection/claims/{claim}", data={"choice": "moved"}),
    "POST /admin/<key>/connection/try": desk("connection/try"),
    "GET /admin/<key>/sender": desk("sender"),
    "POST /admin/<key>/sender": desk("sender", data={"from": PENDING}),
    "GET /admin/enter/<token>": entered,
    "POST /admin/enter/<token>": entered,
    "POST /admin/<key>/sign-out": desk("sign-out"),
    "POST /admin/<key>/person": desk("person", data={"email": PENDING}),
    "POST /admin/<key>/person/code": desk("person/code", data={"email": PENDING, "code": CODE}),
    "GET /admin/confirm-sender/<token>": confirm,
    "POST /admin/confirm-sender/<token>": confirm,
}


def routes(two: Two) -> Iterator[tuple[str, str]]:
    """Walk the application: "GET /path/<rule>" and its method."""
    for rule in create_app(two.services.config, services=two.services).url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield f"{method} {rule.rule}", method


def test_no_route_shows_or_changes_another_store_s_rows(two: Two) -> None:
    found = dict(routes(two))
    assert found.keys() - ROUTES.keys() == set(), "say how these are asked with another store's ids"
    client, before = browser(two), dump(two.services.db, two.theirs.id)
    reading = [name for name, method in found.items() if method == "GET"]
    for name in (*reading, *(name for name in found if name not in reading)):
        for path, sent in ROUTES[name](two):
            reply = client.open(path, method=found[name], **sent)
            assert reply.status_code < 500, (name, path)
            typed = f"{path} {sent}"  # a page may show what was typed into it
            assert [word for word in SECRETS if word in reply.text and word not in typed] == [], (name, path)
            two.worker.run_until_idle()
            if name not in reading[:-1]:  # what all that read left is compared once: it takes most of the time
                assert dump(two.services.db, two.theirs.id) == before, (name, path)
    assert [word for word in SECRETS for mail in two.outbox.sent if word in mail] == []


def test_the_store_itself_sees_what_others_must_not(two: Two) -> None:
    """Without this the search for their secrets could not fail."""
    ring, client = two.services.keyring, browser(two)
    seen = client.get(f"/t/{tracking_token(ring, two.theirs.id, two.ids['order'], 1)}").text
    token = shopper_token(ring, two.theirs.id, [two.ids["order"]])
    seen += client.get(f"/shop/{two.theirs.key}/orders", headers={"Authorization": f"Bearer {token}"}).text
    assert TRACES[6] in seen
    assert client.post(f"/shop/{two.theirs.key}/find", json=PAIR).status_code == 200


KINDS: dict[str, Callable[[Two], list[dict[str, Any]]]] = {
    **returns.KINDS,
    **reviews.KINDS,
    **lists.JOBS,
    "changes.act": lambda two: (
        [
            {"resource": "privacy", "ref": "1", "facts": {"request": request, "email": EMAIL, "order_refs": ["1"]}}
            for request in ("export", "erase")
        ]
        + [
            {"resource": "privacy", "ref": "1", "facts": {"request": "erase", "email": EMAIL}, "is_signed": False},
            {"resource": "operation", "ref": "bulk 1", "facts": {}},
            {"resource": "store", "ref": two.theirs.ref, "facts": {"event": "uninstalled"}},
        ]
    ),
    "changes.read": lambda _: [
        {"feed": feed, "since": "2026-01-01T00:00:00+00:00"} for feed in ("orders.repair", "reviews")
    ],
    "changes.refresh_order": lambda _: [{"ref": "1"}, {"ref": "no such order"}],
    "changes.refresh_return": lambda _: [{"ref": "1/R1"}],
    "changes.refresh_review": lambda _: [{"ref": "r1"}],
    "conversations.open_case": lambda two: [{"order_id": two.ids["order"], "kind": "reply"}],
    "conversations.close_case": lambda two: [{"order_id": two.ids["order"], "kind": "reply"}],
    "desk.confirm_sender": lambda _: [{"by": "Bruno"}],
    "desk.send_staff_code": lambda two: [
        {"until": "2099-01-01T00:00:00+00:00", "sealed": _sealed(two, s, {"to": EMAIL, "code": CODE}, "staff-code")}
        for s in (two.mine, two.theirs)
    ],
    "privacy.erase_store": lambda two: [{"counts": {"orders": 1}}],
    "privacy.retain": lambda _: [{}],
    "search.index": lambda _: [{}],
    "shipping.send_code": lambda two: [
        {"order_id": two.ids["order"], "code": _sealed(two, store, CODE, "code")} for store in (two.mine, two.theirs)
    ],
    "shipping.send_links": lambda two: [{"to": _sealed(two, s, EMAIL, "links")} for s in (two.mine, two.theirs)],
    "shipping.send_notice": lambda two: [{"id": two.ids[name]} for name in ("draft", "sent")],
    "shipping.settle_due": lambda _: [{}],
    "stores.check_health": lambda _: [{}],
    "stores.confirm_loss": lambda _: [{"look": 2}],
    "stores.leave_address": lambda two: [{"ref": two.theirs.ref, "credentials": two.theirs.credentials.hex()}],
    "stores.reopen": lambda _: [{"tries": 1}],
    "stores.tell_owner": lambda two: [
        {"what": what, "staff": two.ids["staff"], "about": two.ids["claim"]} for what in ("closed", "claimed")
    ],
    "stores.prepare": lambda _: [{}],
    "stores.reseal": lambda two: [{"after": two.ids["order"] - 1}],
}
"""What a job of mine says when it speaks of their rows. The clock's kinds (clock.*) have a test of their own."""


def _sealed(two: Two, store: Store, text: str | dict[str, Any], purpose: str) -> str:
    return two.services.keyring.seal(text, store_id=store.id, purpose=purpose).hex()


def test_no_job_of_a_store_touches_or_mails_another_s_rows(two: Two) -> None:
    kinds = {name for name in wire_kinds() if not name.startswith("clock.")}
    assert kinds - KINDS.keys() == set(), "say what such a job says of another store's rows"
    before = dump(two.services.db, two.theirs.id)
    for name in sorted(
        kinds, key=lambda kind: kind in ("changes.act", "privacy.erase_store")
    ):  # what ends a store, last
        for number, payload in enumerate(KINDS[name](two)):
            with two.services.db.transaction(two.mine.id) as session:
                new = NewJob(name, f"isolation:{name}:{number}", payload)
                queue.enqueue(session, two.mine.id, new, now=two.services.clock())
            two.worker.run_until_idle()
            assert dump(two.services.db, two.theirs.id) == before, (name, payload)
    assert [word for word in TRACES for mail in two.outbox.sent if word in mail] == []


@pytest.mark.parametrize("kind", sorted(name for name in wire_kinds() if name.startswith("clock.")))
def test_what_the_clock_promises_a_store_speaks_of_that_store_only(two: Two, kind: str) -> None:
    mine, theirs = (dump(two.services.db, store.id, without=["jobs"]) for store in (two.mine, two.theirs))
    with two.services.db.system(Purpose.INSPECT) as session:
        queue.enqueue(session, SYSTEM, NewJob(kind, kind), now=two.services.clock())
        (claimed,) = claims.claim(session, 1, WorkerAccess(), now=two.services.clock())
    two.worker.perform(claimed)
    assert dump(two.services.db, two.theirs.id, without=["jobs"]) == theirs
    assert dump(two.services.db, two.mine.id, without=["jobs"]) == mine
    promised = dump(two.services.db, two.mine.id)["jobs"]
    assert [word for word in SECRETS for job in promised if word in job] == []
