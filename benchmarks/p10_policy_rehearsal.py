"""P10: rehearse a candidate policy over 100,000 past orders on one core. Seconds; the floor walks the same lines.

Run with `python -m benchmarks.p10_policy_rehearsal`; it needs no database.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from statistics import median

from benchmarks import measure
from core.returns.facts import LineFacts, ReturnFacts
from core.returns.policy.policy_document import HolidayExtension, Policy, PolicyRule, ReasonTerms, When, Window
from core.returns.simulation.simulate import PastCase, SimulationResult, simulate

ORDERS = int(os.environ.get("ORDERS", "100000"))
BUDGET_SECONDS = 10
NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
_WINTER = HolidayExtension(
    placed_from=date(2025, 11, 1), placed_until=date(2025, 12, 24), returns_until=date(2026, 1, 31)
)


def main() -> None:
    """Measure the rehearsal of a ten-rule policy beside a pass that only reads each line's facts."""
    cases = past_cases(ORDERS)
    found: list[SimulationResult] = []
    runs = {
        "rehearsal": lambda: _timed(lambda: found.append(simulate(policy(30), policy(14), cases, NOW))),
        "floor": lambda: _timed(lambda: _read_facts(cases)),
    }
    samples = measure.alternate(runs)
    measure.show(f"P10 rehearse a policy of ten rules over {ORDERS:,} orders", samples)
    seen = found[-1]
    spent = median(sample["CPU seconds"] for sample in samples["rehearsal"])
    verdict = "kept" if spent <= BUDGET_SECONDS else "MISSED"
    print(f"\n{seen.cases:,} orders, {seen.lines:,} lines, each judged twice: {spent:.1f} s of one core,")
    print(f"budget {BUDGET_SECONDS} s {verdict}")
    for (was, becomes), tally in sorted(seen.changes.items()):
        print(f"  {was} -> {becomes}: {tally.lines:,} lines of {tally.cases:,} orders, {dict(tally.money)}")
    for (clash, certainty), tally in sorted(seen.conflicts.items()):
        print(f"  {clash} within the legal period, {certainty}: {tally.lines:,} lines")


def policy(days: int) -> Policy:
    """A store's policy of ten rules, of every kind, with a window of so many days."""
    own = ReasonTerms(fee_percent=Decimal("10"), label_paid_by="shopper", label_fee=490)
    rules = (
        PolicyRule(name="final", answer="decline", when=When(final_sale=True), objection="final_sale"),
        PolicyRule(name="tagged", answer="decline", when=When(tags=("hygiene",)), objection="product_excluded"),
        PolicyRule(name="blocked", answer="review", when=When(shopper="blocked"), objection="blocked"),
        PolicyRule(name="often", answer="review", when=When(earlier_returns_from=6), objection="frequent_returns"),
        PolicyRule(name="dear", answer="review", when=When(value_from=40_000), objection="value_too_high"),
        PolicyRule(name="broken", answer="accept", when=When(reasons=("defective",)), window=Window(days=730)),
        PolicyRule(name="far", answer="accept", when=When(countries=("US", "VN")), window=Window(days=days + 15)),
        PolicyRule(name="shoes", answer="accept", when=When(collections=("shoes",)), window=Window(days=60)),
        PolicyRule(name="gifts", answer="accept", when=When(gift=True), wishes=("exchange", "store_credit")),
        PolicyRule(name="the rest", answer="accept", when=When()),
    )
    reasons = {"too_small": own, "changed_mind": own, "defective": ReasonTerms(photos=1), "other": ReasonTerms()}
    return Policy(
        currency="EUR", timezone="Europe/Berlin", rules=rules, window=Window(days=days), extensions=(_WINTER,),
        reasons=reasons, blocked=("e" * 64,),
    )  # fmt: skip


def past_cases(orders: int) -> list[PastCase]:
    """A year and a half of orders, a fifth of them returned; the same on every machine."""
    dice = random.Random(10)
    return [_past_case(dice, number) for number in range(orders)]


def _past_case(dice: random.Random, number: int) -> PastCase:
    placed = date(2025, 5, 1) + timedelta(dice.randrange(560))
    delivered = placed + timedelta(dice.randint(1, 14)) if dice.random() < 0.7 else None
    lines = tuple(_line(dice, place, placed, delivered) for place in range(dice.choice((1, 1, 2, 3))))
    request = ReturnFacts(
        placed_on=placed,
        lines=lines,
        country=dice.choice(("DE", "DE", "FR", "IT", "PL", "GB", "US", "VN")),
        currency=dice.choice(("EUR", "EUR", "EUR", "USD")),
        shopper=f"{dice.randrange(20_000):064x}",
        earlier_returns=dice.randrange(8),
        gift=dice.random() < 0.05,
        parcels=(delivered,),
    )
    asked = datetime(placed.year, placed.month, placed.day, 12, tzinfo=UTC) + timedelta(dice.randint(3, 60))
    return PastCase(f"#{number}", request, asked if dice.random() < 0.2 else None)


def _line(dice: random.Random, place: int, placed: date, delivered: date | None) -> LineFacts:
    return LineFacts(
        ref=str(place),
        value=dice.randrange(500, 60_000),
        reason=dice.choice(("too_small", "changed_mind", "defective", "other")),
        wish=dice.choice(("refund", "refund", "exchange")),
        product=str(dice.randrange(5000)),
        tags=dice.choice(((), ("new",), ("sale", "summer"), ("hygiene",))),
        collections=dice.choice(((), ("shoes",), ("shirts", "summer"))),
        final_sale=dice.random() < 0.05,
        shipped_on=placed + timedelta(1),
        delivered_on=delivered,
    )


def _timed(run: Callable[[], object]) -> measure.Sample:
    cpu, wall = time.process_time(), time.perf_counter()
    run()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return {"seconds": wall, "CPU seconds": cpu, "CPU µs an order": cpu * 1e6 / ORDERS}


def _read_facts(cases: Sequence[PastCase]) -> Counter[tuple[str, str]]:
    """What no rehearsal can do without: look at every line once, and add its worth."""
    worth: Counter[tuple[str, str]] = Counter()
    for case in cases:
        for line in case.request.lines:
            worth[case.request.currency, line.reason] += line.value
    return worth


if __name__ == "__main__":
    main()
