"""A store's policy in versions: saved by one, seen by all, and back from a file as it went in."""

from __future__ import annotations

import json

import pytest

from core.returns.policy import policy_versions
from core.returns.policy.policy_document import Policy
from core.returns.policy.policy_versions import NotAPolicy, PolicyChanged
from core.services import Services
from core.stores.model import Store
from tests.core.returns.seed import at, set_policy

REASONS = ("zz_last_first", "other", "a_first_last")


def test_a_store_that_saved_none_has_a_person_decide(services: Services, store: Store) -> None:
    with at(services, store) as session:
        here = policy_versions.policy_of(session, store)
    assert (here.otherwise, here.version, here.timezone, here.currency) == ("review", 1, "Europe/Vilnius", "EUR")


def test_the_reasons_stay_in_the_merchant_s_order(services: Services, store: Store) -> None:
    set_policy(services, store, reasons={reason: {} for reason in REASONS})
    with at(services, store) as session:
        assert tuple(policy_versions.policy_of(session, store).reasons) == REASONS


def test_who_saves_over_a_version_they_have_not_seen_is_told(services: Services, store: Store) -> None:
    assert set_policy(services, store).version == 2
    with at(services, store) as session, pytest.raises(PolicyChanged):
        policy_versions.save_policy(session, store, Policy(), seen=1, who="Agnes", now=services.clock())
    with at(services, store) as session:
        assert [row.version for row in policy_versions.history(session)] == [2]
        assert policy_versions.policy_at(session, store, 2).version == 2


def test_an_exported_policy_comes_back_as_it_was(services: Services, store: Store) -> None:
    saved = set_policy(services, store, otherwise="accept", reasons={reason: {} for reason in REASONS})
    again = policy_versions.read_file(policy_versions.write_file(saved))
    assert again == saved
    assert tuple(again.reasons) == REASONS


@pytest.mark.parametrize("text", ["", "[]", '{"policy": {}}', "[" * 100_000, json.dumps({"form": "a recipe"})])
def test_another_file_is_no_policy(text: str) -> None:
    with pytest.raises(NotAPolicy):
        policy_versions.read_file(text)
