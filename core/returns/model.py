"""Return, ReturnItem, Withdrawal, Reimbursement: what was asked, what was decided, what was paid. The policy, in
versions, and the photos that came along. How states change is in `states.py`."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, Owned
from core.returns.native_columns import DeclaredColumns, NativeColumns
from core.returns.states import Standing


class Return(NativeColumns, Owned, Base):
    """Something that is to come back, or (kind "cancel") an order that is not to leave. Three axes, one status."""

    __tablename__ = "returns"

    order_id: Mapped[int]
    rma: Mapped[str]
    """What people call it: RMA-1042."""
    kind: Mapped[str] = mapped_column(default="return")
    """return, warranty or cancel."""
    acceptance: Mapped[str] = mapped_column(default="requested")
    reception: Mapped[str] = mapped_column(default="awaited")
    reimbursement: Mapped[str] = mapped_column(default="none")
    status: Mapped[str] = mapped_column(default="requested")
    """The three axes in one word, for lists."""
    answer: Mapped[str]
    """What the policy said: accept, review or decline."""
    objections: Mapped[list[Any]] = mapped_column(default=list)
    """[{line, code, values, offer, offered}]: the policy's reasons against, each with the next best thing."""
    rules: Mapped[list[Any]] = mapped_column(default=list)
    """[[name, answer]]: the policy's rules that fitted, in order; the first decided, the others it overruled."""
    policy_version: Mapped[int] = mapped_column(sa.Integer, default=0)
    refund_when: Mapped[str] = mapped_column(default="inspection")
    label_paid_by: Mapped[str] = mapped_column(default="store")
    fees: Mapped[list[Any]] = mapped_column(default=list)
    """[{what, amount}] in minor units."""
    shipping: Mapped[int] = mapped_column(default=0)
    """How much of what was paid for shipping goes back too; staff say so with a reason."""
    quoted: Mapped[int] = mapped_column(default=0)
    """What the shopper was told it brings."""
    currency: Mapped[str]
    gift: Mapped[bool] = mapped_column(default=False)
    comment: Mapped[str] = mapped_column(default="")
    digest: Mapped[str] = mapped_column(default="")
    """Of what was asked for: the same request twice within a moment is one."""
    opened_by: Mapped[str]
    opened_at: Mapped[datetime]
    answer_by: Mapped[datetime | None]
    """When we said a person would decide."""
    decided_by: Mapped[str] = mapped_column(default="")
    decided_ref: Mapped[str] = mapped_column(default="", server_default="")
    """The person who decided, by the platform's id; "" for the policy and the law, and before 2026-12."""
    decided_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(default="")
    """What staff told the shopper with the decision."""
    reasons: Mapped[list[Any]] = mapped_column(default=list)
    """[{entry, text}]: why staff did what the audit entry with this id tells of; for staff alone."""
    approval_asked_by: Mapped[str] = mapped_column(default="")
    """Who wanted to approve more than their role may."""
    return_by: Mapped[date | None]
    carrier: Mapped[str] = mapped_column(default="")
    tracking_number: Mapped[str] = mapped_column(default="")
    label_url: Mapped[str] = mapped_column(default="")
    sent_at: Mapped[datetime | None]
    received_at: Mapped[datetime | None]
    inspected_at: Mapped[datetime | None]
    refund_by: Mapped[date | None]
    """When we said the money would be on its way."""
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        sa.UniqueConstraint("store_id", "rma"),
        sa.Index(None, "store_id", "order_id"),
        sa.Index(None, "store_id", "status", "opened_at"),
        sa.Index(None, "store_id", "native_ref"),
        sa.Index(None, "store_id", "opened_at", "id"),
    )

    @property
    def standing(self) -> Standing:
        """Where it stands on its three axes."""
        return Standing(self.acceptance, self.reception, self.reimbursement)


class ReturnItem(Owned, Base):
    """One line of a return."""

    __tablename__ = "return_items"

    return_id: Mapped[int]
    order_id: Mapped[int]
    line_ref: Mapped[str]
    title: Mapped[str]
    quantity: Mapped[int] = mapped_column(sa.Integer)
    accepted: Mapped[int | None] = mapped_column(sa.Integer)
    """How many passed the inspection; None before it."""
    reason: Mapped[str]
    wish: Mapped[str]
    answers: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Follow-up question's key → what the shopper answered."""
    exchange_for: Mapped[str] = mapped_column(default="")
    """What is wanted instead: a variant's ref, or the shopper's own words."""
    exchange_title: Mapped[str] = mapped_column(default="")
    """The chosen variant by its full name; "" where none was chosen."""
    exchange_price: Mapped[int | None]
    """What one of it costs, taxes included, as the shopper was told; None where no price was."""
    missing: Mapped[int] = mapped_column(sa.Integer, default=0, server_default="0")
    """How many did not come at all, as inspected."""
    grade: Mapped[str] = mapped_column(default="")
    """new, used, damaged or "" as inspected."""
    restock: Mapped[bool | None]
    note: Mapped[str] = mapped_column(default="")
    """Why it was not accepted, in staff's words to the shopper."""

    __table_args__ = (sa.Index(None, "store_id", "return_id"), sa.Index(None, "store_id", "order_id"))


class Withdrawal(DeclaredColumns, Owned, Base):
    """A legal withdrawal from the contract, whole or in part. No reason, no policy; a receipt at once."""

    __tablename__ = "withdrawals"

    order_id: Mapped[int]
    number: Mapped[str]
    state: Mapped[str] = mapped_column(default="started")
    lines: Mapped[list[Any]] = mapped_column(default=list)
    """[{ref, title, quantity, exemption, schema_number}]; `withdrawal_law.line_exemption` reads the letter of Art. 16
    that the store claims."""
    whole: Mapped[bool] = mapped_column(default=False)
    """Whether it covers everything that was left, so that delivery cost goes back too (Art. 13(2))."""
    name: Mapped[str] = mapped_column(default="")
    late: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    """Declared after its period by our reckoning: a person decides whether it holds."""
    receipt_to: Mapped[str] = mapped_column(default="", server_default="")
    """Another address for the receipt; the order's own gets it in any case."""
    receipt_key: Mapped[str] = mapped_column(default="", server_default="")
    country: Mapped[str]
    currency: Mapped[str]
    period_ends: Mapped[date | None]
    started_at: Mapped[datetime]
    declared_at: Mapped[datetime | None]
    receipt: Mapped[str] = mapped_column(default="")
    """The very text that was confirmed, as mailed."""
    receipt_hash: Mapped[str] = mapped_column(default="")
    """SHA-256 of the receipt's UTF-8 bytes, hexadecimal."""
    acknowledged_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(default="")
    """What staff said when contesting or refusing."""
    reasons: Mapped[list[Any]] = mapped_column(default=list)
    """[{entry, text}]: why staff did what the audit entry with this id tells of; for staff alone."""
    sent_at: Mapped[datetime | None]
    """When proof was given that the goods were sent: the money may not be withheld any longer (Art. 13(3))."""
    sent_proof: Mapped[str] = mapped_column(default="", server_default="")
    goods_back_at: Mapped[datetime | None]
    nothing_to_send: Mapped[bool] = mapped_column(default=False)
    delivery_cost: Mapped[int | None]
    """How much of the delivery cost comes back, as staff said; None: as `refund_terms` works it out."""
    lost_value: Mapped[int] = mapped_column(default=0, server_default="0")
    """What the goods lost by more handling than testing needs (Art. 14(2)): kept from the refund."""
    lost_value_reason: Mapped[str] = mapped_column(default="", server_default="")
    """Why, in staff's words to the shopper."""
    send_back_by: Mapped[date | None]
    refund_due: Mapped[date | None]
    """The legal last day for the money; None while the law lets the store wait for the goods."""
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        sa.UniqueConstraint("store_id", "number"),
        sa.Index(None, "store_id", "order_id"),
        sa.Index(None, "store_id", "state", "declared_at"),
        sa.Index(None, "store_id", "declared_at", "id"),
        sa.Index(None, "store_id", "receipt_hash"),
    )

    @property
    def may_withhold(self) -> bool:
        """Whether the money may be kept back for now: goods are to come, and neither they nor proof are here."""
        return not (self.nothing_to_send or self.goods_back_at or self.sent_at)


class Reimbursement(Owned, Base):
    """Something of worth on its way to the shopper. The row comes first, then the job; it is unique by its intent."""

    __tablename__ = "reimbursements"

    order_id: Mapped[int]
    return_id: Mapped[int | None]
    withdrawal_id: Mapped[int | None]
    intent: Mapped[str]
    """What it is for, once for ever: "return:<id>:refund"."""
    key: Mapped[str]
    """What the platform keeps with it, so that asking twice is asking once."""
    kind: Mapped[str]
    """refund, store_credit, exchange or repair."""
    state: Mapped[str] = mapped_column(default="pending")
    """pending, issued, failed, dropped, needs_staff (a person must pay) or awaiting_payment (the shopper must)."""
    amount: Mapped[int]
    currency: Mapped[str]
    lines: Mapped[list[Any]] = mapped_column(default=list)
    """[{ref, quantity, net, taxes}]: what the units are worth, before fees."""
    payout: Mapped[list[Any]] = mapped_column(default=list)
    """The same lines as they are paid out."""
    balance: Mapped[str] = mapped_column(default="")
    """gift_card, store_credit or points where a refund goes back to such a balance; "" where it is money."""
    payments: Mapped[list[Any]] = mapped_column(default=list)
    """[[payment ref, amount]] in the order in which the money flows."""
    explanation: Mapped[list[Any]] = mapped_column(default=list)
    """[{what, amount, ref, note}]; adds up to the amount."""
    exchange: Mapped[list[Any]] = mapped_column(default=list)
    """[{line, variant, quantity, title, price}] that go out in an exchange; `price` for all of them, null: unknown."""
    reason: Mapped[str] = mapped_column(default="")
    restock: Mapped[list[Any]] = mapped_column(default=list)
    """Line refs that go back on sale."""
    tries: Mapped[int] = mapped_column(sa.Integer, default=0)
    asked_at: Mapped[datetime | None]
    """When the platform was first asked; from then on it is looked for before it is asked again."""
    platform_ref: Mapped[str] = mapped_column(default="")
    paid: Mapped[int | None]
    """What the platform says it paid, read back; None until then."""
    sentence: Mapped[str] = mapped_column(default="")
    """The platform's own words where it refused or needs a person."""
    obstacle: Mapped[str] = mapped_column(default="", server_default="")
    """Why the platform was not asked: no_feature, or not_recorded (it cannot note a refund); "" where it was."""
    credit: Mapped[str] = mapped_column(default="", server_default="")
    """How a store credit is spent: code or account; "" for others, and before 2026-12."""
    booked: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    """[{ref, quantity, net, taxes}] as the platform booked them, where it reckons otherwise than was asked."""
    reasons: Mapped[list[Any]] = mapped_column(default=list)
    """[{entry, text}]: why staff did what the audit entry with this id tells of; for staff alone."""
    link: Mapped[str] = mapped_column(default="")
    due: Mapped[date | None]
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    issued_at: Mapped[datetime | None]

    __table_args__ = (
        sa.UniqueConstraint("store_id", "intent"),
        sa.UniqueConstraint("store_id", "key"),
        sa.Index(None, "store_id", "order_id"),
        sa.Index(None, "store_id", "state", "created_at"),
    )


class ReturnPhoto(Owned, Base):
    """A photo, re-encoded by us: the shopper's of a thing to come back, or staff's of what came back.

    With neither return nor withdrawal it is forgotten after a day.
    """

    __tablename__ = "return_photos"

    order_id: Mapped[int]
    return_id: Mapped[int | None]
    withdrawal_id: Mapped[int | None]
    content: Mapped[bytes]
    mime: Mapped[str]
    width: Mapped[int] = mapped_column(sa.Integer)
    height: Mapped[int] = mapped_column(sa.Integer)
    digest: Mapped[str]
    added_at: Mapped[datetime]

    __table_args__ = (
        sa.UniqueConstraint("store_id", "order_id", "digest"),
        sa.Index(None, "store_id", "return_id"),
        sa.Index(
            None, "added_at", sqlite_where=sa.text("return_id is null"), postgresql_where=sa.text("return_id is null")
        ),
    )


class PolicyVersion(Owned, Base):
    """A return policy as it was saved; the highest version holds."""

    __tablename__ = "return_policies"

    version: Mapped[int] = mapped_column(sa.Integer)
    document: Mapped[dict[str, Any]]
    """{"policy": the policy's JSON as text}."""
    saved_by: Mapped[str]
    saved_at: Mapped[datetime]

    __table_args__ = (sa.UniqueConstraint("store_id", "version"),)


class Counter(Owned, Base):
    """The last number given to a store's returns or withdrawals."""

    __tablename__ = "counters"

    name: Mapped[str]
    last: Mapped[int]

    __table_args__ = (sa.UniqueConstraint("store_id", "name"),)
