"""The policy's form: the common terms as fields and lines people can edit, and back. Rules travel in the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError
from werkzeug.datastructures import ImmutableMultiDict

from core.desk.flash_messages import read_amount
from core.desk.settings.terms_form import BadTerms
from core.i18n.words import Words
from core.money import to_decimal
from core.returns.law.withdrawal_law import current_letter
from core.returns.policy.policy_document import Goods, Policy, ReasonTerms, explain

WISHES = ("refund", "exchange", "store_credit", "repair", "keep")
_CHOICES = ("otherwise", "before_delivery", "cancel", "refund_when")
NEW = "+"
"""The row of the table of reasons in which a new one may be named."""


def show_policy(policy: Policy) -> dict[str, str]:
    """Give every field of the form by its name, as text."""
    window = policy.window
    shown = {name: str(getattr(policy, name)) for name in _CHOICES}
    shown |= {
        "days": "" if window.days is None else str(window.days),
        "counted_from": window.counted_from,
        "grace_days": str(window.grace_days),
        "exemptions": "\n".join(
            f"{sku} | {one.exemption}" for one in policy.goods if _is_plain(one) for sku in one.skus
        ),
        "extensions": "\n".join(
            f"{one.placed_from} | {one.placed_until} | {one.returns_until}" for one in policy.extensions
        ),
    }
    shown |= {f"wish.{wish}": "1" for wish in policy.wishes}
    if policy.informed:
        shown["informed"] = "1"
    for key, terms in policy.reasons.items():
        shown |= {f"reason.{key}": "1"} | _show_reason(f"reason.{key}", terms, policy.currency)
    return shown | _show_reason(f"reason.{NEW}", ReasonTerms(), policy.currency) | {f"reason.{NEW}": ""}


def reasons_in(form: Mapping[str, str]) -> list[str]:
    """List the keys of the reasons a form shows, in its order."""
    ends = ".photos"
    return [name.removeprefix("reason.").removesuffix(ends) for name in form if name.endswith(ends)]


def current_form(form: ImmutableMultiDict[str, str]) -> ImmutableMultiDict[str, str]:
    """Give a sent form with the letters of Art. 16 as they are now, although an older version may have drawn it."""
    if "schema_number" in form or "exemptions" not in form:
        return form
    lines = (line.rpartition("|") for line in form["exemptions"].splitlines())
    typed = "\n".join(f"{sku}{bar}{current_letter(letter.strip().lower(), 1)}" for sku, bar, letter in lines)
    return ImmutableMultiDict(
        [*((k, v) for k, v in form.items(multi=True) if k != "exemptions"), ("exemptions", typed)]
    )


def read_policy(form: ImmutableMultiDict[str, str], before: Policy, words: Words) -> Policy:
    """Read the form over the policy it was made from; what it does not show stays as it was. Raises BadTerms."""
    problems: dict[str, str] = {}
    values: dict[str, Any] = before.model_dump(mode="json")
    values |= {name: form[name] for name in _CHOICES if name in form}
    days = form.get("days", "").strip()
    values["window"] = {
        "days": days or None,
        "counted_from": form.get("counted_from", before.window.counted_from),
        "grace_days": form.get("grace_days", "").strip() or 0,
    }
    values["wishes"] = [wish for wish in WISHES if f"wish.{wish}" in form]
    values["informed"] = "informed" in form
    values["extensions"] = _extensions(form.get("extensions", ""), problems, words)
    if form.get("exemptions", "").split() != show_policy(before)["exemptions"].split():
        values["goods"] = _goods(form.get("exemptions", ""), before, problems, words)
    values["reasons"] = _reasons(form, before, problems, words)
    if problems:
        raise BadTerms(problems)
    try:
        return Policy.model_validate(values)
    except ValidationError as error:
        raise BadTerms(beside(explain(error))) from None


def beside(sentences: Iterable[str]) -> dict[str, str]:
    """Put each sentence, which begins with the setting's own name, beside the field that shows it."""
    problems: dict[str, str] = {}
    for sentence in sentences:
        name, _, said = sentence.partition(": ")
        problems.setdefault(_field_of(name), said[:1].upper() + said[1:])
    return problems


def _field_of(name: str) -> str:
    """Name the form's field that shows a setting ("window.days", "reasons.damaged.photos", "extensions.1")."""
    first, _, rest = name.partition(".")
    if first == "window":
        return rest
    if first == "reasons":
        return f"reason.{rest}"
    return {"goods": "exemptions"}.get(first, first)


def _show_reason(prefix: str, terms: ReasonTerms, currency: str) -> dict[str, str]:
    return {
        f"{prefix}.fee_fixed": f"{to_decimal(terms.fee_fixed, currency):f}",
        f"{prefix}.fee_percent": f"{terms.fee_percent.normalize():f}",
        f"{prefix}.label_paid_by": terms.label_paid_by,
        f"{prefix}.label_fee": f"{to_decimal(terms.label_fee, currency):f}",
        f"{prefix}.photos": str(terms.photos),
    }


def _reasons(
    form: ImmutableMultiDict[str, str], before: Policy, problems: dict[str, str], words: Words
) -> dict[str, Any]:
    """Read the table of reasons; a reason without its tick is taken away, its questions stay with one that keeps it."""
    reasons: dict[str, Any] = {}
    for key in reasons_in(form):
        named = form.get(f"reason.{key}", "").strip()
        if not named:
            continue
        name = named if key == NEW else key
        terms = before.reasons.get(name, ReasonTerms()).model_dump(mode="json")
        terms |= {field: form.get(f"reason.{key}.{field}", "").strip() or 0 for field in ("fee_percent", "photos")}
        terms["label_paid_by"] = form.get(f"reason.{key}.label_paid_by", "store")
        for field in ("fee_fixed", "label_fee"):
            typed = form.get(f"reason.{key}.{field}", "")
            try:
                terms[field] = read_amount(typed, before.currency)
            except ValueError:
                problems[f"reason.{key}.{field}"] = words.pgettext("desk", "Give an amount such as 4.90.")
        reasons[name] = terms
    return reasons


def _extensions(typed: str, problems: dict[str, str], words: Words) -> list[dict[str, str]]:
    extensions = []
    for line in filter(None, map(str.strip, typed.splitlines())):
        parts = [part.strip() for part in line.split("|")]
        if len(parts) != 3:
            problems["extensions"] = words.pgettext(
                "desk", "“%(line)s” needs three days: ordered from | ordered until | return until.", line=line[:60]
            )
            return []
        extensions.append(dict(zip(("placed_from", "placed_until", "returns_until"), parts, strict=True)))
    return extensions


def _goods(typed: str, before: Policy, problems: dict[str, str], words: Words) -> list[dict[str, Any]]:
    """Read the lines of exemptions; what they say goes before what else is said of goods, which stays."""
    by_letter: dict[str, list[str]] = {}
    for line in filter(None, map(str.strip, typed.splitlines())):
        sku, letter = (part.strip() for part in line.rpartition("|")[::2])
        if not sku or len(letter) != 1:
            problems["exemptions"] = words.pgettext(
                "desk", "“%(line)s” needs two parts: SKU | letter of the exemption.", line=line[:60]
            )
            return []
        by_letter.setdefault(letter.lower(), []).append(sku)
    rest = [one.model_dump(mode="json") for one in before.goods if not _is_plain(one)]
    return [{"skus": skus, "exemption": letter} for letter, skus in by_letter.items()] + rest


def _is_plain(goods: Goods) -> bool:
    """Say whether an entry is nothing but SKUs with an exemption: what the form's lines can say."""
    return bool(goods.skus and goods.exemption) and goods == Goods(skus=goods.skus, exemption=goods.exemption)
