"""What an order's page says: the facts of a view as sentences in the reader's language. Templates only print them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from core.i18n.words import Words
from core.orders import kinds
from core.orders.presenter.carrier_words import scan_words
from core.orders.presenter.event_sentences import event_sentence
from core.orders.presenter.parcel_status import STATIONS, station_names, status_label, view_of_status
from core.orders.presenter.timeline import EventView, OrderView, ParcelView

_TROUBLE = ("exception", "failed_attempt", "returned_to_sender", "delayed", "ready_for_pickup")


@dataclass(frozen=True, slots=True)
class Card:
    """One parcel as printed: the newest fact large, the broken promise struck through beside it, the rest below."""

    title: str
    """Which of several parcels it is; "" for the only one."""
    tone: str
    """How the newest fact is to be taken: ok, wait, late or ""."""
    headline: str
    promise: str
    promise_broken: bool
    window: str
    why: str
    age: str
    carrier: str
    tracking_number: str
    tracking_url: str
    stations: tuple[tuple[str, str], ...]
    items: tuple[tuple[str, str], ...]
    """(what and how many, its picture's address or "")."""
    scans: tuple[tuple[str, str, str], ...]
    """(when, what in the reader's language, what in the carrier's own words), the newest first."""


@dataclass(frozen=True, slots=True)
class History:
    """A list of what happened, as (when, what), the oldest first."""

    title: str
    lines: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Page:
    """An order as printed."""

    title: str
    placed: str
    notes: tuple[str, ...]
    cards: tuple[Card, ...]
    lists: tuple[History, ...]
    """What we told the shopper, then what the shopper told us."""
    choices: tuple[tuple[str, str], ...] = ()
    """What a shopper whose parcel is late can do: (label, address)."""
    withdraw: str = ""
    """What the button to a legal withdrawal says, on the order's first view; "" where no such right is known."""
    footnote: str = ""


def page_of(
    order: OrderView, words: Words, now: datetime, timezone: str, answer_url: Callable[[str, str], str] | None = None
) -> Page:
    """Put an order into words. Days and times are the store's.

    `answer_url` gives the address behind a choice of the notice that told of a delay; without it there are none.
    """
    zone = ZoneInfo(timezone)
    today = now.astimezone(zone).date()
    say = words.pgettext
    notes = []
    if order.state == "canceled":
        notes.append(say("widget", "This order was canceled. Nothing more will be shipped."))
    if order.state == "refunded":
        notes.append(say("widget", "This order was refunded in full."))
    if order.state == "unpaid" or "awaiting_payment" in order.holds:
        notes.append(say("widget", "This order is waiting for its payment. It ships after that."))
    notes += _holds(order, words)
    if order.stopped:
        notes.append(say("widget", "You stopped messages about this order. This page keeps working."))
    if order.removed_items:
        what = ", ".join(_item(words, item.title, item.variant, item.quantity) for item in order.removed_items)
        notes.append(say("widget", "Canceled or refunded: %(items)s", items=what))
    if not order.parcels and order.state not in ("canceled", "refunded", "unpaid"):
        notes.append(say("widget", "There is nothing to ship in this order, or the store has not told us yet."))
    return Page(
        title=say("widget", "Order %(number)s", number=order.number),
        placed=say("widget", "Placed %(day)s", day=words.day(_local_day(order.placed_at, zone), "long", today=today)),
        notes=tuple(notes),
        cards=tuple(
            _card(parcel, words, now, zone, today, _reason_for_delay(order, words), _parcel_title(order, place, words))
            for place, parcel in enumerate(order.parcels)
        ),
        lists=_lists(order, words, zone, today),
        choices=_choices(order, words, answer_url),
        footnote=say("widget", "Days and times are the store's."),
    )


def _holds(order: OrderView, words: Words) -> list[str]:
    say = words.pgettext
    sentences = {
        "incorrect_address": say(
            "widget", "The store cannot send this order to the address it has. Write to the store to correct it."
        ),
        "out_of_stock": say("widget", "Something in this order is out of stock. It ships when it is there again."),
        "awaiting_return": say("widget", "This order ships once the things you are sending back have arrived."),
    }
    return [sentences[reason] for reason in order.holds if reason in sentences]


def _parcel_title(order: OrderView, place: int, words: Words) -> str:
    if len(order.parcels) == 1:
        return ""
    number, of = words.number(place + 1), words.number(len(order.parcels))
    return words.pgettext("widget", "Parcel %(number)s of %(all)s", number=number, all=of)


def _lists(order: OrderView, words: Words, zone: ZoneInfo, today: date) -> tuple[History, ...]:
    said: dict[bool, list[tuple[str, str]]] = {False: [], True: []}
    for event in order.events:
        if sentence := event_sentence(event.kind, words, event.facts):
            said[kinds.is_by_shopper(event.kind)].append((words.moment(event.at, zone, today=today), sentence))
    titles = (words.pgettext("widget", "What we told you"), words.pgettext("widget", "What you told us"))
    return tuple(History(title, tuple(lines)) for title, lines in zip(titles, said.values(), strict=True) if lines)


def _last_delay_notice(order: OrderView) -> EventView | None:
    """Give the event of the last notice that reported a delay."""
    reported = [event for event in order.events if kinds.reports_delay(event.kind)]
    return reported[-1] if reported else None


def _reason_for_delay(order: OrderView, words: Words) -> str:
    """Say why the date moved, as the notice said; empty where nothing was told."""
    notice, say = _last_delay_notice(order), words.pgettext
    return {
        "carrier_estimate": say("widget", "The carrier moved the date."),
        "carrier_delay": say("widget", "The carrier moved the date."),
        "platform_date": say("widget", "The store moved the date."),
        "forecast": say("widget", "It left the store later than planned."),
        "not_shipped": say("widget", "It has not left the store yet."),
        "still_on_its_way": say("widget", "It is still on its way."),
        "no_scan": say("widget", "The carrier has not scanned it for some days."),
        "never_scanned": say("widget", "The carrier has not scanned it yet."),
    }.get(str(notice.facts.get("cause", "")) if notice else "", "")


def _choices(
    order: OrderView, words: Words, answer_url: Callable[[str, str], str] | None
) -> tuple[tuple[str, str], ...]:
    notice, say = _last_delay_notice(order), words.pgettext
    notice_id = str(notice.facts.get("notice", "")) if notice else ""
    if answer_url is None or not notice_id or not any(is_revised(parcel) for parcel in order.parcels):
        return ()
    labels = {
        "wait": say("widget", "Keep waiting for it"),
        "cancel": say("widget", "Ask to cancel"),
        "person": say("widget", "Talk to a person"),
    }
    if any(kinds.asks_to_cancel(event.kind, event.facts) for event in order.events):
        del labels["cancel"]
    return tuple((label, answer_url(notice_id, choice)) for choice, label in labels.items())


def _local_day(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()


def _card(parcel: ParcelView, words: Words, now: datetime, zone: ZoneInfo, today: date, why: str, title: str) -> Card:
    say = words.pgettext
    age = ""
    if parcel.last_scan_at and parcel.status != "delivered":
        age = say("widget", "Last scan %(ago)s", ago=words.ago(now - parcel.last_scan_at))
    return Card(
        title=title,
        tone=_tone(parcel),
        headline=headline(parcel, words, zone, today),
        promise=_promise(parcel, words, today),
        promise_broken=is_revised(parcel),
        window=_window(parcel, words, today),
        why=why if is_revised(parcel) and parcel.status != "delivered" else "",
        age=age,
        carrier=parcel.carrier,
        tracking_number=parcel.tracking_number,
        tracking_url=parcel.tracking_url,
        stations=_stations(parcel, words),
        items=tuple((_item(words, item.title, item.variant, item.quantity), item.image_url) for item in parcel.items),
        scans=tuple(
            (words.moment(scan.at, zone, today=today), *scan_words(words, scan.status, scan.text, scan.place))
            for scan in parcel.scans
        ),
    )


def _promise(parcel: ParcelView, words: Words, today: date) -> str:
    first, last = parcel.promised_from, parcel.promised_by
    if last is None or parcel.status == "delivered":
        return ""
    if first is None or first >= last:
        return words.pgettext("widget", "Promised by %(day)s", day=words.day(last, today=today))
    start, end = words.day_ends(first, last, today=today)
    return words.pgettext("widget", "Promised between %(first)s and %(last)s", first=start, last=end)


def _tone(parcel: ParcelView) -> str:
    if parcel.status == "delivered":
        return "ok"
    if is_revised(parcel):
        return "late"
    return "wait" if parcel.status in _TROUBLE else ""


def headline(parcel: ParcelView, words: Words, zone: ZoneInfo, today: date) -> str:
    """Say the newest fact about a parcel in one line; what is not known is not asserted."""
    say = words.pgettext
    if parcel.status == "delivered":
        if parcel.delivered_at is None:
            return say("widget", "Delivered")
        day = words.day(_local_day(parcel.delivered_at, zone), today=today)
        if parcel.delivered_source == "status":
            return say("widget", "Marked as delivered by the store, %(day)s", day=day)
        if parcel.delivered_source == "shopper":
            return say("widget", "Arrived, as you told us, %(day)s", day=day)
        return say("widget", "Delivered %(day)s", day=day)
    if view_of_status(parcel.status).outranks_date:
        return status_label(parcel.status, say)
    likely = parcel.expected_likely or parcel.expected_latest
    if likely and likely >= today:
        day = words.day(likely, today=today)
        return (
            say("widget", "Now expected %(day)s", day=day)
            if is_revised(parcel)
            else say("widget", "Arriving %(day)s", day=day)
        )
    return status_label(parcel.status, say, shipped=parcel.shipped_at is not None)


def summarize(order: OrderView, words: Words, now: datetime, timezone: str) -> str:
    """Say in a few words when an order was placed and how it stands; of several parcels, the one still on its way."""
    zone, say = ZoneInfo(timezone), words.pgettext
    today = now.astimezone(zone).date()
    waiting = [parcel for parcel in order.parcels if parcel.status != "delivered"] or order.parcels
    state = {
        "canceled": say("widget", "Canceled"),
        "refunded": say("widget", "Refunded"),
        "unpaid": say("widget", "Waiting for payment"),
    }.get(order.state) or (headline(waiting[0], words, zone, today) if waiting else say("widget", "Ordered"))
    placed = say("widget", "Placed %(day)s", day=words.day(_local_day(order.placed_at, zone), today=today))
    return f"{placed} · {state}"


def is_revised(parcel: ParcelView) -> bool:
    """Say whether the promise no longer holds: its day is over, or what is expected now lies behind it."""
    likely = parcel.expected_likely or parcel.expected_latest
    return parcel.late or bool(parcel.promised_by and likely and likely > parcel.promised_by)


def _window(parcel: ParcelView, words: Words, today: date) -> str:
    first, likely, last = parcel.expected_earliest, parcel.expected_likely, parcel.expected_latest
    if parcel.status == "delivered" or not (first and last) or last < today:
        return ""
    if first == last:
        return ""
    start, end = words.day_ends(first, last, today=today)
    if likely is None:
        return words.pgettext("widget", "Between %(first)s and %(last)s", first=start, last=end)
    return words.pgettext(
        "widget",
        "Between %(first)s and %(last)s, most likely %(likely)s",
        first=start,
        last=end,
        likely=words.day(likely, today=today),
    )


def _stations(parcel: ParcelView, words: Words) -> tuple[tuple[str, str], ...]:
    names = station_names(words.pgettext)
    state = ["done" if place < parcel.station else "now" if place == parcel.station else "ahead" for place in range(5)]
    return tuple((names[station], state[place]) for place, station in enumerate(STATIONS))


def _item(words: Words, title: str, variant: str, quantity: int) -> str:
    name = f"{title}, {variant}" if variant and variant not in title else title
    return name if quantity == 1 else f"{words.number(quantity)} × {name}"
