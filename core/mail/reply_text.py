"""Cut the quoted history and the signature from a reply, and never more than that."""

from __future__ import annotations

import re
from collections.abc import Collection

from core.mail.quote_marks import (
    FORWARDED,
    FROM,
    SENT,
    SENT_FROM_DEVICE,
    SUBJECT,
    TO,
    WROTE,
)

_INVISIBLE = re.compile("[\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_DATED = re.compile(r"(?<!\d)(?:\d{1,2}[:.]\d{2}|\d{4})(?!\d)")
_FULL_LINE = 65  # characters; senders wrap at 72 to 78
_NO_GAPS = re.compile(r"\n{3,}")
# "-----Original Message-----", "-------- 原始邮件 --------", "---- On Tue … wrote ----"; Yahoo writes the old mail's
# header on the same line (2021).
_DASHED = re.compile(r"[*_]{0,2}-{3,}\s*([^\s-].{0,200}?)\s*-{3,}[*_]{0,2}(.*)")
_RULE = re.compile(r"_{8,}|-{8,}")
_LABEL = re.compile(r"[*_]{0,2}([^:：*_]{1,25}?)[*_]{0,2}\s?[:：]")
_SIGNATURE, _BARE_SIGNATURE = re.compile("--[ \u00a0]"), re.compile("--[ \u00a0]*")
_CONTACT = re.compile(r"@|https?:|www\.|\d{3}")
_SENTENCE = re.compile(r"(?:\S+\s+){3,}\S*[.!?…]$|.*[?!]$|.{8,}[。！？]$")
_OLD_GMAIL = re.compile(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}\b.{0,200}<[^<>\s]+@[^<>\s]+>:?")
_ADDRESSED = re.compile(r"[<\[(]\s?(?:mailto:)?[^\s<>@]{1,250}@[^\s<>]")
_MOST_SIGNED = 10
"""Lines of a signature."""


def cut_reply(text: str, our_addresses: Collection[str]) -> str:
    """Give the words the writer added, without the mail they answer and without a signature.

    Cuts at the line that introduces the old mail: one that names an address of ours (with or without +token) or
    somebody's with a word for "wrote", a header block or a dashed line as Outlook and phones write it, a dated line
    above ">" lines. Answers written below or between ">" lines stay. An address of ours in a plain sentence cuts
    nothing. Where nothing would be left, the whole text is given: somebody wrote into the old mail, or forwarded
    something. A token of ours is taken out wherever it stands. Keep the raw mail: what is cut here is a guess.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    ours = _OurAddresses(our_addresses)
    return ours.without_tokens(_tidy_lines(_new_lines(lines, ours)) or _tidy_lines(lines))


def without_tokens(text: str, our_addresses: Collection[str]) -> str:
    """Give a text in which no address of ours has its +token."""
    return _OurAddresses(our_addresses).without_tokens(text)


def _new_lines(lines: list[str], ours: _OurAddresses) -> list[str]:
    bare = [_INVISIBLE.sub("", line).strip() for line in lines]
    kept: list[str] = []
    i = 0
    while i < len(lines):
        if _opens_block(bare, i):
            break
        end = _introduction(bare, i, ours)
        if end and not _next_line(bare, end).startswith((">", "|")):
            break
        if end or bare[i].startswith(">"):
            kept.append("")
            i = _end_of_quote(bare, end or i)
            continue
        kept.append(lines[i])
        i += 1
    return kept


class _OurAddresses:
    """Recognizes an address of ours in a line, with a +token or without, but never as the tail of a longer one."""

    def __init__(self, addresses: Collection[str]) -> None:
        halves = [address.partition("@") for address in addresses]
        forms = [f"{re.escape(local)}(?:\\+[^\\s@<>]*)?@{re.escape(domain)}" for local, _, domain in halves]
        named = rf"(?<![\w.+-])(?:{'|'.join(forms) or '(?!)'})(?![\w-])"
        self.named = re.compile(named, re.IGNORECASE)
        self.bracketed = re.compile(rf"[<\[(]\s*(?:mailto:)?{named}", re.IGNORECASE)
        tokens = [
            f"({re.escape(local)})(?:\\+|%2B|=2B)[^\\s@<>]+((?:@|%40){re.escape(domain)})"
            for local, _, domain in halves
        ]
        self._tokens = [re.compile(token, re.IGNORECASE) for token in tokens]

    def without_tokens(self, text: str) -> str:
        """Give a text in which no address of ours has a token."""
        for token in self._tokens:
            text = token.sub(r"\1\2", text)
        return text


def _introduction(bare: list[str], i: int, ours: _OurAddresses) -> int:
    """Give the line after the introduction ("On Tue … <reply@…> wrote:") that starts at line i, 0 if none does.

    Mail programs wrap it over up to four lines, often right before the address or behind it.
    """
    first = bare[i]
    if _OLD_GMAIL.fullmatch(first) and (ours.named.search(first) or _next_line(bare, i + 1).startswith((">", "|"))):
        return i + 1
    if not (_ADDRESSED.search(first) or ours.named.search(first) or _DATED.search(first) or first.endswith("<")):
        return 0
    for end in range(i + 1, min(i + 4, len(bare)) + 1):
        last = bare[end - 1]
        if not last or (last.startswith(">") and not _END_OF_ADDRESS.match(last)):
            return 0
        if _ENDS_INTRODUCTION.search(last) and _introduces(" ".join(bare[i:end]), _next_line(bare, end), ours):
            return end if _is_start(bare, i, end, ours) else 0
    return 0


def _is_start(bare: list[str], i: int, end: int, ours: _OurAddresses) -> bool:
    """Say whether the introduction begins at line i, not at a dated line below what the writer said right above it."""
    is_strong = bool(_ADDRESSED.search(bare[i]) and WROTE.search(bare[i]))
    for j in range(i + 1, end):
        rest = " ".join(bare[j:end])
        is_whole = bool(_DATED.search(ours.named.sub("", bare[j]))) and _introduces(rest, _next_line(bare, end), ours)
        if is_whole and ("@" in rest or not is_strong):
            return False
    return True


_ENDS_INTRODUCTION = re.compile(rf"[:：]$|(?:{WROTE.pattern})$", re.IGNORECASE)
_ENDS_IN_ADDRESS = re.compile(r"<(?:mailto:)?[^\s<>@]{1,250}@[^\s<>]{1,250}>+\s*[:：]$")
_END_OF_ADDRESS = re.compile(r"[>\s]+(?:\w+\s*)?[:：]$")


def _introduces(whole: str, following: str, ours: _OurAddresses) -> bool:
    """Say whether a line that ends in a colon introduces the old mail, which begins with `following`."""
    dated = bool(_DATED.search(ours.named.sub("", whole)))
    if ours.bracketed.search(whole) or (dated and ours.named.search(whole)):
        return True
    if "@" in whole and WROTE.search(whole) and (dated or whole.endswith((":", "："))):
        return True
    if dated and _ENDS_IN_ADDRESS.search(whole):
        return True
    return (dated or bool(WROTE.search(whole))) and following.startswith((">", "|"))


def _opens_block(bare: list[str], i: int) -> bool:
    """Say whether line i starts the block some programs put above the old mail, after which nothing new comes."""
    line = bare[i]
    if not line:
        return False
    if _RULE.fullmatch(line):
        return any(_is_header_block(bare, k) for k in range(i + 1, min(i + 4, len(bare))))
    dashed = _DASHED.fullmatch(line)
    if dashed:
        return _is_dashed_block(dashed[1], dashed[2].strip(), bare, i)
    if line.endswith((":", "：")) and FORWARDED.search(line):
        following = next((k for k in range(i + 1, min(i + 4, len(bare))) if bare[k]), i)
        return _label(bare[following].lstrip("> ")) in FROM | SENT | SUBJECT | TO
    return _is_header_block(bare, i)


def _is_dashed_block(words: str, rest: str, bare: list[str], i: int) -> bool:
    """Say whether "---- words ---- rest" is such a line: by its words, or by the header that follows them."""
    if rest:
        return "@" in rest and _label(rest) in FROM | SENT | SUBJECT | TO
    if FORWARDED.search(words) or (WROTE.search(words) and (_DATED.search(words) or "@" in words)):
        return True
    return any(_label(line.lstrip("> ")) in FROM | SENT for line in bare[i + 1 : i + 4])


def _is_header_block(bare: list[str], i: int) -> bool:
    """Say whether "From: … Sent: …" begins at line i, in whichever order and language; "From: Ann" alone is none."""
    own = _label(bare[i])
    if own in FROM:
        following = [label for line in bare[i + 1 : i + 6] if (label := _label(line))]
        if any(label in SENT for label in following[:2]):
            return True
    if own not in FROM | SENT | SUBJECT | TO:
        return False
    block = bare[i : i + 7]
    block = block[: block.index("")] if "" in block else block
    labels = {_label(line) for line in block}
    kinds = [kind for kind in (FROM, SENT, SUBJECT, TO) if labels & kind]
    return bool(labels & FROM) and len(kinds) >= 3 and any("@" in line for line in block)


def _label(line: str) -> str:
    found = _LABEL.match(line)
    return found[1].strip().lower() if found else ""


def _next_line(bare: list[str], i: int) -> str:
    """Give line i, or the one after it where line i is blank."""
    return next((line for line in bare[i : i + 2] if line), "")


def _end_of_quote(bare: list[str], i: int) -> int:
    """Give the index after the ">" lines at i.

    A long one that wrapped on the way leaves a tail without its sign; below a short one stands an answer.
    """
    while i < len(bare) and (not bare[i] or bare[i].startswith((">", "|"))):
        i += 1
        if i < len(bare) and len(bare[i - 1]) >= _FULL_LINE and bare[i] and not bare[i].startswith((">", "|")):
            i += 1
    return i


def _tidy_lines(lines: list[str]) -> str:
    end = next((i for i, line in enumerate(lines) if _SIGNATURE.fullmatch(line)), len(lines))
    kept = _without_device([line.rstrip() for line in lines[: _start_of_signature(lines[:end])]])
    return _NO_GAPS.sub("\n\n", "\n".join(kept)).strip()


def _start_of_signature(lines: list[str]) -> int:
    """Give the index of a "--" without its space, below an empty line and above a few lines that are no sentences."""
    for i, line in enumerate(lines):
        if not _BARE_SIGNATURE.fullmatch(line) or i == 0 or lines[i - 1].strip():
            continue
        below = [one.strip() for one in lines[i + 1 : i + 1 + 4 * _MOST_SIGNED] if one.strip()]
        is_last = i + 1 + 4 * _MOST_SIGNED >= len(lines)
        wordy = [one for one in below if _SENTENCE.match(one) and not _CONTACT.search(one)]
        if is_last and 0 < len(below) <= _MOST_SIGNED and all(SENT_FROM_DEVICE.match(one) for one in wordy):
            return i
    return len(lines)


def _without_device(lines: list[str]) -> list[str]:
    """Drop the last line where a program wrote it: "Sent from my phone"."""
    words = [i for i, line in enumerate(lines) if line.strip()]
    if len(words) > 1 and len(lines[words[-1]]) <= 100 and SENT_FROM_DEVICE.match(lines[words[-1]].strip(" *_")):
        return lines[: words[-1]]
    return lines
