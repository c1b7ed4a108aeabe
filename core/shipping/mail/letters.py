"""What the shopper reads about the way of an order: facts in, a finished letter out; nothing is sent here.

The words are in `templates/shipping/mail/<kind>.txt`, one template for both forms. A letter says the fact, then what
it means, then what to do; it is sorry once, and only when we know that a promise is or will be broken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

from core.i18n.words import Words
from core.mail.layout import Button, Form, Row, Sheet, Written, clean, form, safe_url
from core.shipping.rules.notice_kinds import NOTICE_KINDS

_TEMPLATES = Path(__file__).parents[1] / "templates"
_SENTENCES = "shipping/mail/sentences.txt"
_MOST_LINES = 30

# Kind → the buttons it offers, the main one first. "track" and "order" lead to the tracking page, "missing" is the
# answer "not_yet" in the words of somebody who was told that it came.
_BUTTONS: dict[str, tuple[str, ...]] = {
    **{kind.name: kind.buttons for kind in NOTICE_KINDS},
    "links": (),
    "code": (),
}
KINDS = tuple(_BUTTONS)


class UnknownKind(ValueError):
    """No letter of this kind is written here."""


@dataclass(frozen=True, slots=True)
class ParcelLine:
    """One parcel: its things as (title, quantity, picture), its carrier and tracking number ("" where unknown)."""

    items: tuple[tuple[str, int, str], ...] = ()
    carrier: str = ""
    tracking_number: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """The facts of one letter. Days are days in the store's zone, and so is `last_scan_at`.

    `expected_by` is the new date we stand behind; `expected_likely` is named first where we have it. `reason` is
    "not_shipped", "shipped_late", "carrier_revised", "no_scan", "never_scanned", "exception" or "". `answer_urls`
    has any of "wait", "cancel", "arrived", "not_yet", "person"; a kind shows those that fit. `quiet` leaves out the
    answers and keeps the link to the order. `links` are (order number, address, what is known of it), for kind "links".
    """

    today: date
    store_name: str
    store_url: str = ""
    store_address: str = ""
    support_email: str = ""
    order_number: str = ""
    shopper_name: str = ""
    promised_from: date | None = None
    promised_by: date | None = None
    expected_earliest: date | None = None
    expected_likely: date | None = None
    expected_latest: date | None = None
    expected_by: date | None = None
    reason: str = ""
    carrier: str = ""
    tracking_number: str = ""
    tracking_url: str = ""
    parcels: tuple[ParcelLine, ...] = ()
    last_scan_at: datetime | None = None
    last_scan_text: str = ""
    track_url: str = ""
    answer_urls: Mapping[str, str] = field(default_factory=dict)
    stop_url: str = ""
    legal_lines: tuple[str, ...] = ()
    quiet: bool = False
    links: tuple[tuple[str, str, str], ...] = ()
    code: str = ""
    code_minutes: int = 10


def write(kind: str, facts: Letter, language: str) -> Written:
    """Write the letter in a language we speak (else English). Raises UnknownKind."""
    if kind not in _BUTTONS:
        raise UnknownKind(kind)
    spoken = Words(language).language
    plain, rich = (form(_TEMPLATES, spoken, is_html=is_html) for is_html in (False, True))
    sheet = _compose(kind, facts, plain)
    return Written(sheet.subject, sheet.preheader, plain.lay_out(sheet), rich.lay_out(_compose(kind, facts, rich)))


def is_late(facts: Letter) -> bool:
    """Say whether the promise is broken already, or will be by what we expect."""
    if facts.promised_by is None:
        return False
    moments = (facts.today, facts.expected_by, facts.expected_likely)
    return any(day > facts.promised_by for day in moments if day)


def _compose(kind: str, facts: Letter, page: Form) -> Sheet:
    values = _values(facts, page)
    named = {**values, **_sentences(facts, page, values)}
    about_order = kind not in ("links", "code")
    stop = safe_url(facts.stop_url) if about_order else ""
    return Sheet(
        subject=page.line(f"shipping/mail/{kind}.txt", "subject", **named),
        preheader=page.line(f"shipping/mail/{kind}.txt", "preheader", **named),
        paragraphs=(
            page.line(_SENTENCES, "greeting", **values),
            *page.paragraphs(f"shipping/mail/{kind}.txt", "body", **named),
        ),
        buttons=_links(facts, page) if kind == "links" else _buttons(kind, facts, page),
        rows=_rows(facts, page) if about_order else (),
        lists=_lists(kind, facts, page) if about_order else (),
        code=clean(facts.code, 12) if kind == "code" else "",
        store=page.name(facts.store_name),
        store_url=safe_url(facts.store_url),
        footer=page.footer(facts.support_email, facts.store_address, *facts.legal_lines[:10]),
        stop=Button(page.line(_SENTENCES, "footer_stop"), stop) if stop else None,
    )


def _values(facts: Letter, page: Form) -> dict[str, object]:
    """Give what the sentences name, each safe to stand in them and "" where unknown."""

    def day_text(day: date | None) -> str:
        return page.words.day(day, today=facts.today) if day else ""

    first, likely, last = _outlook(facts)
    ends = page.words.day_ends(first, last, today=facts.today) if first and last else ("", "")
    promised = ("", "")
    if facts.promised_from and facts.promised_by and facts.promised_from < facts.promised_by:
        promised = page.words.day_ends(facts.promised_from, facts.promised_by, today=facts.today)
    return {
        "shopper": page.name(facts.shopper_name),
        "store": page.name(facts.store_name),
        "order": page.name(facts.order_number, 40),
        "carrier": page.name(facts.carrier),
        "today": day_text(facts.today),
        "promised": day_text(facts.promised_by),
        "promised_first": promised[0],
        "promised_last": promised[1],
        "likely": day_text(likely),
        "latest": day_text(last),
        "first": ends[0],
        "last": ends[1],
        "scan_days": max(0, (facts.today - facts.last_scan_at.date()).days) if facts.last_scan_at else 0,
        "parcel_count": max(1, len(facts.parcels)),
        "code_minutes": facts.code_minutes,
        "choices": bool(facts.answer_urls) and not facts.quiet,
    }


def _sentences(facts: Letter, page: Form, values: Mapping[str, object]) -> dict[str, str]:
    """Choose the sentences that several kinds share; what does not apply is ""."""
    late, window = is_late(facts), _window(facts)
    now_expected = page.line(_SENTENCES, f"now_{window}", **values)
    expected = page.line(_SENTENCES, f"expected_{window}", **values)
    return {
        "now_expected": now_expected,
        "expected": expected,
        "still_expected": now_expected if late or not expected else expected,
        "reason": page.line(_SENTENCES, f"reason_{facts.reason}"),
        "sorry": page.line(_SENTENCES, "sorry") if late else "",
        "nothing_to_do": page.line(_SENTENCES, "nothing_to_do"),
        "stay_or_choose": page.line(_SENTENCES, "stay_or_choose", **values),
        "news_or_choose": page.line(_SENTENCES, "news_or_choose", **values),
    }


def _outlook(facts: Letter) -> tuple[date | None, date | None, date | None]:
    """Give the first, the most likely and the last day it may come; a day that has passed is not expected any more."""
    days = (facts.expected_earliest, facts.expected_likely or facts.expected_by, facts.expected_latest)
    first, likely, last = (day if day and day >= facts.today else None for day in days)
    return first, likely, last


def _window(facts: Letter) -> str:
    """Name how much we know about the day it comes: range, day, by or none."""
    first, likely, last = _outlook(facts)
    if first and likely and last and first < last:
        return "range"
    if likely:
        return "day"
    return "by" if last else "none"


def _buttons(kind: str, facts: Letter, page: Form) -> tuple[Button, ...]:
    urls = {**facts.answer_urls, "track": facts.track_url, "order": facts.track_url}
    urls["missing"] = urls.get("not_yet", "")
    wanted = [choice for choice in _BUTTONS[kind] if not facts.quiet or choice in ("track", "order")]
    offers = [(f"answer_{choice}", safe_url(urls.get(choice, ""))) for choice in wanted]
    return tuple(Button(page.line(_SENTENCES, label), url) for label, url in offers if url)


def _links(facts: Letter, page: Form) -> tuple[Button, ...]:
    """Offer one link an order, the first twenty."""
    offers = [(page.name(number, 40), safe_url(url), page.name(known)) for number, url, known in facts.links[:20]]
    labels = [page.line("shipping/mail/links.txt", "link", order=order) for order, _, _ in offers]
    return tuple(
        Button(page.put("{} · {}", label, known) if known else label, url)
        for label, (_, url, known) in zip(labels, offers, strict=True)
        if url
    )


def _rows(facts: Letter, page: Form) -> tuple[Row, ...]:
    known = [
        ("row_order", page.name(facts.order_number, 40), ""),
        ("row_carrier", page.name(facts.carrier), ""),
        ("row_tracking", page.name(facts.tracking_number), safe_url(facts.tracking_url)),
        ("row_scan", _scan(facts, page), ""),
    ]
    return tuple(Row(page.line(_SENTENCES, label), value, url) for label, value, url in known if value)


def _scan(facts: Letter, page: Form) -> str:
    """Say how old the last scan is, then the carrier's own words for it."""
    if facts.last_scan_at is None:
        return ""
    days = (facts.today - facts.last_scan_at.date()).days
    age = page.words.ago(timedelta(days=days)) if days > 0 else page.line(_SENTENCES, "today")
    place = page.name(facts.last_scan_text)
    return page.put("{} – {}", age, place) if place else page.put("{}", age)


def _lists(kind: str, facts: Letter, page: Form) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """List the things parcel by parcel; past thirty lines they are counted, since mail programs cut long mail."""
    plain_title = "list_order" if kind == "not_shipped" else "list_items"
    lists, room = [], _MOST_LINES
    for parcel in facts.parcels:
        if not parcel.items or room <= 0:
            continue
        number = page.name(parcel.tracking_number) if len(facts.parcels) > 1 else ""
        title = page.line(_SENTENCES, "list_parcel" if number else plain_title, tracking=number)
        lines = page.things(parcel.items, room)
        lists.append((title, lines))
        room -= len(lines)
    return tuple(lists)
