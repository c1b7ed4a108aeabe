"""What the index keeps instead of words: HMACs under a secret derived for one store by the keyring."""

from __future__ import annotations

import hmac
import struct
from collections.abc import Iterable, Sequence

from core.secrets import Keyring

_VERSION = 1
"""Raised when `folding` or `grams` give other pieces for the same text: every store is then indexed again."""


def store_secrets(keyring: Keyring, store_id: int) -> list[bytes]:
    """Give a store's secret under every key of the ring, the first key's first: what to look for while keys change."""
    return [bytes.fromhex(digest) for digest in keyring.digests(str(store_id), purpose="search")]


def index_mark(keyring: Keyring) -> str:
    """Give the mark of an index that is made with the first key and by these rules."""
    return keyring.digest(f"version {_VERSION}", purpose="search index")[:16]


def token(secret: bytes, kind: str, gram: str) -> int:
    """Give 32 bits of the HMAC of one piece in rows of one kind.

    Two pieces of a store may have the same one (once in some 80,000 pieces): that proposes rows too many, which say
    themselves that they are not meant.
    """
    return int.from_bytes(hmac.digest(secret, f"{kind}:{gram}".encode(), "sha256")[:4], "big")


def pack_tokens(tokens: Iterable[int]) -> bytes:
    """Write tokens as bytes, in their order."""
    ordered = sorted(tokens)
    return struct.pack(f">{len(ordered)}I", *ordered)


def unpack_tokens(packed: bytes) -> Sequence[int]:
    """Read what `pack_tokens` wrote."""
    return struct.unpack(f">{len(packed) // 4}I", packed)
