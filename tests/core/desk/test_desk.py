"""The plain desk: who may do what, two at once, settings that lose nothing, and pages that cost little."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from core.app import create_app
from core.conversations.model import Case
from core.desk.labels import name_of
from core.desk.today import board
from core.jobs import queue
from core.jobs.queue import Job, NewJob
from core.jobs.worker import Worker
from core.orders.messages.notice import Notice
from core.orders.model import Order
from core.platform.sample import World, forward
from core.platform.snapshots import LineItemSnapshot
from core.services import Services
from core.shipping import evaluate, replay
from core.shipping.rules.simulate import simulate
from core.shipping.rules.terms import Terms
from core.stores.model import AuditEntry, Staff, Store
from core.stores.platform_access import forwarding_secret_of, store_by_id
from tests.conftest import Clock, connect
from tests.core.shipping.seed import (
    LAST_CALL,
    apply,
    notices,
    on_sqlite,
    order,
    parcel,
    revised,
    rows,
    run_sweep,
    sending,
    sendings,
    set_terms,
    sign_in,
    statements,
    the_order,
    the_parcel,
)

PAGES = (
    "",
    "orders",
    "orders?late=1",
    "notices",
    "notices?state=draft",
    "jobs",
    "cases",
    "reviews",
    "settings",
    "replay",
)


@pytest.fixture
def desk(services: Services, store: Store, worker: Worker, client: FlaskClient) -> FlaskClient:
    """Max's browser at his store's desk, with a draft, a case and a stuck job waiting."""
    sign_in(services, store, client)
    set_terms(services, store, sending("draft"))
    apply(services, store, order("42", revised("p1", items={"1": 2}), revised("p2", items={"2": 1})))
    worker.run_until_idle()
    with services.db.transaction(store.id) as session:
        one = session.get_one(Order, (store.id, the_order(services, store).id))
        session.add(Case(order_id=one.id, kind="talk", opened_at=services.clock() - timedelta(hours=3)))
        queue.enqueue(session, store.id, NewJob("changes.refresh_order", "order:7", {"ref": "7"}), now=services.clock())
        job = session.query(Job).filter_by(key="order:7").one()
        job.state, job.reason = "stuck", "The store refused: no such order."
    return client


def draft(services: Services, store: Store) -> Notice:
    return next(one for one in notices(services, store) if one.state == "draft" and one.merged_into is None)


def stuck(services: Services, store: Store) -> Job:
    return next(job for job in rows(services, store, Job) if job.key == "order:7")


def at(store: Store, page: str = "") -> str:
    return f"/admin/{store.key}/{page}"


def fields(page: str) -> dict[str, str]:
    """What a browser would send back from the settings page, untouched."""
    typed = dict(re.findall(r'<input[^>]* name="([^"]+)" value="([^"]*)"', page))
    typed |= dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
    typed |= dict(re.findall(r'<textarea[^>]* name="([^"]+)"[^>]*>([^<]*)</textarea>', page))
    for name, options in re.findall(r'<select id="[^"]+" name="([^"]+)"[^>]*>(.*?)</select>', page, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options) or re.search(r'value="([^"]*)"', options)
        assert chosen is not None
        typed[name] = chosen[1]
    return typed


def terms_of(services: Services, store: Store) -> Terms:
    with services.db.transaction(store.id, write=False) as session:
        return evaluate.terms_of(store_by_id(session, store.id))


# Who is here.


@on_sqlite
def test_the_first_to_open_the_desk_owns_it_and_the_second_looks(
    services: Services, store: Store, client: FlaskClient
) -> None:
    signed = forward(forwarding_secret_of(services, store), store.key, nonce="n1")
    opened = client.get("/admin/open/demo", headers=signed)
    assert (opened.status_code, opened.location) == (302, at(store))
    assert client.get(at(store)).status_code == 200
    second = sign_in(services, store, create_app(services.config, services=services).test_client(), "eve")
    people = {person.ref: person.role for person in rows(services, store, Staff)}
    assert people == {"max": "owner", "eve": "viewer"}
    assert sign_in(services, store, client, "eve").id == second.id


@on_sqlite
def test_nobody_enters_whom_the_store_did_not_sign_for(store: Store, client: FlaskClient) -> None:
    forged = client.post("/admin/open/demo", headers=forward("a guess", store.key, nonce="n1"))
    assert forged.status_code == 401
    assert forged.headers.get("Set-Cookie") is None


@on_sqlite
def test_without_a_session_no_page_shows_anything(services: Services, store: Store, desk: FlaskClient) -> None:
    stranger = create_app(services.config, services=services).test_client()
    for page in PAGES:
        answer = stranger.get(at(store, page))
        assert answer.status_code == 401
        assert "LIN-42" not in answer.text
        assert "Your session has ended." in answer.text


@on_sqlite
def test_a_session_ends_with_the_person_and_never_opens_another_store(
    services: Services, store: Store, world: World, desk: FlaskClient
) -> None:
    other = connect(services, world, "kettle")
    cookie = desk.get_cookie(f"aftercare_desk_{store.key}", path="/admin")
    assert cookie is not None
    desk.set_cookie(f"aftercare_desk_{other.key}", cookie.value, path="/admin")
    assert desk.get(at(other)).status_code == 401
    with services.db.transaction(store.id) as session:
        session.delete(session.get_one(Staff, (store.id, rows(services, store, Staff)[0].id)))
    assert desk.get(at(store)).status_code == 401


def test_a_viewer_may_look_but_not_send_retry_or_save(services: Services, store: Store, desk: FlaskClient) -> None:
    sign_in(services, store, desk, "eve")
    notice, job, before = draft(services, store), stuck(services, store), terms_of(services, store)
    posts = [f"notices/{notice.id}/send", f"notices/{notice.id}/discard", f"jobs/{job.id}/retry", "settings"]
    for page in posts:
        answer = desk.post(at(store, page), data={"budget": "1", "version": "2"})
        assert answer.status_code == 403
        assert "Your role only lets you look." in answer.text
    assert (draft(services, store).state, stuck(services, store).state) == ("draft", "stuck")
    assert (terms_of(services, store), sendings(services, store)) == (before, [])


@on_sqlite
@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}]
)
def test_another_site_cannot_press_our_buttons(
    services: Services, store: Store, desk: FlaskClient, headers: Mapping[str, str]
) -> None:
    answer = desk.post(at(store, f"notices/{draft(services, store).id}/send"), headers=headers)
    assert answer.status_code == 403
    assert draft(services, store).state == "draft"


def test_another_stores_ids_are_not_there(
    services: Services, store: Store, world: World, worker: Worker, desk: FlaskClient
) -> None:
    other = connect(services, world, "kettle")
    set_terms(services, other, sending("draft"))
    apply(services, other, order("77", revised(), name="Eve Other"))
    theirs, notice = the_order(services, other), draft(services, other)
    for page in (f"orders/{theirs.id}", f"notices/{notice.id}"):
        answer = desk.get(at(store, page))
        assert (answer.status_code, "Other" in answer.text, "LIN-77" in answer.text) == (404, False, False)
    assert desk.post(at(store, f"notices/{notice.id}/send")).status_code == 404
    desk.post(at(store, f"jobs/{rows(services, other, Job)[0].id}/retry"))
    assert draft(services, other).state == "draft"
    for page in PAGES:
        answer = desk.get(at(store, page))
        assert (answer.status_code, "LIN-77" in answer.text) == (200, False)


# Messages.


@on_sqlite
def test_a_draft_is_shown_as_the_shopper_gets_it_and_sent_once(
    services: Services, store: Store, desk: FlaskClient
) -> None:
    notice = draft(services, store)
    page = desk.get(at(store, f"notices/{notice.id}")).text
    assert "Wed 25 Nov" in page.replace("\N{NO-BREAK SPACE}", " ")
    assert "2 × Mug" in page
    assert "1 × Pot" in page
    assert desk.post(at(store, f"notices/{notice.id}/send")).status_code == 302
    assert {one.state for one in notices(services, store) if one.kind == "delay"} == {"queued"}
    assert [job.payload for job in sendings(services, store)] == [{"id": notice.id}]


@pytest.mark.parametrize("second", ["send", "discard"])
def test_who_comes_second_is_told_that_somebody_was_first(
    services: Services, store: Store, desk: FlaskClient, second: str
) -> None:
    notice = draft(services, store)
    desk.post(at(store, f"notices/{notice.id}/send"))
    answer = desk.post(at(store, f"notices/{notice.id}/{second}"))
    assert answer.status_code == 409
    assert "Somebody was here before you: this message has moved on." in answer.text
    assert {one.state for one in notices(services, store) if one.kind == "delay"} == {"queued"}
    assert len(sendings(services, store)) == 1
    done = [(entry.staff_ref, entry.what) for entry in rows(services, store, AuditEntry)]
    assert done.count(("max", "send_notice")) == 1


@on_sqlite
def test_news_merged_into_a_message_is_neither_listed_nor_sent_alone(
    services: Services, store: Store, desk: FlaskClient
) -> None:
    mate = next(one for one in notices(services, store) if one.merged_into is not None)
    assert f"/notices/{mate.id}" not in desk.get(at(store, "notices")).text
    assert desk.post(at(store, f"notices/{mate.id}/send")).status_code == 404
    with services.db.transaction(store.id, write=False) as session:
        assert board(session, services.clock()).drafts == 1


@on_sqlite
def test_a_verb_that_is_none_is_404(services: Services, store: Store, desk: FlaskClient) -> None:
    assert desk.post(at(store, f"notices/{draft(services, store).id}/deliver")).status_code == 404


# Work.


@on_sqlite
def test_a_stuck_job_is_shown_with_its_reason_and_tried_again(
    services: Services, store: Store, desk: FlaskClient
) -> None:
    job = stuck(services, store)
    assert "The store refused: no such order." in desk.get(at(store, "jobs")).text
    assert desk.post(at(store, f"jobs/{job.id}/retry")).status_code == 302
    assert (stuck(services, store).state, stuck(services, store).attempts) == ("waiting", 0)
    desk.post(at(store, f"jobs/{job.id}/retry"))
    retries = [entry.what for entry in rows(services, store, AuditEntry) if entry.what == "retry_job"]
    assert retries == ["retry_job"]


@on_sqlite
def test_who_waits_for_a_person_is_listed(store: Store, desk: FlaskClient) -> None:
    page = desk.get(at(store, "cases")).text
    assert "LIN-42" in page
    assert "3 hours ago" in page


# Settings.


@on_sqlite
def test_settings_come_back_as_they_were_saved(
    services: Services, store: Store, desk: FlaskClient, worker: Worker
) -> None:
    before = terms_of(services, store)
    typed = fields(desk.get(at(store, "settings")).text)
    assert desk.post(at(store, "settings"), data=typed).status_code == 302
    after = terms_of(services, store)
    assert (after.transit, after.rules["promise_revised"], after.cutoff) == (
        before.transit,
        before.rules["promise_revised"],
        before.cutoff,
    )
    typed = fields(desk.get(at(store, "settings")).text)
    typed |= {
        "rule.no_scan.mode": "send",
        "rule.no_scan.after": "5",
        "transit": "Express* | LT | 1 | 2\n* | * | 2 | 6",
        "closed": "2026-12-24\n",
        "status.open": "shipped",
        "budget": "3",
    }
    assert desk.post(at(store, "settings"), data=typed).status_code == 302
    saved = terms_of(services, store)
    assert (saved.rule("no_scan").mode, saved.rule("no_scan").after, saved.budget) == ("send", 5, 3)
    assert [(row.method, row.country, row.max_days) for row in saved.transit] == [("Express*", "LT", 2), ("*", "*", 6)]
    assert (saved.statuses, [f"{day}" for day in saved.closed]) == ({"open": "shipped"}, ["2026-12-24"])
    shown = fields(desk.get(at(store, "settings")).text)
    assert {name: shown[name] for name in typed if name not in ("version", "closed", "transit")} == {
        name: value for name, value in typed.items() if name not in ("version", "closed", "transit")
    }


@on_sqlite
@pytest.mark.parametrize(
    ("field", "wrong", "sentence"),
    [
        ("timezone", "Mars/Olympus", "is not a time zone"),
        ("transit", "* | LT | 1", "needs four parts"),
        ("transit", "* | LT | 5 | 2", "must not be more than"),
        ("closed", "24.12.2026", "1: "),
        ("budget", "many", "integer"),
        ("ship_days", "11111", "seven digits"),
        ("rule.no_scan.after", "soon", "integer"),
        ("cutoff", "25:99", "time"),
    ],
)
def test_what_cannot_be_saved_is_said_beside_the_field_and_nothing_typed_is_lost(
    services: Services, store: Store, desk: FlaskClient, field: str, wrong: str, sentence: str
) -> None:
    before = terms_of(services, store)
    typed = fields(desk.get(at(store, "settings")).text)
    typed |= {"rule.no_scan.mode": "send", "gap_hours": "9", "status.open": "ignore", field: wrong}
    answer = desk.post(at(store, "settings"), data=typed)
    assert answer.status_code == 400
    beside = re.search(rf'<span class="problem" id="problem\.{re.escape(field)}">([^<]*)</span>', answer.text)
    assert beside is not None
    assert sentence in beside[1]
    assert f'aria-describedby="problem.{field}"' in answer.text
    assert fields(answer.text) == typed
    assert terms_of(services, store) == before


def test_settings_saved_by_two_at_once_keep_the_firsts_and_tell_the_second(
    services: Services, store: Store, desk: FlaskClient
) -> None:
    opened = fields(desk.get(at(store, "settings")).text)
    assert desk.post(at(store, "settings"), data=opened | {"budget": "2"}).status_code == 302
    for _ in range(2):
        late = desk.post(at(store, "settings"), data=opened | {"budget": "9"})
        assert late.status_code == 409
        assert "Somebody saved these settings since you opened them." in late.text
        opened = fields(late.text)
        assert opened["budget"] == "9"
    assert terms_of(services, store).budget == 2


@on_sqlite
def test_a_wrong_field_does_not_pass_another_persons_settings_over(
    services: Services, store: Store, desk: FlaskClient
) -> None:
    opened = fields(desk.get(at(store, "settings")).text)
    desk.post(at(store, "settings"), data=opened | {"budget": "2"})
    again = fields(desk.post(at(store, "settings"), data=opened | {"budget": "many"}).text)
    assert desk.post(at(store, "settings"), data=again | {"budget": "9"}).status_code == 409
    assert terms_of(services, store).budget == 2


@on_sqlite
def test_what_the_form_does_not_show_stays(services: Services, store: Store, desk: FlaskClient) -> None:
    kept: dict[str, Any] = {
        "native_mails": {"shipped": True},
        "statuses": {"wc-gone": "delivered"},
    }
    exempt = {"mode": "draft", "exemptions": [{"carriers": ["DHL"], "mode": "off"}]}
    set_terms(services, store, **kept, rules={"promise_missed": exempt})
    typed = fields(desk.get(at(store, "settings")).text)
    assert typed.pop("status.wc-gone") == "delivered"
    assert desk.post(at(store, "settings"), data=typed | {"budget": "2"}).status_code == 302
    saved = terms_of(services, store)
    assert saved.native_mails == {"shipped": True}
    assert saved.statuses == {"wc-gone": "delivered"}
    assert saved.rule("promise_missed").exemptions[0].carriers == ("DHL",)


@on_sqlite
def test_new_settings_hold_for_parcels_already_on_their_way(
    services: Services, store: Store, worker: Worker, client: FlaskClient, clock: Clock
) -> None:
    sign_in(services, store, client)
    set_terms(services, store, transit=[])
    apply(services, store, order("42", parcel()))
    worker.run_until_idle()
    assert the_parcel(services, store).promised_by is None
    typed = fields(client.get(at(store, "settings")).text) | {"transit": "* | * | 1 | 3"}
    assert client.post(at(store, "settings"), data=typed).status_code == 302
    clock.forward(minutes=2)
    run_sweep(services, worker)
    assert f"{the_parcel(services, store).promised_by}" == "2026-11-23"


# What the pages say, and what they cost.


@on_sqlite
def test_the_first_page_counts_what_waits(
    services: Services, store: Store, desk: FlaskClient, worker: Worker, clock: Clock
) -> None:
    page = desk.get(at(store)).text
    counts = {what: int(number) for number, what in re.findall(r"<strong>(\d+)</strong> ([^<]+)<", page)}
    assert {what.strip(): number for what, number in counts.items()} == {
        "late orders": 0,
        "parcels that will miss their promise": 2,
        "people waiting for an answer": 1,
        "reviews waiting for a reply": 0,
        "returns waiting for you": 0,
        "payments failed or waiting for a person": 0,
        "withdrawals running": 0,
        "drafts waiting for you": 1,
        "jobs stuck": 1,
        "messages sent since yesterday": 0,
        "messages only watched since yesterday": 1,
    }


def test_the_replay_page_shows_what_the_rehearsal_found(
    services: Services, store: Store, worker: Worker, client: FlaskClient, clock: Clock
) -> None:
    sign_in(services, store, client)
    set_terms(services, store, sending("watch"))
    apply(services, store, order("42", parcel()), order("43", parcel()), order("44"))
    clock.now = LAST_CALL + timedelta(days=2)
    with services.db.transaction(store.id, write=False) as session:
        terms = evaluate.terms_of(store_by_id(session, store.id))
        found = simulate(replay.read_histories(session, now=clock()), terms, clock())
    assert (found.orders, found.late, found.warned) == (3, 3, 3)
    page = client.get(at(store, "replay")).text
    early = f"{found.days_early:.1f}"
    assert f"We would have warned {found.warned} of {found.late} late shoppers, {early} days early" in page
    assert f"{found.orders} orders, {found.promised} with a known promise." in page
    with create_app(services.config, services=services).test_request_context():
        rows = {name_of(rule): times for rule, times in found.per_rule.items()}
    for name, times in rows.items():
        assert f"<td>{name}</td><td>{times}</td>" in page
    assert "LIN-42" in page


@on_sqlite
def test_a_page_asks_the_database_a_few_times_however_much_there_is(
    services: Services, store: Store, desk: FlaskClient
) -> None:
    apply(services, store, *(order(str(ref), revised()) for ref in range(100, 160)))
    one, notice = rows(services, store, Order)[0], draft(services, store)
    for page in (*PAGES, f"orders/{one.id}", f"notices/{notice.id}"):
        with statements(services.db) as sent:
            assert desk.get(at(store, page)).status_code == 200
        assert len([text for text in sent if text.lstrip().upper().startswith("SELECT")]) <= 16, page


@on_sqlite
def test_a_shoppers_name_is_text_wherever_it_stands(services: Services, store: Store, desk: FlaskClient) -> None:
    apply(services, store, order("66", revised(), name="<script>alert(1)</script>", status='"><img src=x>'))
    for page in PAGES:
        answer = desk.get(at(store, page))
        assert (answer.status_code, "<script>alert" in answer.text, "<img" in answer.text) == (200, False, False)


@on_sqlite
def test_an_order_shows_the_pictures_the_store_has_and_none_where_it_has_none(
    services: Services, store: Store, desk: FlaskClient
) -> None:
    lines = (
        LineItemSnapshot("1", "Mug", 2, image_url="https://cdn.example/mug.jpg"),
        LineItemSnapshot("2", "Pot", 1),
        LineItemSnapshot("3", "Jar", 1, image_url="http://cdn.example/jar.jpg"),
    )
    apply(services, store, order("66", revised(items={"1": 2, "2": 1, "3": 1}), lines=lines))
    shown = next(one for one in rows(services, store, Order) if one.number == "LIN-66")
    page = desk.get(at(store, f"orders/{shown.id}"))
    assert re.findall(r'<img src="([^"]*)" alt="([^"]*)"', page.text) == [("https://cdn.example/mug.jpg", "")]
    assert ("Pot" in page.text, "Jar" in page.text) == (True, True)
    assert "img-src 'self' https:" in page.headers["Content-Security-Policy"]


@on_sqlite
def test_the_language_a_person_chose_holds_until_they_choose_another(
    services: Services, store: Store, desk: FlaskClient
) -> None:
    with services.db.transaction(store.id) as session:
        session.query(Staff).one().role = "viewer"  # looking is enough
    assert desk.post(at(store, "me"), data={"language": "ar"}).status_code == 302
    sign_in(services, store, desk)  # the store's admin names no language
    page = desk.get(at(store), headers={"Accept-Language": "lt"})
    assert '<html lang="ar" dir="rtl">' in page.text
    assert '<option value="ar" lang="ar" selected>' in desk.get(at(store, "me")).text
    assert desk.post(at(store, "me"), data={"language": "tlh"}).status_code == 400
    desk.post(at(store, "me"), data={"language": "", "keys": "1"})
    assert '<html lang="lt"' in desk.get(at(store), headers={"Accept-Language": "lt"}).text


@pytest.mark.parametrize(
    ("path", "entry"),
    [("", "Today"), ("orders", "Orders"), ("withdrawals", "Returns"), ("replay", "Messages"), ("sender", "Settings")],
)
def test_each_page_marks_the_entry_it_belongs_to(store: Store, desk: FlaskClient, path: str, entry: str) -> None:
    marked = re.findall(r'aria-current="(?:page|true)">([^<]+)</a>', desk.get(at(store, path)).text)
    assert marked[0] == entry


def test_every_page_reads_right_to_left_in_arabic(store: Store, desk: FlaskClient) -> None:
    for page in PAGES:
        answer = desk.get(at(store, page + ("&" if "?" in page else "?") + "lang=ar"))
        assert (answer.status_code, '<html lang="ar" dir="rtl">' in answer.text) == (200, True), page
