"""The right of withdrawal: periods, exemptions and the refund clock, by the acts."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.returns.law.country_law import read_laws
from core.returns.law.information_duty import was_informed
from core.returns.law.withdrawal_law import (
    EXEMPTIONS,
    country_code,
    day_there,
    exemption_holds,
    is_in_time,
    law_of,
    needs_button,
    pack_date,
    refund_clock,
    withdrawal_period,
)
from core.returns.policy.policy_document import Policy
from core.returns.return_settings import ReturnSettings

EU = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split()
EEA = ["IS", "LI", "NO"]
CONTRACT = date(2026, 11, 2)
DAYS = st.dates(date(2015, 1, 1), date(2035, 12, 31))


def ends(country: str, *delivered: date | None, **facts: Any) -> date | None:
    period = withdrawal_period(country, delivered, CONTRACT, **facts)
    assert period is not None
    return period.ends


def test_every_country_of_the_eu_and_the_eea_and_the_united_kingdom_is_in_the_pack() -> None:
    for country in [*EU, *EEA, "GB"]:
        law = law_of(country)
        assert law is not None, country
        assert (law.days, law.uninformed_months, law.refund_days) == (14, 12, 14)
        assert law.act
        assert ("2011/83/EU" in law.directive) == (country != "GB")
        assert law.button_from == (
            (date(2026, 10, 1) if country == "AT" else date(2026, 6, 19)) if country in EU else None
        )
        assert law.term == ("cancel" if country == "GB" else "withdraw")
        assert country in holidays.list_supported_countries()
    assert re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", pack_date())


TERRITORIES = {
    "GP": "America/Guadeloupe",
    "MQ": "America/Martinique",
    "GF": "America/Cayenne",
    "RE": "Indian/Reunion",
    "YT": "Indian/Mayotte",
    "MF": "America/Marigot",
    "BL": "America/St_Barthelemy",  # not settled: granted, which is safe for the store
    "PM": "America/Miquelon",
    "AX": "Europe/Mariehamn",
    "IC": "Atlantic/Canary",
    "EA": "Africa/Ceuta",
    "SJ": "Arctic/Longyearbyen",
}
_OF = {"AX": "FI", "IC": "ES", "EA": "ES", "SJ": "NO"}


@pytest.mark.parametrize("territory", TERRITORIES)
def test_a_territory_of_its_own_code_has_its_state_s_law_and_its_own_day(territory: str) -> None:
    law, state = law_of(territory.lower()), law_of(_OF.get(territory, "FR"))
    assert law is not None
    assert state is not None
    assert (law.country, law.zone) == (territory, TERRITORIES[territory])
    assert (law.act, law.directive, law.days) == (state.act, state.directive, state.days)
    assert ends(territory, date(2026, 11, 5)) == date(2026, 11, 19)
    assert not {law.holidays.partition("-")[0]} - set(holidays.list_supported_countries())


@pytest.mark.parametrize(
    ("territory", "delivered", "last"),
    [
        ("GP", date(2026, 5, 13), date(2026, 5, 28)),  # 27 May, abolition of slavery
        ("RE", date(2026, 5, 13), date(2026, 5, 27)),
        ("IC", date(2026, 8, 28), date(2026, 9, 11)),  # Catalonia's day is none on the Canaries
        ("EA", date(2026, 9, 3), date(2026, 9, 18)),  # 17 September in Melilla
        ("AX", date(2026, 5, 26), date(2026, 6, 10)),  # 9 June, Autonomy Day
        ("SJ", date(2026, 5, 3), date(2026, 5, 18)),
    ],
)
def test_a_territory_keeps_its_own_holidays(territory: str, delivered: date, last: date) -> None:
    assert ends(territory, delivered) == last


@pytest.mark.parametrize(("alias", "country"), [("EL", "GR"), ("uk", "GB"), ("XI", "GB"), (" gr ", "GR")])
def test_other_codes_of_feeds_are_their_country(alias: str, country: str) -> None:
    law = law_of(alias)
    assert law is not None
    assert law.country == country == country_code(alias)
    assert ends(alias, date(2026, 11, 5)) == ends(country, date(2026, 11, 5))


@pytest.mark.parametrize("country", "NC PF WF TF FO GL GI IM JE GG MC SM VA".split())
def test_no_right_is_claimed_where_the_directive_does_not_reach(country: str) -> None:
    assert law_of(country) is None


@pytest.mark.parametrize("country", ["US", "VN", "CH", "", "XX", "Deutschland"])
def test_elsewhere_no_right_is_claimed(country: str) -> None:
    assert law_of(country) is None
    assert withdrawal_period(country, [CONTRACT], CONTRACT) is None
    assert refund_clock(country, CONTRACT) is None


@pytest.mark.parametrize(
    ("country", "delivered", "last"),
    [
        ("DE", date(2026, 11, 5), date(2026, 11, 19)),  # Thursday to Thursday
        ("DE", date(2026, 11, 7), date(2026, 11, 23)),  # a Saturday runs on to Monday
        ("DE", date(2026, 11, 8), date(2026, 11, 23)),  # so does a Sunday
        ("DE", date(2026, 12, 11), date(2026, 12, 28)),  # 25 December, a Friday: Monday 28
        ("DE", date(2026, 3, 20), date(2026, 4, 7)),  # Good Friday, Easter Monday: Tuesday
        ("SE", date(2026, 3, 20), date(2026, 4, 7)),
        ("NL", date(2026, 4, 13), date(2026, 4, 28)),  # 27 April is King's Day there
        ("DE", date(2026, 4, 13), date(2026, 4, 27)),  # and a Monday in Germany
        ("GB", date(2026, 11, 7), date(2026, 11, 23)),  # not settled there: the later day is safe for the store
        ("GB", date(2026, 7, 20), date(2026, 8, 4)),  # 3 August, the Scottish bank holiday
        ("DE", date(2026, 5, 21), date(2026, 6, 5)),  # Corpus Christi in six Länder
        ("DE", date(2025, 8, 1), date(2025, 8, 18)),  # Assumption, a Friday, where Bavaria is Catholic
        ("AT", date(2026, 3, 20), date(2026, 4, 7)),  # Good Friday, Easter Monday
        ("AT", date(2026, 12, 10), date(2026, 12, 28)),  # 24 December
        ("LI", date(2026, 3, 20), date(2026, 4, 7)),
        ("LI", date(2026, 2, 3), date(2026, 2, 18)),  # Shrove Tuesday
        ("NL", date(2026, 4, 21), date(2026, 5, 6)),  # 5 May, each year
        ("NL", date(2026, 5, 1), date(2026, 5, 18)),  # the Friday after Ascension
        ("DK", date(2026, 5, 22), date(2026, 6, 8)),  # 5 June, a Friday
        ("DK", date(2026, 12, 10), date(2026, 12, 28)),  # 24 December, a Thursday
        ("SE", date(2026, 6, 5), date(2026, 6, 22)),  # midsummer eve
        ("SE", date(2026, 12, 10), date(2026, 12, 28)),
        ("SE", date(2026, 12, 17), date(2027, 1, 4)),  # new year's eve
        ("FI", date(2026, 6, 5), date(2026, 6, 22)),
        ("FI", date(2026, 12, 10), date(2026, 12, 28)),
        ("FR", date(2026, 3, 20), date(2026, 4, 7)),  # Good Friday in Alsace and Moselle
        ("ES", date(2026, 8, 28), date(2026, 9, 14)),  # Friday 11 September in Catalonia
        ("IT", date(2026, 6, 15), date(2026, 6, 30)),  # 29 June in Rome
        ("IT", date(2026, 6, 10), date(2026, 6, 24)),  # Saint John in Turin does not count
    ],
)
def test_fourteen_days_end_on_a_working_day(country: str, delivered: date, last: date) -> None:
    assert ends(country, delivered) == last


def test_the_later_end_by_the_shopper_s_or_the_store_s_holidays_counts() -> None:
    corpus_christi, kings_day = date(2026, 5, 21), date(2026, 4, 13)
    assert ends("LT", corpus_christi) == date(2026, 6, 4)
    assert ends("LT", corpus_christi, store_country="DE") == date(2026, 6, 5)
    assert ends("DE", corpus_christi, store_country="lt") == date(2026, 6, 5)
    assert ends("DE", kings_day, store_country="NL") == date(2026, 4, 28)
    assert ends("DE", kings_day, store_country="US") == date(2026, 4, 27)


def test_the_day_to_send_the_goods_moves_like_the_last_day_to_withdraw() -> None:
    clock = refund_clock("LT", date(2026, 5, 21), store_country="DE")
    assert clock is not None
    assert (clock.send_back_by, clock.due_on) == (date(2026, 6, 5), date(2026, 6, 4)), "the store has no day more"
    saturday = refund_clock("DE", date(2026, 11, 7))
    assert saturday is not None
    assert (saturday.send_back_by, saturday.due_on) == (date(2026, 11, 23), date(2026, 11, 21))


@given(country=st.sampled_from([*EU, *EEA, "GB"]), store=st.sampled_from([*EU, "US"]), delivered=DAYS)
def test_a_store_s_country_never_ends_a_period_earlier(country: str, store: str, delivered: date) -> None:
    alone, both = ends(country, delivered), ends(country, delivered, store_country=store)
    assert alone is not None
    assert both is not None
    assert alone <= both


def test_the_day_of_delivery_does_not_count_and_the_last_day_does() -> None:
    period = withdrawal_period("de", [date(2026, 11, 5)], CONTRACT)
    assert period is not None
    assert period.starts == date(2026, 11, 6)
    assert period.is_open(date(2026, 11, 2))  # before anything arrived the right is there already
    assert period.is_open(date(2026, 11, 19))
    assert not period.is_open(date(2026, 11, 20))
    assert "BGB" in period.source
    assert "2011/83/EU" in period.source


def test_the_last_parcel_starts_the_period() -> None:
    assert ends("DE", date(2026, 11, 12), date(2026, 11, 5)) == date(2026, 11, 26)


@pytest.mark.parametrize("delivered", [(), (None,), (date(2020, 1, 1), None)])
def test_while_a_delivery_is_unknown_the_right_is_open(delivered: tuple[date | None, ...]) -> None:
    period = withdrawal_period("FR", delivered, CONTRACT)
    assert period is not None
    assert (period.starts, period.ends, period.worst_case) == (None, None, True)
    assert period.is_open(date(2030, 1, 1))


@pytest.mark.parametrize("kind", ["service", "digital"])
def test_services_and_digital_content_count_from_the_contract(kind: Any) -> None:
    assert ends("DE", None, kind=kind) == date(2026, 11, 16)


def test_a_shopper_who_was_never_told_has_twelve_months_more() -> None:
    assert ends("DE", date(2026, 11, 5), informed=False) == date(2027, 11, 19)  # a Friday
    assert ends("DE", date(2026, 11, 6), informed=False) == date(2027, 11, 22)  # 20 November 2027 is a Saturday
    assert ends("GB", date(2026, 11, 7), informed=False) == date(2027, 11, 23)


@pytest.mark.parametrize(
    ("told", "last"),
    [
        (date(2027, 2, 1), date(2027, 2, 15)),
        (date(2026, 11, 6), date(2026, 11, 20)),
        (date(2026, 11, 1), date(2026, 11, 19)),  # told before it arrived: the ordinary end
        (date(2027, 11, 18), date(2027, 11, 19)),  # told too late to matter
        (date(2028, 1, 1), date(2027, 11, 19)),
    ],
)
def test_told_late_the_fourteen_days_count_from_that_day(told: date, last: date) -> None:
    assert ends("DE", date(2026, 11, 5), informed=False, informed_on=told) == last


def test_a_year_after_29_february_is_the_28th() -> None:
    # Delivered 15 February 2028, 14 days on is Tuesday 29 February; 28 February 2029 is a Wednesday.
    assert ends("DE", date(2028, 2, 15), informed=False) == date(2029, 2, 28)


@given(country=st.sampled_from([*EU, *EEA, "GB"]), delivered=DAYS)
def test_a_period_is_never_shorter_than_fourteen_days_and_ends_on_a_working_day(country: str, delivered: date) -> None:
    last = ends(country, delivered)
    assert last is not None
    assert timedelta(14) <= last - delivered <= timedelta(24)
    assert last.weekday() < 5
    assert last not in holidays.country_holidays(country, years=last.year)


@given(country=st.sampled_from([*EU, "GB"]), first=DAYS, later=st.integers(0, 90), told=st.none() | DAYS)
def test_a_later_parcel_or_missing_information_never_shortens_the_period(
    country: str, first: date, later: int, told: date | None
) -> None:
    one, two = ends(country, first), ends(country, first, first + timedelta(later))
    uninformed = ends(country, first, informed=False, informed_on=told)
    assert one is not None
    assert two is not None
    assert uninformed is not None
    assert one <= two
    assert one <= uninformed


def test_every_letter_of_article_16_names_its_ground() -> None:
    assert list(EXEMPTIONS) == list("abcdefghijklm")
    assert all(exemption.ground and exemption.letter == letter for letter, exemption in EXEMPTIONS.items())


@pytest.mark.parametrize(
    ("letter", "happened", "holds"),
    [
        ("c", "always", True),
        ("d", "always", True),
        ("e", "always", False),  # the seal is whole
        ("e", "unsealed", True),
        ("i", "unsealed", True),
        ("i", "begun_with_consent", False),
        ("i", "always", False),
        ("g", "always", True),
        ("m", "always", False),
        ("m", "begun_with_consent", True),
        ("a", "begun_with_consent", False),
        ("a", "performed_with_consent", True),
        ("z", "always", False),
        ("", "unsealed", False),
    ],
)
def test_an_exemption_holds_only_once_its_condition_has_come_true(letter: str, happened: Any, holds: bool) -> None:
    assert exemption_holds(letter, happened) is holds


NOV_2 = date(2026, 11, 2)


@pytest.mark.parametrize(
    ("country", "facts", "due", "may_withhold"),
    [
        ("DE", {}, date(2026, 11, 16), True),
        ("DE", {"goods_back_on": date(2026, 11, 9)}, date(2026, 11, 16), False),
        ("DE", {"goods_back_on": date(2026, 11, 20)}, date(2026, 11, 20), False),
        (
            "DE",
            {"goods_back_on": date(2026, 11, 20), "proof_of_sending_on": date(2026, 11, 17)},
            date(2026, 11, 17),
            False,
        ),
        ("DE", {"nothing_to_send": True}, date(2026, 11, 16), False),
        ("GB", {}, None, True),
        ("GB", {"goods_back_on": date(2026, 11, 9)}, date(2026, 11, 23), False),
        ("GB", {"proof_of_sending_on": date(2026, 11, 4)}, date(2026, 11, 18), False),
        ("GB", {"nothing_to_send": True}, date(2026, 11, 16), False),
    ],
)
def test_the_refund_clock_runs_from_the_withdrawal_and_may_wait_for_the_goods(
    country: str, facts: dict[str, Any], due: date | None, may_withhold: bool
) -> None:
    clock = refund_clock(country, NOV_2, **facts)
    assert clock is not None
    assert (clock.due_on, clock.may_withhold) == (due, may_withhold)
    assert clock.send_back_by == (None if facts.get("nothing_to_send") else date(2026, 11, 16))


def test_a_day_lasts_until_it_is_over_where_the_shopper_lives() -> None:
    late = datetime(2026, 11, 19, 23, 30, tzinfo=UTC)
    assert [day_there(country, late).day for country in ("PT", "GB", "DE", "US")] == [19, 19, 20, 19]


@pytest.mark.parametrize(
    ("country", "last_moment"),
    [
        ("FR", datetime(2026, 11, 20, 3, 59, tzinfo=UTC)),  # Martinique
        ("ES", datetime(2026, 11, 19, 23, 59, tzinfo=UTC)),  # the Canaries
        ("PT", datetime(2026, 11, 20, 0, 59, tzinfo=UTC)),  # the Azores
        ("DE", datetime(2026, 11, 19, 22, 59, tzinfo=UTC)),
        ("UK", datetime(2026, 11, 19, 23, 59, tzinfo=UTC)),
    ],
)
def test_the_last_day_lasts_until_it_is_over_in_a_country_s_last_place(country: str, last_moment: datetime) -> None:
    period = withdrawal_period(country, [date(2026, 11, 5)], CONTRACT)
    assert period is not None
    assert period.ends == date(2026, 11, 19)
    assert is_in_time(period, country, last_moment)
    assert not is_in_time(period, country, last_moment + timedelta(minutes=1))


def test_a_delivery_is_dated_where_most_of_a_country_lives_so_that_no_period_starts_early() -> None:
    after_midnight = datetime(2026, 11, 5, 23, 30, tzinfo=UTC)
    assert [day_there(country, after_midnight).day for country in ("FR", "ES")] == [6, 6]
    assert day_there("PT", datetime(2026, 11, 6, 0, 30, tzinfo=UTC)).day == 6


@pytest.mark.parametrize(
    ("country", "contract", "needed"),
    [
        ("DE", date(2026, 6, 18), False),
        ("DE", date(2026, 6, 19), True),
        ("AT", date(2026, 9, 30), False),
        ("AT", date(2026, 10, 1), True),
        ("MQ", date(2026, 6, 19), True),
        ("NO", date(2026, 12, 1), False),
        ("GB", date(2026, 12, 1), False),
        ("US", date(2026, 12, 1), False),
    ],
)
def test_a_button_is_needed_for_contracts_since_the_country_s_law_asks_for_it(
    country: str, contract: date, needed: bool
) -> None:
    assert needs_button(country, contract) == needed
    without = ReturnSettings(button_works=False)
    assert was_informed(Policy(), without, country, contract) == (not needed)
    assert was_informed(Policy(), ReturnSettings(), country, contract)
    assert not was_informed(Policy(informed=False), ReturnSettings(), country, contract)


def test_a_country_pack_with_a_key_nobody_reads_is_refused() -> None:
    entry = {"group": "eu", "zone": "Europe/Vienna", "act": "FAGG"}
    group = {
        "directive": "", "days": 14, "uninformed_months": 12, "last_day_source": "", "refund_days": 14,
        "refund_from": "withdrawal", "send_back_days": 14, "term": "withdraw", "button_from": "2026-06-19",
    }  # fmt: skip
    assert read_laws({"groups": {"eu": group}, "countries": {"AT": entry}})["AT"].days == 14
    for wrong in ({"AT": entry | {"buton_from": "2026-10-01"}}, {"AT": entry | {"country": "DE"}}):
        with pytest.raises(ValueError, match=r"countries.json, AT: not known: (buton_from|country)"):
            read_laws({"groups": {"eu": group}, "countries": wrong})
    with pytest.raises(ValueError, match="online_function"):
        read_laws({"groups": {"eu": group | {"online_function": True}}, "countries": {"AT": entry}})
