"""One tap under a message: a look changes nothing, a tap counts, and nobody needs script or a login."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from core.conversations.model import Case
from core.i18n.words import Words, languages
from core.jobs.worker import Worker
from core.orders.messages import envelope
from core.orders.messages.notice import Notice
from core.orders.model import Order, OrderEvent, Shipment
from core.platform.sample import World
from core.secrets import BadToken
from core.services import Services
from core.shipping import notice_actions
from core.shipping.mail.notices import compose
from core.stores.model import Store
from tests.conftest import NOON, Clock, connect
from tests.core.shipping.seed import (
    apply,
    notices,
    on_sqlite,
    order,
    parcel,
    revised,
    rows,
    run_sweep,
    sending,
    set_terms,
    the_order,
    the_parcel,
)

CHOICES = ("wait", "cancel", "arrived", "not_yet", "person", "stop", "resume")


def a_delay(services: Services, store: Store) -> Notice:
    """Tell Ann that her parcel is late, and give the notice."""
    set_terms(services, store, sending())
    apply(services, store, order("42", revised()))
    return next(one for one in notices(services, store) if one.kind == "delay")


def path(services: Services, notice: Notice, choice: str, version: int = 1) -> str:
    """The address behind a choice, without the host."""
    return notice_actions.url(services, notice, choice, version=version).removeprefix(services.config.public_url)


def events(services: Services, store: Store) -> list[str]:
    """What the order's timeline holds."""
    return [event.kind for event in rows(services, store, OrderEvent)]


@on_sqlite
@pytest.mark.parametrize("choice", CHOICES)
def test_a_scanner_that_follows_every_link_changes_nothing(
    services: Services, store: Store, client: FlaskClient, choice: str
) -> None:
    notice = a_delay(services, store)
    for _ in range(2):
        page = client.get(path(services, notice, choice))
        assert page.status_code == 200
        assert page.text.count("<button") == 1
        assert '<form method="post"' in page.text
    assert client.head(path(services, notice, choice)).status_code == 200
    assert (the_parcel(services, store).answer, the_order(services, store).stopped_at) == ("", None)
    assert events(services, store) == []


@on_sqlite
@pytest.mark.parametrize("choice", ["wait", "cancel", "arrived", "not_yet", "person"])
def test_a_tap_is_recorded_with_its_time(
    services: Services, store: Store, client: FlaskClient, clock: Clock, choice: str
) -> None:
    notice = a_delay(services, store)
    page = client.post(path(services, notice, choice))
    assert page.status_code == 200
    assert 'role="status"' in page.text
    found = the_parcel(services, store)
    assert (found.answer, found.answered_at) == (choice, clock())
    assert events(services, store) == [f"answered_{choice}"]


@on_sqlite
def test_the_last_tap_counts_and_a_second_equal_one_is_one(
    services: Services, store: Store, client: FlaskClient
) -> None:
    notice = a_delay(services, store)
    for choice in ("wait", "wait", "arrived", "not_yet"):
        client.post(path(services, notice, choice))
    assert the_parcel(services, store).answer == "not_yet"
    assert events(services, store) == ["answered_wait", "answered_arrived", "answered_not_yet"]


@on_sqlite
@pytest.mark.parametrize(("choice", "kind"), [("cancel", "cancel"), ("person", "talk"), ("not_yet", "not_received")])
def test_a_tap_that_needs_a_person_opens_one_case(
    services: Services, store: Store, client: FlaskClient, worker: Worker, clock: Clock, choice: str, kind: str
) -> None:
    notice = a_delay(services, store)
    for tap in (choice, "wait", choice):
        client.post(path(services, notice, tap))
        worker.run_until_idle()
    (case,) = rows(services, store, Case)
    assert (case.kind, case.order_id, case.state) == (kind, notice.order_id, "open")
    assert case.due_at == case.opened_at + timedelta(days=1)


def test_it_came_counts_as_delivered_and_silences_lateness(
    services: Services, store: Store, client: FlaskClient, worker: Worker, clock: Clock
) -> None:
    notice = a_delay(services, store)
    worker.run_until_idle()
    clock.now = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
    run_sweep(services, worker)
    assert the_order(services, store).late is True
    client.post(path(services, notice, "arrived"))
    assert the_order(services, store).late is False
    assert the_parcel(services, store).check_after is None
    before = len(notices(services, store))
    clock.forward(days=4)
    run_sweep(services, worker)
    assert len(notices(services, store)) == before


def test_a_tap_answers_for_every_parcel_of_its_message(services: Services, store: Store, client: FlaskClient) -> None:
    set_terms(services, store, sending())
    apply(services, store, order("42", revised("p1", items={"1": 2}), revised("p2", items={"2": 1})))
    first = next(one for one in notices(services, store) if one.kind == "delay" and one.merged_into is None)
    client.post(path(services, first, "arrived"))
    assert [one.answer for one in rows(services, store, Shipment)] == ["arrived", "arrived"]


@on_sqlite
def test_a_tap_under_a_message_about_what_was_packed_since_still_counts(
    services: Services, store: Store, client: FlaskClient, worker: Worker, clock: Clock
) -> None:
    set_terms(services, store, sending())
    clock.now = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
    apply(services, store, order("42"))
    notice = next(one for one in notices(services, store) if one.kind == "delay")
    apply(services, store, order("42", parcel(shipped_at=clock(), scan=None), updated_at=clock()))
    assert the_parcel(services, store).id != notice.shipment_id
    client.post(path(services, notice, "person"))
    worker.run_until_idle()
    assert the_parcel(services, store).answer == "person"
    assert [case.kind for case in rows(services, store, Case)] == ["talk"]


@on_sqlite
def test_messages_stop_and_go_on_again_however_often_it_is_tapped(
    services: Services, store: Store, client: FlaskClient, clock: Clock
) -> None:
    notice = a_delay(services, store)
    stopped_at = clock()
    for _ in range(2):
        page = client.post(path(services, notice, "stop"))
        clock.forward(minutes=1)
    assert the_order(services, store).stopped_at == stopped_at
    resume = path(services, notice, "resume").rpartition("/")[2]
    assert f'/{resume}">' in page.text, "the way back is on the page"
    for _ in range(2):
        client.post(path(services, notice, "resume"))
    assert the_order(services, store).stopped_at is None
    assert events(services, store) == ["stopped", "resumed"]


@on_sqlite
def test_links_that_are_old_altered_or_not_for_this_are_404(
    services: Services, store: Store, client: FlaskClient
) -> None:
    notice = a_delay(services, store)
    payload = {"s": store.id, "n": notice.id}
    half_a_year_ago = datetime.now(UTC) - timedelta(days=181)
    good = path(services, notice, "arrived")
    other = "A" if good[-12] != "A" else "B"
    bad = [
        f"/a/{services.keyring.sign(payload, purpose='answer', now=half_a_year_ago)}/arrived",
        f"/a/{services.keyring.sign(payload, purpose='track')}/arrived",
        f"/a/{services.keyring.sign(payload | {'n': 1}, purpose='answer')}/arrived",
        f"{good[:-12]}{other}{good[-11:]}",
        good.replace("arrived", "refund-me"),
    ]
    for address in bad:
        for answer in (client.get(address), client.post(address)):
            assert answer.status_code == 404
            assert "LIN-42" not in answer.text
    assert the_parcel(services, store).answer == ""


@on_sqlite
def test_raising_the_version_revokes_every_answer_mailed_before(
    services: Services, store: Store, client: FlaskClient
) -> None:
    notice = a_delay(services, store)
    old = path(services, notice, "arrived")
    with services.db.transaction(store.id) as session:
        session.execute(sa.update(Order).values(link_version=2))
    assert [client.get(old).status_code, client.post(old).status_code] == [404, 404]
    assert the_parcel(services, store).answer == ""
    assert client.post(path(services, notice, "arrived", version=2)).status_code == 200
    assert the_parcel(services, store).answer == "arrived"


@on_sqlite
@pytest.mark.parametrize(("version", "status"), [(1, 200), (2, 404)])
def test_an_answer_mailed_before_links_had_versions_counts_as_the_first(
    services: Services, store: Store, client: FlaskClient, version: int, status: int
) -> None:
    notice = a_delay(services, store)
    with services.db.transaction(store.id) as session:
        session.execute(sa.update(Order).values(link_version=version))
    token = services.keyring.sign({"s": store.id, "n": notice.id}, purpose="answer")
    assert client.get(f"/a/{token}/arrived").status_code == status


@on_sqlite
def test_a_message_written_after_the_links_were_revoked_carries_answers_that_work(
    services: Services, store: Store, client: FlaskClient
) -> None:
    notice = a_delay(services, store)
    with services.db.transaction(store.id) as session:
        session.execute(sa.update(Order).values(link_version=2))
        again = compose(session, services, store, session.scalars(sa.select(Order)).one(), [notice], NOON)
    carried = set(re.findall(r"https://care.example(/a/\S+/[a-z_]+)", again.text))
    assert {address.rpartition("/")[2] for address in carried} == {"wait", "cancel", "person", "stop"}
    assert [client.get(address).status_code for address in carried] == [200] * 4


@on_sqlite
@pytest.mark.parametrize("language", languages())
def test_the_letter_after_a_request_to_cancel_offers_it_no_more(
    services: Services, store: Store, client: FlaskClient, language: str
) -> None:
    set_terms(services, store, sending())
    apply(services, store, order("42", revised(), language=language))
    notice = next(one for one in notices(services, store) if one.kind == "delay")
    offer = Words(language).pgettext("widget", "Ask to cancel")

    def letter() -> str:
        with services.db.transaction(store.id, write=False) as session:
            written = compose(session, services, store, the_order(services, store), [notice], NOON)
        assert ("/cancel" in written.html) == ("/cancel" in written.text)
        return written.text

    first = letter()
    assert ("/cancel" in first, offer in first) == (True, True)
    client.post(path(services, notice, "cancel"))
    second = letter()
    assert ("/cancel" in second, offer in second) == (False, False)
    assert ("/wait" in second, "/person" in second) == (True, True)


@on_sqlite
def test_one_stores_link_never_reaches_anothers_notice(
    services: Services, store: Store, world: World, client: FlaskClient
) -> None:
    notice = a_delay(services, store)
    other = connect(services, world, "kettle")
    token = services.keyring.sign({"s": other.id, "n": notice.id}, purpose="answer")
    assert client.post(f"/a/{token}/stop").status_code == 404
    assert the_order(services, store).stopped_at is None


@on_sqlite
@pytest.mark.parametrize("choice", CHOICES)
def test_every_page_reads_right_to_left_in_arabic(
    services: Services, store: Store, client: FlaskClient, choice: str
) -> None:
    set_terms(services, store, sending())
    apply(services, store, order("42", revised(), language="ar"))
    notice = next(one for one in notices(services, store) if one.kind == "delay")
    for page in (client.get(path(services, notice, choice)), client.post(path(services, notice, choice))):
        assert '<html lang="ar" dir="rtl">' in page.text
        assert "messages" not in page.text
        assert "parcel" not in page.text.replace('class="parcel"', "")


@on_sqlite
def test_what_was_asked_for_in_another_language_leads_on_in_it(
    services: Services, store: Store, client: FlaskClient
) -> None:
    notice = a_delay(services, store)
    taken = client.post(f"{path(services, notice, 'stop')}?lang=lt")
    links = re.findall(r'(?:href|action)="(/[at]/[^"]+)"', taken.text)
    assert [link.rpartition("?")[2] for link in links] == ["lang=lt", "lang=lt"]
    for page in (client.get(links[0]), client.post(links[1])):
        assert '<html lang="lt"' in page.text


@on_sqlite
def test_pages_about_a_shopper_are_nobody_elses(services: Services, store: Store, client: FlaskClient) -> None:
    page = client.get(path(services, a_delay(services, store), "arrived"))
    assert "ann@shopper.example" not in page.text
    assert page.headers["Cache-Control"] == "private, no-store"
    assert page.headers["X-Robots-Tag"] == "noindex"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]


@on_sqlite
def test_an_address_in_our_mail_is_read_back_and_cannot_be_made_up(services: Services, store: Store) -> None:
    a_delay(services, store)
    one = rows(services, store, Order)[0]
    token = envelope.mail_token(services.keyring, store.id, one.id)
    assert envelope.read_mail_token(services.keyring, token) == (store.id, one.id)
    assert len(f"bounce+{token}") <= 64
    assert token == token.lower()
    forged = f"{store.id:x}.{one.id + 1:x}.{token.rpartition('.')[2]}"
    for wrong in (forged, token[:-1], "", "x.y.z"):
        with pytest.raises(BadToken):
            envelope.read_mail_token(services.keyring, wrong)
