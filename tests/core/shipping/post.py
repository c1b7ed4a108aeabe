"""A mail server on this machine: keeps what it takes, and answers as the test says."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller


class Post:
    """What arrived, oldest first, and what is answered to the next recipient and message."""

    def __init__(self) -> None:
        self.url = ""
        self.received: list[EmailMessage] = []
        self.bounces_to: list[str] = []
        self.on_recipient = self.on_message = "250 fine"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.on_recipient.startswith("2"):
            envelope.rcpt_tos.append(address)
        return self.on_recipient

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.on_message.startswith("2"):
            message = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(message, EmailMessage)
            self.received.append(message)
            self.bounces_to.append(envelope.mail_from)
        return self.on_message

    def only(self) -> EmailMessage:
        """The one message that arrived."""
        (message,) = self.received
        return message


def text_of(message: EmailMessage) -> str:
    """The plain part, its no-break spaces and isolates taken off: what a person reads."""
    body = message.get_body(("plain",))
    assert body is not None
    plain = str(body.get_content())
    return plain.translate({0xA0: " ", 0x202F: " ", 0x2068: None, 0x2069: None, 0x2066: None, 0x2067: None})


@contextmanager
def serving() -> Iterator[Post]:
    """Run the server while the block does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    post = Post()
    server = Controller(post, hostname="127.0.0.1", port=port)
    server.start()
    post.url = f"smtp://127.0.0.1:{port}"
    try:
        yield post
    finally:
        server.stop()
