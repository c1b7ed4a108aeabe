"""Sending, to a real mail server: in time, once, in the shopper's words, and not at all when it became pointless."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from core.db.database import Database
from core.db.purpose import Purpose
from core.jobs import queue
from core.jobs.queue import Job
from core.jobs.worker import Worker
from core.mail.smtp import Transport, open_transport
from core.orders.messages import envelope
from core.orders.model import OrderEvent
from core.orders.sync import order_sync
from core.platform.sample import World
from core.platform.snapshots import OrderState, TrackingStatus
from core.services import Services
from core.shipping import notice_actions
from core.stores.model import Store
from core.stores.platform_access import store_by_id
from tests.conftest import Clock, connect
from tests.core.shipping import post as post_office
from tests.core.shipping.post import Post, text_of
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
    the_order,
    the_parcel,
    told,
)

NIGHT = datetime(2026, 11, 19, 21, 0, tzinfo=UTC)
MORNING = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
"""Eleven at night in Vilnius, and eight: a message due in between waits for the latter."""


@pytest.fixture
def post() -> Iterator[Post]:
    with post_office.serving() as post:
        yield post


@pytest.fixture
def services(services: Services, post: Post) -> Services:
    return replace(services, mail=open_transport(post.url))


def url_in(message: EmailMessage, pattern: str) -> str:
    """The path of the first link of ours that matches."""
    found = re.search(rf"https://care\.example({pattern})", text_of(message))
    assert found is not None
    return found[1]


@on_sqlite
def test_a_delay_is_told_before_the_promised_day_is_over_with_both_dates(
    services: Services, worker: Worker, store: Store, clock: Clock, post: Post
) -> None:
    set_terms(services, store, sending())
    apply(services, store, order("42", parcel()))
    worker.run_until_idle()
    clock.now = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
    while clock() < datetime(2026, 11, 23, 21, 0, tzinfo=UTC) and not post.received:
        clock.forward(minutes=30)
        run_sweep(services, worker)
    message = post.only()
    assert clock() <= datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    text = text_of(message)
    assert "Mon 23 Nov" in text
    assert "Wed 25 Nov" in text
    assert message["Subject"].replace("\N{NO-BREAK SPACE}", " ") == "Your parcel is now expected Wed 25 Nov"
    assert (message["To"], message["X-Aftercare-Kind"]) == ("ann@shopper.example", "delay")
    shown = the_parcel(services, store)
    assert f"{shown.expected_likely}" == "2026-11-25", "the order's page says what the message says"
    (sent,) = [one for one in notices(services, store) if one.state == "sent"]
    assert (sent.sent_at, sent.message_id, sent.subject) == (clock(), message["Message-ID"], message["Subject"])


@on_sqlite
def test_a_draft_that_staff_send_names_the_new_date_though_the_old_one_is_still_likely(
    services: Services, worker: Worker, store: Store, clock: Clock, post: Post, client: FlaskClient
) -> None:
    sign_in(services, store, client)
    set_terms(services, store, sending("draft"))
    apply(services, store, order("42", parcel()))
    clock.now = LAST_CALL
    run_sweep(services, worker)
    assert f"{the_parcel(services, store).expected_likely}" == "2026-11-23"
    (draft,) = [one for one in notices(services, store) if one.state == "draft"]
    assert client.post(f"/admin/{store.key}/notices/{draft.id}/send").status_code == 302
    worker.run_until_idle()
    assert post.only()["Subject"].replace("\N{NO-BREAK SPACE}", " ") == "Your parcel is now expected Wed 25 Nov"


@on_sqlite
@pytest.mark.parametrize(("language", "day"), [("vi", "25/11"), ("ar", "25"), ("lt", "25"), ("zh", "25")])
def test_a_message_speaks_the_shoppers_language(
    services: Services, worker: Worker, store: Store, post: Post, language: str, day: str
) -> None:
    set_terms(services, store, sending())
    apply(services, store, order("42", revised(), language=f"{language}-XX"))
    worker.run_until_idle()
    message = post.only()
    assert message["Content-Language"] == language
    assert day in message["Subject"].replace("\N{NO-BREAK SPACE}", " ")
    assert "parcel" not in message["Subject"]
    (sent,) = [one for one in notices(services, store) if one.state == "sent"]
    assert sent.language == language


@on_sqlite
def test_where_the_order_names_no_language_the_store_speaks_its_own(
    services: Services, worker: Worker, world: World, post: Post
) -> None:
    store = connect(services, world, "klevas", language="lt")
    set_terms(services, store, sending())
    apply(services, store, order("42", revised()))
    worker.run_until_idle()
    assert post.only()["Content-Language"] == "lt"


@dataclass
class Crash:
    """A mail server's connection at whose end this process loses the job, as when it is killed before it commits."""

    inner: Transport
    db: Database
    left: int = 1

    def send(self, message: EmailMessage, *, envelope_from: str, to: str) -> None:
        self.inner.send(message, envelope_from=envelope_from, to=to)
        if self.left:
            self.left -= 1
            with self.db.system(Purpose.INSPECT) as session:
                session.execute(sa.update(Job).where(Job.state == "running").values(lease_token="another"))


def test_a_crash_after_the_server_took_it_sends_the_same_message_again(
    services: Services, store: Store, clock: Clock, post: Post, worker: Worker
) -> None:
    set_terms(services, store, sending())
    apply(services, store, order("42", revised()))
    dying = replace(services, mail=Crash(services.mail, services.db))
    Worker(dying, worker.kinds, stores=worker.stores).run_until_idle()
    assert told(services, store) == [("promise_revised", "queued", "")]
    clock.forward(minutes=10)
    worker.run_until_idle()
    first, second = post.received
    assert first["Message-ID"] == second["Message-ID"]
    assert told(services, store) == [("promise_revised", "sent", "")]
    assert [one.kind for one in rows(services, store, OrderEvent)] == ["told_delay"]
    worker.run_until_idle()
    assert len(post.received) == 2


@on_sqlite
def test_a_mail_server_that_is_busy_is_asked_again_later(
    services: Services, worker: Worker, store: Store, clock: Clock, post: Post
) -> None:
    set_terms(services, store, sending())
    apply(services, store, order("42", revised()))
    post.on_message = "451 busy"
    worker.run_until_idle()
    (job,) = sendings(services, store)
    assert (job.state, job.attempts) == ("waiting", 1)
    assert "451" in job.reason
    assert told(services, store) == [("promise_revised", "queued", "")]
    post.on_message = "250 fine"
    clock.forward(minutes=1)
    worker.run_until_idle()
    assert post.only()["To"] == "ann@shopper.example"
    assert told(services, store) == [("promise_revised", "sent", "")]


@on_sqlite
def test_without_a_mail_server_messages_wait_where_they_are_seen(
    services: Services, worker: Worker, store: Store
) -> None:
    set_terms(services, store, sending())
    apply(services, store, order("42", revised()))
    nowhere = replace(services, mail=open_transport(""))
    Worker(nowhere, worker.kinds, stores=worker.stores).run_until_idle()
    (job,) = sendings(services, store)
    assert job.state == "waiting"
    assert job.reason.startswith("No mail server is set up.")


@on_sqlite
def test_an_address_the_server_refuses_shows_as_bounced(
    services: Services, worker: Worker, store: Store, post: Post
) -> None:
    set_terms(services, store, sending())
    apply(services, store, order("42", revised()))
    post.on_recipient = "550 5.1.1 <ann@shopper.example> does not live here"
    worker.run_until_idle()
    assert told(services, store) == [("promise_revised", "bounced", "5.1.1 <address> does not live here")]
    assert rows(services, store, OrderEvent) == []


@on_sqlite
def test_an_address_that_is_none_shows_as_bounced(services: Services, worker: Worker, store: Store, post: Post) -> None:
    set_terms(services, store, sending())
    apply(services, store, order("42", revised(), email="ann at home"))
    worker.run_until_idle()
    ((_, state, reason),) = told(services, store)
    assert state == "bounced"
    assert "ann" not in reason
    assert post.received == []


def _stop(services: Services, store: Store) -> None:
    with services.db.transaction(store.id) as session:
        notice_actions.stop_messages(session, the_order(services, store).id, now=services.clock())


def _forget(services: Services, store: Store) -> None:
    with services.db.transaction(store.id) as session:
        order_sync.apply_gone(session, ["42"], asked_at=services.clock(), now=services.clock())


def _learn(*shipments: Any, **changes: Any) -> Callable[[Services, Store], None]:
    def learn(services: Services, store: Store) -> None:
        apply(services, store, order("42", *(shipments or (revised(),)), updated_at=services.clock(), **changes))

    return learn


ARRIVED = parcel(status=TrackingStatus.DELIVERED, delivered_at=NIGHT + timedelta(hours=1))


@on_sqlite
@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (_learn(ARRIVED), "arrived"),
        (_learn(state=OrderState.CANCELED), "canceled"),
        (_learn(email=""), "no_address"),
        (_stop, "stopped"),
        (_forget, "gone"),
    ],
)
def test_news_that_became_pointless_overnight_is_not_sent(
    services: Services,
    worker: Worker,
    store: Store,
    clock: Clock,
    post: Post,
    happens: Callable[[Services, Store], None],
    reason: str,
) -> None:
    set_terms(services, store, sending())
    clock.now = NIGHT
    apply(services, store, order("42", revised()))
    assert [job.run_at for job in sendings(services, store)] == [MORNING]
    clock.forward(hours=2)
    happens(services, store)
    clock.now = MORNING
    worker.run_until_idle()
    assert told(services, store) == [("promise_revised", "suppressed", reason)]
    assert post.received == []


@on_sqlite
def test_a_message_that_says_today_is_not_sent_tomorrow(
    services: Services, worker: Worker, store: Store, clock: Clock, post: Post
) -> None:
    set_terms(services, store, {"out_for_delivery": "send"})
    clock.now = LAST_CALL
    apply(services, store, order("42", parcel(status=TrackingStatus.OUT_FOR_DELIVERY, scan=clock.now)))
    post.on_message = "451 busy"
    worker.run_until_idle()
    post.on_message = "250 fine"
    clock.forward(hours=20)
    worker.run_until_idle()
    assert post.received == []
    (notice,) = [one for one in notices(services, store) if one.kind == "out_for_delivery"]
    assert (notice.state, notice.reason) == ("suppressed", "stale")


@on_sqlite
def test_news_of_two_parcels_leaves_in_one_message(
    services: Services, worker: Worker, store: Store, post: Post
) -> None:
    set_terms(services, store, sending())
    apply(services, store, order("42", revised("p1", items={"1": 2}), revised("p2", items={"2": 1})))
    worker.run_until_idle()
    text = text_of(post.only())
    assert "2 × Mug" in text
    assert "1 × Pot" in text
    sent = [one for one in notices(services, store) if one.rule == "promise_revised"]
    assert [one.state for one in sent] == ["sent", "sent"]
    assert {one.message_id for one in sent} == {post.only()["Message-ID"]}
    assert [one.kind for one in rows(services, store, OrderEvent)] == ["told_delay"]


def test_a_parcel_that_came_overnight_does_not_silence_its_mate(
    services: Services, worker: Worker, store: Store, clock: Clock, post: Post
) -> None:
    set_terms(services, store, sending())
    clock.now = NIGHT
    apply(services, store, order("42", revised("p1", items={"1": 2}), revised("p2", items={"2": 1})))
    came = replace(ARRIVED, ref="p1", items={"1": 2})
    _learn(came, revised("p2", items={"2": 1}))(services, store)
    clock.now = MORNING
    worker.run_until_idle()
    text = text_of(post.only())
    assert "Pot" in text
    assert "Mug" not in text
    states = [(one.state, one.reason) for one in notices(services, store) if one.rule == "promise_revised"]
    assert states == [("suppressed", "arrived"), ("sent", "")]


@on_sqlite
def test_a_parcel_packed_overnight_is_not_called_unshipped(
    services: Services, worker: Worker, store: Store, clock: Clock, post: Post
) -> None:
    set_terms(services, store, sending())
    clock.now = datetime(2026, 11, 21, 21, 30, tzinfo=UTC)
    apply(services, store, order("42"))
    assert told(services, store) == [("promise_will_be_missed", "queued", "")]
    left = clock.forward(hours=9)
    _learn(parcel(shipped_at=left, scan=None))(services, store)
    clock.forward(hours=2)
    worker.run_until_idle()
    text = text_of(post.only())
    assert "TRKp1" in text
    assert "has not left" not in text
    assert "not shipped" not in text


@on_sqlite
def test_the_one_click_stop_in_a_message_stops_the_next(
    services: Services, worker: Worker, store: Store, client: FlaskClient, clock: Clock, post: Post
) -> None:
    set_terms(services, store, sending())
    apply(services, store, order("42", revised()))
    worker.run_until_idle()
    message = post.only()
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    path = message["List-Unsubscribe"].strip("<>").removeprefix("https://care.example")
    answer = client.post(path, data={"List-Unsubscribe": "One-Click"}, headers={"Origin": "https://mail.example"})
    assert answer.status_code == 200
    assert the_order(services, store).stopped_at == clock()
    later = clock.forward(days=1)
    even_later = revised(estimated_by=datetime(2026, 11, 28, tzinfo=UTC).date())
    apply(services, store, order("42", even_later, updated_at=later))
    worker.run_until_idle()
    assert len(post.received) == 1


@on_sqlite
def test_the_orders_page_behind_the_mailed_link_says_what_was_told(
    services: Services, worker: Worker, store: Store, client: FlaskClient, post: Post
) -> None:
    set_terms(services, store, sending())
    apply(services, store, order("42", revised()))
    worker.run_until_idle()
    page = client.get(url_in(post.only(), r"/t/[\w.-]+"))
    assert page.status_code == 200
    assert "We told you it is running late" in page.text


@on_sqlite
def test_mail_comes_from_whom_the_merchant_named(services: Services, worker: Worker, store: Store, post: Post) -> None:
    set_terms(services, store, sending())
    with services.db.transaction(store.id) as session:
        row = store_by_id(session, store.id)
        said = {"name": "Linden & Co", "from": "care@linden.example", "support": "help@linden.example"}
        row.settings = {**row.settings, "mail": said | {"address": "Oak 1, Vilnius", "legal": ["Reg. 123"]}}
    apply(services, store, order("42", revised()))
    worker.run_until_idle()
    message = post.only()
    assert message["From"] == "Linden & Co <care@linden.example>"
    for line in ("help@linden.example", "Oak 1, Vilnius", "Reg. 123"):
        assert line in text_of(message)
    ours = services.config.mail_from.partition("@")[2]
    token = envelope.mail_token(services.keyring, store.id, the_order(services, store).id)
    assert (message["Reply-To"], post.bounces_to) == (f"reply+{token}@{ours}", [f"bounce+{token}@{ours}"])


@on_sqlite
def test_the_links_of_an_address_are_mailed_to_it_alone(
    services: Services, worker: Worker, store: Store, client: FlaskClient, post: Post
) -> None:
    apply(services, store, order("42"), order("43"), order("44", email="eve@shopper.example"))
    worker.run_until_idle()
    for asked in ("ann@shopper.example", "nobody@shopper.example"):
        assert client.post(f"/shop/{store.key}/links", json={"email": asked}).status_code == 202
    worker.run_until_idle()
    message = post.only()
    assert (message["To"], message["X-Aftercare-Kind"]) == ("ann@shopper.example", "links")
    found = re.findall(r"https://care\.example(/t/[\w.-]+)", text_of(message))
    assert [("LIN-42" in client.get(path).text, "LIN-43" in client.get(path).text) for path in found] in (
        [(True, False), (False, True)],
        [(False, True), (True, False)],
    )
    assert message["List-Unsubscribe"] is None


def test_a_mailed_code_opens_the_order_once(
    services: Services, worker: Worker, store: Store, client: FlaskClient, post: Post
) -> None:
    apply(services, store, order("42"))
    worker.run_until_idle()
    found = client.post(f"/shop/{store.key}/find", json={"number": "42", "proof": "ann@shopper.example"}).get_json()
    bearer = {"Authorization": f"Bearer {found['token']}"}
    assert client.post(f"/shop/{store.key}/code", headers=bearer).status_code == 202
    worker.run_until_idle()
    code = re.search(r"\b\d{6}\b", text_of(post.only()))
    assert code is not None
    check = [
        client.post(f"/shop/{store.key}/code/check", headers=bearer, json={"code": code[0]}).status_code
        for _ in range(2)
    ]
    assert check == [200, 401]


def work_for(worker: Worker, clock: Clock, *, seconds: int) -> None:
    """Let the worker run for so long, a second at a time."""
    for _ in range(seconds):
        worker.run_until_idle()
        clock.forward(seconds=1)


@pytest.mark.parametrize(("away", "arrives"), [(70, True), (500, True), (700, False)])
@on_sqlite
def test_a_code_waits_for_the_mail_server_while_it_is_valid(
    services: Services,
    worker: Worker,
    store: Store,
    client: FlaskClient,
    post: Post,
    clock: Clock,
    away: int,
    arrives: bool,
) -> None:
    apply(services, store, order("42"))
    worker.run_until_idle()
    found = client.post(f"/shop/{store.key}/find", json={"number": "42", "proof": "ann@shopper.example"}).get_json()
    bearer = {"Authorization": f"Bearer {found['token']}"}
    assert client.post(f"/shop/{store.key}/code", headers=bearer).status_code == 202
    post.on_recipient = "451 come back later"
    work_for(worker, clock, seconds=away)
    post.on_recipient = "250 fine"
    work_for(worker, clock, seconds=20)
    assert len(post.received) == arrives
    assert {job.state for job in rows(services, store, queue.Job) if job.kind == "shipping.send_code"} == {"done"}


@pytest.mark.parametrize("away", [70, 3600])
@on_sqlite
def test_links_wait_for_the_mail_server(
    services: Services, worker: Worker, store: Store, client: FlaskClient, post: Post, clock: Clock, away: int
) -> None:
    apply(services, store, order("42"))
    worker.run_until_idle()
    assert client.post(f"/shop/{store.key}/links", json={"email": "ann@shopper.example"}).status_code == 202
    post.on_recipient = "451 come back later"
    work_for(worker, clock, seconds=70)
    clock.forward(seconds=away - 70)
    worker.run_until_idle()
    post.on_recipient = "250 fine"
    clock.forward(minutes=6)
    worker.run_until_idle()
    assert post.only()["X-Aftercare-Kind"] == "links"


@on_sqlite
def test_what_waits_to_be_mailed_names_nobody(
    services: Services, worker: Worker, store: Store, client: FlaskClient
) -> None:
    apply(services, store, order("42"))
    client.post(f"/shop/{store.key}/links", json={"email": "ann@shopper.example"})
    (job,) = [job for job in rows(services, store, queue.Job) if job.kind == "shipping.send_links"]
    assert "ann" not in f"{job.key}{job.payload}"
