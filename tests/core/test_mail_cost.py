"""What reading a mail costs: no more than twice the work for twice the mail, and never more than was asked for.

Work is counted as executed lines of Python, which no busy machine changes; what one regular expression does within
a line is not seen, so the expressions are held by the bound on what is read at all.
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import pytest

from core.mail import inbound

HEAD = b"From: ann@shopper.example\r\nTo: reply@mail.example\r\nSubject: Re: Your order\r\n"
PLAIN = HEAD + b"Content-Type: text/plain; charset=utf-8\r\n\r\n"
HTML = HEAD + b"Content-Type: text/html; charset=utf-8\r\n\r\n"
SHAPES = {
    "quoted lines": (PLAIN + b"Thank you.\r\n", b"> It is on its way.\r\n"),
    "empty lines": (PLAIN, b"\r\n"),
    "introductions": (PLAIN, b"On Tue, 3 Nov 2026 at 10:12 Max <max@shop.example> wrote:\r\n"),
    "header blocks": (PLAIN, b"From: Max\r\nSent: Tuesday\r\nTo: Ann\r\nSubject: Order\r\n\r\n"),
    "rules": (PLAIN, b"--------------------\r\n"),
    "signatures": (PLAIN, b"-- \r\nAnn\r\n"),
    "our addresses": (PLAIN, b"reply+abcdefghijklmnop@mail.example\r\n"),
    "nested markup": (HTML, b"<div><blockquote>x<p>"),
    "received lines": (b"", b"Received: from a.example by b.example\r\n"),
    "statuses": (PLAIN + b"Your message could not be delivered.\r\n", b"550 5.1.1 <ann@shopper.example> unknown\r\n"),
}


def work(raw: bytes, limit: int = 1 << 20) -> int:
    """Count the lines of core/mail and of what it calls that are executed to read a mail."""
    count = 0

    def see(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return see

    before = sys.gettrace()
    sys.settrace(see)
    try:
        inbound.read(raw, our_addresses=["reply@mail.example"], limit=limit)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("shape", SHAPES)
def test_twice_the_mail_is_at_most_twice_the_work(shape: str) -> None:
    head, line = SHAPES[shape]
    tail = b"" if head else PLAIN + b"Thank you.\r\n"
    work(head + line * 2 + tail)  # what is imported and compiled at first is no work of the mail
    once, twice = (work(head + line * count + tail) for count in (150, 300))
    assert twice <= 2.2 * once


def test_no_more_is_read_than_was_asked_for() -> None:
    word = b"word and word \r\n"
    read = inbound.read(PLAIN + word * 4000, our_addresses=[], limit=1000)
    assert 900 < len(read.text) <= 1000
    # From four times the limit on, a longer mail is no more work: the rest is not looked at.
    assert work(PLAIN + word * 400, limit=1000) == work(PLAIN + word * 40_000, limit=1000)
