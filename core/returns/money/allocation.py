"""What each unit of an order is worth to the minor unit, from what the platform stored and never recomputed.

A line's money is distributed round-robin: net first, then every tax in the order of its rate's ref, one minor unit
at a time, to the line's units in turn. Every unit so gets the floor or the ceiling of its price (largest remainder
among equals). When a unit leaves with its share and the rest is distributed again among those left, no share
changes: minor unit `i` goes to unit `i % n` of `n`, and without the first unit it becomes number `i - 1 - i // n`,
which goes to the same unit. So what a unit brings depends on how many left before it and on nothing else, and the
shares always add up to the line's total.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from core.money import allocate
from core.returns.money.purchased import GOODS, PurchasedLine

Parts = dict[str | None, int]
"""A line's money: what is not tax under NET, then each tax under its rate's ref."""
NET = None


def stored_parts(line: PurchasedLine, tax_included: bool) -> Parts:
    """Give the line's money as the platform stored it, net apart from its taxes."""
    return _parts(line.total, line.taxes, tax_included)


def rounding_room(lines: Iterable[PurchasedLine]) -> int:
    """Give the largest difference that rounding can make between the lines and the total: half a unit an amount."""
    return (1 + sum(1 + len(line.taxes) for line in lines)) // 2


def share_of_units(parts: Parts, units: int, first: int, count: int) -> Parts:
    """Give what `count` of `units` units are worth, from the `first` (0-based) one on."""
    shares: Parts = {}
    minor_units = given = 0
    for key, amount in parts.items():
        minor_units += amount
        now = _dealt(minor_units, units, first, count)
        shares[key] = now - given
        given = now
    return shares


def scale_down(parts: Parts, amount: int) -> Parts:
    """Shrink the parts in proportion until they add up to `amount`, at most what they add up to now."""
    return dict(zip(parts, allocate(amount, list(parts.values())), strict=True))


def reconcile_lines(lines: Sequence[PurchasedLine], total: int | None, tax_included: bool) -> list[Parts]:
    """Make the lines add up to what the order came to at purchase, `total`; no part of a line is below zero after.

    Discounts that stand beside the goods (a negative line, or lines that come to more than the order) are taken
    off what they were given on, by what each cost; so is the odd unit that rounding line by line left over. Taxes
    stay as stored as long as the net amounts can give. A total above the lines by more than rounding is none of
    theirs (a tip, say) and stays out. Nothing here looks at refunds, so it is the same before and after each.
    """
    settled = [stored_parts(line, tax_included) for line in lines]
    came_to = sum(sum(parts.values()) for parts in settled)
    if total is not None and total - came_to <= rounding_room(lines):
        came_to = max(0, total)
    groups = [
        [parts for line, parts in zip(lines, settled, strict=True) if (line.kind in GOODS) == goods]
        for goods in (True, False)
    ]
    for key, amount in _take_negatives(settled).items():
        for group in groups:
            amount -= _lower(group, key, amount)
    surplus = sum(sum(parts.values()) for parts in settled) - came_to
    if surplus < 0:
        _raise(next(group for group in groups if group), -surplus)
    for group in groups:
        for key in dict.fromkeys(key for parts in group for key in parts):
            surplus -= _lower(group, key, max(0, surplus))
    return settled


def remaining_parts(line: PurchasedLine, settled: Parts, tax_included: bool) -> Parts:
    """Give what the units left on the line can still bring, together.

    Where earlier refunds took more than the units they were for, only what is left is shared among the others.
    Where they took less, the rest was kept on purpose (a fee) and is not given away with the next unit.
    """
    if not line.units_left:
        return dict.fromkeys(settled, 0)
    due = share_of_units(settled, line.quantity, line.refunded_quantity, line.units_left)
    if line.refunded_total is None:
        return due
    spent = _parts(line.refunded_total, line.refunded_taxes, tax_included)
    rest = sum(settled.values()) - sum(spent.values())
    if rest > sum(due.values()):
        return due
    return scale_down({key: max(0, amount - spent.get(key, 0)) for key, amount in settled.items()}, max(0, rest))


def _parts(total: int, taxes: Mapping[str, int], tax_included: bool) -> Parts:
    net = total - sum(taxes.values()) if tax_included else total
    return {NET: net, **{ref: taxes[ref] for ref in sorted(taxes)}}


def _dealt(minor_units: int, units: int, first: int, count: int) -> int:
    """Count the minor units that go to `count` of `units` units, from the `first` one on, dealt one at a time."""
    rounds, odd = divmod(minor_units, units)
    return rounds * count + min(odd, first + count) - min(odd, first)


def _take_negatives(settled: Iterable[Parts]) -> Parts:
    """Set negative parts to zero and give what they were discounts of."""
    off: Parts = {}
    for parts in settled:
        for key, amount in parts.items():
            if amount < 0:
                off[key] = off.get(key, 0) - amount
                parts[key] = 0
    return off


def _lower(group: Sequence[Parts], key: str | None, amount: int) -> int:
    """Take `amount`, or as much as there is, off one part of the group's lines; give what was taken."""
    if not amount:
        return 0
    having = [parts for parts in group if parts.get(key, 0) > 0]
    taken = min(amount, sum(parts[key] for parts in having))
    for parts, share in zip(having, allocate(taken, [parts[key] for parts in having]) if having else (), strict=True):
        parts[key] -= share
    return taken


def _raise(group: Sequence[Parts], amount: int) -> None:
    for parts, share in zip(group, allocate(amount, [parts[NET] for parts in group]), strict=True):
        parts[NET] += share
