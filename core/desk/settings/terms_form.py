"""The settings form in its parts: a store's terms as fields people can edit, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from werkzeug.datastructures import MultiDict

from core.desk.settings.term_problems import sentence_of
from core.i18n.words import Words
from core.shipping.rules.notice_kinds import PATIENCE, RULES
from core.shipping.rules.terms import Terms

PARTS: Mapping[str, tuple[str, ...]] = {
    "messages": ("rules", "native_mails"),
    "pace": ("quiet_from", "quiet_until", "budget", "gap_hours", "ask_after_days"),
    "promise": ("timezone", "cutoff", "handling_days", "ship_days", "delivery_days"),
    "times": ("transit",),
    "holidays": ("holidays_country", "closed"),
    "statuses": ("statuses",),
}
"""The forms of the page, each saved apart, and the terms that each shows."""
WEEK = ("ship_days", "delivery_days")
"""Terms that are a mark for each day of the week, Monday first."""
BLANK = 2
"""Empty rows below those there are."""
_ROW = ("method", "country", "min_days", "max_days")


class BadTerms(ValueError):
    """What was typed cannot be saved; `problems` maps a field of the form to a sentence that says what is wrong."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(problems.values()))
        self.problems = problems


def show_part(terms: Terms, part: str) -> dict[str, str]:
    """Give every field of a part by its name, as text; a tick is "1" or ""."""
    shown: dict[str, str] = {}
    plain = terms.model_dump(mode="json")
    for name in PARTS[part]:
        value = getattr(terms, name)
        if name in WEEK:
            shown |= {f"{name}.{day}": "1" if mark == "1" else "" for day, mark in enumerate(value)}
        elif name == "transit":
            shown |= _show_rows(terms)
        elif name == "closed":
            days = [*(day.isoformat() for day in value), *[""] * BLANK]
            shown |= {f"closed.{number}": day for number, day in enumerate(days)}
        elif name == "rules":
            shown |= _show_rules(terms)
        elif name == "native_mails":
            shown |= {f"native.{kind}": "1" if native else "" for kind, native in value.items()}
        elif name == "statuses":
            shown |= {f"status.{status}": meaning for status, meaning in value.items()}
        else:
            shown[name] = value.strftime("%H:%M") if hasattr(value, "strftime") else str(plain[name])
    return shown


def _show_rows(terms: Terms) -> dict[str, str]:
    shown: dict[str, str] = {}
    for number, row in enumerate([*terms.transit, *[None] * BLANK]):
        for name in _ROW:
            value = getattr(row, name) if row else "*" if name in ("method", "country") else ""
            shown[f"transit.{number}.{name}"] = str(value)
    return shown


def _show_rules(terms: Terms) -> dict[str, str]:
    shown: dict[str, str] = {}
    for name in RULES:
        rule = terms.rule(name)
        shown[f"rule.{name}.mode"] = rule.mode
        if name in PATIENCE:
            shown[f"rule.{name}.after"] = str(PATIENCE[name] if rule.after is None else rule.after)
    return shown


def rows_of(form: Mapping[str, str], name: str) -> list[int]:
    """Give the numbers of the rows that a form has of a table of terms."""
    numbers = {key.split(".")[1] for key in form if key.startswith(f"{name}.")}
    return sorted(int(number) for number in numbers if number.isascii() and number.isdecimal() and len(number) < 5)


def read_terms(form: MultiDict[str, str], before: Terms, words: Words) -> Terms:
    """Read a posted part; what it does not show stays as it was. Raises BadTerms with all that is wrong at once.

    Rows of delivery times are put in the order of how much they say, since the first that covers a parcel wins: one
    that names method and country before one that names the method, that before one that names the country.
    """
    values: dict[str, Any] = before.model_dump(mode="json", exclude_unset=True)
    plain = [name for names in PARTS.values() for name in names if name in form and name not in WEEK]
    values |= {name: form[name].strip() for name in plain}
    for name in set(form.getlist("week")) & set(WEEK):
        values[name] = "".join("1" if form.get(f"{name}.{day}") else "0" for day in range(7))
    rows = _typed_rows(form)
    if rows_of(form, "transit"):
        values["transit"] = [row for _, row in rows]
    closed = [(number, form[f"closed.{number}"].strip()) for number in rows_of(form, "closed")]
    closed = sorted(((number, day) for number, day in closed if day), key=lambda row: row[1])
    if rows_of(form, "closed"):
        values["closed"] = [day for _, day in closed]
    natives = {kind: f"native.{kind}" in form for kind in form.getlist("natives")}
    values["native_mails"] = {**values.get("native_mails", {}), **natives}
    values["rules"] = _rules(form, values.get("rules", {}))
    said = {key.removeprefix("status."): value for key, value in form.items() if key.startswith("status.")}
    values["statuses"] = {name: value for name, value in ({**before.statuses, **said}).items() if value}
    try:
        return Terms(**values)
    except ValidationError as error:
        place = _field_finder([number for number, _ in rows], [number for number, _ in closed])
        raise BadTerms(_by_field(error.errors(include_url=False), place, words)) from None


def _typed_rows(form: Mapping[str, str]) -> list[tuple[int, dict[str, str]]]:
    """Give (its number in the form, its values) of each row that has days, in the order in which they count."""
    rows = []
    for number in rows_of(form, "transit"):
        row = {name: form.get(f"transit.{number}.{name}", "").strip() for name in _ROW}
        if row["min_days"] or row["max_days"]:
            rows.append((number, row | {name: row[name] or "*" for name in ("method", "country")}))
    return sorted(rows, key=lambda one: (one[1]["method"] == "*", one[1]["country"] == "*"))


def _rules(form: Mapping[str, str], before: Mapping[str, Any]) -> dict[str, Any]:
    rules = {name: dict(rule) for name, rule in before.items()}
    for name in RULES:
        if mode := form.get(f"rule.{name}.mode"):
            rules.setdefault(name, {})["mode"] = mode
        if f"rule.{name}.after" in form:
            rules.setdefault(name, {})["after"] = form[f"rule.{name}.after"].strip() or None
    return rules


Place = Callable[[Sequence[int | str]], str]


def _field_finder(rows: Sequence[int], closed: Sequence[int]) -> Place:
    """Make what names the field that a fault is about, by where pydantic found it."""

    def find(where: Sequence[int | str]) -> str:
        name, *rest = (part for part in where if part != "[key]")
        if name == "transit" and rest:
            return f"transit.{rows[int(rest[0])]}.{rest[1] if len(rest) > 1 else 'max_days'}"
        if name == "closed" and rest:
            return f"closed.{closed[int(rest[0])]}"
        first = {"rules": "rule", "statuses": "status"}.get(str(name), str(name))
        return ".".join([first, *map(str, rest)])

    return find


def _by_field(faults: Iterable[Any], place: Place, words: Words) -> dict[str, str]:
    problems: dict[str, str] = {}
    for fault in faults:
        problems.setdefault(place(fault["loc"]), sentence_of(fault, words))
    return problems
