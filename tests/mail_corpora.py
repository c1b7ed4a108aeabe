"""Read public corpora of real mail and print how much of it is misread: python -m tests.mail_corpora FOLDER

FOLDER holds checkouts of https://github.com/sisimai/set-of-emails (bounces, complaints, automatic answers; each file's
name says which), https://github.com/discourse/email_reply_trimmer and https://github.com/crisp-oss/email-reply-parser
(replies with what their own tests expect). They are not ours to copy. What is absent is skipped with a sentence.
Libraries that are installed beside (flufl.bounce, mail-parser-reply, email-reply-parser) read the same inputs.
"""

from __future__ import annotations

import argparse
import importlib
import re
from collections import Counter
from collections.abc import Callable, Iterator
from email import message_from_bytes
from pathlib import Path

from core.mail.inbound import UnreadableMail, read
from core.mail.reply_text import cut_reply

NOT_WHAT_THEY_ARE_FILED_AS = {
    "arf-26": "auto_reply",  # a mail program unsubscribes
    "lhost-amazonses-11": "complaint",
    "lhost-amazonses-12": "auto_reply",  # "delivered"
    "lhost-amazonses-13": "auto_reply",
    "lhost-sendmail-14": "reply",  # a person forwards a bounce
    "rfc3464-28": "auto_reply",  # "deliverable"
}
Cutter = Callable[[str], str]


def kind_of(raw: bytes) -> str:
    """Say what we take a mail for."""
    try:
        return read(raw, our_addresses=()).kind
    except UnreadableMail:
        return "unreadable"


def filed_as(name: str) -> str:
    """Say what a file of the corpus is, by its name."""
    family = name.partition("-")[0]
    return NOT_WHAT_THEY_ARE_FILED_AS.get(name) or {"arf": "complaint", "rfc3834": "auto_reply"}.get(family, "bounce")


def count_bounces(folder: Path) -> None:
    """Print how many mails of each kind are taken for another, and which."""
    wanted: Counter[str] = Counter()
    misread: dict[str, list[str]] = {"bounce": [], "complaint": [], "auto_reply": [], "reply": []}
    unseen, seen_by_library = 0, _library("flufl.bounce")
    for path in sorted(folder.glob("maildir/bsd/*.eml")):
        raw, kind = path.read_bytes(), filed_as(path.stem)
        wanted[kind] += 1
        if kind_of(raw) != kind:
            misread[kind].append(path.stem)
        if seen_by_library and kind == "bounce":
            unseen += not any(seen_by_library.all_failures(message_from_bytes(raw)))
    for kind, names in misread.items():
        print(f"{kind}: {len(names)} of {wanted[kind]} misread {' '.join(names)}".rstrip())
    print(
        f"flufl.bounce: {unseen} of {wanted['bounce']} bounces not seen" if seen_by_library else "flufl.bounce: absent"
    )


def trimmer_cases(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Give name, mail and expected words of each reply of discourse/email_reply_trimmer."""
    for path in sorted(folder.glob("test/emails/*.txt")):
        expected = folder / "test/trimmed" / path.name
        yield path.stem, path.read_text("utf-8", "replace"), expected.read_text("utf-8", "replace")


def parser_cases(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Give name, mail and expected words of those replies of crisp-oss/email-reply-parser whose test names them all."""
    tests = "".join(path.read_text("utf-8") for path in sorted(folder.glob("test/*.js")))
    common = re.search(r"COMMON_FIRST_FRAGMENT = '(.*?)';", tests, re.DOTALL)
    for block in re.split(r"\nexport function ", tests):
        mail = re.search(r'get_email\("(\w+)"\)', block)
        said = re.search(r'test\.equal\(("[^"\n]*"|COMMON_FIRST_FRAGMENT), \w+(?:\[0\]|\.getVisibleText)', block)
        said = said or re.search(r"test\.equal\((COMMON_FIRST_FRAGMENT), text\)", block)
        if mail and said and common:
            expected = common[1] if said[1].startswith("COMMON") else said[1].strip('"')
            plain = expected.replace("\\n\\\n", "\n").replace("\\n", "\n")
            yield mail[1], (folder / f"test/fixtures/{mail[1]}.txt").read_text("utf-8"), plain


def parser_mails(folder: Path) -> Iterator[tuple[str, str, list[str]]]:
    """Give name, mail and the patterns its first words must match of the other replies of the same repository."""
    tests = "".join(path.read_text("utf-8") for path in sorted(folder.glob("test/*.js")))
    for block in re.split(r"\nexport function ", tests):
        mail = re.search(r'get_email\("(\w+)"\)', block)
        patterns = re.findall(r"test\.equal\(true, /(.+?)/\.test\(fragments\[0\]", block)
        if mail and patterns:
            yield mail[1], (folder / f"test/fixtures/{mail[1]}.txt").read_text("utf-8"), patterns


def words_of(text: str) -> Counter[str]:
    """Count the words a person wrote; what stands behind ">" is the old mail's."""
    own = [line for line in text.splitlines() if not line.lstrip().startswith((">", "|"))]
    return Counter(re.findall(r"\w+", "\n".join(own)))


def count_replies(cases: list[tuple[str, str, str]], cut: Cutter, name: str) -> None:
    """Print in how many replies words of the writer are lost, and in how many words of the old mail stay."""
    lost, more = [], []
    for mail, text, expected in cases:
        found, wanted = words_of(cut(text)), words_of(expected)
        if wanted - found:
            lost.append(mail)
        elif found - wanted:
            more.append(mail)
    exact = len(cases) - len(lost) - len(more)
    print(f"{name}: of {len(cases)} replies words lost in {len(lost)}, too much kept in {len(more)}, exact {exact}")
    if name == "ours":
        print(f"  lost: {' '.join(lost) or 'none'}; too much: {' '.join(more) or 'none'}")


def cutters() -> Iterator[tuple[str, Cutter]]:
    """Give our way to cut a reply, and that of each library that is installed."""
    yield "ours", lambda text: cut_reply(text, ())
    if library := _library("mailparser_reply"):
        parser = library.EmailReplyParser(languages=["en", "de", "fr", "it", "nl", "pl", "sv", "da"])
        yield "mail-parser-reply", lambda text: parser.parse_reply(text=text) or ""
    if library := _library("email_reply_parser"):
        yield "email-reply-parser", library.EmailReplyParser.parse_reply


def _library(name: str):  # type: ignore[no-untyped-def]
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def main() -> None:
    """Print the figures of every corpus that is there."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path)
    folder: Path = options.parse_args().folder
    bounces, trimmer = folder / "set-of-emails", folder / "email_reply_trimmer"
    parser = folder / "email-reply-parser"
    for corpus in (bounces, trimmer, parser):
        if not corpus.is_dir():
            print(f"{corpus.name} is not in {folder}: skipped")
    if bounces.is_dir():
        count_bounces(bounces)
    for corpus, cases in ((trimmer, trimmer_cases(trimmer)), (parser, parser_cases(parser))):
        if corpus.is_dir():
            print(corpus.name)
            read_once = list(cases)
            for name, cut in cutters():
                count_replies(read_once, cut, name)
    if parser.is_dir():
        mails = list(parser_mails(parser))
        lost = [name for name, text, wanted in mails if not all(re.search(one, cut_reply(text, ())) for one in wanted)]
        print(f"of {len(mails)} further replies the first words are lost in {len(lost)} {' '.join(lost)}".rstrip())


if __name__ == "__main__":
    main()
