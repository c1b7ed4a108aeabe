"""What returns, cancellations and withdrawals write into an order's timeline, and the letters they send."""

from __future__ import annotations

from core.orders.kinds import EventKind, NoticeKind

EVENT_KINDS = (
    EventKind(
        name="return_requested",
        by_shopper=True,
        sentence=lambda say: say("widget", "You asked to return something"),
        sentence_about={"cancel": lambda say: say("widget", "You asked to cancel")},
    ),
    EventKind(
        name="return_approved",
        sentence=lambda say: say("widget", "Your return was approved"),
        sentence_about={"cancel": lambda say: say("widget", "The store cancels the order")},
    ),
    EventKind(
        name="return_declined",
        sentence=lambda say: say("widget", "Your return was declined"),
        sentence_about={"cancel": lambda say: say("widget", "The order could not be canceled")},
    ),
    EventKind(
        name="return_canceled",
        by_shopper=True,
        sentence=lambda say: say("widget", "Your return was taken back"),
        sentence_about={"cancel": lambda say: say("widget", "You no longer wanted to cancel")},
    ),
    EventKind(name="return_sent", sentence=lambda say: say("widget", "Your parcel is on its way back")),
    EventKind(name="return_received", sentence=lambda say: say("widget", "Your parcel arrived at the store")),
    EventKind(name="return_inspected", sentence=lambda say: say("widget", "The store looked at what came back")),
    EventKind(
        name="cancel_requested",
        by_shopper=True,
        asks_to_cancel=True,
        sentence=lambda say: say("widget", "You asked to cancel"),
    ),
    EventKind(name="issued_refund", sentence=lambda say: say("widget", "Your refund was made")),
    EventKind(name="issued_store_credit", sentence=lambda say: say("widget", "Your store credit was made")),
    EventKind(name="issued_exchange", sentence=lambda say: say("widget", "Your exchange was ordered")),
    EventKind(name="issued_repair", sentence=lambda say: say("widget", "The repair was finished")),
    EventKind(name="paid_otherwise", staff_only=True),
    EventKind(name="booked_otherwise", staff_only=True),
    EventKind(name="refunded_twice", staff_only=True),
    EventKind(name="return_conflict", staff_only=True),
    EventKind(name="withdrawal_there", staff_only=True),
    EventKind(name="withdrawn", by_shopper=True, sentence=lambda say: say("widget", "You withdrew from the contract")),
    EventKind(
        name="withdrawal_sent",
        by_shopper=True,
        sentence=lambda say: say("widget", "You gave proof that the goods were sent"),
    ),
    EventKind(name="withdrawal_acknowledged", sentence=lambda say: say("widget", "The store accepts your withdrawal")),
    EventKind(name="withdrawal_contested", sentence=lambda say: say("widget", "The store contests your withdrawal")),
    EventKind(name="withdrawal_refused", sentence=lambda say: say("widget", "The store refused your withdrawal")),
    EventKind(
        name="withdrawal_retracted",
        by_shopper=True,
        sentence=lambda say: say("widget", "You took your withdrawal back"),
    ),
)

# Most letters are about what stands in the timeline as an event of its own: a second line would say the same.
NOTICE_KINDS = (
    NoticeKind(
        name="return_requested",
        label=lambda say: say("desk", "Return requested"),
        sentence=lambda say: say("widget", "We confirmed what you asked for"),
        template="returns/mail/return_requested.txt",
        buttons=("status", "person"),
    ),
    NoticeKind(
        name="return_approved",
        label=lambda say: say("desk", "Return approved"),
        template="returns/mail/return_approved.txt",
        buttons=("label", "status", "person"),
        optional=False,
    ),
    NoticeKind(
        name="return_declined",
        label=lambda say: say("desk", "Return declined"),
        template="returns/mail/return_declined.txt",
        buttons=("person", "status"),
        optional=False,
    ),
    NoticeKind(
        name="return_received",
        label=lambda say: say("desk", "Return arrived"),
        template="returns/mail/return_received.txt",
        buttons=("status", "person"),
    ),
    NoticeKind(
        name="return_canceled",
        label=lambda say: say("desk", "Return canceled"),
        sentence=lambda say: say("widget", "We confirmed what you asked for"),
        template="returns/mail/return_canceled.txt",
        buttons=("status", "person"),
        optional=False,
    ),
    NoticeKind(
        name="refund_issued",
        label=lambda say: say("desk", "Refund made"),
        template="returns/mail/refund_issued.txt",
        buttons=("photos", "status", "person"),
        optional=False,
    ),
    NoticeKind(
        name="store_credit_issued",
        label=lambda say: say("desk", "Store credit given"),
        template="returns/mail/store_credit_issued.txt",
        buttons=("status", "person"),
        optional=False,
    ),
    NoticeKind(
        name="exchange_ready",
        label=lambda say: say("desk", "Exchange ready"),
        sentence=lambda say: say("widget", "We wrote to you about your exchange"),
        template="returns/mail/exchange_ready.txt",
        buttons=("pay", "status", "person"),
        optional=False,
    ),
    NoticeKind(
        name="order_canceled",
        label=lambda say: say("desk", "Order canceled"),
        template="returns/mail/order_canceled.txt",
        buttons=("order", "person"),
        optional=False,
    ),
    NoticeKind(
        name="cancel_requested",
        label=lambda say: say("desk", "Asks to cancel"),
        sentence=lambda say: say("widget", "We confirmed what you asked for"),
        template="returns/mail/cancel_requested.txt",
        buttons=("order", "person"),
    ),
    NoticeKind(
        name="cancel_declined",
        label=lambda say: say("desk", "Cancellation declined"),
        template="returns/mail/cancel_declined.txt",
        buttons=("start", "order", "person"),
        optional=False,
    ),
    NoticeKind(
        name="withdrawal_receipt",
        label=lambda say: say("desk", "Receipt of a withdrawal"),
        sentence=lambda say: say("widget", "We mailed you the receipt of your withdrawal"),
        template="returns/mail/withdrawal_receipt.txt",
        buttons=("status", "person"),
        optional=False,
    ),
    NoticeKind(
        name="withdrawal_contested",
        label=lambda say: say("desk", "Withdrawal contested"),
        template="returns/mail/withdrawal_contested.txt",
        buttons=("person", "status"),
        optional=False,
    ),
)
