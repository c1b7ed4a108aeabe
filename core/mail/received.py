"""A received mail, read: the value that the readers of bounces, automatic answers and replies fill in."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Literal


class UnreadableMail(ValueError):
    """These bytes are not a mail: no header says who wrote it, when, or how it came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """A received mail, read. Addresses are lower case; what the mail does not say is "".

    `token` stands after the + in the address of ours it went to, in lower case: some mail systems fold it anyway.
    `text` is the writer's new words; for a bounce, what the server explains. `evidence` names the header that
    shows a machine wrote it. Bounces have `status` (RFC 3463, "5.1.1"), `final_recipient`, `original_message_id`
    and `permanent`: this message will not arrive any more. Whether the address is dead is in the status (5.1.x);
    a full mailbox ends permanent too. Complaints have `feedback_type` ("abuse", RFC 5965). `attachments` names
    the files and pictures that came along.
    """

    kind: Literal["reply", "auto_reply", "bounce", "complaint"] = "reply"
    sender: str = field(repr=False)
    sender_name: str = field(default="", repr=False)
    is_from_us: bool = False
    to: tuple[str, ...] = field(default=(), repr=False)
    token: str = field(default="", repr=False)
    subject: str = field(default="", repr=False)
    text: str = field(default="", repr=False)
    attachments: tuple[str, ...] = field(default=(), repr=False)
    message_id: str = ""
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    evidence: str = ""
    status: str = ""
    permanent: bool = False
    final_recipient: str = field(default="", repr=False)
    original_message_id: str = ""
    feedback_type: str = ""


def split_token(address: str) -> tuple[str, str]:
    """Take "reply+token@mail.example" apart into "reply@mail.example" and "token"."""
    local, _, domain = address.partition("@")
    name, _, token = local.partition("+")
    return f"{name}@{domain}", token


def our_token(candidates: Iterable[str], ours: Collection[str]) -> str:
    """Give the token of the first address that is one of ours with a token, "" if none is."""
    split = (split_token(address) for address in candidates)
    return next((token for address, token in split if token and address in ours), "")


def first(values: Iterable[str]) -> str:
    """Give the first value, "" if there is none."""
    return next(iter(values), "")
