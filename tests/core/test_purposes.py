"""What sees more than one store says why: the purposes in core/db/purpose.py are all there are."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from core.db.database import Database
from core.db.purpose import Purpose
from tests.layout import MODULES, tree_of, within

PAST_SYSTEM = {"sqlite_transaction": {"core.jobs.fast_enqueue"}, "FOR_ALL": {"core.jobs.fast_enqueue"}}
"""The two other ways to all stores' rows, and who may go them: what records deliveries."""


def calls_of_system() -> Iterator[tuple[str, ast.Call]]:
    """Find the calls of a method `system` in the core, each with its module."""
    for module in MODULES:
        if within(module, "core"):
            for node in ast.walk(tree_of(module)):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "system":
                    yield module, node


def named_by(call: ast.Call) -> str:
    """Give the purpose that a call names: the member of `Purpose` that is its first argument."""
    first = ast.unparse(call.args[0]) if call.args else ""
    return first.removeprefix("Purpose.") if first.startswith("Purpose.") else ""


def test_every_transaction_over_all_stores_names_a_listed_purpose() -> None:
    calls = list(calls_of_system())
    assert len(calls) > 15
    assert [module for module, call in calls if named_by(call) not in Purpose.__members__] == []


def test_every_listed_purpose_is_used_and_says_what_it_reads_or_writes() -> None:
    assert {named_by(call) for _, call in calls_of_system()} == set(Purpose.__members__)
    assert all(len(purpose.value.split()) > 5 and purpose.value.endswith(".") for purpose in Purpose)


@pytest.mark.parametrize("name", PAST_SYSTEM)
def test_nobody_else_goes_past_system(name: str) -> None:
    using = {
        module
        for module in MODULES
        if not within(module, "core.db")
        for node in ast.walk(tree_of(module))
        if isinstance(node, ast.Attribute | ast.Name) and getattr(node, "attr", getattr(node, "id", "")) == name
    }
    assert using == PAST_SYSTEM[name]


def test_no_transaction_over_all_stores_opens_without_a_purpose(database: Database) -> None:
    with pytest.raises(TypeError), database.system():  # type: ignore[call-arg]
        pass
