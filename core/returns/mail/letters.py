"""What the shopper reads about a return, a cancellation or a withdrawal: facts in, a finished letter out.

The words are in `templates/returns/mail/<kind>.txt`, one template for both forms; nothing is sent here. A letter says
the fact, then what it means, then what to do. A withdrawal that was paid back is told by `refund_issued`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal

from babel.dates import get_timezone_gmt

from core.i18n.words import Words
from core.mail.layout import Button, Form, Row, Sheet, Written, clean, form, safe_url
from core.returns.event_kinds import NOTICE_KINDS
from core.returns.facts import RefundWhen
from core.returns.presenter.sentences import refund_when, way_back

_TEMPLATES = Path(__file__).parents[1] / "templates"
_SENTENCES = "returns/mail/sentences.txt"
_MOST_SENTENCES = 10

# Kind → the links it offers, the main one first. All but label, pay, start, photos and person lead to the tracking
# page. The receipt of a declaration goes where a stranger said: it is no notice of an order, and has no links.
_BUTTONS = {**{kind.name: kind.buttons for kind in NOTICE_KINDS}, "declaration_receipt": ()}
KINDS = tuple(_BUTTONS)
OPTIONAL = frozenset(kind.name for kind in NOTICE_KINDS if kind.optional)
"""News that may stay unsent. Everything else is a decision, money or a legal receipt: it is sent even if messages about
the order were stopped, and so offers no way to stop it."""
_RECEIPTS = ("withdrawal_receipt", "declaration_receipt")
_ASKS_FOR_PARCEL = frozenset({"return_approved", "withdrawal_receipt"})
"""Only these name the address to send to: beside "nothing needs to be sent back" it would mislead."""


class UnknownKind(ValueError):
    """No letter of this kind is written here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnLetter:
    """The facts of one letter; what is unknown or does not apply keeps its default. Days are the store's.

    `rma` is the return's number, `withdrawal` the withdrawal's: a letter has one of them or, about a cancellation,
    none. `amount` is in minor units: what comes back, the store credit, or in `exchange_ready` with a `link` what is
    to pay; None shows no money, as for a gift. A sentence is one in the reader's language, from `sentences` or staff.
    """

    today: date
    store_name: str
    store_url: str = ""
    store_address: str = ""
    support_email: str = ""
    legal_lines: tuple[str, ...] = ()
    order_number: str = ""
    shopper_name: str = ""
    rma: str = ""
    withdrawal: str = ""
    lines: tuple[tuple[str, int], ...] = ()
    """The things concerned as (title, quantity); in `exchange_ready` the new ones."""
    unaccepted: tuple[tuple[str, int, str], ...] = ()
    """(title, quantity, why): not accepted on arrival, or contested with the store's ground."""
    amount: int | None = None
    currency: str = ""
    explanation: tuple[tuple[str, int], ...] = ()
    """(label, minor units); shown where it adds up to `amount`, since another sum explains nothing."""
    reasons: tuple[str, ...] = ()
    offers: tuple[str, ...] = ()
    answer_by: date | None = None
    """When a person has decided."""
    keep: bool = False
    """Nothing has to be sent back."""
    send_to: tuple[str, ...] = ()
    """The lines of the address."""
    return_by: date | None = None
    way_back: Literal["store", "shopper", "law", ""] = ""
    label_url: str = ""
    brings: Literal["refund", "store_credit", "exchange", "repair", ""] = "refund"
    """What comes of all the things; "" where of some comes this and of others that: then nothing is said of it."""
    refund_when: RefundWhen | Literal[""] = ""
    refund_by: date | None = None
    lost_value: int = 0
    """What of a withdrawal's refund was kept because the goods lost value, in minor units."""
    lost_value_reason: str = ""
    photos_url: str = ""
    """Where the photos of it are shown."""
    method: str = ""
    """How it was paid, in words: "Visa ending in 4242"."""
    credit_code: str = ""
    link: str = ""
    """Where the difference is paid, or where the return of what cannot be canceled starts."""
    track_url: str = ""
    person_url: str = ""
    stop_url: str = ""
    may_withhold: bool = False
    """The money may wait for the goods, or proof that they were sent."""
    cancels: bool = False
    """The law that holds calls a withdrawal a cancellation."""
    late: bool = False
    """Declared after its period by the store's reckoning."""
    declared_at: datetime | None = None
    """Aware, in the store's zone."""
    receipt_text: str = ""
    """Printed to the letter, so it holds no foreign text that was not cleaned."""
    receipt_hash: str = ""


def write(kind: str, facts: ReturnLetter, language: str) -> Written:
    """Write the letter in a language we speak (else English). Raises UnknownKind."""
    if kind not in _BUTTONS:
        raise UnknownKind(kind)
    spoken = Words(language).language
    plain, rich = (form(_TEMPLATES, spoken, is_html=is_html) for is_html in (False, True))
    sheet = _compose(kind, facts, plain)
    return Written(sheet.subject, sheet.preheader, plain.lay_out(sheet), rich.lay_out(_compose(kind, facts, rich)))


def _compose(kind: str, facts: ReturnLetter, page: Form) -> Sheet:
    values = _values(facts, page)
    template = f"returns/mail/{kind}.txt"
    stop = safe_url(facts.stop_url) if kind in OPTIONAL else ""
    has_receipt = kind in _RECEIPTS
    return Sheet(
        subject=page.line(template, "subject", **values),
        preheader=page.line(template, "preheader", **values),
        paragraphs=(page.line(_SENTENCES, "greeting", **values), *page.paragraphs(template, "body", **values)),
        buttons=_buttons(kind, facts, page),
        rows=_rows(kind, facts, page),
        lists=_lists(kind, facts, page),
        code=clean(facts.credit_code, 40) if kind == "store_credit_issued" else "",
        record_title=page.line(_SENTENCES, "record") if has_receipt else "",
        record=facts.receipt_text if has_receipt else "",
        store=page.name(facts.store_name),
        store_url=safe_url(facts.store_url),
        footer=page.footer(facts.support_email, facts.store_address, *facts.legal_lines[:10]),
        stop=Button(page.line(_SENTENCES, "footer_stop"), stop) if stop else None,
    )


def _values(facts: ReturnLetter, page: Form) -> dict[str, object]:
    """Give what the sentences name, each safe to stand in them and "" where unknown."""

    def day_text(day: date | None) -> str:
        return page.words.day(day, today=facts.today) if day else ""

    return {
        "shopper": page.name(facts.shopper_name),
        "store": page.name(facts.store_name),
        "order": page.name(facts.order_number, 40),
        "rma": page.name(facts.rma, 40),
        "withdrawal": page.name(facts.withdrawal, 40),
        "amount": page.words.money(facts.amount, facts.currency) if facts.amount is not None else "",
        "method": page.name(facts.method),
        "lost_value": page.words.money(facts.lost_value, facts.currency) if facts.lost_value else "",
        "lost_value_reason": page.name(facts.lost_value_reason, 500),
        "answer_by": day_text(facts.answer_by),
        "return_by": day_text(facts.return_by),
        "refund_by": day_text(facts.refund_by),
        "reasons": [page.name(sentence, 500) for sentence in facts.reasons[:_MOST_SENTENCES]],
        "offers": [page.name(sentence, 500) for sentence in facts.offers[:_MOST_SENTENCES]],
        "way_back": way_back(page.words, facts.way_back),
        "refund_when": refund_when(page.words, facts.refund_when),
        "brings": facts.brings,
        "keep": facts.keep,
        "late": facts.late,
        "cancels": facts.cancels,
        "may_withhold": facts.may_withhold,
        "has_address": bool(facts.send_to),
        "has_label": bool(safe_url(facts.label_url)),
        "has_link": bool(safe_url(facts.link)),
        "has_code": bool(clean(facts.credit_code, 40)),
        "has_unaccepted": bool(facts.unaccepted),
        "sends_back": bool(facts.send_to or facts.return_by) and not facts.keep,
    }


def _buttons(kind: str, facts: ReturnLetter, page: Form) -> tuple[Button, ...]:
    urls = {
        "label": "" if facts.keep else facts.label_url,
        "pay": facts.link,
        "start": facts.link,
        "photos": facts.photos_url,
        "person": facts.person_url,
    }
    offers = [(f"answer_{choice}", safe_url(urls.get(choice, facts.track_url))) for choice in _BUTTONS[kind]]
    return tuple(Button(page.line(_SENTENCES, label), url) for label, url in offers if url)


def _rows(kind: str, facts: ReturnLetter, page: Form) -> tuple[Row, ...]:
    address = facts.send_to[:10] if kind in _ASKS_FOR_PARCEL and not facts.keep else ()
    known = [
        ("row_order", page.name(facts.order_number, 40)),
        ("row_return", page.name(facts.rma, 40)),
        ("row_withdrawal", page.name(facts.withdrawal, 40)),
        ("row_declared", _moment(facts.declared_at, page) if facts.declared_at else ""),
        ("row_send_to", page.name(", ".join(address), 300)),
        ("row_digest", page.put("{}", clean(facts.receipt_hash))),
    ]
    return tuple(Row(page.line(_SENTENCES, label), value) for label, value in known if value)


def _moment(at: datetime, page: Form) -> str:
    """Write a moment that must be beyond doubt: with its year and its distance from Greenwich."""
    zone = at.tzinfo or UTC
    distance = get_timezone_gmt(at, locale=page.words.locale)
    return page.put("{} ({})", page.words.moment(at, zone), page.name(distance))


def _lists(kind: str, facts: ReturnLetter, page: Form) -> tuple[tuple[str, tuple[str, ...]], ...]:
    known = [
        (_title_of_things(kind, facts), page.things(facts.lines)),
        ("list_contested" if kind == "withdrawal_contested" else "list_unaccepted", _unaccepted(facts, page)),
        ("list_amount", _explanation(facts, page)),
    ]
    return tuple((page.line(_SENTENCES, title), lines) for title, lines in known if lines)


def _title_of_things(kind: str, facts: ReturnLetter) -> str:
    if kind == "exchange_ready":
        return "list_exchange"
    if facts.withdrawal:
        return "list_withdrawal"
    return "list_return" if facts.rma else "list_order"


def _unaccepted(facts: ReturnLetter, page: Form) -> tuple[str, ...]:
    things = page.things([(title, quantity) for title, quantity, _ in facts.unaccepted], len(facts.unaccepted))
    whys = (page.name(why, 300) for _, _, why in facts.unaccepted)
    return tuple(page.put("{} – {}", thing, why) if why else thing for thing, why in zip(things, whys, strict=True))


def _explanation(facts: ReturnLetter, page: Form) -> tuple[str, ...]:
    if not facts.explanation or sum(amount for _, amount in facts.explanation) != facts.amount:
        return ()
    total = (page.line(_SENTENCES, "total"), facts.amount)
    parts = [(page.name(label), amount) for label, amount in facts.explanation]
    return tuple(
        page.put("{}{}{}", label, page.words.colon, page.words.money(amount, facts.currency))
        for label, amount in (*parts, total)
    )
