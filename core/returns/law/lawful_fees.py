"""Which fees a store may keep from a return, whatever its policy says. Not legal advice.

Goods that are not as agreed are put right free of charge, postage included (Directive (EU) 2019/771, Art. 14; in the
United Kingdom the Consumer Rights Act 2015, s. 20 and 24). While the right of withdrawal lasts, whoever sends goods
back for their money bears no cost but the postage, and that only where they were told so (2011/83/EU, Art. 13 and 14).
Unsettled is whether a return under the store's own policy counts as a withdrawal then, since any clear statement is
one (Art. 11). Chosen is what is safe for the merchant: no fee.
"""

from __future__ import annotations

from core.returns.facts import Fees, LineFacts, ReturnFacts
from core.returns.law.withdrawal_law import Period, law_of

NOT_AS_AGREED = frozenset({"damaged", "defective", "wrong_item", "not_as_described"})
"""Reasons that say that the goods are not as agreed."""
_SWAPS = ("exchange", "repair")


def lawful_fees(fees: Fees, request: ReturnFacts, line: LineFacts, right: Period | None) -> Fees:
    """Take off a line's fees what the law of the shopper's country forbids; `right` is the withdrawal, while open."""
    if line.reason in NOT_AS_AGREED and law_of(request.country or request.store_country) is not None:
        return Fees()
    if right is None or line.wish in _SWAPS:
        return fees
    label = fees.label if request.informed else 0
    return Fees(0, label, fees.label_paid_by if request.informed else "store")
