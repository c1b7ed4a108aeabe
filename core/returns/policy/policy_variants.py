"""What a gift or a warranty claim changes about the store's policy: pure, a policy in, a policy out."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from core.returns.facts import Wish
from core.returns.policy.policy_document import Policy, ReasonTerms, Window

Kind = Literal["return", "warranty"]
GIFT_WISHES: tuple[Wish, ...] = ("exchange", "store_credit")
"""What a gift's recipient may wish for: the money is the giver's, and so is its price."""
WARRANTY_WISHES: tuple[Wish, ...] = ("repair", "exchange", "refund")
"""What the law of faulty goods knows (Directive 2019/771, Art. 13): repair or replacement first."""


def policy_for(policy: Policy, kind: str = "return", *, gift: bool = False) -> Policy:
    """Give the policy as it holds for this request.

    A warranty claim is a legal matter: no window, rule or fee stands against it, and a person decides. A gift is
    exchanged or credited, whatever else the policy offers; where it offers neither, nothing can be wished for.
    """
    if kind == "warranty":
        policy = _for_warranty(policy)
    return _for_gift(policy) if gift else policy


def _for_warranty(policy: Policy) -> Policy:
    return policy.model_copy(
        update={
            "rules": (),
            "otherwise": "review",
            "before_delivery": "review",
            "window": Window(days=None),
            "extensions": (),
            "wishes": WARRANTY_WISHES,
            "reasons": {name: _without_fees(terms) for name, terms in policy.reasons.items()},
        }
    )


def _without_fees(terms: ReasonTerms) -> ReasonTerms:
    free = {"fee_fixed": 0, "fee_percent": Decimal(0), "label_paid_by": "store", "label_fee": 0}
    return terms.model_copy(update=free)


def _for_gift(policy: Policy) -> Policy:
    rules = tuple(
        rule.model_copy(update={"wishes": _for_recipient(rule.wishes)}) if rule.wishes is not None else rule
        for rule in policy.rules
    )
    return policy.model_copy(update={"rules": rules, "wishes": _for_recipient(policy.wishes)})


def _for_recipient(wishes: tuple[Wish, ...]) -> tuple[Wish, ...]:
    return tuple(wish for wish in GIFT_WISHES if wish in wishes)
