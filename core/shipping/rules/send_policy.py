"""Keep an order's messages few and well timed: merge, space, respect quiet hours, and say why one is not sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from core.shipping.rules.business_days import next_open
from core.shipping.rules.facts import Due
from core.shipping.rules.parcel import PastNotice
from core.shipping.rules.terms import Mode, Terms

Suppression = Literal["stopped", "budget", "native", "stale", "nothing_new", "off"]
_MODES_BY_CAUTION: tuple[Mode, ...] = ("off", "watch", "draft", "send")


@dataclass(frozen=True, slots=True)
class SendDecision:
    """One message of an order: the news it carries, and when it goes or why it does not."""

    due: tuple[Due, ...]
    send_at: datetime | None
    suppressed: Suppression | None = None

    @property
    def kind(self) -> str:
        """What the message is."""
        return self.due[0].kind

    @property
    def mode(self) -> Mode:
        """Whether it is sent, drafted or only watched: the most cautious switch of the news in it."""
        if len(self.due) == 1:
            return self.due[0].mode
        return min((news.mode for news in self.due), key=_MODES_BY_CAUTION.index)


def apply_send_policy(
    due: Sequence[Due],
    past_notices: Sequence[PastNotice],
    terms: Terms,
    now: datetime,
    zone: str,
    stopped: bool = False,
) -> list[SendDecision]:
    """Say when each message that is due for one order goes out, or why not; the most urgent first.

    Each `Due` is in exactly one verdict.

    `past_notices` are those of that order, `zone` is the shopper's, `stopped` whether the shopper stopped messages.
    News of one kind becomes one message. A message whose day would be over by the time it may go goes at once;
    one that would only be old by then is stale. What is merely watched or drafted spends no budget.
    """
    verdicts, open_news = [], []
    for news in due:
        reason = _reason_against(news, past_notices, terms, now, stopped)
        if reason:
            verdicts.append(SendDecision((news,), None, reason))
        else:
            open_news.append(news)
    sent_at = sorted({(one.at, one.kind) for one in past_notices if one.sent})
    left = terms.budget - len(sent_at)
    last_at = sent_at[-1][0] if sent_at else None
    judged = []
    for message in _merge(open_news):
        send_at = _send_at(message, last_at, terms, now, zone)
        verdict = SendDecision(message, send_at, "stale" if send_at is None else None)
        if send_at is not None and verdict.mode == "send":
            if left <= 0:
                verdict = SendDecision(message, None, "budget")
            else:
                left, last_at = left - 1, max(send_at, last_at or send_at)
        judged.append(verdict)
    return judged + verdicts


def _reason_against(
    news: Due, past_notices: Sequence[PastNotice], terms: Terms, now: datetime, stopped: bool
) -> Suppression | None:
    if news.mode == "off":
        return "off"
    if stopped:
        return "stopped"
    if news.platform_mailed and terms.native_mails.get(news.kind):
        return "native"
    if _is_known(news, past_notices):
        return "nothing_new"
    over = [limit for limit in (news.before, news.until) if limit is not None]
    return "stale" if over and now >= min(over) else None


def _is_known(news: Due, past_notices: Iterable[PastNotice]) -> bool:
    """Say whether the shopper knows it: the same occasion, or a date no later than one they were told."""
    mine = f"{news.shipment_id}:"
    for one in past_notices:
        if (one.rule, one.occasion) == (news.rule, news.occasion):
            return True
        if one.kind == news.kind == "delay" and one.occasion.startswith(mine):
            dates = (news.expected_by, one.expected_by)
            if dates[0] is not None and dates[1] is not None and dates[0] <= dates[1]:
                return True
    return False


def _merge(due: Sequence[Due]) -> list[tuple[Due, ...]]:
    messages: dict[tuple[str, Mode], list[Due]] = {}
    for news in due:
        messages.setdefault((news.kind, news.mode), []).append(news)
    merged = [tuple(sorted(news, key=lambda one: one.shipment_id)) for news in messages.values()]
    return sorted(merged, key=lambda message: -max(news.urgency for news in message))


def _send_at(
    message: tuple[Due, ...], last_at: datetime | None, terms: Terms, now: datetime, zone: str
) -> datetime | None:
    """When the message may go; None when nobody would need it then."""
    rested_at = now if last_at is None else max(now, last_at + timedelta(hours=terms.gap_hours))
    send_at = next_open(rested_at, terms.quiet_from, terms.quiet_until, zone)
    before = min((news.before for news in message if news.before is not None), default=None)
    if before is not None and send_at >= before:
        return now
    # Merged news is old when all of it is.
    until = [news.until for news in message]
    if all(limit is not None and send_at >= limit for limit in until):
        return None
    return send_at
