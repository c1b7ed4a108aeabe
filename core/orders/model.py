"""Order, LineItem, Shipment, TrackingEvent, OrderEvent: what the store said, and what we told."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, Owned
from core.money import OrderRate


def _newest_where(name: str, condition: str) -> sa.Index:
    """Index the few orders that a filter of the desk leaves, newest first."""
    where = sa.text(condition)
    return sa.Index(name, "store_id", "placed_at", "id", sqlite_where=where, postgresql_where=where)


class Order(Owned, Base):
    """An order as its store last said it."""

    __tablename__ = "orders"

    ref: Mapped[str]
    number: Mapped[str]
    number_key: Mapped[str]
    """The number as `find.number_key` reduces it: what a shopper's typing is compared with."""
    state: Mapped[str]
    status: Mapped[str]
    status_at: Mapped[datetime | None]
    status_seen_at: Mapped[datetime]
    """The store's own time of the change in which we first saw this status, for platforms that do not date it."""
    currency: Mapped[str]
    total: Mapped[int] = mapped_column(default=0)
    store_currency: Mapped[str] = mapped_column(default="", server_default="")
    store_total: Mapped[int | None]
    """The same total in the store's own currency; "" and None where it was paid in that, or nobody said."""
    tax_included: Mapped[bool] = mapped_column(default=False)
    email: Mapped[str] = mapped_column(default="")
    email_key: Mapped[str] = mapped_column(default="")
    phone: Mapped[str] = mapped_column(default="")
    name: Mapped[str] = mapped_column(default="")
    shopper_ref: Mapped[str] = mapped_column(default="")
    language: Mapped[str] = mapped_column(default="")
    country: Mapped[str] = mapped_column(default="")
    postcode: Mapped[str] = mapped_column(default="")
    shipping_method: Mapped[str] = mapped_column(default="")
    pickup: Mapped[bool] = mapped_column(default=False)
    placed_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]
    canceled_at: Mapped[datetime | None]
    gone_at: Mapped[datetime | None]
    shipped_mailed: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    """Whether the platform itself mailed the shopper that it has left."""
    platform_promised_from: Mapped[date | None]
    platform_promised_by: Mapped[date | None]
    holds: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    """[{ref, reason, raw_reason, note, items}]: why the store does not send it, as `HoldSnapshot`."""
    payments: Mapped[list[Any]] = mapped_column(default=list)
    refunds: Mapped[list[Any]] = mapped_column(default=list)
    admin_url: Mapped[str] = mapped_column(default="")
    updated_at: Mapped[datetime]
    """The store's own time of its last change."""
    fetched_at: Mapped[datetime]
    """When we asked; of two answers with one `updated_at` the later fetched wins."""
    digest: Mapped[str]
    late: Mapped[bool] = mapped_column(default=False)
    refunded: Mapped[bool] = mapped_column(default=False)
    return_open: Mapped[bool] = mapped_column(default=False)
    stopped_at: Mapped[datetime | None]
    """When the shopper stopped messages about this order."""
    link_version: Mapped[int] = mapped_column(sa.Integer, default=1)
    """Raised to revoke every tracking link mailed so far."""
    erased_at: Mapped[datetime | None]
    """When the shopper's data had to go; what the store says later is stored without it."""
    seen_at: Mapped[datetime]

    __table_args__ = (
        sa.UniqueConstraint("store_id", "ref"),
        sa.Index(None, "store_id", "number_key"),
        sa.Index(None, "store_id", "email_key"),
        sa.Index(None, "store_id", "shopper_ref"),
        sa.Index(None, "store_id", "placed_at", "id"),
        sa.Index(None, "store_id", "updated_at", "id"),
        _newest_where("ix_orders_held", "holds <> '[]'"),
        _newest_where("ix_orders_return_open", "return_open"),
        _newest_where("ix_orders_stopped", "stopped_at is not null"),
    )

    @property
    def rate(self) -> OrderRate:
        """The exchange rate between the shopper's currency and the store's that the order itself carries."""
        return OrderRate(self.currency, self.total, self.store_currency, self.store_total)


class LineItem(Owned, Base):
    """One line of an order."""

    __tablename__ = "line_items"

    order_id: Mapped[int]
    ref: Mapped[str]
    place: Mapped[int] = mapped_column(sa.Integer)
    kind: Mapped[str]
    title: Mapped[str]
    variant: Mapped[str] = mapped_column(default="")
    variant_ref: Mapped[str] = mapped_column(default="", server_default="")
    sku: Mapped[str] = mapped_column(default="")
    product_ref: Mapped[str] = mapped_column(default="")
    image_url: Mapped[str] = mapped_column(default="")
    tags: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    quantity: Mapped[int] = mapped_column(sa.Integer)
    removed: Mapped[int] = mapped_column(sa.Integer, default=0)
    total: Mapped[int] = mapped_column(default=0)
    tax: Mapped[int] = mapped_column(default=0)
    discount: Mapped[int] = mapped_column(default=0)
    taxes: Mapped[list[Any]] = mapped_column(default=list)

    __table_args__ = (sa.UniqueConstraint("store_id", "order_id", "ref"),)


class Shipment(Owned, Base):
    """One parcel; `ref` "rest" stands for what has not been shipped yet, "status" for what only a status tells."""

    __tablename__ = "shipments"

    order_id: Mapped[int]
    ref: Mapped[str]
    status: Mapped[str]
    raw_status: Mapped[str] = mapped_column(default="")
    status_seen_at: Mapped[datetime]
    """When we saw it take this status, for platforms whose statuses have no date."""
    carrier: Mapped[str] = mapped_column(default="")
    """As the store wrote it."""
    carrier_name: Mapped[str] = mapped_column(default="")
    """As its tracking number and the store's word together say; for people."""
    service: Mapped[str] = mapped_column(default="")
    tracking_number: Mapped[str] = mapped_column(default="")
    tracking_url: Mapped[str] = mapped_column(default="")
    items: Mapped[dict[str, Any]] = mapped_column(default=dict)
    digital: Mapped[bool] = mapped_column(default=False)
    on_hold: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    """It has not left, and holds of the store cover every unit in it."""
    may_hide_rest: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    """Nobody named its content, and a part of the order may not have left with it."""
    shipped_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    delivered_source: Mapped[str] = mapped_column(default="")
    """carrier, platform, status, adapter or shopper."""
    estimated_by: Mapped[date | None]
    first_scan_at: Mapped[datetime | None]
    last_scan_at: Mapped[datetime | None]
    last_scan_status: Mapped[str] = mapped_column(default="")
    promised_from: Mapped[date | None]
    """The first day of the promise, where a range was promised; late is what comes after `promised_by`."""
    promised_by: Mapped[date | None]
    promise_source: Mapped[str] = mapped_column(default="")
    expected_earliest: Mapped[date | None]
    expected_likely: Mapped[date | None]
    expected_latest: Mapped[date | None]
    expected_source: Mapped[str] = mapped_column(default="")
    late: Mapped[bool] = mapped_column(default=False)
    answer: Mapped[str] = mapped_column(default="")
    """What the shopper tapped: arrived, not_yet, wait, cancel or person."""
    answered_at: Mapped[datetime | None]
    check_after: Mapped[datetime | None]
    """The moment at which time alone may change what we know; the sweep reads this index only."""
    seen_at: Mapped[datetime]

    __table_args__ = (
        sa.UniqueConstraint("store_id", "order_id", "ref"),
        sa.Index(
            "ix_shipments_check_after",
            "check_after",
            "store_id",
            "id",
            sqlite_where=sa.text("check_after is not null"),
            postgresql_where=sa.text("check_after is not null"),
        ),
        sa.Index(
            "ix_shipments_late",
            "store_id",
            "order_id",
            sqlite_where=sa.text("late = 1 and delivered_at is null"),
            postgresql_where=sa.text("late and delivered_at is null"),
        ),
        sa.Index(
            "ix_shipments_at_risk",
            "store_id",
            "order_id",
            sqlite_where=sa.text("expected_likely > promised_by and late is 0 and delivered_at is null"),
            postgresql_where=sa.text("expected_likely > promised_by and late is false and delivered_at is null"),
        ),
    )


class TrackingEvent(Owned, Base):
    """One scan of a parcel."""

    __tablename__ = "tracking_events"

    order_id: Mapped[int]
    shipment_id: Mapped[int]
    at: Mapped[datetime]
    status: Mapped[str]
    raw: Mapped[str] = mapped_column(default="")
    text: Mapped[str] = mapped_column(default="")
    place: Mapped[str] = mapped_column(default="")

    __table_args__ = (
        sa.UniqueConstraint("store_id", "shipment_id", "at", "status", "raw"),
        sa.Index(None, "store_id", "order_id"),
    )


class OrderEvent(Owned, Base):
    """One line of an order's timeline that no column holds: what was told, promised, asked, answered."""

    __tablename__ = "order_events"

    order_id: Mapped[int]
    at: Mapped[datetime]
    kind: Mapped[str]
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)

    __table_args__ = (sa.Index(None, "store_id", "order_id", "at"),)
