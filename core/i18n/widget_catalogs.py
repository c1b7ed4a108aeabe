"""The widget's sentences: found in its sources, and written for its build as one JSON file per language.

`python -m core.i18n widget` writes `widget/words/<language>.json`. There is no widget/ where only the packages are
installed; then it has no sentences either.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from gettext import c2py
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir

from core.i18n.words import Words, plural_categories

WIDGET = Path(__file__).parents[2] / "widget"
CONTEXT = "widget"
_KEYWORDS = {"say": None, "count": (1, 2)}


def collect() -> Iterator[tuple[str, str | tuple[str, ...]]]:
    """Yield (file, msgid) for every sentence the widget says; a counted one is the pair (one, many)."""
    found = extract_from_dir(WIDGET / "src", [("**.ts", "javascript")], {}, _KEYWORDS)
    for name, _, msgid, _, _ in sorted(found, key=lambda row: (row[0], row[1])):
        yield f"widget/src/{name}", msgid


def write(catalogs: dict[str, Catalog], folder: Path = WIDGET / "words") -> None:
    """Write each language's file anew."""
    folder.mkdir(exist_ok=True)
    for language, catalog in catalogs.items():
        text = json.dumps(words_of_language(language, catalog), ensure_ascii=False, indent=1)
        (folder / f"{language}.json").write_text(text + "\n", "utf-8")


def words_of_language(language: str, catalog: Catalog) -> dict[str, Any]:
    """Give one language's sentences as the widget's build reads them; what is not translated yet stays English."""
    said: dict[str, str | dict[str, str]] = {}
    for _, msgid in collect():
        if isinstance(msgid, str):
            message = catalog.get(msgid, CONTEXT)
            said[msgid] = str(message.string) if message and message.string else msgid
        else:
            said[msgid[0]] = _plural(catalog, msgid)
    words = Words(language)
    return {"tag": words.tag, "direction": words.direction, "words": dict(sorted(said.items()))}


def _plural(catalog: Catalog, msgid: tuple[str, ...]) -> dict[str, str]:
    """Give the forms by CLDR's category, which is what the browser's Intl.PluralRules answers."""
    message = catalog.get(msgid[0], CONTEXT)
    forms = list(message.string or ()) if message else []
    if not forms or not all(forms):
        return {"one": msgid[0], "other": msgid[1]}
    form, categories = c2py(catalog.plural_expr), plural_categories(str(catalog.locale))
    by_number = sorted(categories, key=categories.__getitem__)
    return {name: forms[form(categories[name])] for name in by_number} | {"other": forms[-1]}
