"""The settings form: a store's terms as fields and lines people can edit, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from werkzeug.datastructures import ImmutableMultiDict

from core.shipping.rules.notice_kinds import PATIENCE, RULES
from core.shipping.rules.terms import Terms, explain


class BadTerms(ValueError):
    """What was typed cannot be saved; `problems` maps a field of the form to a sentence that says what is wrong."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(problems.values()))
        self.problems = problems


_PLAIN = (
    "timezone",
    "cutoff",
    "handling_days",
    "ship_days",
    "delivery_days",
    "holidays_country",
    "quiet_from",
    "quiet_until",
    "budget",
    "gap_hours",
    "ask_after_days",
)


def show_terms(terms: Terms) -> dict[str, str]:
    """Give every field of the form by its name, as text."""
    plain = terms.model_dump(mode="json")
    shown = {name: str(plain[name]) for name in _PLAIN}
    for name in ("cutoff", "quiet_from", "quiet_until"):
        shown[name] = getattr(terms, name).strftime("%H:%M")
    shown["transit"] = "\n".join(f"{r.method} | {r.country} | {r.min_days} | {r.max_days}" for r in terms.transit)
    shown["closed"] = "\n".join(day.isoformat() for day in terms.closed)
    for name in RULES:
        rule = terms.rule(name)
        shown[f"rule.{name}.mode"] = rule.mode
        if name in PATIENCE:
            shown[f"rule.{name}.after"] = str(PATIENCE[name] if rule.after is None else rule.after)
    shown |= {f"native.{kind}": "1" for kind, native in terms.native_mails.items() if native}
    return shown | {f"status.{name}": meaning for name, meaning in terms.statuses.items()}


def read_terms(form: ImmutableMultiDict[str, str], before: Terms) -> Terms:
    """Read the form; what it does not show stays as it was. Raises BadTerms."""
    values: dict[str, Any] = before.model_dump(mode="json", exclude_unset=True)
    values |= {name: form[name].strip() for name in _PLAIN if name in form}
    if "transit" in form:
        values["transit"] = [_transit(line) for line in form["transit"].splitlines() if line.strip()]
    if "closed" in form:
        values["closed"] = [line.strip() for line in form["closed"].splitlines() if line.strip()]
    natives = {kind: f"native.{kind}" in form for kind in form.getlist("natives")}
    values["native_mails"] = {**values.get("native_mails", {}), **natives}
    values["rules"] = _rules(form, values.get("rules", {}))
    said = {key.removeprefix("status."): value for key, value in form.items() if key.startswith("status.")}
    values["statuses"] = {name: value for name, value in ({**before.statuses, **said}).items() if value}
    try:
        return Terms(**values)
    except ValidationError as error:
        raise BadTerms(_by_field(explain(error))) from None


def _rules(form: ImmutableMultiDict[str, str], before: Mapping[str, Any]) -> dict[str, Any]:
    rules = {name: dict(rule) for name, rule in before.items()}
    for name in RULES:
        if mode := form.get(f"rule.{name}.mode"):
            rules.setdefault(name, {})["mode"] = mode
        if f"rule.{name}.after" in form:
            rules.setdefault(name, {})["after"] = form[f"rule.{name}.after"].strip() or None
    return rules


def _transit(line: str) -> dict[str, str]:
    parts = [part.strip() for part in line.split("|")]
    if len(parts) != 4:
        sentence = f"“{line[:60]}” needs four parts: method | country | least days | most days."
        raise BadTerms({"transit": sentence})
    return dict(zip(("method", "country", "min_days", "max_days"), parts, strict=True))


def _by_field(sentences: list[str]) -> dict[str, str]:
    """Put each sentence, which begins with the setting's own name, beside the field that shows it."""
    problems: dict[str, str] = {}
    for sentence in sentences:
        name, _, words = sentence.partition(": ")
        first, _, rest = name.partition(".")
        field = {"rules": f"rule.{rest}", "statuses": f"status.{rest}"}.get(first, first)
        line = f"{int(rest.partition('.')[0]) + 1}: " if rest[:1].isdecimal() else ""
        problems.setdefault(field, line + words[:1].upper() + words[1:])
    return problems
