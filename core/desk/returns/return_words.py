"""Labels for codes of returns, withdrawals and policies at the desk; a code's family stands before the dot."""

from __future__ import annotations

from collections.abc import Callable


def names_of_returns(say: Callable[[str, str], str]) -> dict[str, str]:
    """Give the names by word, in the language `say` speaks."""
    return _cases(say) | _standings(say) | _doings(say) | _objections(say) | _terms(say)


def _cases(say: Callable[[str, str], str]) -> dict[str, str]:
    """Kinds of case, and the one rule of all letters."""
    return {
        "returns": say("desk", "Returns"),
        "refund_failed": say("desk", "Refund failed"),
        "paid_otherwise": say("desk", "The store paid another amount"),
        "cancel_failed": say("desk", "The store did not cancel the order"),
        "refunded_twice": say("desk", "More was refunded than was due"),
        "return_conflict": say("desk", "A return stands otherwise in your store"),
        "closed_unpaid": say("desk", "Your store closed a return without a refund"),
        "payment_held": say("desk", "A return from before you connected is due"),
    }


def _standings(say: Callable[[str, str], str]) -> dict[str, str]:
    """Where a return, its money or a withdrawal stands, and why it waits."""
    return {
        "status.requested": say("desk", "requested"),
        "status.approved": say("desk", "approved"),
        "status.declined": say("desk", "declined"),
        "status.received": say("desk", "received"),
        "status.closed": say("desk", "closed"),
        "status.canceled": say("desk", "canceled"),
        "kind.return": say("desk", "Return"),
        "kind.warranty": say("desk", "Warranty claim"),
        "kind.cancel": say("desk", "Cancellation"),
        "waits.approval": say("desk", "needs your approval"),
        "waits.decision": say("desk", "waits for a decision"),
        "waits.money": say("desk", "the money is stuck"),
        "waits.inspection": say("desk", "waits for inspection"),
        "waits.conflict": say("desk", "stands otherwise in your store"),
        "reception.awaited": say("desk", "not sent back yet"),
        "reception.on_its_way": say("desk", "on its way back"),
        "reception.received": say("desk", "here, not inspected yet"),
        "reception.inspected": say("desk", "inspected"),
        "reception.kept": say("desk", "stays with the shopper"),
        "reception.ended": say("desk", "no longer awaited"),
        "money.pending": say("desk", "on its way"),
        "money.issued": say("desk", "done"),
        "money.failed": say("desk", "failed"),
        "money.needs_staff": say("desk", "waits for a person"),
        "money.awaiting_payment": say("desk", "waits for the shopper to pay"),
        "obstacle.no_feature": say("desk", "This store cannot do that for us. Give it by hand, then note it here."),
        "obstacle.not_recorded": say(
            "desk",
            "Your settings pay refunds outside the store, and this store cannot note such a refund. Pay it by hand, "
            "then note it here.",
        ),
        "given.refund": say("desk", "Refund"),
        "balance.gift_card": say("desk", "to a gift card"),
        "balance.store_credit": say("desk", "to store credit"),
        "balance.points": say("desk", "as points"),
        "given.store_credit": say("desk", "Store credit"),
        "given.exchange": say("desk", "Exchange"),
        "given.repair": say("desk", "Repair"),
        "declaration.open": say("desk", "no order found"),
        "declaration.matched": say("desk", "order found"),
        "declaration.closed": say("desk", "closed"),
        "withdrawal.declared": say("desk", "declared"),
        "withdrawal.acknowledged": say("desk", "receipt sent"),
        "withdrawal.contested": say("desk", "contested"),
        "withdrawal.refused": say("desk", "refused"),
        "withdrawal.retracted": say("desk", "taken back"),
        "withdrawal.reimbursed": say("desk", "paid back"),
    }


def _doings(say: Callable[[str, str], str]) -> dict[str, str]:
    """What was done, for histories: kinds of event, and the verbs of the audit."""
    return {
        "did.return_requested": say("desk", "Asked for"),
        "did.return_approved": say("desk", "Approved"),
        "did.return_declined": say("desk", "Declined"),
        "did.return_canceled": say("desk", "Canceled"),
        "did.return_sent": say("desk", "Sent back"),
        "did.return_received": say("desk", "Arrived"),
        "did.return_inspected": say("desk", "Inspected"),
        "did.issued_refund": say("desk", "Refund made"),
        "did.issued_store_credit": say("desk", "Store credit given"),
        "did.issued_exchange": say("desk", "Exchange made"),
        "did.paid_otherwise": say("desk", "The store paid another amount"),
        "did.booked_otherwise": say("desk", "The store divided the refund otherwise among the lines"),
        "did.approve": say("desk", "Approved"),
        "did.decline": say("desk", "Declined"),
        "did.cancel": say("desk", "Canceled"),
        "did.note_sent": say("desk", "Sent back"),
        "did.receive": say("desk", "Arrived"),
        "did.inspect": say("desk", "Inspected"),
        "did.refunded_twice": say("desk", "More was refunded than was due"),
        "did.return_conflict": say("desk", "Stood otherwise in your store"),
        "did.reopen": say("desk", "Taken up again"),
        "did.set_label": say("desk", "Gave the shopper a label"),
        "did.let_keep": say("desk", "Let the shopper keep it"),
        "did.ask_approval": say("desk", "Asked for approval"),
        "did.set_terms": say("desk", "Changed the terms"),
        "did.refund": say("desk", "Promised the refund"),
        "did.goods_back": say("desk", "Noted that the goods are back"),
        "did.set_delivery_cost": say("desk", "Set the delivery cost that comes back"),
        "did.deduct_lost_value": say("desk", "Kept a part for lost value"),
        "did.hand_over_receipt": say("desk", "Handed over the receipt"),
        "did.uphold": say("desk", "Accepted after all"),
        "did.retry": say("desk", "Tried the payment again"),
        "did.mark_paid": say("desk", "Paid by hand"),
        "did.drop": say("desk", "Gave the payment up"),
        "did.contest": say("desk", "Contested"),
        "did.refuse": say("desk", "Refused"),
        "did.retract": say("desk", "Taken back"),
        "did.withdrawal_sent": say("desk", "Proof of sending"),
        "did.prove_sent": say("desk", "Proof of sending"),
        "did.take_as_in_time": say("desk", "Taken as in time"),
        "did.withdrawn": say("desk", "Declared"),
        "did.withdrawal_contested": say("desk", "Contested"),
        "did.withdrawal_refused": say("desk", "Refused"),
        "did.withdrawal_retracted": say("desk", "Taken back"),
        "by.shopper": say("desk", "the shopper"),
        "by.policy": say("desk", "your policy"),
        "by.law": say("desk", "by law"),
        "by.platform": say("desk", "in your store"),
    }


def _objections(say: Callable[[str, str], str]) -> dict[str, str]:
    """What a policy objects to, in a few words; the whole sentences are the shopper's."""
    return {
        "objection.window_over": say("desk", "too late"),
        "objection.window_just_over": say("desk", "a little too late"),
        "objection.delivery_unknown": say("desk", "delivery unknown"),
        "objection.not_shipped_yet": say("desk", "not shipped yet"),
        "objection.not_delivered_yet": say("desk", "not delivered yet"),
        "objection.nothing_asked": say("desk", "nothing was chosen"),
        "objection.already_returned": say("desk", "nothing is left of it"),
        "objection.quantity_too_high": say("desk", "more than is left"),
        "objection.wish_not_offered": say("desk", "the wish is not offered"),
        "objection.other_currency": say("desk", "another currency"),
        "objection.final_sale": say("desk", "final sale"),
        "objection.blocked": say("desk", "a shopper on your block list"),
        "objection.frequent_returns": say("desk", "returns often"),
        "objection.value_too_low": say("desk", "worth too little"),
        "objection.value_too_high": say("desk", "worth too much"),
        "objection.product_excluded": say("desk", "the product is left out"),
        "objection.country_excluded": say("desk", "the country is left out"),
        "objection.reason_excluded": say("desk", "the reason is left out"),
        "objection.gift_excluded": say("desk", "gifts are left out"),
        "objection.not_covered": say("desk", "not covered"),
        "objection.person_decides": say("desk", "a person decides"),
    }


def _terms(say: Callable[[str, str], str]) -> dict[str, str]:
    """What a policy may say."""
    return {
        "answer.accept": say("desk", "Accept"),
        "answer.review": say("desk", "A person decides"),
        "answer.decline": say("desk", "Decline"),
        "from.order": say("desk", "the order"),
        "from.shipping": say("desk", "shipping"),
        "from.delivery": say("desk", "delivery"),
        "when.approval": say("desk", "once approved"),
        "when.first_scan": say("desk", "once the carrier has it"),
        "when.arrival": say("desk", "once it has arrived"),
        "when.inspection": say("desk", "once inspected"),
        "payer.store": say("desk", "you"),
        "payer.shopper": say("desk", "the shopper"),
        "grade.new": say("desk", "as new"),
        "grade.used": say("desk", "used"),
        "grade.damaged": say("desk", "damaged"),
        "clash.declined": say("desk", "declined although the shopper may withdraw by law"),
        "clash.fee_kept": say("desk", "a fee is kept although the shopper may withdraw by law"),
    }
