"""What the desk calls our machine words (states, rules, kinds, sources, feeds), in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from core.desk.lists.audit_words import names_of_audit
from core.desk.lists.list_words import names_of_lists
from core.desk.returns.return_words import names_of_returns
from core.http.context import words
from core.i18n.words import Words
from core.orders.kinds import Say, notice_kinds
from core.orders.presenter.parcel_status import STATUSES
from core.shipping.rules.notice_kinds import KIND_OF, RULES


def name_of(word: str) -> str:
    """Give the name of a machine word, such as "late" or "money.failed"; one that has none is shown with spaces."""
    return name_in(word, words().language)


def name_in(word: str, language: str) -> str:
    """Give the name of a machine word in a language, for what is written outside a request."""
    names = _names(language)
    feed, of_source, rest = word.partition("@")
    if of_source:  # a feed of a source of reviews: "reviews@key.import"
        key, dot, reading = rest.partition(".")
        return f"{names.get(feed + dot + reading, feed)} ({key})"
    return names.get(word) or word.rpartition(".")[2].replace("_", " ")


@lru_cache(maxsize=32)
def _names(language: str) -> Mapping[str, str]:
    say = Words(language).pgettext
    return (
        names_of_returns(say)
        | names_of_lists(say)
        | names_of_audit(say)
        | _notices(say)
        | _features(say)
        | _holds(say)
        | {f"parcel.{status}": view.label(say) for status, view in STATUSES.items()}
        | {
            # states of a message
            "watched": say("desk", "only watched"),
            "draft": say("desk", "draft"),
            "queued": say("desk", "about to be sent"),
            "sent": say("desk", "sent"),
            "suppressed": say("desk", "not sent"),
            "bounced": say("desk", "bounced"),
            "discarded": say("desk", "discarded"),
            # why a message was not sent
            "stopped": say("desk", "the shopper stopped messages"),
            "budget": say("desk", "enough messages for this order"),
            "native": say("desk", "the platform sends this itself"),
            "stale": say("desk", "too old to be news"),
            "nothing_new": say("desk", "nothing new"),
            "no_address": say("desk", "no e-mail address"),
            "canceled": say("desk", "the order was canceled"),
            "arrived": say("desk", "it has arrived"),
            "gone": say("desk", "the order is gone"),
            "uninstalled": say("desk", "the app was removed"),
            # states of work
            "waiting": say("desk", "waiting"),
            "running": say("desk", "running"),
            "done": say("desk", "done"),
            "stuck": say("desk", "stuck"),
            "paused": say("desk", "paused"),
            "superseded": say("desk", "replaced by newer work"),
            # where a fact comes from
            "platform": say("desk", "the platform"),
            "table": say("desk", "your delivery times"),
            "learned": say("desk", "learned from your history"),
            "carrier": say("desk", "the carrier"),
            "status": say("desk", "order status"),
            "adapter": say("desk", "a tracking service"),
            "shopper": say("desk", "the shopper"),
            # reviews, and where an answer to one stands
            "review.pending": say("desk", "not published yet"),
            "review.hidden": say("desk", "hidden"),
            "reply.waiting": say("desk", "about to be published"),
            "reply.published": say("desk", "published"),
            "reply.shown": say("desk", "shown by Aftercare"),
            "reply.removed": say("desk", "taken back"),
            "reply.stuck": say("desk", "not taken by the store"),
            "reply.there": say("desk", "replied to in the store"),
            "reply.none": say("desk", "waits for a reply"),
            "did.reply_answered": say("desk", "Replied to the review"),
            "did.reply_published": say("desk", "Published the reply"),
            "did.reply_edited": say("desk", "Changed the reply"),
            "did.reply_removed": say("desk", "Took the reply back"),
            # what was done at the desk, as the audit log says it
            "did.send_notice": say("desk", "Sent the message"),
            "did.discard_notice": say("desk", "Discarded the message"),
            "did.retry_job": say("desk", "Let the job run again"),
            "did.change_settings": say("desk", "Changed the settings"),
            "did.change_policy": say("desk", "Saved the policy"),
            "did.confirm_sender": say("desk", "Confirmed the sender address"),
            "did.decide_about_address": say("desk", "Decided about the address"),
            "did.decide_about_request": say("desk", "Decided about the request"),
            "did.try_connection": say("desk", "Tried the connection"),
            "did.privacy_erase": say("desk", "Erased the shopper"),
            "did.match": say("desk", "Named its order"),
            "did.close": say("desk", "Closed it"),
            "did.change_role": say("desk", "Changed the role"),
            "by.mailed_link": say("desk", "The mailed link"),
            # what may be typed into a form
            "field.note": say("desk", "Note"),
            "field.reason": say("desk", "Reason"),
            "field.text": say("desk", "Your reply, for everybody to read"),
            "field.comment": say("desk", "What the shopper said"),
            "field.amount": say("desk", "Amount"),
            "field.shipping": say("desk", "Shipping to give back"),
            "field.fee": say("desk", "Fee"),
            "field.url": say("desk", "Web address of the label"),
            "field.quantity": say("desk", "How many"),
            "field.wish": say("desk", "Wish"),
            "field.accepted": say("desk", "Accepted"),
            "field.missing": say("desk", "Missing in the parcel"),
            "field.grade": say("desk", "State"),
            "field.restock": say("desk", "Back on sale"),
            "field.number": say("desk", "Order number"),
            # reading a store
            "orders": say("desk", "Orders, as they change"),
            "reviews": say("desk", "Reviews, as they change"),
            "orders.import": say("desk", "First reading of orders"),
            "reviews.import": say("desk", "First reading of reviews"),
            "orders.reconcile": say("desk", "Nightly check of orders"),
            "reviews.reconcile": say("desk", "Nightly check of reviews"),
            "orders.repair": say("desk", "Reading again after a gap"),
            "source.open": say("desk", "connected"),
            "source.refused": say("desk", "refuses our access"),
            "reading": say("desk", "reading"),
            "idle": say("desk", "finished"),
            "given_up": say("desk", "given up after errors"),
            # cases and roles
            "cancel": say("desk", "Asks to cancel"),
            "talk": say("desk", "Wants a person"),
            "not_received": say("desk", "Has not received it"),
            "reply": say("desk", "Replied to a message"),
            "withdrawal_late": say("desk", "Withdrew late, by our reckoning"),
            "withdrawal_unmatched": say("desk", "Withdrew, and no order was found"),
            "withdrawal_there": say("desk", "Withdrew in the store itself"),
            "unconfirmed_erase": say("desk", "Asks to be forgotten; the store does not confirm it"),
            "unconfirmed_export": say("desk", "Asks for a copy of their data; the store does not confirm it"),
            "unconfirmed_news": say("desk", "News that the store does not confirm"),
            "owner": say("desk", "owner"),
            "manager": say("desk", "manager"),
            "agent": say("desk", "agent"),
            "viewer": say("desk", "viewer"),
        }
    )


def _features(say: Say) -> dict[str, str]:
    """Name what a store can do, and why one may lack it; what may be named after it follows."""
    return {
        "feature.refund": say("desk", "Refunds through the store"),
        "feature.records_refunds": say("desk", "Noting refunds that were paid elsewhere"),
        "feature.store_credit": say("desk", "Store credit"),
        "feature.exchange": say("desk", "Exchange"),
        "feature.cancel": say("desk", "Canceling orders"),
        "feature.return_notes": say("desk", "Notes about returns on the order"),
        "feature.native_returns": say("desk", "Returns in the store's own admin"),
        "feature.reviews": say("desk", "Reading reviews"),
        "feature.reply": say("desk", "Replying to reviews"),
        "feature.shopper_identity": say("desk", "Recognizing signed-in shoppers"),
        "feature.lists_deletions": say("desk", "News of deleted orders"),
        "feature.custom_statuses": say("desk", "Order statuses of your own"),
        "feature.variants": say("desk", "Choosing what to get in exchange"),
        "lacks.plan": say("desk", "your plan does not include it."),
        "lacks.scope": say("desk", "access to it was not granted."),
        "lacks.setting": say("desk", "it is switched off in the store."),
        "lacks.version": say("desk", "the store's software is too old for it."),
    }


def _holds(say: Say) -> dict[str, str]:
    """Name the reasons for which a store holds an order back."""
    return {
        "hold.awaiting_payment": say("desk", "payment is awaited"),
        "hold.suspected_fraud": say("desk", "fraud is suspected"),
        "hold.incorrect_address": say("desk", "the address is not correct"),
        "hold.out_of_stock": say("desk", "something is out of stock"),
        "hold.awaiting_return": say("desk", "the goods of an exchange have not come back"),
        "hold.unknown_delivery_date": say("desk", "no delivery date is known"),
        "hold.order_may_grow": say("desk", "the shopper may still add something"),
        "hold.other": say("desk", "for another reason"),
        "hold.unknown": say("desk", "no reason is given"),
    }


def _notices(say: Say) -> dict[str, str]:
    """Name the kinds of notice, and the rules that send them, as the settings show both."""
    kinds = {name: kind.label(say) for name, kind in notice_kinds().items()}
    return kinds | {name: (rule.label or KIND_OF[name].label)(say) for name, rule in RULES.items()}
