"""Dividing what a refund brings by what was paid with: money goes back as money, a balance gets its own part back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from core.platform.snapshots import PaymentKind
from core.returns.money.quotes import Entry, Quote
from core.returns.money.refund_amount import pay_out


def split_by_balance(quote: Quote, kinds: Mapping[str, PaymentKind]) -> Iterator[tuple[PaymentKind, Quote]]:
    """Give a quote's parts, each with the kind of payment it goes back to; their totals add up to the quote's.

    `kinds` says of each payment, by its ref, what was paid with. The first part has the lines and the explanation, less
    what the others take; of those each says how much was paid so.
    """
    flows: dict[PaymentKind, list[tuple[str, int]]] = {}
    for ref, amount in quote.payments:
        flows.setdefault(kinds.get(ref, "gateway"), []).append((ref, amount))
    first, *others = flows or {"gateway": []}
    if not others:
        yield first, quote
        return
    totals = {kind: sum(amount for _, amount in flow) for kind, flow in flows.items()}
    yield (
        first,
        replace(
            quote,
            total=totals[first],
            payout=pay_out(quote.payout, totals[first]),
            payments=tuple(flows[first]),
            explanation=(*quote.explanation, *(Entry("balance", -totals[kind], note=kind) for kind in others)),
        ),
    )
    for kind in others:
        told = (Entry("balance", totals[kind], note=kind),)
        yield kind, Quote(totals[kind], (), (), 0, 0, tuple(flows[kind]), told)
