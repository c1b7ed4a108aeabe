"""The settings of messages and delivery: parts saved apart, choices the store has, problems in plain words."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient

from core.jobs.worker import Worker
from core.orders.model import Order
from core.services import Services
from core.shipping import evaluate
from core.shipping.rules.terms import Terms
from core.stores.model import Store
from core.stores.platform_access import store_by_id
from tests.conftest import Clock
from tests.core.shipping.seed import (
    apply,
    on_sqlite,
    order,
    parcel,
    run_sweep,
    set_terms,
    sign_in,
    the_parcel,
)


@pytest.fixture
def desk(services: Services, store: Store, client: FlaskClient) -> FlaskClient:
    """Max's browser at his store's desk."""
    sign_in(services, store, client)
    return client


def at(store: Store) -> str:
    return f"/admin/{store.key}/settings"


def fields(page: str, part: str) -> dict[str, str]:
    """What a browser would send back from a part's form, untouched."""
    form = page.partition(f'<section class="setting" id="{part}"')[2].partition("</section>")[0]
    form = re.sub(r'<input type="checkbox"[^>]*?value="1">', "", form)  # what is not ticked is not sent
    found = re.findall(r'<input[^>]* name="([^"]+)"[^>]* value="([^"]*)"', form)
    typed = {name: unescape(value) for name, value in found}
    typed["week"] = re.findall(r'name="week" value="([^"]+)"', form)  # type: ignore[assignment]
    for name, options in re.findall(r'<select id="[^"]+" name="([^"]+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options) or re.search(r'value="([^"]*)"', options)
        assert chosen is not None
        typed[name] = chosen[1]
    return typed


def opened(desk: FlaskClient, store: Store, part: str) -> dict[str, str]:
    return fields(desk.get(at(store)).text, part)


def terms_of(services: Services, store: Store) -> Terms:
    with services.db.transaction(store.id, write=False) as session:
        return evaluate.terms_of(store_by_id(session, store.id))


def row(number: int, method: str, country: str, least: str, most: str) -> dict[str, str]:
    """Fields of one row of the delivery times."""
    names = {"method": method, "country": country, "min_days": least, "max_days": most}
    return {f"transit.{number}.{name}": value for name, value in names.items()}


@pytest.mark.parametrize("part", ["messages", "pace", "promise", "times", "holidays", "statuses"])
def test_a_part_saved_untouched_changes_nothing(
    services: Services, store: Store, desk: FlaskClient, worker: Worker, part: str
) -> None:
    apply(services, store, order("42", parcel()))
    worker.run_until_idle()
    exempt = {"mode": "draft", "exemptions": [{"carriers": ["DHL"], "mode": "off"}]}
    times = [{"method": "Express*", "country": "LT", "min_days": 1, "max_days": 2}, {"min_days": 2, "max_days": 6}]
    set_terms(
        services,
        store,
        native_mails={"shipped": True},
        statuses={"wc-gone": "delivered"},
        rules={"promise_missed": exempt},
        transit=times,
        closed=["2026-12-24"],
        ship_days="1011100",
        holidays_country="LT",
    )
    before = terms_of(services, store)
    assert desk.post(at(store), data=opened(desk, store, part)).status_code == 302
    after = terms_of(services, store)
    # A patience that was ours is the store's own once it was saved; everything else is as it was.
    assert after.model_copy(update={"rules": {}}) == before.model_copy(update={"rules": {}})
    assert after.rule("promise_missed").exemptions == before.rule("promise_missed").exemptions


@on_sqlite
def test_each_part_is_saved_apart(services: Services, store: Store, desk: FlaskClient) -> None:
    messages = opened(desk, store, "messages") | {"rule.no_scan.mode": "send", "rule.no_scan.after": "5"}
    answer = desk.post(at(store), data=messages | {"budget": "1"})
    assert answer.headers["Location"].endswith("saved=messages#messages")
    desk.post(at(store), data=opened(desk, store, "pace") | {"quiet_from": "21:30"})
    promise = opened(desk, store, "promise")
    days = {f"ship_days.{day}": "1" for day in (1, 6)}
    promise = {name: value for name, value in promise.items() if not name.startswith("ship_days.")}
    desk.post(at(store), data=promise | days | {"cutoff": "16:00"})
    saved = terms_of(services, store)
    assert (saved.rule("no_scan").mode, saved.rule("no_scan").after) == ("send", 5)
    assert (f"{saved.quiet_from:%H:%M}", f"{saved.cutoff:%H:%M}", saved.ship_days) == ("21:30", "16:00", "0100001")


@on_sqlite
def test_delivery_times_are_chosen_from_what_the_store_has_and_the_closest_row_counts(
    services: Services, store: Store, desk: FlaskClient, worker: Worker
) -> None:
    apply(services, store, order("42", parcel()))
    worker.run_until_idle()
    with services.db.transaction(store.id, write=False) as session:
        one = session.query(Order).one()
    page = desk.get(at(store)).text
    assert f'<option value="{one.shipping_method}">{one.shipping_method}</option>' in page
    rows = row(0, "*", "*", "2", "6") | row(1, one.shipping_method, one.country, "1", "2") | row(2, "*", "FR", "", "")
    typed = {name: value for name, value in opened(desk, store, "times").items() if not name.startswith("transit.")}
    assert desk.post(at(store), data=typed | rows).status_code == 302
    saved = terms_of(services, store).transit
    assert [(r.method, r.country, r.max_days) for r in saved] == [(one.shipping_method, one.country, 2), ("*", "*", 6)]
    cleared = opened(desk, store, "times")
    cleared |= {name: "" for name in cleared if name.endswith("_days")}
    desk.post(at(store), data=cleared)
    assert terms_of(services, store).transit == ()


@on_sqlite
def test_coming_holidays_and_an_order_of_each_status_are_shown(
    services: Services, store: Store, desk: FlaskClient, worker: Worker
) -> None:
    apply(services, store, order("42", parcel()))
    worker.run_until_idle()
    set_terms(services, store, holidays_country="LT", statuses={"wc-gone": "delivered"})
    assert "<bdi>Kūčių diena</bdi>" in desk.get(f"{at(store)}?lang=th").text  # nobody has named it in Thai
    page = desk.get(at(store)).text
    assert "Thu 24 Dec <bdi>Christmas Eve</bdi>" in page
    statuses = page.partition('id="statuses"')[2]
    assert re.search(r"<bdi>open</bdi></label>.*?/orders/\d+\"><bdi>[^<]*42</bdi></a>", statuses, re.DOTALL)
    assert "<bdi>wc-gone</bdi>" in statuses


@on_sqlite
@pytest.mark.parametrize(
    ("part", "wrong", "sentences"),
    [
        (
            "promise",
            {"timezone": "Mars/Olympus", "cutoff": "25:99", "handling_days": "-1"},
            {
                "timezone": "There is no such time zone. Use a name such as Europe/Vilnius.",
                "cutoff": "Give a time of day, such as 14:00.",
                "handling_days": "Give 0 or more.",
            },
        ),
        ("promise", {f"ship_days.{day}": "" for day in range(7)}, {"ship_days": "Tick at least one day."}),
        (
            "times",
            row(0, "*", "*", "1", "3") | row(1, "*", "LT", "5", "2") | row(2, "*", "FR", "x", "900"),
            {
                "transit.1.max_days": "The most days must not be fewer than the least.",
                "transit.2.min_days": "Give a whole number.",
                "transit.2.max_days": "Give 365 or less.",
            },
        ),
        ("holidays", {"closed.0": "24.12.2026", "holidays_country": "XX"}, {"closed.0": "Give a day."}),
        ("pace", {"budget": "many", "gap_hours": "900"}, {"budget": "Give a whole number.", "gap_hours": "Give 168"}),
        ("messages", {"rule.no_scan.after": "soon"}, {"rule.no_scan.after": "Give a whole number."}),
        ("messages", {"rule.no_scan.mode": "shout"}, {"rule.no_scan.mode": "Choose one of those listed."}),
        ("holidays", {"holidays_country": "QQ"}, {"holidays_country": "Choose one of those listed."}),
    ],
)
def test_all_that_is_wrong_is_said_at_once_beside_its_field_and_nothing_typed_is_lost(
    services: Services, store: Store, desk: FlaskClient, part: str, wrong: dict[str, str], sentences: dict[str, str]
) -> None:
    before = terms_of(services, store)
    typed = opened(desk, store, part) | wrong
    answer = desk.post(at(store), data={name: value for name, value in typed.items() if value})
    assert answer.status_code == 422
    for field, sentence in sentences.items():
        beside = re.search(rf'<span class="problem" id="problem\.{re.escape(field)}">([^<]*)</span>', answer.text)
        assert beside is not None, field
        assert beside[1].startswith(sentence)
        assert f'aria-describedby="problem.{field}"' in answer.text
    shown: dict[str, Any] = fields(answer.text, part)
    listed = ("holidays_country", "rule.no_scan.mode")  # what a list does not offer it cannot show
    assert {name: shown[name] for name in wrong if name in shown and name not in listed} == {
        name: value for name, value in wrong.items() if name in shown and name not in listed
    }
    assert terms_of(services, store) == before


@on_sqlite
def test_what_is_wrong_is_said_in_the_readers_language(store: Store, desk: FlaskClient) -> None:
    typed = opened(desk, store, "pace") | {"budget": "many"}
    assert "Įveskite sveikąjį skaičių." in desk.post(f"{at(store)}?lang=lt", data=typed).text


def test_settings_saved_by_two_at_once_keep_the_firsts_and_tell_the_second(
    services: Services, store: Store, desk: FlaskClient
) -> None:
    before = opened(desk, store, "pace")
    assert desk.post(at(store), data=before | {"budget": "2", "gap_hours": "7"}).status_code == 302
    late = desk.post(at(store), data=before | {"budget": "9", "ask_after_days": "3"})
    assert late.status_code == 409
    again = fields(late.text, "pace")
    merged = ("9", "3", "7")  # both changed the first, the second its own, the third only the other
    assert (again["budget"], again["ask_after_days"], again["gap_hours"]) == merged
    assert "Saved meanwhile: 2" in late.text
    assert late.text.count("Saved meanwhile") == 1
    assert terms_of(services, store).budget == 2
    assert desk.post(at(store), data=again).status_code == 302
    saved = terms_of(services, store)
    assert (saved.budget, saved.ask_after_days, saved.gap_hours) == (9, 3, 7)


@on_sqlite
def test_a_wrong_field_does_not_pass_another_persons_settings_over(
    services: Services, store: Store, desk: FlaskClient
) -> None:
    before = opened(desk, store, "pace")
    desk.post(at(store), data=before | {"budget": "2"})
    again = fields(desk.post(at(store), data=before | {"budget": "many"}).text, "pace")
    assert desk.post(at(store), data={**before, "budget": "9"}).status_code == 409
    assert again["budget"] == "many"
    assert terms_of(services, store).budget == 2


@on_sqlite
def test_new_settings_hold_for_parcels_already_on_their_way(
    services: Services, store: Store, worker: Worker, desk: FlaskClient, clock: Clock
) -> None:
    set_terms(services, store, transit=[])
    apply(services, store, order("42", parcel()))
    worker.run_until_idle()
    assert the_parcel(services, store).promised_by is None
    typed = opened(desk, store, "times") | row(0, "*", "*", "1", "3")
    assert desk.post(at(store), data=typed).status_code == 302
    clock.forward(minutes=2)
    run_sweep(services, worker)
    assert f"{the_parcel(services, store).promised_by}" == "2026-11-23"
