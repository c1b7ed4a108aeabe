"""Which fees a store may keep from a return, whatever its policy says. Not legal advice.

Goods that are not as agreed are put right free of charge, postage included (Directive (EU) 2019/771, Art. 14; in the
United Kingdom the Consumer Rights Act 2015, s. 20 and 24). A withdrawal bears no fee (2011/83/EU, Art. 13 and 14): its
quote knows none. Unsettled is whether a return under the store's own policy counts as a withdrawal while that right
lasts, since any clear statement is one (Art. 11). Chosen is to keep the policy's fee on what the shopper calls a
return, and to offer the withdrawal that costs less before it and by name.
"""

from __future__ import annotations

from core.returns.facts import Fees, LineFacts, ReturnFacts
from core.returns.law.withdrawal_law import law_of

NOT_AS_AGREED = frozenset({"damaged", "defective", "wrong_item", "not_as_described"})
"""Reasons that say that the goods are not as agreed."""


def lawful_fees(fees: Fees, request: ReturnFacts, line: LineFacts) -> Fees:
    """Take off a line's fees what the law of the shopper's country forbids."""
    is_ours = law_of(request.country or request.store_country) is not None
    return Fees() if line.reason in NOT_AS_AGREED and is_ours else fees
