"""A legal withdrawal as its shopper reads it, and the right to it. Information, never advice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from babel.dates import format_skeleton

from core.i18n.words import Words
from core.orders.model import Order
from core.returns.api.withdrawal_outputs import PhotoLinkOut, ReceiptOut, RightOut, WithdrawalOut, WithdrawnLineOut
from core.returns.law.button_labels import button_label, heading
from core.returns.law.withdrawal_law import law_of, line_exemption, pack_date, says_cancel
from core.returns.law.withdrawal_rights import Right
from core.returns.model import Withdrawal
from core.returns.presenter import display_names, sentences
from core.returns.presenter.reader_context import ReaderContext
from core.returns.return_settings import return_settings_of
from core.returns.withdrawal.declare import statement_of
from core.stores.model import Store

_VISIBLE = "•••"


def view_withdrawal(
    row: Withdrawal, order: Order, store: Store, reader: ReaderContext, photos: Sequence[int] = ()
) -> WithdrawalOut:
    """Put a withdrawal into words; its statement and receipt stay in the language they are mailed in.

    `photos` are ids of those that show what its goods lost in value.
    """
    is_declared = row.declared_at is not None
    return WithdrawalOut(
        id=str(row.id),
        number=row.number,
        state=row.state,  # type: ignore[arg-type]
        statement=statement_of(row, order, store),
        lines=[
            WithdrawnLineOut(
                ref=one["ref"],
                title=one["title"],
                quantity=one["quantity"],
                exempt=sentences.exemption(reader.words, line_exemption(one)),
            )
            for one in row.lines
        ],
        declared_at=row.declared_at,
        until=row.period_ends,
        sentence=state_sentence(row, reader),
        receipt=_receipt(row, reader) if is_declared else None,
        mailed_to=", ".join(filter(None, map(masked, _addresses(row, order)))) if is_declared and row.mailed else "",
        refund_due=row.refund_due,
        refund_sentence=refund_sentence(row, reader) if is_declared else "",
        lost_value_sentence=lost_value_sentence(row, store, reader),
        photos=[PhotoLinkOut(id=str(id_), url=reader.photo_url(id_)) for id_ in photos] if reader.photo_url else [],
        postage_sentence=postage_sentence(row, store, reader) if is_declared else "",
        send_back_by=None if row.late else row.send_back_by,
        can_prove_sent=is_declared and row.may_withhold and row.state in ("declared", "acknowledged", "contested"),
        confirm_heading=heading("confirm", reader.words, row.country),
        confirm_label=button_label("confirm", reader.words, order.language, store.language, country=row.country),
        see_label=heading("see", reader.words, row.country),
        not_advice=not_advice(reader.words),
    )


def _addresses(row: Withdrawal, order: Order) -> tuple[str, ...]:
    """Give where the receipt goes: the order's address, and another where the shopper gave one."""
    other = row.receipt_to if row.receipt_to.casefold() != order.email.casefold() else ""
    return order.email, other


def view_right(
    right: Right | None, order: Order, store: Store, reader: ReaderContext, *, may_cost: bool = False
) -> RightOut:
    """Say whether and until when the order can be withdrawn from; `may_cost` says that a return can bear a fee."""
    advice = not_advice(reader.words)
    if right is None or not any(right.left.values()):
        return RightOut(
            available=False, late=False, until=None, sentence="", cheaper="", label="", heading="", not_advice=advice
        )
    is_cheaper = (
        may_cost and right.is_open and any(n and not right.exemptions.get(ref) for ref, n in right.left.items())
    )
    return RightOut(
        available=right.is_open,
        late=not right.is_open,
        until=right.period.ends,
        sentence=right_sentence(right, reader),
        cheaper=sentences.cheaper_withdrawal(reader.words, right.period.ends, today=reader.today) if is_cheaper else "",
        label=button_label("withdraw", reader.words, order.language, store.language, country=right.country),
        heading=heading("withdraw", reader.words, right.country),
        not_advice=advice,
    )


def right_sentence(right: Right, reader: ReaderContext) -> str:
    """Say until when the law lets the shopper withdraw; the United Kingdom's says "cancel"."""
    say, ends, cancels = reader.words.pgettext, right.period.ends, says_cancel(right.country)
    if ends is None:
        if cancels:
            return say("widget", "By law you can still cancel the contract, without a reason.")
        return say("widget", "By law you can still withdraw from the contract, without a reason.")
    day = reader.day(ends)
    if right.is_open:
        if cancels:
            return say("widget", "By law you can still cancel the contract until %(day)s, without a reason.", day=day)
        return say(
            "widget", "By law you can still withdraw from the contract until %(day)s, without a reason.", day=day
        )
    if cancels:
        return say("widget", "The legal period to cancel the contract ended on %(day)s.", day=day)
    return say("widget", "The legal period to withdraw from the contract ended on %(day)s.", day=day)


def state_sentence(row: Withdrawal, reader: ReaderContext) -> str:
    """Say where a withdrawal stands."""
    say, cancels = reader.words.pgettext, says_cancel(row.country)
    if row.declared_at is None:
        return say("widget", "Nothing is declared yet. It counts once you confirm it.")
    if row.state == "contested":
        if cancels:
            return say("widget", "The store contests your cancellation. It says: %(why)s", why=row.note)
        return say("widget", "The store contests your withdrawal. It says: %(why)s", why=row.note)
    if row.state == "refused":
        if cancels:
            return say("widget", "The store refused your cancellation. It says: %(why)s", why=row.note)
        return say("widget", "The store refused your withdrawal. It says: %(why)s", why=row.note)
    if row.state in ("retracted", "reimbursed"):
        return display_names.headline(reader.words, "withdrawal", row.state)
    moment = reader.words.moment(row.declared_at, reader.zone, today=reader.today)
    if cancels:
        declared = say("widget", "You canceled the contract on %(moment)s.", moment=moment)
    else:
        declared = say("widget", "You withdrew from the contract on %(moment)s.", moment=moment)
    if not row.late:
        return declared
    late = say("widget", "By the store's reckoning this came after the legal period. A person there decides.")
    return f"{declared} {late}"


def refund_sentence(row: Withdrawal, reader: ReaderContext) -> str:
    """Say when the law wants the money to be back."""
    say = reader.words.pgettext
    if row.late or row.state in ("reimbursed", "retracted", "refused", "dropped"):
        return ""
    law = law_of(row.country)
    if row.refund_due is None:
        days = reader.words.number(law.refund_days if law else 14)
        return say(
            "widget",
            "Your money is due within %(days)s days after the goods, or proof that you sent them, are there.",
            days=days,
        )
    due = say("widget", "Your money is due by %(day)s.", day=reader.day(row.refund_due))
    if not row.may_withhold:
        return due
    unless = say("widget", "The store may wait until the goods, or proof that you sent them, are there.")
    return f"{due} {unless}"


def postage_sentence(row: Withdrawal, store: Store, reader: ReaderContext) -> str:
    """Say who pays for sending the goods back, while they are to be sent."""
    if row.late or row.state not in ("declared", "acknowledged", "contested") or not row.may_withhold:
        return ""
    return sentences.way_back(reader.words, return_settings_of(store).withdrawal_postage or "law")


def lost_value_sentence(row: Withdrawal, store: Store, reader: ReaderContext) -> str:
    """Say what of the refund was kept because the goods lost value, and why."""
    if not row.lost_value:
        return ""
    return reader.words.pgettext(
        "widget",
        "The store kept %(amount)s because the things lost value by more handling than testing them needs."
        " It says: %(why)s",
        amount=reader.words.money(row.lost_value, row.currency),
        why=row.lost_value_reason,
    )


def not_advice(words: Words) -> str:
    """Say what this is not, and how old it is."""
    year, month = map(int, pack_date().split("-"))
    as_of = format_skeleton("yMMMM", date(year, month, 1), locale=words.locale)
    return words.pgettext(
        "widget", "This tells you about the law as of %(month)s. It is not legal advice.", month=as_of
    )


def masked(address: str) -> str:
    """Give enough of an e-mail address for its owner to know it: a•••@s•••.example."""
    name, _, domain = address.partition("@")
    domain = domain.strip(". ")
    if not name or not domain:
        return ""
    host, _, top = domain.rpartition(".")
    return f"{name[0]}{_VISIBLE}@{(host or top)[0]}{_VISIBLE}.{top}"


def _receipt(row: Withdrawal, reader: ReaderContext) -> ReceiptOut:
    say = reader.words.pgettext
    return ReceiptOut(
        text=row.receipt,
        hash=row.receipt_hash,
        hash_label=say("widget", "Fingerprint of the receipt"),
        note=say("widget", "This page is your receipt too: print or save it."),
        print_label=say("widget", "Print the receipt"),
    )
