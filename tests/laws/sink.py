"""A mail server that remembers every message it took, and sometimes takes its time to say so."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from typing import Any

from aiosmtpd.controller import Controller

from tests.laws.cluster import free_port


@dataclass(frozen=True, slots=True)
class Taken:
    """One message as the server took it."""

    message_id: str
    to: str
    kind: str
    subject: str


class Sink:
    """What the server took, oldest first."""

    def __init__(self, chance: random.Random, slow: float) -> None:
        self.url = ""
        self.taken: list[Taken] = []
        self.unanswered = 0
        self._chance, self._slow = chance, slow

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        mail = message_from_bytes(envelope.content, policy=policy.default)
        names = ("Message-ID", "To", "X-Aftercare-Kind", "Subject")
        self.taken.append(Taken(*(str(mail[name]) for name in names)))
        # The window that cannot be closed: taken, and the sender does not know it yet.
        await self._dawdle(0.4)
        return "250 taken"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        await self._dawdle(0.3)  # a sender that dies now has sent nothing, and must not believe it has
        envelope.rcpt_tos.append(address)
        return "250 go on"

    async def _dawdle(self, share: float) -> None:
        if self._chance.random() < share:
            self.unanswered += 1
            await asyncio.sleep(self._chance.uniform(0.1, self._slow))
            self.unanswered -= 1

    def messages(self) -> set[Taken]:
        """Give the different messages."""
        return set(self.taken)

    def second_copies(self) -> int:
        """Count how often a message came that had come before."""
        return sum(times - 1 for times in Counter(self.taken).values())


@contextmanager
def taking_mail(chance: random.Random, slow: float = 0.4) -> Iterator[Sink]:
    """Run the server while the block does; it dawdles up to `slow` seconds."""
    port, sink = free_port(), Sink(chance, slow)
    server = Controller(sink, hostname="127.0.0.1", port=port)
    server.start()
    sink.url = f"smtp://127.0.0.1:{port}?starttls=never"
    try:
        yield sink
    finally:
        server.stop()
