"""Which refunds of an order are more than was asked for: a table of reimbursements and of what the store lists."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from core.returns.model import Reimbursement
from core.returns.money.detect_external_refund import surplus
from tests.conftest import NOON


def row(id_: int = 1, **changes: Any) -> Reimbursement:
    facts = {
        "key": f"k{id_}",
        "kind": "refund",
        "state": "issued",
        "amount": 1000,
        "reason": f"RMA-{id_}",
        "platform_ref": "",
    }
    return Reimbursement(id=id_, created_at=NOON, **(facts | changes))


def refund(ref: str, amount: int = 1000, **changes: Any) -> dict[str, Any]:
    return {"ref": ref, "amount": amount, "at": (NOON + timedelta(minutes=5)).isoformat(), "key": "", **changes}


OURS = refund("a", key="k1")
MUG, LAMP = [{"ref": "l1", "quantity": 1}], [{"ref": "l2", "quantity": 1}]
WRITTEN = refund("a", key="k1", paid_out=False)
BEFORE = (NOON - timedelta(days=1)).isoformat()


@pytest.mark.parametrize(
    ("rows", "refunds", "found"),
    [
        ([row()], [OURS], {}),
        ([row()], [OURS, refund("b", key="k1")], {1: ["a", "b"]}),
        ([row()], [OURS, refund("b", 1, key="k1")], {1: ["a", "b"]}),
        ([row()], [refund("a", 400, key="k1"), refund("b", 600, key="k1")], {1: ["a", "b"]}),
        ([row()], [OURS, refund("b", reason="RMA-1")], {1: ["a", "b"]}),
        ([row()], [OURS, refund("b", 300, reason="RMA-1")], {1: ["a", "b"]}),
        ([row()], [OURS, refund("b")], {1: ["a", "b"]}),
        ([row()], [OURS, refund("b", 300)], {}),
        ([row()], [OURS, refund("b", at=BEFORE)], {}),
        ([row()], [OURS, refund("b", key="of another app")], {}),
        ([row(platform_ref="a")], [refund("a"), refund("b")], {1: ["a", "b"]}),
        ([row(state="needs_staff")], [refund("a")], {}),
        ([row(state="needs_staff")], [refund("a"), refund("b")], {}),
        ([row(), row(2)], [OURS, refund("b")], {}),
        ([row(), row(2)], [OURS, refund("b"), refund("c")], {1: ["a", "c"]}),
        ([row(platform_ref="b")], [refund("a", key="k1", paid_out=False), refund("b")], {}),
        (
            [row(platform_ref="b")],
            [refund("a", key="k1", paid_out=False), refund("b"), refund("c")],
            {1: ["a", "b", "c"]},
        ),
        ([row(lines=MUG)], [OURS, refund("b", lines=LAMP)], {}),
        ([row(lines=MUG)], [OURS, refund("b", lines={"l2": 1})], {}),
        ([row(lines=MUG)], [OURS, refund("b", lines=[*MUG, *LAMP])], {1: ["a", "b"]}),
        ([row(lines=MUG)], [OURS, refund("b", lines=MUG)], {1: ["a", "b"]}),
        ([row(lines=MUG)], [OURS, refund("b", lines=LAMP, reason="RMA-1")], {1: ["a", "b"]}),
        ([row(state="dropped")], [OURS], {1: ["a"]}),
        ([row(state="dropped")], [refund("b")], {}),
        ([row(kind="store_credit")], [OURS, refund("b")], {}),
        ([row(kind="store_credit")], [OURS, refund("b", key="k1")], {1: ["a", "b"]}),
    ],
)
def test_more_than_was_asked_for_is_found_whoever_refunded_it(
    rows: list[Reimbursement], refunds: list[dict[str, Any]], found: dict[int, list[str]]
) -> None:
    assert surplus(rows, refunds) == found
