"""What a carrier wrote at a scan: in the shopper's language where we know the phrase, else marked as its own."""

from __future__ import annotations

import re

from core.i18n.words import Words
from core.orders.kinds import Wording
from core.orders.presenter.parcel_status import status_label
from core.platform.snapshots import TrackingStatus

# Common phrases of carriers, in lower case without punctuation.
_PHRASES: dict[str, Wording] = {
    "label made": lambda say: say("widget", "Label made"),
    "label created": lambda say: say("widget", "Label made"),
    "shipment information received": lambda say: say("widget", "Label made"),
    "accepted at the depot": lambda say: say("widget", "Accepted at the depot"),
    "accepted": lambda say: say("widget", "Accepted by the carrier"),
    "picked up": lambda say: say("widget", "Accepted by the carrier"),
    "arrived at the depot": lambda say: say("widget", "Arrived at a depot"),
    "arrived at facility": lambda say: say("widget", "Arrived at a depot"),
    "departed facility": lambda say: say("widget", "Left a depot"),
    "left the depot": lambda say: say("widget", "Left a depot"),
    "in transit": lambda say: say("widget", "On its way"),
    "on its way": lambda say: say("widget", "On its way"),
    "held at customs": lambda say: say("widget", "Held at customs"),
    "customs cleared": lambda say: say("widget", "Cleared by customs"),
    "held at the sorting center": lambda say: say("widget", "Held at the sorting center"),
    "out for delivery": lambda say: say("widget", "Out for delivery"),
    "delivery attempted": lambda say: say("widget", "The carrier came and could not deliver"),
    "available for pickup": lambda say: say("widget", "Waiting for you at the pickup point"),
    "delivered": lambda say: say("widget", "Delivered"),
}


def scan_words(words: Words, status: str, text: str, place: str = "") -> tuple[str, str]:
    """Give a scan in the reader's language with its place, and the carrier's own words marked as such.

    The second is "" where the first says it all; the first is "" where nothing but the carrier's words is known.
    """
    known = _PHRASES.get(re.sub(r"[\W_]+", " ", text).strip().casefold())
    if known:
        what, own = known(words.pgettext), ""
    elif text and status == TrackingStatus.UNKNOWN:
        what, own = "", text
    else:
        what, own = status_label(status, words.pgettext, shipped=True), text
    quoted = "\u2068" + own + "\u2069"  # isolated: the carrier's language may run the other way
    marked = words.pgettext("widget", "In the carrier's words: %(text)s", text=quoted) if own else ""
    return ", ".join(filter(None, (what, place))), marked
