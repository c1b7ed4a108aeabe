"""A new key in front: nothing is lost on the way, everything follows it, and the old key may then leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from core.app import create_app, wire_kinds
from core.changes.apply import apply_orders
from core.conversations import cases, raw_mail
from core.conversations.model import Message
from core.db.base import SYSTEM, new_id, table_of
from core.db.purpose import Purpose
from core.jobs import queue
from core.jobs.queue import NewJob
from core.jobs.scheduler import TABLE
from core.jobs.worker import Worker
from core.ops import doctor
from core.orders import email_digests, find
from core.orders.model import Order
from core.platform.sample import Demo, World
from core.privacy import key_rotation
from core.secrets import Keyring
from core.services import Services
from core.stores import housekeeping, install
from core.stores.model import AuditEntry, Store
from core.stores.platform_access import link_of, open_platform, secret_of
from core.stores.worker_access import WorkerAccess
from tests.conftest import KEY, NOON, connect, make_config
from tests.core.samples import ANN, anns_order, deliver, find_mine

NEW = "a-second-long-random-text-of-36-signs"


def with_keys(services: Services, *keys: str) -> Services:
    """The same installation, started again with these keys."""
    config = make_config(services.config.database_url, secret_keys=",".join(keys))
    return replace(services, config=config, keyring=Keyring(keys))


def put_orders(services: Services, store: Store, refs: Sequence[str], email: str = ANN) -> None:
    with services.db.transaction(store.id) as session:
        orders = [anns_order(ref=ref, number=f"10{ref}", email=email) for ref in refs]
        apply_orders(session, services, store, orders, asked_at=NOON, now=NOON)


def walk(services: Services) -> None:
    """Let the clock's slot come and run what it promises, as a worker with these keys does."""
    with services.db.system(Purpose.INSPECT) as session:
        queue.enqueue(session, SYSTEM, NewJob("clock.reseal", f"clock.reseal:{new_id()}", once=True), now=NOON)
    kinds = {name: kind for name, kind in wire_kinds().items() if name in key_rotation.JOBS}
    Worker(services, kinds, stores=WorkerAccess()).run_until_idle()


def only_store(services: Services) -> Store:
    with services.db.system(Purpose.INSPECT, write=False) as session:
        return session.scalars(sa.select(Store)).one()


def digests(services: Services, store: Store) -> set[str]:
    with services.db.transaction(store.id, write=False) as session:
        return set(session.scalars(sa.select(Order.email_key)))


def notes(services: Services, store: Store) -> list[dict[str, int]]:
    with services.db.transaction(store.id, write=False) as session:
        noted = sa.select(AuditEntry.facts).where(AuditEntry.what == key_rotation.RESEALED)
        return list(session.scalars(noted))


def finds_the_order(services: Services, store: Store) -> bool:
    with services.db.transaction(store.id, write=False) as session:
        return find_mine(session, services.keyring, "101", ANN).ref == "1"


def test_while_both_keys_are_there_nothing_is_lost_before_the_walk_or_after(
    services: Services, store: Store, world: World
) -> None:
    put_orders(services, store, "1")
    both = with_keys(services, NEW, KEY)
    client: FlaskClient = create_app(both.config, services=both).test_client()
    for turn in ("before", "after"):
        row = only_store(both)
        assert finds_the_order(both, row), turn
        assert link_of(both, row) == link_of(services, store), turn
        assert deliver(client, both, row, "order", turn) == 200, turn
        open_platform(both, row)
        walk(both)


def test_after_the_walk_the_new_key_alone_opens_everything(services: Services, store: Store, world: World) -> None:
    put_orders(services, store, "1")
    walk(with_keys(services, NEW, KEY))
    new = with_keys(services, NEW)
    row = only_store(new)
    open_platform(new, row)
    assert secret_of(new, row) == secret_of(services, store)
    assert finds_the_order(new, row)
    client: FlaskClient = create_app(new.config, services=new).test_client()
    assert deliver(client, new, row, "order", "1") == 200


def test_without_the_walk_the_new_key_alone_opens_nothing(services: Services, store: Store) -> None:
    put_orders(services, store, "1")
    new = with_keys(services, NEW)
    assert housekeeping.is_unreadable(store, new.keyring)
    with pytest.raises(find.OrderNotFound):
        finds_the_order(new, store)


@pytest.mark.parametrize(
    "count", [email_digests.BATCH - 1, email_digests.BATCH, email_digests.BATCH + 1], ids=["less", "even", "more"]
)
def test_a_walk_reaches_the_last_order_however_its_batches_fall(services: Services, store: Store, count: int) -> None:
    put_orders(services, store, "1")
    with services.db.transaction(store.id) as session:
        orders = table_of(Order)
        first = dict(session.execute(sa.select(orders)).mappings().one())
        session.execute(sa.insert(orders), [first | {"id": new_id(), "ref": f"copy {n}"} for n in range(1, count)])
    both = with_keys(services, NEW, KEY)
    walk(both)
    assert digests(both, store) == {Keyring([NEW]).digest(ANN, purpose="email")}
    assert notes(both, store) == [{"rows": count + 1}]  # the store's own row, too


def test_a_second_walk_changes_nothing_and_notes_nothing(services: Services, store: Store) -> None:
    both = with_keys(services, NEW, KEY)
    walk(both)
    sealed = only_store(both).secret
    walk(both)
    assert only_store(both).secret == sealed
    assert len(notes(both, store)) == 1


def test_one_key_alone_promises_no_walk(services: Services, store: Store) -> None:
    before = only_store(services).secret
    walk(services)
    assert only_store(services).secret == before
    assert notes(services, store) == []


def test_a_store_that_left_is_walked_too_and_its_empty_credentials_stay_empty(services: Services, store: Store) -> None:
    with services.db.transaction(store.id) as session:
        install.uninstall(session, store.id, now=NOON)
    walk(with_keys(services, NEW, KEY))
    row = only_store(services)
    assert row.credentials == b""
    assert not housekeeping.is_unreadable(row, Keyring([NEW]))


def test_an_order_without_an_address_stays_without_a_digest(services: Services, store: Store) -> None:
    put_orders(services, store, "1", email="")
    walk(with_keys(services, NEW, KEY))
    assert digests(services, store) == {""}


def test_what_a_lost_key_sealed_is_left_alone_and_the_rest_goes_on(
    services: Services, store: Store, world: World
) -> None:
    connect(with_keys(services, NEW), world, "second")
    put_orders(services, store, "1")
    walk(with_keys(services, NEW, "a-third-long-random-text-of-thirty-six"))
    with services.db.system(Purpose.INSPECT, write=False) as session:
        lost, kept = session.scalars(sa.select(Store).order_by(Store.id))
    assert lost.secret == store.secret
    assert housekeeping.is_unreadable(lost, Keyring([NEW]))
    assert not housekeeping.is_unreadable(kept, Keyring([NEW]))
    assert digests(services, store) == {Keyring([NEW]).digest(ANN, purpose="email")}


def test_an_address_that_changed_during_the_walk_keeps_its_own_digest(services: Services, store: Store) -> None:
    # The walk read Ann's address; before it writes, a snapshot brings another. Only the digest it read is replaced.
    put_orders(services, store, "1")
    read = Keyring([NEW, KEY])
    with services.db.transaction(store.id) as session:
        rows, last = email_digests.read_digests(session, store.id, 0)
        session.execute(sa.update(Order).values(email="ann@new.example", email_key="brought by the snapshot"))
        assert (rows[0].email, last) == (ANN, 0)
        email_digests.renew_digests(session, store.id, read, rows)
    assert digests(services, store) == {"brought by the snapshot"}


def test_the_clock_knows_of_the_walk() -> None:
    assert "clock.reseal" in TABLE
    assert TABLE.keys() <= wire_kinds().keys()


def test_the_doctor_says_what_an_old_key_still_holds_and_when_it_may_leave(services: Services, store: Store) -> None:
    put_orders(services, store, "12")

    def advice(*keys: str) -> str:
        config = with_keys(services, *keys).config
        return " ".join(doctor.find_problems(config, public=False, platforms={"demo": Demo}).advice)

    assert "older key" not in advice(KEY)
    assert "1 stores, the addresses of 2 orders and 0 mails of shoppers still need an older key." in advice(NEW, KEY)
    assert "they may leave" in advice(KEY, NEW)  # it was added and never used
    walk(with_keys(services, NEW, KEY))
    assert f"the last of them ends on {NOON.date().replace(2027, 5, 17)}" in advice(NEW, KEY)  # 180 days


def test_kept_mails_follow_the_new_key_some_at_a_time(services: Services, store: Store) -> None:
    raws = [b"From: ann@shopper.example\n\nWhere is it?%d" % place for place in range(7)]
    with services.db.transaction(store.id) as session:
        case = cases.open_case(session, kind="reply", order=None, now=NOON)
        for place, raw in enumerate(raws):
            cases.add_message(session, case, side="shopper", text="Where?", origin=f"mail {place}", now=NOON)
            message = session.scalars(sa.select(Message).where(Message.origin == f"mail {place}")).one()
            raw_mail.keep_mail(session, services.keyring, message, raw)
    both, new = with_keys(services, NEW, KEY), with_keys(services, NEW)
    with services.db.transaction(store.id) as session:
        assert raw_mail.count_stale_mails(session, both.keyring) == 7
    walk(both)
    with services.db.transaction(store.id) as session:
        assert raw_mail.count_stale_mails(session, both.keyring) == 0
        kept = raw_mail.mails_of(session, case.id)
        assert [raw_mail.open_mail(new.keyring, row) for row in kept] == raws
    (noted,) = notes(services, store)
    assert noted["rows"] >= 7


def test_a_mail_whose_key_is_gone_stays_and_stops_no_walk(services: Services, store: Store) -> None:
    lost = with_keys(services, "a-third-long-random-text-of-36-signs!")
    with services.db.transaction(store.id) as session:
        case = cases.open_case(session, kind="reply", order=None, now=NOON)
        cases.add_message(session, case, side="shopper", text="Where?", origin="mail", now=NOON)
        message = session.scalars(sa.select(Message)).one()
        raw_mail.keep_mail(session, lost.keyring, message, b"From: a@b.example")
    walk(with_keys(services, NEW, KEY))
    with services.db.transaction(store.id) as session:
        (row,) = raw_mail.mails_of(session, case.id)
        assert raw_mail.open_mail(lost.keyring, row) == b"From: a@b.example"
