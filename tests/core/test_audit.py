"""The audit log: codes alone, chained by hash, so that nothing in it changes or goes without being found."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.ops import doctor
from core.services import Services
from core.stores import audit
from core.stores.audit import BrokenLink, NotACode, verify_chain
from core.stores.model import AuditEntry, AuditHead, Store


def act(services: Services, store: Store, *verbs: str) -> None:
    for verb in verbs:
        with services.db.transaction(store.id) as session:
            audit.note(session, services.clock(), "staff", verb, "return:RMA-1001", {"amount": 5}, staff_ref="max")


def broken(services: Services, store: Store) -> BrokenLink | None:
    with services.db.transaction(store.id, write=False) as session:
        return verify_chain(session)


def tamper(services: Services, store: Store, statement: Any) -> None:
    with services.db.transaction(store.id) as session:
        session.execute(statement)


def entries(session: Session) -> list[AuditEntry]:
    return list(session.scalars(sa.select(AuditEntry).where(AuditEntry.subject != "").order_by(AuditEntry.seq)))


def places(services: Services, store: Store) -> list[int]:
    with services.db.transaction(store.id, write=False) as session:
        return [entry.seq or 0 for entry in entries(session)]


def test_an_entry_holds_a_verb_a_subject_and_the_platform_s_id_of_who_did_it(services: Services, store: Store) -> None:
    act(services, store, "approve")
    with services.db.transaction(store.id, write=False) as session:
        [entry] = entries(session)
    assert (entry.who, entry.staff_ref, entry.what, entry.subject) == ("staff", "max", "approve", "return:RMA-1001")
    assert entry.facts == {"amount": 5}
    assert len(entry.hash) == 64
    assert broken(services, store) is None


def test_an_entry_takes_whoever_the_request_is_from_for_staff_and_for_nobody_else(
    services: Services, store: Store
) -> None:
    audit.act_as("agnes")
    try:
        with services.db.transaction(store.id) as session:
            staff = audit.note(session, services.clock(), "staff", "approve")
            rule = audit.note(session, services.clock(), "policy", "approve")
    finally:
        audit.act_as("")
    assert (staff.staff_ref, rule.staff_ref) == ("agnes", "")


@pytest.mark.parametrize(
    ("verb", "subject", "codes"),
    [
        ("approve RMA-1001", "", {}),
        ("approve", "return: Ann's", {}),
        ("approve", "", {"reason": "She rang."}),
        ("approve", "", {"items": [{"title": "A blue lamp"}]}),
        ("approve", "", {"A blue lamp": 1}),
    ],
)
def test_free_text_is_refused(services: Services, store: Store, verb: str, subject: str, codes: dict[str, Any]) -> None:
    with services.db.transaction(store.id) as session, pytest.raises(NotACode):
        audit.note(session, services.clock(), "staff", verb, subject, codes)


def test_a_changed_entry_is_the_first_that_does_not_hold(services: Services, store: Store) -> None:
    act(services, store, "approve", "receive", "inspect")
    second = places(services, store)[1]
    tamper(services, store, sa.update(AuditEntry).where(AuditEntry.seq == second).values(staff_ref="eve"))
    assert broken(services, store) == BrokenLink(second, "changed")


def test_changed_codes_are_found(services: Services, store: Store) -> None:
    act(services, store, "approve", "receive")
    first = places(services, store)[0]
    tamper(services, store, sa.update(AuditEntry).where(AuditEntry.seq == first).values(facts={"amount": 6}))
    assert broken(services, store) == BrokenLink(first, "changed")


def test_an_entry_that_was_taken_out_is_missing(services: Services, store: Store) -> None:
    act(services, store, "approve", "receive", "inspect")
    second = places(services, store)[1]
    tamper(services, store, sa.delete(AuditEntry).where(AuditEntry.seq == second))
    assert broken(services, store) == BrokenLink(second, "missing")


def test_a_chain_cut_at_its_end_is_found_by_its_head(services: Services, store: Store) -> None:
    act(services, store, "approve", "receive", "inspect")
    last = places(services, store)[-1]
    tamper(services, store, sa.delete(AuditEntry).where(AuditEntry.seq == last))
    assert broken(services, store) == BrokenLink(last, "missing")
    tamper(services, store, sa.delete(AuditHead))
    assert broken(services, store) == BrokenLink(last, "missing")


def test_entries_from_before_the_chain_stay_and_are_not_looked_at(services: Services, store: Store) -> None:
    with services.db.transaction(store.id) as session:
        session.add(AuditEntry(at=services.clock(), who="Max", what="approve RMA-1001", facts={"reason": "She rang."}))
    act(services, store, "receive")
    assert broken(services, store) is None


def test_what_is_rolled_back_leaves_no_gap(services: Services, store: Store) -> None:
    act(services, store, "approve")
    with services.db.transaction(store.id) as session:
        with session.begin_nested() as point:
            audit.note(session, services.clock(), "staff", "decline", "return:RMA-1001")
            session.flush()
            point.rollback()
        audit.note(session, services.clock(), "staff", "receive", "return:RMA-1001")
    assert broken(services, store) is None
    with services.db.transaction(store.id, write=False) as session:
        assert [entry.what for entry in entries(session)] == ["approve", "receive"]


def test_many_at_once_make_one_chain(services: Services, store: Store) -> None:
    threads = [threading.Thread(target=act, args=(services, store, "approve", "receive", "inspect")) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    seen = places(services, store)
    assert len(seen) == 12
    assert seen == list(range(seen[0], seen[0] + 12))
    assert broken(services, store) is None


def test_each_store_has_a_chain_of_its_own(services: Services, store: Store) -> None:
    act(services, store, "approve")
    with services.db.transaction(store.id + 1) as session:
        entry = audit.note(session, services.clock(), "staff", "approve")
    assert entry.seq == 1
    assert broken(services, store) is None


def test_the_doctor_names_the_store_whose_audit_log_does_not_hold(services: Services, store: Store) -> None:
    act(services, store, "approve")
    assert doctor.audit_problems(services, [store]) == []
    [place] = places(services, store)
    tamper(services, store, sa.update(AuditEntry).where(AuditEntry.seq == place).values(what="decline"))
    [problem] = doctor.audit_problems(services, [store])
    assert f"Store {store.key}" in problem
    assert f"entry {place}" in problem
