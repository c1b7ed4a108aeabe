"""A withdrawal declared without opening an order: typed, shown, confirmed, receipted at once, then its order is found.

Nobody needs a login, an account or a matching pair to declare (recital 37 of Directive (EU) 2023/2673; whether a store
may ask for one is not settled, and taking every declaration is safe for it). Matched or not, the answer is the same:
the order is looked for by a job, after the shopper has the receipt. What matches no order, a person decides.
"""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.base import new_id
from core.db.row_reader import session_reader
from core.i18n.words import Words
from core.jobs import queue
from core.jobs.queue import Kind, NewJob, Work
from core.mail.layout import clean
from core.orders import find
from core.orders.find import OrderNotFound
from core.orders.model import Order
from core.returns import events
from core.returns.law.button_labels import title
from core.returns.law.withdrawal_law import says_cancel
from core.returns.law.withdrawal_rights import NoSuchRight
from core.returns.requests.lifecycle import Actor, ReasonNeeded
from core.returns.requests.opening import next_number
from core.returns.states import IllegalMove
from core.returns.withdrawal import receipts
from core.returns.withdrawal.declare import NothingToWithdraw, WithdrawalNotFound
from core.returns.withdrawal.declare import confirm as confirm_withdrawal
from core.returns.withdrawal.declare import start as start_withdrawal
from core.returns.withdrawal.model import Declaration
from core.secrets import Keyring, Unsealable
from core.services import Services
from core.stores import audit
from core.stores.model import Store
from core.stores.platform_access import store_by_id

DRAFT_LIFE = timedelta(days=1)
_PURPOSE = "declaration"
_MARKS = " -'’,#()&"


class DraftExpired(Exception):
    """What was shown is not ours, or too old: type it again."""


class DeclarationNotFound(Exception):
    """There is no such declaration at this store."""


@dataclass(frozen=True, slots=True)
class Typed:
    """What a shopper declares: bounded, and nothing in it can be a link. `proof` is what the order was placed with."""

    name: str
    order_number: str
    proof: str
    email: str


def read_typed(name: str, order_number: str, proof: str, email: str) -> Typed:
    """Bound what was typed. The receipt goes to the address the order was placed with, where no other is given."""
    proof, other = clean(proof, 320), receipts.address_of(email)
    return Typed(_linkless(name, 100), _linkless(order_number, 40), proof, other or receipts.address_of(proof))


def statement_of(typed: Typed, store: Store, words: Words) -> str:
    """Write what would be declared."""
    say = words.pgettext
    if says_cancel(store.country):
        declared = say("widget", "I cancel my contract about order %(order)s.", order=typed.order_number)
    else:
        declared = say("widget", "I withdraw from my contract about order %(order)s.", order=typed.order_number)
    lines = [
        say("widget", "To: %(store)s", store=clean(store.name)),
        declared,
        say("widget", "Name: %(name)s", name=typed.name),
    ]
    return "\n".join(lines) + "\n"


def seal_draft(keyring: Keyring, store: Store, typed: Typed, *, now: datetime) -> str:
    """Write what was typed as a token for the second step, so that the first one stores nothing."""
    plain = {**asdict(typed), "at": now.isoformat()}
    return keyring.seal(plain, store_id=store.id, purpose=_PURPOSE).hex()


def read_draft(keyring: Keyring, store: Store, draft: str, *, now: datetime) -> Typed:
    """Read a token of `seal_draft`. Raises DraftExpired."""
    try:
        plain = keyring.open_dict(bytes.fromhex(draft), store_id=store.id, purpose=_PURPOSE)
    except (Unsealable, ValueError):
        raise DraftExpired from None
    if datetime.fromisoformat(plain.pop("at")) < now - DRAFT_LIFE:
        raise DraftExpired
    return Typed(**plain)


def declare(
    session: Session, keyring: Keyring, store: Store, draft: str, words: Words, *, now: datetime
) -> Declaration:
    """Second step: declare what the draft holds. Confirmed again, give the first. Raises DraftExpired."""
    typed = read_draft(keyring, store, draft, now=now)
    digest = hashlib.sha256(draft.encode()).hexdigest()
    known = sa.select(Declaration).where(Declaration.draft_digest == digest)
    if (row := session.scalar(known)) is not None:
        return row
    number = f"WD-{next_number(session, store.id, 'withdrawal')}"  # two who declare at once take turns here
    if (row := session.scalar(known)) is not None:
        return row
    at = f"{now.astimezone(ZoneInfo(store.timezone)):%Y-%m-%d %H:%M:%S %z} ({store.timezone})"
    receipt = (
        title(number, words, store.country)
        + f"\n{statement_of(typed, store, words)}"
        + words.pgettext("widget", "Declared: %(moment)s", moment=at)
        + "\n"
    )
    email_key = find.email_key(typed.email, keyring)
    row = Declaration(
        id=new_id(),
        number=number,
        state="open",
        name=typed.name,
        order_number=typed.order_number,
        email=typed.email,
        email_key=email_key,
        language=words.language,
        draft_digest=digest,
        declared_at=now,
        receipt=receipt,
        receipt_hash=hashlib.sha256(receipt.encode()).hexdigest(),
        mailed=receipts.may_mail(session, email_key, now=now),
    )
    session.add(row)
    session.flush()
    events.note_searchable(session, row)
    proof = keyring.seal(typed.proof, store_id=store.id, purpose=_PURPOSE).hex()
    looked_for = NewJob("returns.match_declaration", f"declaration:{row.id}", {"id": row.id, "proof": proof}, once=True)
    queue.enqueue(session, store.id, looked_for, now=now)
    return row


def match_declaration(work: Work) -> None:
    """Find the order of a declaration: then it is a withdrawal of it, else a person decides. Mail the receipt."""
    services: Services = work.services
    proof = services.keyring.open_text(bytes.fromhex(work.payload["proof"]), store_id=work.store_id, purpose=_PURPOSE)
    with work.done() as session:
        row = session.get(Declaration, (work.store_id, work.payload["id"]), with_for_update=True)
        if row is None or row.state != "open" or not row.receipt:
            return
        store = store_by_id(session, work.store_id)
        own = ""
        try:
            with session.begin_nested():
                query = find.lookup_query(services.keyring, row.order_number, proof)
                order_id = find.find_order(session_reader(session), query).id
                own = _match(session, store, row, order_id, now=work.now).email
        except (OrderNotFound, NoSuchRight, NothingToWithdraw, WithdrawalNotFound):
            events.request_case(session, store.id, 0, "withdrawal_unmatched", now=work.now)
        if row.mailed and row.email.casefold() != own.casefold():  # its own address has the order's letter
            receipts.mail_declared(session, row, now=work.now)


def match_by_hand(
    session: Session, store: Store, row: Declaration, order_number: str, by: Actor, *, now: datetime
) -> None:
    """Let staff name the order of a declaration. Raises OrderNotFound, IllegalMove, what `withdrawal.start` raises."""
    if row.state != "open":
        raise IllegalMove("declaration", row.state, "match")
    key, exact = find.number_key(order_number), find.exact_key(order_number)
    named = sa.select(Order).where(Order.number_key == key, Order.gone_at.is_(None)).order_by(Order.placed_at.desc())
    found = [order for order in session.scalars(named) if find.exact_key(order.number) == exact]
    if not order_number.strip() or not found:
        raise OrderNotFound
    _match(session, store, row, found[0].id, now=now)
    audit.note(session, now, by.actor, "match", subject_of(row), {"order": found[0].id})


def close(session: Session, row: Declaration, by: Actor, *, note: str, now: datetime) -> None:
    """Let staff close a declaration without an order, with a reason. Raises ReasonNeeded, IllegalMove."""
    if row.state != "open":
        raise IllegalMove("declaration", row.state, "close")
    if not note.strip():
        raise ReasonNeeded
    row.state, row.note, row.closed_at = "closed", note.strip()[:2000], now
    audit.note(session, now, by.actor, "close", subject_of(row))


def subject_of(row: Declaration) -> str:
    """Name a declaration as the audit log does: declaration:WD-1001. Why it was closed stands in its note."""
    return f"declaration:{row.number}"


def find_declaration(session: Session, store_id: int, declaration_id: int) -> Declaration:
    """Load a declaration, locked. Raises DeclarationNotFound."""
    row = session.get(Declaration, (store_id, declaration_id), with_for_update=True)
    if row is None:
        raise DeclarationNotFound
    return row


def list_open(session: Session, *, most: int) -> list[Declaration]:
    """Give the declarations whose order was not found, oldest first."""
    mine = sa.select(Declaration).where(Declaration.state == "open").order_by(Declaration.declared_at)
    return list(session.scalars(mine.limit(most)))


def _match(session: Session, store: Store, row: Declaration, order_id: int, *, now: datetime) -> Order:
    """Make it a withdrawal of all that is left of the order, declared at the moment and in the words it was."""
    started = start_withdrawal(session, store, order_id, {}, name=row.name, now=row.declared_at)
    started.number = row.number
    confirm_withdrawal(session, store, started.id, receipt=row.receipt, now=row.declared_at)
    row.state, row.order_id, row.withdrawal_id, row.closed_at = "matched", order_id, started.id, now
    events.note_searchable(session, row)
    return session.get_one(Order, (store.id, order_id))


def _linkless(text: str, most: int) -> str:
    """Keep letters, digits and harmless marks: a receipt must not carry a stranger's link into a mailbox."""
    kept = "".join(
        mark if unicodedata.category(mark)[0] in "LMN" or mark in _MARKS else ". " if mark == "." else " "
        for mark in clean(text, most)
    )
    return " ".join(kept.split())[:most].strip()


JOBS = {"returns.match_declaration": Kind(match_declaration)}
