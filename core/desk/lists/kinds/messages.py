"""The list of messages: what was or would be said to shoppers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.desk.labels import name_in
from core.desk.lists.definition import (
    Code,
    Column,
    Filter,
    ListKind,
    Moment,
    newest_first,
    oldest_first,
    one_of,
)
from core.i18n.words import Words
from core.orders.kinds import notice_kinds
from core.orders.messages.notice import Notice
from core.orders.model import Order

STATES = ("draft", "watched", "queued", "sent", "suppressed", "bounced", "discarded")


@dataclass(frozen=True, slots=True)
class MessageLine:
    """A message with its order."""

    notice: Notice
    order: Order

    @property
    def id(self) -> int:
        """The notice's id."""
        return self.notice.id


def _prepare(_session: Session, rows: Sequence[Any], _at: Moment) -> list[MessageLine]:
    return [MessageLine(row.Notice, row.Order) for row in rows]


def _states(words: Words) -> list[tuple[str, str]]:
    return [("", words.pgettext("desk", "All")), *((state, name_in(state, words.language)) for state in STATES)]


def _read_kind(typed: str) -> str:
    return typed if typed in notice_kinds() else ""


LIST = ListKind(
    name="messages",
    endpoint="desk.list_notices",
    title=lambda say: say("desk", "Notices"),
    model=Notice,
    query=lambda: (
        sa.select(Notice, Order)
        .join(Order, sa.and_(Order.store_id == Notice.store_id, Order.id == Notice.order_id))
        .where(Notice.merged_into.is_(None))  # news merged into another's message is no message of its own
    ),
    prepare=_prepare,
    usual_sort=lambda _filters: "newest",
    counted="state",
    filters=(
        Filter(
            name="state",
            label=lambda say: say("desk", "State"),
            kind="tabs",
            read=one_of(*STATES),
            options=_states,
            condition=lambda value, _at: Notice.state == value,
        ),
        Filter(
            name="kind",
            label=lambda say: say("desk", "Message"),
            kind="choice",
            read=_read_kind,
            options=lambda words: [(kind, name_in(kind, words.language)) for kind in notice_kinds()],
            condition=lambda value, _at: Notice.kind == value,
        ),
    ),
    sorts=(
        newest_first(Notice.created_at),
        oldest_first(Notice.created_at),
    ),
    columns=(
        Column(name="message", label=lambda say: say("desk", "Message"), value=lambda line: Code(line.notice.kind)),
        Column(name="order", label=lambda say: say("desk", "Order"), value=lambda line: line.order.number),
        Column(name="state", label=lambda say: say("desk", "State"), value=lambda line: Code(line.notice.state)),
        Column(name="promised", label=lambda say: say("desk", "Promised"), value=lambda line: line.notice.promised_by),
        Column(name="expected", label=lambda say: say("desk", "Expected"), value=lambda line: line.notice.expected_by),
        Column(
            name="when",
            label=lambda say: say("desk", "When"),
            value=lambda line: line.notice.sent_at or line.notice.created_at,
        ),
    ),
)
