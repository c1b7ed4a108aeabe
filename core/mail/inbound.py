"""Incoming mail: tell a person's reply from a bounce, an automatic answer and a complaint, and give the new words.

Pure: bytes in, a frozen `Inbound` out. Everything in a mail, the token included, is the sender's claim; the caller
checks the token before it believes anything.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace

from core.mail.automatic import find_evidence
from core.mail.bounces import read_complaint, read_plain, read_report
from core.mail.mime import addresses, attachments_of, decode_words, display_name, header, message_ids, parse, text_of
from core.mail.received import Inbound, UnreadableMail, first, our_token, split_token
from core.mail.reply_text import cut_reply, without_tokens

__all__ = ["Inbound", "UnreadableMail", "cut_reply", "may_answer", "read"]

_SHORTEST_TOKEN = 12
_TRACE = ("From", "Received", "Return-Path", "Message-ID", "Date")


def read(raw: bytes, *, our_addresses: Collection[str], limit: int = 1 << 20) -> Inbound:
    """Read a mail as it came over the wire; at most `limit` characters of its text.

    `our_addresses` are those without token ("reply@mail.example"). An out-of-office that no header marks is taken
    for a person's reply: losing a shopper's words is worse, and the caller's cap per sender ends the loop. Raises
    UnreadableMail, and nothing else whatever the bytes are.
    """
    mail = parse(raw[: 4 * limit])
    if not any(header(mail, name) for name in _TRACE):
        raise UnreadableMail("not a mail")
    ours = {address.strip().lower() for address in our_addresses}
    sender = next(iter(addresses(mail, "From", "Sender")), "")
    to = addresses(mail, "Delivered-To", "X-Original-To", "Envelope-To", "To", "Cc")
    draft = Inbound(
        sender=sender,
        sender_name=display_name(header(mail, "From")),
        is_from_us=split_token(sender)[0] in ours,
        to=to,
        token=our_token(to, ours),
        subject=decode_words(header(mail, "Subject")),
        text=text_of(mail, limit).strip(),
        attachments=attachments_of(mail),
        message_id=first(message_ids(mail, "Message-ID")),
        in_reply_to=first(message_ids(mail, "In-Reply-To")),
        references=message_ids(mail, "References")[-50:],
    )
    report = read_complaint(mail, draft, ours) or read_report(mail, draft, ours) or read_plain(mail, draft, ours)
    if report:
        return report
    evidence = find_evidence(mail, draft)
    return replace(
        draft,
        kind="auto_reply" if evidence else "reply",
        evidence=evidence,
        subject=_without(draft.token, draft.subject, ours),
        text=_without(draft.token, cut_reply(draft.text, ours), ours),
    )


def _without(token: str, text: str, ours: Collection[str]) -> str:
    """Give a text in which our token no longer stands, in an address or by itself: it opens the way into the case."""
    plain = without_tokens(text, ours)
    return re.sub(re.escape(token), "…", plain, flags=re.IGNORECASE) if len(token) >= _SHORTEST_TOKEN else plain


def may_answer(inbound: Inbound) -> bool:
    """Say whether an automatic answer may go back: only to a person, and never to ourselves (RFC 3834, section 2)."""
    return inbound.kind == "reply" and bool(inbound.sender) and not inbound.is_from_us
