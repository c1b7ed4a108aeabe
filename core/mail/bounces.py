"""Read what mail servers send back: delivery reports, bounces in words, and complaints that somebody pressed "spam"."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from email.message import Message
from itertools import islice

from core.mail.mime import (
    addresses,
    addresses_in,
    children,
    header,
    headers,
    message_ids,
    parse_headers,
    part_text,
    walk_parts,
)
from core.mail.received import Inbound, first, our_token

# The name in front of the @ of the programs that write bounces, and what they call themselves.
_DAEMON = re.compile(r"mailer[._-]?d(?:a|e)+mon")
_POSTMASTER = re.compile(
    r"p(?:o+)st[._-]?master|(?:internet[._-]?)?mail[._-]?(?:daemon|(?:delivery[._-]?)?(?:sub)?system|admin\w*|service|router)|"
    r"delivery[._-]?\w+|mdaemon|sys(?:tem)?[._-]?(?:admin\w*|attendant)|administrator|mta|bounces?|ndr|microsoftexchange.*"
)
_DAEMON_NAME = re.compile(
    r"mail(?:er)?[ -](?:daemon|deliver\w*|system|administrator|router)|post ?master|delivery (?:sub)?system|"
    r"system administrator|ndr administrator|microsoft exchange|delivery (?:status|failure)",
    re.IGNORECASE,
)
_NO_REPLY = re.compile(r"(?:^|[._+-])(?:no|do[._-]?not)[._-]?reply(?:$|[._+-])")
# "5.1.1" where it is a status (RFC 3463: class, subject 0 to 7, detail), not the version of a program.
_STATUS = re.compile(r"(?<![\w.])([245]\.[0-7]\.\d{1,3})(?![\w]|\.\d)")
_VERSION = re.compile(
    r"(?:\b(?:v|ver|version|release|build|mta|exim|postfix|sendmail|qmail|exchange|imail)\W{0,3})$", re.I
)
_SMTP_CODE = re.compile(r"(?<![\d.:/-])([45])[0-5]\d(?=[ :-]\s?\D)")
_FAILURE_SUBJECT = re.compile(
    r"undeliver|non[- ]?deliver|not (?:be )?delivered|returned? (?:e?-?mail|to sender)|failure notice|bounce|"
    r"(?:e?-?mail|message|delivery) (?:delivery |status |system )*(?:fail|error|problem|notification|report)|"
    r"error sending|delivery has failed|"
    r"unzustellbar|zustell\w* (?:fehl|nicht)|nicht zugestellt|non remis|échec de (?:la )?(?:remise|distribution)|"
    r"non distribu|no se (?:pudo|ha podido) entregar|no entregad|mancato recapito|não (?:foi )?entreg|"
    r"niet (?:af|be)lever|onbestelbaar|niedostarcz|nie(?:można| ) ?dostarcz|не (?:доставлен|удалось)|недоставлен|"
    r"nepristatyt|teslim edilemedi|配信不能|配信エラー|メールエラー|送信できません|退信|退回|无法(?:送达|投递)|"
    r"無法(?:傳遞|送達|投遞)|投递失败|"
    r"배달되지|반송|không (?:thể )?gửi được|ส่งไม่(?:สำเร็จ|ถึง)|ไม่สามารถส่ง|تعذر (?:التسليم|تسليم)|لم يتم تسليم",
    re.IGNORECASE,
)
_FAILURE = re.compile(
    r"(?:could|can|was|were|has)(?:n['\u2019]?t| ?not) (?:be |been |able to be )*(?:delivered|reach(?:ed)?|sent)|"
    r"(?:not|un)able to (?:be )?(?:deliver|send|relay)|undeliver|non-?deliver|did not (?:reach|like our)|"
    r"delivery [\w ]{0,40}fail|failed (?:permanently|to deliver)|deliver\w* (?:error|problem|fail)|"
    r"(?:error|trouble|problems?|failure|errors) (?:in |while |occurred )*(?:deliver|sending)|"
    r"error while attempting to deliver|(?:fatal|permanent|following) errors?|user (?:is )?unknown|user +not listed|"
    r"(?:unknown|invalid|no such) (?:local )?(?:user|recipient|address|mailbox)|no valid recipient|not recognized|"
    r"mailbox (?:is |has )?(?:been )?(?:full|unavailable|disabled|not found)|(?:quota|local limit)|"
    r"(?:was|were) rejected|"
    r"envelope expired|giving up|returned message|failure reasons?|does(?:n['\u2019]?t| not) exist|"
    r"konnte[\w ]{0,60} nicht (?:zugestellt|ausgeliefert)|n['\u2019]a pas pu être|no se pudo entregar|"
    r"non (?:è stato|recapit)|送信できません|配信できません|无法(?:送达|投递|送至)|"
    r"無法(?:傳遞|送達|投遞)|投递失败|"
    r"배달(?:되지|할 수 없)|không (?:thể )?gửi|ไม่สามารถส่ง|تعذر|لم يتم تسليم|nepavyko pristatyti|"
    r"не (?:удалось доставить|может быть доставлено)",
    re.IGNORECASE,
)
_STILL_TRYING = re.compile(
    r"delay|warning|still (?:being )?(?:retri|try)|not yet (?:been )?delivered|"
    r"(?:will|continue) (?:be retried|to try|keep trying|continue|try again|retry)|"
    r"do not need to resend|no action is required",
    re.IGNORECASE,
)
_GAVE_UP = re.compile(
    r"giv(?:ing|en) up|not going to try|too long|expired|permanent|could not be delivered|has failed|retry time", re.I
)
_ANSWER_SUBJECT = re.compile(
    r"\s*(?:re|aw|sv|vs|antw|odp|ynt|rif|回复|回覆|答复|ตอบกลับ|trả lời|رد)\s*[:：]", re.IGNORECASE
)
_GOOD_NEWS = re.compile(
    r"success(?:fully)?\b|has been delivered|was delivered|delivery report that you requested", re.I
)
# Where the explanation ends and our own mail begins.
_COPY_BELOW = re.compile(
    r"^[ \t>*-]*(?:below this line is|this is a copy|"
    r"(?:the |your )?(?:original|returned|unsent|undelivered|bounced|failed) "
    r"(?:e?-?mail|message)\b(?! (?:was|could|has|is|to|you|did))|(?:original )?(?:message )?headers? (?:follow|of)|"
    r"(?:below is )?a copy of|returned (?:mail|message) follows|message (?:text|contents?|body)? ?follows|"
    r"the (?:first|following is)[\w ]{0,30}(?:lines|copy|header)).*$"
    r"|^[ \t>]*(?:received|return-path|dkim-signature|x-received|mime-version|message-id):[ \t]",
    re.IGNORECASE | re.MULTILINE,
)
_RETURNED_ID = re.compile(r"^[ \t>]*Message-ID:\s*(<[^<>\s]{1,250}>)", re.IGNORECASE | re.MULTILINE)
_PRESSED_SPAM = re.compile(r"(?:complaint|abuse report) (?:about|from|for)\b", re.IGNORECASE)
_MOST_STATUSES, _BEFORE = 50, 40
"""How many status codes of a text are looked at, and how many characters before each: a stranger writes the text."""
_MOST_EXPLAINED = 20_000
"""Characters of a bounce in which signs are looked for."""


def read_complaint(mail: Message, draft: Inbound, ours: Collection[str]) -> Inbound | None:
    """Read a report that somebody pressed "spam" (ARF, RFC 5965), or what a provider sends in its place."""
    for block in _blocks(mail, "message/feedback-report"):
        kind = header(block, "Feedback-Type").lower()
        returned = _returned_headers(mail)
        senders = (*addresses(block, "Original-Mail-From"), *addresses(returned, "Return-Path", "Reply-To"))
        return replace(
            draft,
            kind="auto_reply" if kind == "not-spam" else "complaint",
            evidence="Content-Type",
            token=draft.token or our_token(senders, ours),
            feedback_type=kind,
            final_recipient=first(addresses(block, "Original-Rcpt-To")),
            original_message_id=first(message_ids(returned, "Message-ID")),
        )
    returned = _returned_headers(mail)
    # Hotmail's program (JMRP) names no type: the subject says it, and the mail complained about is inside.
    if not (_PRESSED_SPAM.match(draft.subject) and header(returned, "X-HmXmrOriginalRecipient")):
        return None
    return replace(
        draft,
        kind="complaint",
        evidence="Subject",
        token=draft.token or our_token(addresses(returned, "Return-Path", "Reply-To"), ours),
        feedback_type="abuse",
        final_recipient=first(addresses(returned, "X-HmXmrOriginalRecipient")),
        original_message_id=first(message_ids(returned, "Message-ID")),
    )


def read_report(mail: Message, draft: Inbound, ours: Collection[str]) -> Inbound | None:
    """Read a delivery report (RFC 3464); of several recipients the one that fared worst.

    "Delivered" and "relayed" are good news and come out as an automatic answer.
    """
    blocks = [*_blocks(mail, "message/delivery-status"), *_blocks(mail, "message/global-delivery-status")]
    recipients = [block for block in blocks if header(block, "Action") or header(block, "Status")]
    if not recipients:
        return None
    worst = min(recipients, key=lambda block: _SEVERITY.get(_action(block), 2))
    action, returned = _action(worst), _returned_headers(mail)
    return replace(
        draft,
        kind="bounce" if action in _SEVERITY else "auto_reply",
        evidence="Content-Type",
        token=draft.token or our_token(addresses(returned, "Return-Path", "Reply-To"), ours),
        status=_status_of(worst, action, _explanation(draft)),
        permanent=action == "failed",
        final_recipient=first(addresses(worst, "Final-Recipient", "Original-Recipient")),
        original_message_id=first(message_ids(returned, "Message-ID")) or draft.in_reply_to,
    )


_SEVERITY = {"failed": 0, "delayed": 1}
_ACTIONS = frozenset({"failed", "delayed", "delivered", "relayed", "expanded", "deliverable"})


def _action(block: Message) -> str:
    """Give what became of a recipient; where the report says nothing or a word of its own, what the status means."""
    said = (header(block, "Action").lower().split() or [""])[0].strip("'\";:,")
    if said in _ACTIONS:
        return said
    by_status = {"5": "failed", "4": "delayed", "2": "delivered"}.get(header(block, "Status").strip("'\" ")[:1])
    return by_status or ("failed" if said else "delivered")


def _status_of(block: Message, action: str, explanation: str) -> str:
    """Give the status of what happened: of several that disagree the one that tells of it, and the most exact.

    What the other server answered counts for more than what the reporting one made of it; what stands in words is
    asked where neither says more than that it failed.
    """
    said = [*_statuses(header(block, "Diagnostic-Code")), *_statuses(header(block, "Status"))]
    classes = {"failed": "54", "delayed": "4"}.get(action, "2")
    fitting = sorted((one for one in said if one[0] in classes), key=_exactness, reverse=True)
    if action in _SEVERITY and not (fitting and _exactness(fitting[0])):
        fitting += [one for one in _statuses(explanation, marked=True) if one[0] in classes and _exactness(one)]
        fitting.sort(key=_exactness, reverse=True)
    return first(fitting)


def _exactness(status: str) -> int:
    """Say how much a status tells: "5.0.0" nothing, "5.1.0" the subject, "5.1.1" all."""
    return (not status.endswith(".0.0")) + (not status.endswith(".0"))


def _statuses(text: str, *, marked: bool = False) -> list[str]:
    """List the status codes in a text: those behind an SMTP reply code or a # first (or alone)."""
    found = islice(_STATUS.finditer(text), _MOST_STATUSES)
    said = [(one[1], text[max(0, one.start() - _BEFORE) : one.start()]) for one in found]
    statuses = [(status, _is_marked(before)) for status, before in said if not _VERSION.search(before)]
    first_marked = sorted(statuses, key=lambda one: not one[1])
    return [status for status, is_marked in first_marked if is_marked or not marked]


def _is_marked(before: str) -> bool:
    return re.search(r"(?:[245]\d\d[ -]|#|status:? ?|dsn:? ?)$", before[-10:], re.IGNORECASE) is not None


def read_plain(mail: Message, draft: Inbound, ours: Collection[str]) -> Inbound | None:
    """Read what mail servers send instead of a report: an explanation in words, with a code if we are lucky.

    A machine must have written it, and it must speak of a failure. A null sender alone proves nothing: RFC 3834
    wants it on out-of-office answers too.
    """
    failed = first(addresses(mail, "X-Failed-Recipients"))
    explanation = _explanation(draft)
    writer = _writer(mail, draft, ours)
    statuses = [status for status in _statuses(explanation) if status[0] != "2"]
    code = _SMTP_CODE.search(explanation)
    tells = bool(statuses or code or _FAILURE_SUBJECT.search(draft.subject))
    if not tells and _FAILURE.search(explanation):
        # Behind "postmaster@" may sit a person who says that a parcel "was not delivered".
        tells = writer != "office" or not _ANSWER_SUBJECT.match(draft.subject)
    if not failed and not (writer and (tells or (writer == "daemon" and not _GOOD_NEWS.search(explanation)))):
        return None
    mentioned = [address for address in addresses_in(explanation) if address not in {draft.sender, *draft.to}]
    returned = _returned_headers(mail)
    senders = (*addresses(returned, "Return-Path", "Reply-To"), *addresses_in(draft.text[:_MOST_EXPLAINED]))
    said = f"{draft.subject}\n{explanation}"
    return replace(
        draft,
        kind="bounce",
        text=explanation.strip(),
        evidence="X-Failed-Recipients" if failed else "Return-Path" if _has_null_sender(mail) else "From",
        token=draft.token or our_token(senders, ours),
        status=first(statuses) or (f"{code[1]}.0.0" if code else ""),
        permanent=not _STILL_TRYING.search(said) or bool(_GAVE_UP.search(said)),
        final_recipient=failed or first(mentioned),
        original_message_id=first(message_ids(returned, "Message-ID"))
        or first(_RETURNED_ID.findall(draft.text))
        or draft.in_reply_to,
    )


def _explanation(draft: Inbound) -> str:
    """Give what the server says, without the mail it gives back."""
    return _COPY_BELOW.split(draft.text[:_MOST_EXPLAINED], maxsplit=1)[0]


def _writer(mail: Message, draft: Inbound, ours: Collection[str]) -> str:
    """Say who may have written a bounce; "" for anybody else.

    A "daemon" writes nothing else, a "machine" writes answers too, an "office" is an address people may sit behind.
    """
    local = draft.sender.partition("@")[0]
    name = re.sub(r"[<>\"]", " ", header(mail, "From")).lower()
    if _DAEMON.search(local) or (not draft.sender and _DAEMON.search(name)):
        return "daemon"
    is_office = bool(_POSTMASTER.fullmatch(local) or _DAEMON_NAME.search(draft.sender_name) or _NO_REPLY.search(local))
    is_answer = header(mail, "Auto-Submitted").lower().startswith("auto-replied")
    if not draft.sender or (is_office and _has_null_sender(mail) and not _NO_REPLY.search(local)):
        return "machine"
    if is_answer:
        return "office" if is_office and not _NO_REPLY.search(local) else ""
    is_report = mail.get_content_type() == "multipart/report"
    if _has_null_sender(mail) or is_report or _DAEMON.search(" ".join(headers(mail, "Return-Path")).lower()):
        return "machine"
    is_to_bounce_address = any(address.startswith("bounce+") for address in draft.to if our_token([address], ours))
    return "office" if is_office or (is_to_bounce_address and _FAILURE_SUBJECT.search(draft.subject)) else ""


def _has_null_sender(mail: Message) -> bool:
    return "<>" in [value.replace(" ", "") for value in headers(mail, "Return-Path")]


def _blocks(mail: Message, content_type: str) -> Iterator[Message]:
    """Give the groups of fields in a report's machine-readable part, whichever way the parser cut it up."""
    for part in walk_parts(mail):
        if part.get_content_type() != content_type:
            continue
        for block in children(part):
            yield block
            rest = block.get_payload()
            if isinstance(rest, str):
                yield from (parse_headers(text) for text in rest[:64_000].split("\n\n") if ":" in text)


def _returned_headers(mail: Message) -> Message:
    """Give the headers of our own mail that a report carries back; none where it carries nothing."""
    for part in walk_parts(mail):
        if part.get_content_type() == "text/rfc822-headers":
            return parse_headers(part_text(part))
        if part.get_content_type() in {"message/rfc822", "message/global", "message/rfc822-headers"}:
            return next(iter(children(part)), Message())
    return Message()
