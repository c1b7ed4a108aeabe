"""The payment gateway behind a store: how slow it is, what it refuses, where PHP dies, and what it really paid."""

import time
from dataclasses import dataclass, field
from decimal import Decimal


class PhpDied(Exception):
    """PHP was killed in the middle of a refund: what was saved so far stays."""


@dataclass
class Gateway:
    """What it paid (`payments`: order id and amount), and how its next refunds go.

    `moods` says by order id, else the last three fields once: `seconds` it takes; `key_seconds` pass between its answer
    and our meta data; `dies_at` is "money" (paid, and the refund does not say so) or "key" (our meta data is missing).
    """

    moods: dict[int, tuple[float, float, str]] = field(default_factory=dict)
    payments: list[tuple[int, Decimal]] = field(default_factory=list)
    seconds: float = 0.0
    key_seconds: float = 0.0
    dies_at: str = ""

    def pay(self, order_id: int, amount: Decimal, seconds: float) -> None:
        """Move money, after a while."""
        time.sleep(seconds)
        self.payments.append((order_id, amount))

    def next_mood(self, order_id: int) -> tuple[float, float, str]:
        """Use up what was ordered for one refund."""
        if order_id in self.moods:
            return self.moods.pop(order_id)
        mood = (self.seconds, self.key_seconds, self.dies_at)
        self.seconds, self.key_seconds, self.dies_at = 0.0, 0.0, ""
        return mood
