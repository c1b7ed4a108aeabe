"""A promise as a range: kept where it makes sense, shown as the shopper was told it, late only after its last day."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from flask.testing import FlaskClient

from core.i18n.words import Words, languages
from core.orders.presenter.page import page_of
from core.orders.presenter.timeline import view_order
from core.services import Services
from core.shipping.mail.letters import write
from core.stores.model import Store
from core.stores.tokens import tracking_token
from tests.conftest import Clock
from tests.core.shipping.seed import apply, on_sqlite, order, parcel, the_order, the_parcel
from tests.core.shipping.test_letters import FACTS

FIRST, LAST = date(2026, 11, 23), date(2026, 11, 26)


def promise(services: Services, store: Store, language: str = "en") -> str:
    """What the order's page says was promised."""
    with services.db.transaction(store.id, write=False) as session:
        view = view_order(session, the_order(services, store))
    return page_of(view, Words(language), services.clock(), "UTC").cards[0].promise


def test_a_promised_range_is_kept_with_the_parcel_and_shown_as_one(
    services: Services, store: Store, client: FlaskClient
) -> None:
    apply(services, store, order("42", parcel(), promised_from=FIRST, promised_by=LAST))
    kept, row = the_parcel(services, store), the_order(services, store)
    assert (kept.promised_from, kept.promised_by, kept.promise_source) == (FIRST, LAST, "platform")
    assert promise(services, store) == "Promised between Mon 23 and Thu 26 Nov"
    token = tracking_token(services.keyring, store.id, row.id, row.link_version)
    assert "Promised between Mon 23 and Thu 26 Nov" in client.get(f"/t/{token}").text


@on_sqlite
@pytest.mark.parametrize(
    ("first", "last", "told"),
    [
        (date(2026, 11, 27), LAST, "Promised by Thu 26 Nov"),  # begins after its end
        (LAST, LAST, "Promised by Thu 26 Nov"),
        (FIRST, None, ""),
    ],
)
def test_a_range_that_makes_no_sense_is_its_last_day_alone(
    services: Services, store: Store, first: date, last: date | None, told: str
) -> None:
    apply(services, store, order("42", parcel(), promised_from=first, promised_by=last))
    kept = the_parcel(services, store)
    assert (kept.promised_by, promise(services, store)) == (last, told)


@on_sqlite
def test_a_later_range_is_no_new_promise(services: Services, store: Store) -> None:
    apply(services, store, order("42", parcel(), promised_from=FIRST, promised_by=LAST))
    later = {"promised_from": date(2026, 11, 30), "promised_by": date(2026, 12, 2)}
    apply(services, store, order("42", parcel(), updated_at=datetime(2026, 11, 20, tzinfo=UTC), **later))
    kept = the_parcel(services, store)
    assert (kept.promised_from, kept.promised_by) == (FIRST, LAST)


@on_sqlite
def test_a_parcel_is_late_after_the_last_day_and_not_within_the_range(
    services: Services, store: Store, clock: Clock
) -> None:
    apply(services, store, order("42", parcel(), promised_from=FIRST, promised_by=LAST))
    for moment, is_late in (
        (datetime(2026, 11, 26, 12, tzinfo=UTC), False),
        (datetime(2026, 11, 27, 12, tzinfo=UTC), True),
    ):
        clock.now = moment
        apply(services, store, order("42", parcel(), updated_at=moment, promised_from=FIRST, promised_by=LAST))
        assert the_parcel(services, store).late is is_late


@pytest.mark.parametrize("kind", ["delay", "not_shipped"])
def test_a_letter_names_the_range_that_was_promised(kind: str) -> None:
    text = write(kind, replace(FACTS[kind], promised_from=date(2026, 11, 20)), "en").text
    assert "was promised between Fri 20 and Tue 24 Nov" in " ".join(text.split())
    for language in languages():
        facts = replace(FACTS[kind], promised_from=date(2026, 11, 20))
        words = Words(language)
        first, last = words.day_ends(date(2026, 11, 20), date(2026, 11, 24), today=facts.today)
        printed = " ".join(write(kind, facts, language).text.split())
        assert (first in printed, last in printed) == (True, True)
