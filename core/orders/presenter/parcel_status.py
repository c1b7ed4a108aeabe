"""What each status of a parcel means on an order's page: its name, and how far along the way it is."""

from __future__ import annotations

from dataclasses import dataclass

from core.orders.kinds import Say, Wording
from core.platform.snapshots import TrackingStatus

STATIONS = ("ordered", "packed", "in_transit", "out_for_delivery", "delivered")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusView:
    """One status: `station` is the index in `STATIONS` of the last station reached."""

    station: int
    label: Wording
    label_once_shipped: Wording | None = None
    """Its name where the parcel is known to have left the store, if that is another."""
    outranks_date: bool = False
    """The headline says the status even where an expected day is known."""


STATUSES: dict[str, StatusView] = {
    TrackingStatus.PENDING: StatusView(station=0, label=lambda say: say("widget", "Not shipped yet")),
    TrackingStatus.INFO_RECEIVED: StatusView(
        station=1, label=lambda say: say("widget", "Label made, waiting for the carrier")
    ),
    # A parcel nobody tells us about is only "shipped".
    TrackingStatus.UNKNOWN: StatusView(
        station=1,
        label=lambda say: say("widget", "No news yet"),
        label_once_shipped=lambda say: say("widget", "Shipped"),
    ),
    TrackingStatus.IN_TRANSIT: StatusView(station=2, label=lambda say: say("widget", "On its way")),
    TrackingStatus.DELAYED: StatusView(station=2, label=lambda say: say("widget", "Delayed")),
    TrackingStatus.EXCEPTION: StatusView(
        station=2, label=lambda say: say("widget", "The carrier reports a problem"), outranks_date=True
    ),
    TrackingStatus.RETURNED_TO_SENDER: StatusView(
        station=2, label=lambda say: say("widget", "On its way back to the store"), outranks_date=True
    ),
    TrackingStatus.FAILED_ATTEMPT: StatusView(
        station=3, label=lambda say: say("widget", "The carrier came and could not deliver"), outranks_date=True
    ),
    TrackingStatus.OUT_FOR_DELIVERY: StatusView(
        station=3, label=lambda say: say("widget", "Out for delivery today"), outranks_date=True
    ),
    TrackingStatus.READY_FOR_PICKUP: StatusView(
        station=3, label=lambda say: say("widget", "Waiting for you at the pickup point"), outranks_date=True
    ),
    TrackingStatus.DELIVERED: StatusView(station=4, label=lambda say: say("widget", "Delivered")),
}


def view_of_status(status: str) -> StatusView:
    """Give what a stored status means; one that this version does not know counts as unknown."""
    return STATUSES.get(status) or STATUSES[TrackingStatus.UNKNOWN]


def status_label(status: str, say: Say, *, shipped: bool = False) -> str:
    """Name a status for the shopper."""
    view = view_of_status(status)
    return (view.label_once_shipped if shipped and view.label_once_shipped else view.label)(say)


def station_names(say: Say) -> dict[str, str]:
    """Name the stations of a parcel's way."""
    return {
        "ordered": say("widget", "Ordered"),
        "packed": say("widget", "Packed"),
        "in_transit": say("widget", "On its way"),
        "out_for_delivery": say("widget", "Out for delivery"),
        "delivered": say("widget", "Delivered"),
    }
