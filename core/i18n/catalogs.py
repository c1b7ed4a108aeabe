"""Keep the catalogs in `locale/` up to date: collect the msgids from our sources, and say what a catalog lacks.

`python -m core.i18n extract` brings every .po up to date and keeps its translations; `check` prints the problems;
`widget` writes what the widget's build reads.
"""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from gettext import c2py
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from core.i18n import widget_catalogs
from core.i18n.words import LOCALE, languages, plural_categories

_SOURCES = [("**.py", "python"), ("**/templates/**.html", "jinja2"), ("**/templates/**.txt", "jinja2")]
_KEYWORDS = {
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "explain": ((1, "c"), 2),  # the sentence of an exception, `http/errors.py`
    "say": ((1, "c"), 2),  # `say = words.pgettext`, in modules that turn facts into sentences
}
_HEADER = """\
# Aftercare's words; README.md beside this file says how to change them.
msgid ""
msgstr ""
"Language: {language}\\n"
"Plural-Forms: {plural_forms}\\n"
"X-Plural-Categories: {categories}\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"""
_PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]")
_CATEGORIES = ("zero", "one", "two", "few", "many", "other")
_COUNTS = {"n", "num", "count"}
_JOINED = {"ar", "th", "zh"}  # a word is written together with its neighbors, so it is looked for anywhere
_ISOLATED = re.compile("\u2068([^\u2068\u2069]*)\u2069")
_LATIN = re.compile("[!-~]*[A-Za-z][!-~]*")
# What people and stores typed. In letters the layout isolates it, in the widget and on pages the sentence does.
_TYPED = {"address", "currency", "found", "items", "line", "name", "number", "order", "rma", "rule", "rules", "store"}
_TYPED |= {"item", "text", "who", "why"}
_SAMPLE = range(201)  # every plural rule repeats by then

Glossary = Mapping[str, Mapping[str, list[str]]]


def collect() -> Catalog:
    """Gather every msgid from core's code and templates, and from the widget's sources."""
    sources = Catalog()
    options = {"**/templates/**": {"trimmed": "true", "silent": "false"}}  # a template that cannot be read is an error
    found = extract_from_dir(LOCALE.parent, _SOURCES, options, _KEYWORDS, directory_filter=_ours)
    for name, _, msgid, comments, context in sorted(found, key=lambda row: (row[0], row[1])):
        sources.add(msgid, locations=[(f"core/{name}", 0)], auto_comments=comments, context=context)
    for name, msgid in widget_catalogs.collect():
        sources.add(msgid, locations=[(name, 0)], context=widget_catalogs.CONTEXT)
    return sources


def _ours(folder: str | Path) -> bool:
    return Path(folder).name not in ("static", "node_modules", "__pycache__")


def read(language: str) -> Catalog:
    """Read one catalog as it is on disk."""
    with (LOCALE / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language)


def extract() -> None:
    """Bring every catalog up to date: new msgids come in empty, unused ones go, translations stay."""
    sources = collect()
    for language in languages():
        (LOCALE / f"{language}.po").write_text(update(read(language), sources), "utf-8")


def update(catalog: Catalog, sources: Catalog) -> str:
    """Give the catalog's new text, under a header of our own: Babel's has dates that would change on every run."""
    catalog.update(sources, no_fuzzy_matching=True, update_creation_date=False)
    body = io.BytesIO()
    write_po(body, catalog, 100, omit_header=True, sort_by_file=True, include_lineno=False, ignore_obsolete=True)
    categories = ", ".join(f"{name}={n}" for name, n in plural_categories(str(catalog.locale)).items())
    header = _HEADER.format(language=catalog.locale, plural_forms=catalog.plural_forms, categories=categories)
    return f"{header}\n{body.getvalue().decode()}"


def glossary() -> tuple[Glossary, Mapping[str, list[str]]]:
    """Give the words each idea must be told with, and the words nobody may use, both by language."""
    book = json.loads((LOCALE / "glossary.json").read_text("utf-8"))
    return book["words"], book["avoid"]


@cache
def _patterns(language: str) -> Mapping[re.Pattern[str], str]:
    """Give what no sentence of the language may match, each with its name."""
    book = json.loads((LOCALE / "glossary.json").read_text("utf-8"))
    return {re.compile(pattern): name for pattern, name in book["patterns"].get(language, {}).items()}


def problems(catalog: Catalog, sources: Catalog, words: Glossary, avoid: Mapping[str, list[str]]) -> list[str]:
    """Say in sentences what is wrong with a catalog, measured against the sources and the glossary; [] is good."""
    language = str(catalog.locale)
    wanted, held = _keys(sources), _keys(catalog)
    found = [f"missing: {msgid!r}" for msgid in wanted - held]
    found += [f"not used any more: {msgid!r}" for msgid in held - wanted]
    found += list(_plural_problems(catalog))
    for message in _messages(catalog):
        found += [f"{said}: {message.id!r}" for said in _message_problems(message, catalog, words, avoid)]
    return [f"{language}: {said}" for said in found]


def _messages(catalog: Catalog) -> Iterator[Message]:
    return (message for message in catalog if message.id)


def _keys(catalog: Catalog) -> set[tuple[str | None, object]]:
    return {(message.context, message.id) for message in _messages(catalog)}


def _plural_problems(catalog: Catalog) -> Iterator[str]:
    """The forms must be the head's categories, in CLDR's order, and the rule must give each its number.

    Babel 2.18 gives Arabic the order zero, one, two, few, other, many; translators everywhere expect many, other.
    """
    categories, form = plural_categories(str(catalog.locale)), c2py(catalog.plural_expr)
    wanted = [name for name in _CATEGORIES if name in categories]
    places = {name: form(n) for name, n in categories.items()}
    is_whole = catalog.num_plurals == len(wanted) and {form(n) for n in _SAMPLE} == set(places.values())
    if not is_whole or list(places.items()) != [(name, index) for index, name in enumerate(wanted)]:
        yield f"plural forms must be {', '.join(wanted)}"


def _message_problems(
    message: Message, catalog: Catalog, words: Glossary, avoid: Mapping[str, list[str]]
) -> Iterator[str]:
    language = str(catalog.locale)
    english = [message.id] if isinstance(message.id, str) else list(message.id)
    forms = [message.string] if isinstance(message.string, str) else list(message.string or ())
    if language == "en" and not any(forms):
        forms = english
    if message.fuzzy:
        yield "fuzzy"
    if not forms or not all(forms):
        yield "not translated"
        return
    if len(english) > 1 and len(forms) != catalog.num_plurals:
        yield "a plural form is missing"
    yield from _placeholder_problems(english, forms, catalog)
    yield from _tone_problems(forms, avoid.get(language, []), is_joined=language in _JOINED)
    if message.context and message.context.startswith("date"):
        return
    if Locale.parse(language).text_direction == "rtl":
        yield from _isolation_problems(forms, is_letter=not message.context)
    yield from (
        f"has {name}" for pattern, name in _patterns(language).items() if any(map(pattern.search, _bare(forms)))
    )
    if max(map(len, forms)) > 2.2 * max(map(len, english)) + 15:
        yield "too long"
    for idea in _ideas(" ".join(english), words):
        if not all(_mentions(form, words[idea].get(language, [])) for form in forms):
            yield f"does not use the glossary's word for {idea!r}"


def _placeholder_problems(english: list[str], forms: list[str], catalog: Catalog) -> Iterator[str]:
    """A form that serves one number only may say it in words (Arabic's two days), so it needs no count."""
    wanted = set().union(*(_PLACEHOLDER.findall(text) for text in english))
    served = _numbers_served(catalog.plural_expr)
    for index, form in enumerate(forms):
        spoken = _COUNTS if len(forms) > 1 and served[index] == 1 else set()
        if (wanted ^ set(_PLACEHOLDER.findall(form))) - spoken:
            yield "placeholders differ"
        if "%" in _PLACEHOLDER.sub("", form).replace("%%", ""):
            yield "a lone percent sign"


@cache
def _numbers_served(plural_expr: str) -> Counter[int]:
    """Count the numbers up to 200 that each plural form is for."""
    form = c2py(plural_expr)
    return Counter(form(n) for n in _SAMPLE)


def _bare(forms: Iterable[str]) -> Iterator[str]:
    """Yield each form with a digit for each placeholder, since what fills one is no concern of the sentence."""
    return (_PLACEHOLDER.sub("0", form) for form in forms)


def _tone_problems(forms: list[str], avoid: Iterable[str], *, is_joined: bool) -> Iterator[str]:
    text = " ".join(forms).casefold()
    if re.search("[!！¡]", text):
        yield "an exclamation mark"
    if re.search("[<>&]", text):
        yield "markup"
    for word in avoid:
        if re.search(("" if is_joined else r"\b") + re.escape(word), text):
            yield f"says {word!r}"


def _isolation_problems(forms: list[str], *, is_letter: bool) -> Iterator[str]:
    """Where words run right to left, a literal or a typed value stands between U+2068 and U+2069, or it turns around:
    "2011/83/EU" would be printed "EU/2011/83". A plain Latin word needs that only where it begins the sentence, since
    the first letter gives a line of plain text its direction."""
    for form in forms:
        rest = _ISOLATED.sub("", form)
        if "\u2068" in rest or "\u2069" in rest:
            yield "an isolate without its other end"
        text = _PLACEHOLDER.sub("", rest).replace("%%", "")
        for literal in (word.strip("().,:;") for word in _LATIN.findall(text)):
            if not literal.isalnum() or re.match(r"\W*[A-Za-z]", text):
                yield f"{literal!r} is not isolated"
        if not is_letter:
            bare = _TYPED & set(_PLACEHOLDER.findall(rest))
            yield from (f"%({name})s is not isolated" for name in sorted(bare))


def _ideas(english: str, words: Glossary) -> Iterator[str]:
    """Yield the glossary ideas in an English sentence, the longest first, so "store credit" is not a store."""
    rest = _PLACEHOLDER.sub("", english).casefold()
    for idea in sorted(words, key=len, reverse=True):
        pattern = rf"\b({'|'.join(map(re.escape, words[idea]['en']))})\b"
        rest, count = re.subn(pattern, "", rest)
        if count:
            yield idea


def _mentions(text: str, stems: Iterable[str]) -> bool:
    return any(stem in text.casefold() for stem in stems)


def _check() -> list[str]:
    sources, (words, avoid) = collect(), glossary()
    return [said for code in languages() for said in problems(read(code), sources, words, avoid)]


def main(arguments: list[str]) -> int:
    """Run `extract`, `check` or `widget`; give the exit code."""
    commands: dict[tuple[str, ...], Callable[[], list[str] | None]] = {
        ("extract",): extract,
        ("check",): _check,
        ("widget",): lambda: widget_catalogs.write({code: read(code) for code in languages()}),
    }
    if tuple(arguments) not in commands:
        print("usage: python -m core.i18n extract | check | widget")
        return 2
    found = commands[tuple(arguments)]() or []
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0
