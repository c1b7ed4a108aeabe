"""What we cannot do at a platform, in sentences for staff: what is missing, and what happens instead."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from core.i18n.words import Words
from core.platform.contract import Feature


def missing_sentences(features: Collection[Feature], words: Words) -> list[str]:
    """Give a sentence for each feature that is not there; none for what another one makes needless."""
    missing = set(Feature) - set(features)
    if Feature.REVIEWS in missing:
        missing.discard(Feature.REPLY)
    if Feature.REFUND in missing:
        missing.discard(Feature.RECORDS_REFUNDS)
    returns = {Feature.RETURN_NOTES, Feature.NATIVE_RETURNS}
    if returns & set(features):
        missing -= returns
    elif returns & missing:
        missing.discard(Feature.RETURN_NOTES)
    return [sentence for feature, sentence in sentences(words).items() if feature in missing]


def sentences(words: Words) -> Mapping[Feature, str]:
    """Give what is said of each feature where it is missing, in the order in which it is shown."""
    say = words.pgettext
    returns = say("desk", "Show a return in the store's admin. It is kept here alone.")
    return {
        Feature.REFUND: say("desk", "Pay refunds. You pay them in your store, and we notice it."),
        Feature.RECORDS_REFUNDS: say(
            "desk", "Note a refund in the store that was paid another way. It is noted here alone."
        ),
        Feature.STORE_CREDIT: say("desk", "Give store credit. You give it by hand."),
        Feature.EXCHANGE: say("desk", "Send out an exchange. You send it out by hand."),
        Feature.VARIANTS: say("desk", "See what is on sale. For an exchange, shoppers write what they would like."),
        Feature.COLLECTIONS: say(
            "desk", "Name collections in a return policy. You list their products there yourself."
        ),
        Feature.CANCEL: say("desk", "Cancel an order. You cancel it by hand; a case reminds you."),
        Feature.RETURN_NOTES: returns,
        Feature.NATIVE_RETURNS: returns,
        Feature.REVIEWS: say("desk", "Read reviews. This platform has none."),
        Feature.REPLY: say("desk", "Publish a reply to a review. The script in your shop shows it instead."),
        Feature.SHOPPER_IDENTITY: say(
            "desk", "Know who is signed in. Shoppers find their order by its number and their e-mail address."
        ),
        Feature.SHOPPER_SIGN_IN: say(
            "desk", "Let shoppers sign in with their account. They find their order without one."
        ),
        Feature.LISTS_DELETIONS: say("desk", "See at once that an order was deleted. We notice it within a day."),
        Feature.CUSTOM_STATUSES: say("desk", "Map order statuses of your own. This platform has none."),
    }
