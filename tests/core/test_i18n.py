"""Languages found and negotiated; days, money and counted things as each language writes them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from jinja2 import UndefinedError

from core.i18n.words import LOCALE, Words, install, jinja_env, languages, negotiate

TODAY = date(2026, 11, 20)
TUESDAY = date(2026, 11, 24)


def test_every_catalog_in_the_folder_is_a_language_under_its_own_name() -> None:
    assert set(languages()) == {path.stem for path in LOCALE.glob("*.po")}
    assert languages()["vi"] == "Tiếng Việt"
    assert languages()["lt"] == "Lietuvių"


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (("zh-Hant-TW",), "zh"),
        (("zh_CN",), "zh"),
        (("LT-lt",), "lt"),
        (("pt_BR", "vi"), "vi"),
        ((None, "", "th"), "th"),
        (("fr-CH, fr;q=0.9, ar;q=0.4, th;q=0.8, *;q=0.1",), "th"),
        (("ar;q=0, lt;q=0.1",), "lt"),
        (("lt;q=most, th",), "th"),
        (("xx-garbage-" + "a" * 5000, "../../etc", ";;,,=", "\u202e"), "en"),
        ((), "en"),
    ],
)
def test_the_nearest_language_we_speak_is_chosen(wanted: tuple[str | None, ...], code: str) -> None:
    assert negotiate(*wanted) == code


def test_the_default_is_given_when_nothing_fits() -> None:
    assert negotiate("fr", default="lt") == "lt"


def test_an_unknown_language_and_an_unknown_sentence_speak_english() -> None:
    assert Words("tlh").language == "en"
    assert Words("lt").gettext("A %(thing)s nobody translated", thing="cup") == "A cup nobody translated"
    assert Words("lt").ngettext("%(n)s odd thing", "%(n)s odd things", 1) == "1 odd thing"


def test_a_context_parts_two_uses_of_one_word() -> None:
    assert Words("zh").gettext("Delivered", "widget") == Words("zh").pgettext("widget", "Delivered") == "已送达"
    assert Words("zh").gettext("Delivered") == "Delivered"


def test_only_arabic_runs_from_right_to_left() -> None:
    assert [code for code in languages() if Words(code).direction == "rtl"] == ["ar"]


@pytest.mark.parametrize(
    ("language", "short", "long", "ends"),
    [
        ("en", "Tue 24 Nov", "Tuesday 24 November", ("Tue 24", "Thu 26 Nov")),
        ("vi", "Thứ Ba, 24/11", "Thứ Ba, 24 tháng 11", ("Thứ Ba, 24/11", "Thứ Năm, 26/11")),
        ("zh", "11月24日周二", "11月24日星期二", ("11月24日周二", "26日周四")),
        ("th", "วันอังคารที่ 24 พ.ย.", "วันอังคารที่ 24 พฤศจิกายน", ("วันอังคารที่ 24", "วันพฤหัสบดีที่ 26 พ.ย.")),
        ("lt", "lapkričio 24 d. (antradienis)", "lapkričio 24 d. (antradienis)", ("lapkričio 24", "26 d.")),
        ("ar", "الثلاثاء 24 نوفمبر", "الثلاثاء 24 نوفمبر", ("الثلاثاء 24", "الخميس 26 نوفمبر")),
    ],
)
def test_days_stand_in_the_languages_own_order(language: str, short: str, long: str, ends: tuple[str, str]) -> None:
    words = Words(language)
    assert words.day(TUESDAY, today=TODAY) == short
    assert words.day(TUESDAY, "long", today=TODAY) == long
    assert words.day_ends(TUESDAY, date(2026, 11, 26), today=TODAY) == ends


def test_the_year_shows_unless_it_is_this_one() -> None:
    words = Words("en")
    assert words.day(date(2027, 1, 4), today=TODAY) == "Mon 4 Jan 2027"
    assert words.day(TUESDAY) == "Tue 24 Nov 2026"
    assert Words("th").day(date(2027, 1, 4), today=TODAY) == "วันจันทร์ที่ 4 ม.ค. ค.ศ. 2027"


def test_the_ends_of_a_range_share_their_month_and_their_year() -> None:
    words = Words("en")
    assert words.day_ends(TUESDAY, date(2026, 11, 26), today=TODAY) == ("Tue 24", "Thu 26 Nov")
    assert words.day_ends(TUESDAY, date(2026, 12, 2), today=TODAY) == ("Tue 24 Nov", "Wed 2 Dec")
    assert words.day_ends(date(2026, 12, 30), date(2027, 1, 2), today=TODAY) == ("Wed 30 Dec", "Sat 2 Jan 2027")


def test_a_moment_is_told_in_the_stores_zone() -> None:
    late_evening = datetime(2026, 11, 24, 18, 30, tzinfo=UTC)
    saigon = ZoneInfo("Asia/Ho_Chi_Minh")
    assert Words("en").moment(late_evening, saigon, today=TODAY) == "Wed 25 Nov, 01:30"
    assert Words("vi").moment(late_evening, saigon, today=TODAY) == "01:30, Thứ Tư, 25/11"
    with pytest.raises(ValueError, match="zone"):
        Words("en").moment(late_evening.replace(tzinfo=None), saigon)


@pytest.mark.parametrize(
    ("language", "hours", "said"),
    [
        ("en", 30, "30 hours ago"),
        ("en", 240, "10 days ago"),
        ("lt", 72, "prieš 3 dienas"),
        ("ar", 48, "قبل يومين"),
        ("th", 72, "3 วันที่ผ่านมา"),
    ],
)
def test_an_age_keeps_its_days_until_two_weeks_have_passed(language: str, hours: int, said: str) -> None:
    assert Words(language).ago(timedelta(hours=hours)) == said


@pytest.mark.parametrize(
    ("language", "minor", "currency", "said"),
    [
        ("en", 2390, "EUR", "€23.90"),
        ("lt", 2390, "EUR", "23,90\xa0€"),
        ("vi", 23900, "VND", "23.900\xa0₫"),
        ("en", 500, "JPY", "¥500"),
        ("en", -2500, "KWD", "-KWD2.500"),
        ("en", 1250, "LAK", "LAK12.50"),
        ("en", 1200, "LAK", "LAK12"),
        ("ar", 2390, "EUR", "\u200f23.90\xa0€"),
    ],
)
def test_money_is_written_with_every_minor_unit(language: str, minor: int, currency: str, said: str) -> None:
    assert Words(language).money(minor, currency) == said


@pytest.mark.parametrize("language", languages())
def test_digits_are_latin_in_every_language(language: str) -> None:
    words = Words(language)
    said = words.day(TUESDAY) + words.money(123456, "EUR") + words.number(7890) + words.ago(timedelta(days=5))
    assert not [mark for mark in said if mark.isdigit() and not mark.isascii()]


@pytest.mark.parametrize(
    ("language", "n", "said"),
    [
        ("lt", 1, "Apie siuntą nėra žinių jau 1 dieną"),
        ("lt", 3, "Apie siuntą nėra žinių jau 3 dienas"),
        ("lt", 11, "Apie siuntą nėra žinių jau 11 dienų"),
        ("lt", 21, "Apie siuntą nėra žinių jau 21 dieną"),
        ("ar", 1, "لا تحديث عن طردكم منذ يوم"),
        ("ar", 2, "لا تحديث عن طردكم منذ يومين"),
        ("ar", 3, "لا تحديث عن طردكم منذ 3 أيام"),
        ("ar", 11, "لا تحديث عن طردكم منذ 11 يومًا"),
        ("ar", 100, "لا تحديث عن طردكم منذ 100 يوم"),
        ("vi", 1, "Kiện hàng của bạn chưa có cập nhật trong 1 ngày"),
    ],
)
def test_counted_things_take_the_form_that_goes_with_the_number(language: str, n: int, said: str) -> None:
    one, many = "No scan of your parcel for %(n)s day", "No scan of your parcel for %(n)s days"
    assert Words(language).ngettext(one, many, n) == said


def test_templates_speak_and_escape_what_they_are_given() -> None:
    env = jinja_env(words=Words("lt"))
    page = env.from_string('{{ _("Open order %(order)s", order=order) }}|{% trans %}Order{% endtrans %}')
    assert page.render(order="<b>1</b>") == "Atidaryti užsakymą &lt;b&gt;1&lt;/b&gt;|Užsakymas"
    with pytest.raises(UndefinedError):
        env.from_string("{{ nothing }}").render()


def test_one_environment_can_change_its_language_between_requests() -> None:
    spoken = {"now": Words("en")}
    env = jinja_env(words=spoken["now"])
    install(env, lambda: spoken["now"])
    page = env.from_string('{{ pgettext("widget", "Delivered") }}')
    assert page.render() == "Delivered"
    spoken["now"] = Words("lt")
    assert page.render() == "Pristatyta"
