"""What a notice about a parcel's way says at the moment it leaves: a letter in the shopper's language."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from functools import partial
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.i18n.words import Words, negotiate
from core.jobs.queue import Kind, Work
from core.mail.layout import Written
from core.orders.links import order_url
from core.orders.messages.envelope import Envelope, domain_of, sender_of
from core.orders.messages.notice import Notice
from core.orders.messages.send_notice import Outgoing, notices_of_message, send
from core.orders.model import LineItem, Order, Shipment, TrackingEvent
from core.orders.presenter.carrier_words import scan_words
from core.services import Services
from core.shipping import notice_actions
from core.shipping.evaluate import terms_of
from core.shipping.mail.access_mail import send_code, send_links
from core.shipping.mail.letters import Letter, ParcelLine, write
from core.shipping.rules.business_days import local_day
from core.shipping.rules.notice_kinds import KINDS
from core.shipping.store_decisions import shown_window
from core.stores.model import Store
from core.stores.platform_access import store_by_id

_ANSWERS = ("wait", "cancel", "arrived", "not_yet", "person")
_OVER = ("canceled", "refunded")


def send_notice(work: Work) -> None:
    """Send one message about a parcel's way."""
    send(work, _prepare)


def _prepare(session: Session, services: Services, notice: Notice, now: datetime) -> Outgoing:
    store = store_by_id(session, notice.store_id)
    order = session.get(Order, (notice.store_id, notice.order_id))
    news = notices_of_message(session, notice)
    obsolete = {one.id: reason for one in news if (reason := _why_obsolete(session, store, order, one, now))}
    live = [one for one in news if one.id not in obsolete]
    if order is None or not live:
        return Outgoing(store, None, None, obsolete)
    letter = compose(session, services, store, order, live, now)
    message_id = f"<notice.{store.id:x}.{notice.id:x}@{domain_of(services)}>"
    language = negotiate(order.language, store.language)
    stop_url = notice_actions.url(services, notice, "stop", version=order.link_version)
    return Outgoing(
        store, letter, Envelope(order.email, order.id, notice.kind, message_id, language, stop_url), obsolete
    )


def _why_obsolete(session: Session, store: Store, order: Order | None, notice: Notice, now: datetime) -> str:
    """Say why news need not be told any more; empty when it should."""
    if order is None or order.gone_at is not None:
        return "gone"
    if store.state == "uninstalled":
        return "uninstalled"
    if order.stopped_at is not None:
        return "stopped"
    if not order.email:
        return "no_address"
    if order.state in _OVER:
        return "canceled"
    parcels = notice_actions.parcels_of(session, [notice])
    if KINDS[notice.kind].useless_after_arrival and parcels and all(_has_arrived(parcel) for parcel in parcels):
        return "arrived"
    if notice.kind == "not_shipped" and all(parcel.shipped_at is not None for parcel in parcels):
        return "shipped"
    if notice.kind == "shipped" and order.shipped_mailed and terms_of(store).native_mails.get("shipped"):
        return "native"
    zone = terms_of(store).timezone
    if notice.kind == "out_for_delivery" and local_day(now, zone) > local_day(notice.send_at, zone):
        return "stale"  # it says "today"
    return ""


def _has_arrived(parcel: Shipment) -> bool:
    return parcel.delivered_at is not None or parcel.answer == "arrived"


def compose(
    session: Session, services: Services, store: Store, order: Order, news: Sequence[Notice], now: datetime
) -> Written:
    """Write the letter of one message's news as it would go now: what staff preview is what the shopper gets."""
    sender, zone = sender_of(services, store), ZoneInfo(terms_of(store).timezone)
    language = negotiate(order.language, store.language)
    # Of several parcels the slowest one's dates are told: then the order is complete.
    notice = max(news, key=lambda one: one.expected_by or date.min)
    shipments = notice_actions.parcels_of(session, news)
    first = max(shipments, key=lambda one: one.expected_latest or date.min, default=None)
    scan = _last_scan(session, first) if first else None
    earliest, likely, latest = _expected_window(first, notice)
    has_asked = notice_actions.has_asked_to_cancel(session, order.id)
    answer_url = partial(notice_actions.url, services, news[0], version=order.link_version)
    facts = Letter(
        today=now.astimezone(zone).date(),
        store_name=sender.name,
        store_url=store.url,
        store_address=sender.postal,
        support_email=sender.support,
        order_number=order.number,
        shopper_name=order.name,
        promised_from=_promised_from(shipments, notice),
        promised_by=notice.promised_by,
        expected_earliest=earliest,
        expected_likely=likely,
        expected_latest=latest,
        expected_by=notice.expected_by,
        reason=_letter_reason(notice, first),
        carrier=(first.carrier_name or first.carrier) if first else "",
        tracking_number=first.tracking_number if first else "",
        tracking_url=first.tracking_url if first else "",
        parcels=_parcel_lines(session, order, shipments),
        last_scan_at=scan.at.astimezone(zone) if scan else None,
        last_scan_text=", ".join(filter(None, scan_words(Words(language), scan.status, scan.text))) if scan else "",
        track_url=order_url(services, store, order),
        answer_urls={answer: answer_url(answer) for answer in _ANSWERS if answer != "cancel" or not has_asked},
        stop_url=answer_url("stop"),
        legal_lines=sender.legal,
    )
    return write(notice.kind, facts, language)


def _expected_window(shipment: Shipment | None, notice: Notice) -> tuple[date | None, date | None, date | None]:
    if shipment is None:
        return None, None, None
    earliest, likely, latest = shipment.expected_earliest, shipment.expected_likely, shipment.expected_latest
    if notice.kind != "delay" or earliest is None or likely is None or latest is None:
        return earliest, likely, latest
    return shown_window((earliest, likely, latest), notice.promised_by, notice.expected_by) or (None, None, None)


def _promised_from(shipments: Sequence[Shipment], notice: Notice) -> date | None:
    """Give the first day of the promise that the notice speaks of."""
    told = (one for one in shipments if one.id == notice.shipment_id and one.promised_by == notice.promised_by)
    return next((one.promised_from for one in told), None)


_REASONS = {
    "forecast": "shipped_late",
    "carrier_estimate": "carrier_revised",
    "carrier_delay": "carrier_revised",
    "platform_date": "carrier_revised",
    "not_shipped": "not_shipped",
    "no_scan": "no_scan",
    "never_scanned": "never_scanned",
    "exception": "exception",
}


def _letter_reason(notice: Notice, shipment: Shipment | None) -> str:
    reason = _REASONS.get(notice.cause, "")
    shipped = shipment is not None and shipment.shipped_at is not None
    if reason == "shipped_late" and not shipped:
        return "not_shipped"
    # Packed since it was written: that it has not left would be wrong now.
    return "shipped_late" if reason == "not_shipped" and shipped else reason


def _last_scan(session: Session, shipment: Shipment) -> TrackingEvent | None:
    scans = sa.select(TrackingEvent).where(TrackingEvent.shipment_id == shipment.id)
    return session.scalar(scans.order_by(TrackingEvent.at.desc()).limit(1))


def _parcel_lines(session: Session, order: Order, shipments: Sequence[Shipment]) -> tuple[ParcelLine, ...]:
    lines = session.scalars(sa.select(LineItem).where(LineItem.order_id == order.id))
    titles = {
        line.ref: (f"{line.title}, {line.variant}" if line.variant else line.title, line.image_url) for line in lines
    }
    return tuple(
        ParcelLine(
            items=tuple(
                (titles[ref][0], quantity, titles[ref][1]) for ref, quantity in shipment.items.items() if ref in titles
            ),
            carrier=shipment.carrier_name or shipment.carrier,
            tracking_number=shipment.tracking_number,
        )
        for shipment in shipments
    )


JOBS = {
    "shipping.send_notice": Kind(send_notice, attempts=12),
    "shipping.send_links": Kind(send_links, attempts=300, longest_pause=300),  # a day
    "shipping.send_code": Kind(send_code, attempts=60, longest_pause=15),  # longer than a code is valid
}
