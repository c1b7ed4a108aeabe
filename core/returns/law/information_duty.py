"""Whether a shopper was told of the right of withdrawal and of its button, as the law asks. No legal advice."""

from __future__ import annotations

from datetime import date

from core.returns.law.withdrawal_law import needs_button
from core.returns.policy.policy_document import Policy
from core.returns.return_settings import ReturnSettings


def was_informed(policy: Policy, return_settings: ReturnSettings, country: str, contract_day: date) -> bool:
    """Say whether a contract's shopper was informed; where not, the period of withdrawal may be a year longer.

    By the merchant's own word on both: the right (Art. 10), and the button where the law asks for one for contracts of
    that day (Art. 6(1)(h)). Whether a missing or broken button adds the year is not settled (French law is read so):
    it is taken to, which is safe for the store, since no withdrawal is called late that may be in time.
    """
    return policy.informed and (return_settings.button_works or not needs_button(country, contract_day))
