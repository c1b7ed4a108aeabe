"""The facts of one typical letter of every kind about returns, and of one whose every fact is hostile."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from core.i18n.words import Words
from core.returns.facts import Objection, Offer
from core.returns.mail.letters import ReturnLetter
from core.returns.money.quotes import Entry
from core.returns.presenter.sentences import entry_label, exemption, objection, offer

PAGE = "https://aftercare.example/t/abc"
RECEIPT = (
    "Withdrawal WD-1042\n\nI withdraw from the contract about:\n  1 × Engraved cup\n\n\n  2 × Tea, 100 g\nAnn Bell\n"
)
ANN = ReturnLetter(
    today=date(2026, 11, 23),
    store_name="Cup & Kettle",
    store_url="https://cups.example/",
    store_address="Pilies 4, 01123 Vilnius",
    support_email="help@cups.example",
    legal_lines=("Cup & Kettle UAB, company code 301234567",),
    order_number="#1042",
    shopper_name="Ann",
    track_url=PAGE,
    person_url=f"{PAGE}/person",
    stop_url=f"{PAGE}/stop",
    currency="EUR",
    lines=(("Blue cup", 2), ("Teapot", 1)),
)
RETURN = replace(ANN, rma="RMA-1042")
WITHDRAWAL = replace(
    ANN,
    withdrawal="WD-1042",
    declared_at=datetime(2026, 11, 23, 9, 5, tzinfo=ZoneInfo("Europe/Vilnius")),
    receipt_text=RECEIPT,
    receipt_hash=hashlib.sha256(RECEIPT.encode()).hexdigest(),
)
APPROVED = replace(
    RETURN,
    amount=5780,
    return_by=date(2026, 12, 7),
    send_to=("Cup & Kettle", "Pilies 4", "01123 Vilnius"),
    way_back="shopper",
    label_url="https://labels.example/RMA-1042.pdf",
    refund_when="inspection",
)
EXPLAINED = (
    Entry("line", 4780, "cup"),
    Entry("shipping", 390),
    Entry("discount", -120),
    Entry("fee", -500, note="label"),
)


def facts_of(kind: str, language: str) -> ReturnLetter:
    """Give the facts of a typical letter; sentences that come from outside are in its language."""
    words = Words(language)
    over = Objection("window_over", {"closed_on": date(2026, 11, 3), "days": 30, "counted_from": "delivery"})
    return {
        "return_requested": replace(RETURN, answer_by=date(2026, 11, 25)),
        "return_approved": APPROVED,
        "return_declined": replace(
            RETURN,
            reasons=(objection(words, over, today=ANN.today),),
            offers=(offer(words, Offer("store_credit")),),
        ),
        "return_received": replace(RETURN, amount=5780, refund_by=date(2026, 11, 30)),
        "return_canceled": RETURN,
        "refund_issued": replace(
            RETURN,
            amount=4550,
            explanation=tuple((entry_label(words, entry, {"cup": "Blue cup"}), entry.amount) for entry in EXPLAINED),
            method="Visa 4242",
            lines=(("Blue cup", 2),),
            unaccepted=(("Teapot", 1, "The lid is missing"),),
        ),
        "store_credit_issued": replace(RETURN, amount=5780, credit_code="GIFT-7K2P-40QX"),
        "exchange_ready": replace(RETURN, amount=1210, link="https://cups.example/pay/1", lines=(("Green cup", 2),)),
        "order_canceled": replace(ANN, amount=5780, refund_by=date(2026, 11, 30), method="Visa 4242"),
        "cancel_requested": replace(ANN, answer_by=date(2026, 11, 24)),
        "cancel_declined": replace(ANN, link=f"{PAGE}/return"),
        "withdrawal_receipt": replace(
            WITHDRAWAL,
            may_withhold=True,
            return_by=date(2026, 12, 7),
            refund_by=date(2026, 12, 7),
            send_to=APPROVED.send_to,
            way_back="shopper",
        ),
        "declaration_receipt": replace(
            WITHDRAWAL,
            lines=(),
            order_number="",
            shopper_name="",
            store_url="",
            track_url="",
            person_url="",
            stop_url="",
        ),
        "withdrawal_contested": replace(WITHDRAWAL, lines=(), unaccepted=(("Engraved cup", 1, exemption(words, "c")),)),
    }[kind]


EVIL = replace(
    WITHDRAWAL,
    rma="RMA\r\nBcc: max@cups.example",
    store_name="<b>Eve</b>\u202e & Co\r\nBcc: max@cups.example",
    shopper_name="\u202eAnn<script>alert(1)</script>",
    order_number="#1\r\nSubject: 2",
    lines=(("x" * 200, 1), ('"><img src=x onerror=alert(1)>', 2), ("كوب\u2066", 3)),
    unaccepted=(("<i>Lid</i>", 1, "<b>gone</b>\u202e\r\n"),),
    amount=100,
    explanation=(("<img src=x>\u2028", 100),),
    reasons=("<script>alert(2)</script>\x00",),
    offers=("<b>No</b>\u2067",),
    send_to=("<i>Eve</i>", "Street\r\n1"),
    return_by=date(2026, 12, 7),
    method="<b>Visa</b>",
    credit_code="<b>\r\n1",
    label_url="javascript:alert(3)",
    link="javascript:alert(4)",
    legal_lines=("<i>" * 200,),
    receipt_text="Withdrawal\n<script>alert(5)</script>\n",
    receipt_hash="<b>0</b>",
)
