"""The letters g and i of Article 16: right everywhere, and swapped once where an older version stored them."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from core.db.base import new_id
from core.i18n.words import Words
from core.jobs.worker import Worker
from core.platform.sample import World
from core.returns.law.withdrawal_law import EXEMPTIONS
from core.returns.model import PolicyVersion, Withdrawal
from core.returns.policy import policy_versions
from core.returns.policy.policy_document import Policy
from core.returns.presenter.display_names import exemption
from core.returns.withdrawal import declare
from core.services import Services
from core.stores.model import Store
from tests.core.desk.returns_scene import path, said, seat
from tests.core.returns.seed import at, place, set_policy
from tests.core.returns.visit import Visit

FILM_AND_WINE = [
    {"skus": ["FILM"], "exemption": "i"},
    {"skus": ["WINE"], "exemption": "g"},
    {"skus": ["LAMP"], "exemption": "c"},
]
SWAPPED = [
    {"skus": ["FILM"], "exemption": "g"},
    {"skus": ["WINE"], "exemption": "i"},
    {"skus": ["LAMP"], "exemption": "c"},
]
"""The same goods as the first schema wrote them."""


def letters_of(policy: Policy) -> dict[str, str]:
    return {sku: one.exemption for one in policy.goods for sku in one.skus}


RIGHT = {"FILM": "i", "WINE": "g", "LAMP": "c"}


def write_old(services: Services, store: Store, version: int) -> None:
    """Save a version as a process of the older schema does."""
    document = Policy(version=version, timezone=store.timezone, currency=store.currency).model_dump(mode="json")
    del document["schema_number"]
    with at(services, store) as session:
        kept = {"policy": json.dumps(document | {"goods": SWAPPED})}
        row = PolicyVersion(id=new_id(), version=version, document=kept, saved_by="Max", saved_at=services.clock())
        session.add(row)


def held(services: Services, store: Store) -> Policy:
    with at(services, store) as session:
        return policy_versions.policy_of(session, store)


def test_alcohol_futures_are_letter_g_and_sealed_media_letter_i() -> None:
    assert EXEMPTIONS["g"].ground.startswith("alcoholic drinks")
    assert EXEMPTIONS["i"].ground.startswith("sealed audio, video or software")
    english = Words("en")
    assert exemption(english, "g").startswith("Alcoholic drinks")
    assert exemption(english, "i").startswith("Sealed audio")


def test_a_policy_an_older_version_saved_is_swapped_once_however_often_it_is_read_and_saved(
    services: Services, store: Store
) -> None:
    write_old(services, store, 2)
    assert letters_of(held(services, store)) == RIGHT
    for version in (2, 3):
        with at(services, store) as session:
            policy_versions.save_policy(
                session, store, policy_versions.policy_of(session, store), seen=version, who="Max", now=services.clock()
            )
    assert letters_of(held(services, store)) == RIGHT
    with at(services, store) as session:
        assert [letters_of(policy_versions.policy_at(session, store, n)) for n in (2, 3, 4)] == [RIGHT] * 3


def test_what_an_older_process_saves_during_the_upgrade_is_swapped_too(services: Services, store: Store) -> None:
    set_policy(services, store, goods=FILM_AND_WINE)
    write_old(services, store, 3)
    assert letters_of(held(services, store)) == RIGHT
    with at(services, store) as session:
        assert letters_of(policy_versions.policy_at(session, store, 2)) == RIGHT


def test_an_old_file_is_swapped_once_and_a_new_one_never() -> None:
    old = json.dumps({"form": policy_versions.FORM, "policy": {"goods": SWAPPED}})
    read = policy_versions.read_file(old)
    assert letters_of(read) == RIGHT
    assert letters_of(policy_versions.read_file(policy_versions.write_file(read))) == RIGHT


@pytest.mark.parametrize("number", [0, 3, "2", None])
def test_a_file_of_an_unknown_schema_is_refused(number: Any) -> None:
    with pytest.raises(ValueError, match="schema_number"):
        policy_versions.read_file(
            json.dumps({"form": policy_versions.FORM, "policy": {"schema_number": number, "goods": SWAPPED}})
        )


def test_a_form_drawn_by_an_older_version_is_read_with_its_letters(services: Services, store: Store) -> None:
    max_ = seat(services, store, "owner")
    old = {"seen": "1", "exemptions": "FILM | g\nWINE | I\nLAMP | c", "wish.refund": "1"}
    new = {"seen": "2", "schema_number": "2", "exemptions": "FILM | i\nWINE | g\nLAMP | c", "wish.refund": "1"}
    for form in (old, new):
        assert max_.post(path(store, "returns/policy"), data=form).status_code == 302
        assert letters_of(held(services, store)) == RIGHT


def test_a_withdrawal_an_older_version_stored_names_the_ground_the_store_meant(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker
) -> None:
    order_id = place(services, store, world, worker)
    visit = Visit(client, services, store, order_id)
    with at(services, store) as session:
        row = declare.start(session, store, order_id, {"l1": 1, "l2": 1}, now=services.clock())
        declare.confirm(session, store, row.id, now=services.clock())
        row_id, (mug, lamp) = row.id, row.lines
        mug = {key: value for key, value in mug.items() if key != "schema_number"} | {"exemption": "g"}
        session.execute(sa.update(Withdrawal).values(lines=[mug, lamp | {"exemption": "g"}]))
    first, second = visit.see(f"withdrawals/{row_id}")["lines"]
    assert first["exempt"].startswith("Sealed audio"), "an older version's g"
    assert second["exempt"].startswith("Alcoholic drinks"), "today's g"
    page = said(seat(services, store, "owner").get(path(store, f"withdrawals/{row_id}")))
    assert "Sealed audio" in page
    assert "Alcoholic drinks" in page
