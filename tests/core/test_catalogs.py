"""Every catalog says everything, in the glossary's words; and each rule of the check can be seen to fail."""

from __future__ import annotations

import pytest
from babel.messages.catalog import Catalog

from core.i18n import catalogs
from core.i18n.words import LOCALE, languages, plural_categories

SOURCES = catalogs.collect()
WORDS, AVOID = catalogs.glossary()


@pytest.mark.parametrize("language", languages())
def test_a_catalog_is_complete_and_sounds_right(language: str) -> None:
    assert catalogs.problems(catalogs.read(language), SOURCES, WORDS, AVOID) == []


@pytest.mark.parametrize("language", languages())
def test_extracting_again_changes_nothing(language: str) -> None:
    before = (LOCALE / f"{language}.po").read_text("utf-8")
    assert catalogs.update(catalogs.read(language), SOURCES) == before


def test_msgids_come_from_code_and_from_templates() -> None:
    found = {(message.context, message.id) for message in SOURCES if message.id}
    assert ("date", "EEE d MMM") in found
    assert (None, "Your parcel is delayed") in found


@pytest.mark.parametrize("idea", WORDS)
def test_the_glossary_has_a_word_for_each_idea_in_each_language(idea: str) -> None:
    assert set(languages()) <= {language for language, stems in WORDS[idea].items() if all(stems)}


def _said(
    msgid: str | tuple[str, str], string: str | tuple[str, ...], language: str = "lt", context: str | None = None
) -> list[str]:
    """Check a catalog of one sentence and give what is wrong with it, without the language and the msgid."""
    sources, catalog = Catalog(locale="en"), catalogs.read(language)
    for message in list(catalog):
        if message.id:
            catalog.delete(message.id, message.context)
    sources.add(msgid, context=context)
    catalog.add(msgid, string, context=context)
    found = catalogs.problems(catalog, sources, WORDS, AVOID)
    return [said.split(": ")[1] for said in found]


@pytest.mark.parametrize(
    ("msgid", "string", "problem"),
    [
        ("See it", "", "not translated"),
        ("See %(thing)s", "Žiūrėti", "placeholders differ"),
        ("See %(thing)s", "Žiūrėti %(daiktas)s", "placeholders differ"),
        ("See 5 %%", "Žiūrėti 5 %", "a lone percent sign"),
        ("See it", "Žiūrėti!", "an exclamation mark"),
        ("See it", "<b>Žiūrėti</b>", "markup"),
        ("See it", "Deja, ne", "says 'deja'"),
        ("See it", "Žiūrėti " * 5, "too long"),
        ("Your parcel", "Jūsų dėžė", "does not use the glossary's word for 'parcel'"),
        (("%(n)s day", "%(n)s days"), ("%(n)s dieną", "%(n)s dienas"), "a plural form is missing"),
        (("%(n)s day", "%(n)s days"), ("vieną dieną", "%(n)s dienas", "%(n)s dienų"), "placeholders differ"),
    ],
)
def test_a_flaw_is_named(msgid: str | tuple[str, str], string: str | tuple[str, ...], problem: str) -> None:
    assert _said(msgid, string) == [problem]


@pytest.mark.parametrize(
    ("msgid", "string", "language", "problem"),
    [
        ("Do it by %(day)s", "حتى اليوم الموعود: %(day)s", "ar", "says 'الموعود'"),
        ("What you declared", "نص الإعلان", "ar", "says 'إعلان'"),
        ("Send it back", "أعيدوا إرساله", "ar", "says 'أعيدوا إرسال'"),
        ("Send it by %(day)s", "Hãy gửi trước hết %(day)s", "vi", "says 'trước hết'"),
        ("It was made", "Đã cấp tín dụng", "vi", "says 'tín dụng'"),
        ("An amount such as 4.90", "Số tiền, ví dụ 4.90", "vi", "has a decimal point"),
        ("After it was sent", "หลังวันส่งออก", "th", "says 'ส่งออก'"),
        ("Print what came", "พิมพ์ฉลาก", "th", "says 'ฉลาก'"),
        ("It was made", "Suteiktas kreditas", "lt", "says 'kredit'"),
        ("What came back", "Apžiūrėta, kas grįžo", "lt", "says 'kas grįžo'"),
        ("An amount such as 4.90", "Suma, pvz., 4.90", "lt", "has a decimal point"),
        ("Your words", "Tai jūsų žodžiai", "lt", "has a lower-case jūs"),
        ("You withdrew", "您撤销了合同", "zh", "says '撤销'"),
        ("It is late", "包裹迟到", "zh", "says '迟到'"),
        ("Overruled: %(x)s", "未采用:%(x)s", "zh", "has a half-width mark"),
        ("Add %(n)s", "添加 %(n)s 张照片", "zh", "has a space beside a number"),
        ("Did it come", "ได้รับแล้ว?", "th", "has a question mark"),
        ("Keep it: it is proof", "โปรดเก็บไว้: เป็นหลักฐาน", "th", "has a colon that explains"),
    ],
)
def test_a_word_that_a_native_shopper_misreads_is_refused(msgid: str, string: str, language: str, problem: str) -> None:
    assert _said(msgid, string, language) == [problem]


@pytest.mark.parametrize(
    ("msgid", "string", "context", "problem"),
    [
        ("Directive 2011/83/EU", "التوجيه 2011/83/EU", None, "'2011/83/EU' is not isolated"),
        ("It begins with https://.", "يبدأ بـ https://.", None, "'https://' is not isolated"),
        ("SHA of it", "SHA منه", None, "'SHA' is not isolated"),
        ("See SKU-1", "انظروا \u2068SKU-1", None, "an isolate without its other end"),
        ("Write %(rma)s on it", "اكتبوا %(rma)s عليه", "widget", "%(rma)s is not isolated"),
        ("Send it to %(address)s", "أرسلوه إلى %(address)s", "desk", "%(address)s is not isolated"),
        ("You get %(item)s.", "ستحصلون على %(item)s.", "widget", "%(item)s is not isolated"),
    ],
)
def test_what_would_turn_around_in_arabic_is_isolated(
    msgid: str, string: str, context: str | None, problem: str
) -> None:
    assert problem in _said(msgid, string, "ar", context)


@pytest.mark.parametrize(
    ("msgid", "string", "context"),
    [
        ("Directive 2011/83/EU", "التوجيه \u20682011/83/EU\u2069", None),
        ("Shown by Aftercare.", "يعرضه Aftercare.", None),
        ("Write %(rma)s on it", "اكتبوا \u2068%(rma)s\u2069 عليه", "widget"),
        ("Write %(rma)s on it", "اكتبوا %(rma)s عليه", None),  # a letter's layout isolates it
        ("Until %(day)s", "حتى %(day)s", "widget"),
    ],
)
def test_what_is_isolated_or_cannot_turn_passes(msgid: str, string: str, context: str | None) -> None:
    assert _said(msgid, string, "ar", context) == []


@pytest.mark.parametrize(
    ("msgid", "string", "language"),
    [
        ("See %(thing)s", "Žiūrėti %(thing)s", "lt"),
        ("Your parcels", "Jūsų siuntos", "lt"),
        ("Get store credit", "Gauti kuponą kitam pirkiniui", "lt"),
        (("%(n)s day", "%(n)s days"), ("اليوم", "يوم", "يومان", *["%(n)s أيام"] * 3), "ar"),
    ],
)
def test_a_sound_sentence_passes(msgid: str | tuple[str, str], string: str | tuple[str, ...], language: str) -> None:
    assert _said(msgid, string, language) == []


def test_missing_unused_and_fuzzy_sentences_are_named() -> None:
    sources, catalog = Catalog(locale="en"), catalogs.read("vi")
    for message in list(catalog):
        if message.id:
            catalog.delete(message.id, message.context)
    sources.add("Wait")
    sources.add("Go")
    catalog.add("Go", "Đi", flags={"fuzzy"})
    catalog.add("Stay", "Ở lại")
    assert sorted(catalogs.problems(catalog, sources, WORDS, AVOID)) == [
        "vi: fuzzy: 'Go'",
        "vi: missing: (None, 'Wait')",
        "vi: not used any more: (None, 'Stay')",
    ]


@pytest.mark.parametrize(
    "forms",
    [
        # Babel 2.18's own order: zero, one, two, few, other, many.
        "nplurals=6; plural=n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100<=2 ? 4 : 5",
        "nplurals=2; plural=(n != 1)",
        "nplurals=7; plural=n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5",
    ],
)
def test_forms_that_are_not_those_of_the_catalogs_head_are_refused(forms: str) -> None:
    catalog = Catalog(locale="ar")
    catalog.mime_headers = [("Plural-Forms", forms)]
    found = catalogs.problems(catalog, Catalog(), WORDS, AVOID)
    assert found == ["ar: plural forms must be zero, one, two, few, many, other"]


def test_a_language_has_the_plural_forms_of_its_own_catalog() -> None:
    """Babel 2.19 counts Vietnamese with two forms, 2.18 with one; the catalog has one."""
    assert plural_categories("vi") == {"other": 0}
    assert plural_categories("lt") == {"one": 1, "few": 2, "other": 0}
    assert catalogs.read("vi").num_plurals == 1


def test_an_unknown_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert catalogs.main(["compile"]) == 2
    assert "extract | check" in capsys.readouterr().out
