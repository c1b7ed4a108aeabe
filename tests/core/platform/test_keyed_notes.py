"""A return's moves as notes of a platform without keys: each once, wherever the process died."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.platform.calls.keyed_notes import note_once
from core.platform.contract import ReturnMove


class Died(Exception):
    """The process is gone."""


class Order:
    """An order with notes and a log; the process dies right after the `dies_after`-th thing it does here."""

    def __init__(self) -> None:
        self.notes: list[tuple[str, str]] = []
        self.log: list[Any] = []
        self.calls, self.dies_after = 0, 0

    def _happened(self) -> None:
        self.calls += 1
        if self.calls == self.dies_after:
            raise Died

    def read(self) -> list[tuple[str, str]]:
        self._happened()
        return list(reversed(self.notes))

    def write(self, words: str) -> str:
        self.notes.append((str(len(self.notes) + 1), words))
        self._happened()
        return self.notes[-1][0]

    def save(self, log: list[Any]) -> None:
        self.log = log
        self._happened()

    def tell(self, move: ReturnMove) -> str:
        return note_once(move, list(self.log), notes=self.read, write=self.write, save=self.save)


def moved(key: str, move: Any = "approved", note: str = "") -> ReturnMove:
    return ReturnMove(key, "42", "RMA-1001", move, note)


@pytest.mark.parametrize("dies_after", range(1, 4))
def test_a_move_is_noted_once_wherever_the_process_dies(dies_after: int) -> None:
    order = Order()
    order.dies_after = dies_after
    with pytest.raises(Died):
        order.tell(moved("k1"))
    assert order.tell(moved("k1")) == order.tell(moved("k1")) == "1"
    assert order.notes == [("1", "Aftercare: return RMA-1001 approved.")]
    assert [entry["key"] for entry in order.log] == ["k1"]


def test_a_move_that_stands_in_the_log_costs_no_call() -> None:
    order = Order()
    order.tell(moved("k1"))
    calls = order.calls
    assert order.tell(moved("k1", note="in other words")) == "1"
    assert order.calls == calls


def test_the_same_move_made_again_later_is_noted_again() -> None:
    order = Order()
    refs = [order.tell(moved(key)) for key in ("k1", "k2")]
    assert refs == ["1", "2"]


MOVES = st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["requested", "approved", "closed"])), max_size=8)


@given(moves=MOVES, deaths=st.sets(st.integers(1, 24)))
def test_each_key_has_one_note_whatever_dies_and_however_often_it_is_asked(
    moves: list[tuple[int, Any]], deaths: set[int]
) -> None:
    order = Order()
    words: dict[str, Any] = {}
    for number, move in moves:
        told = moved(str(number), words.setdefault(str(number), move))
        until_done(order, told, deaths)
    assert sorted(entry["key"] for entry in order.log) == sorted(words)
    assert len({entry["note"] for entry in order.log}) == len(order.notes) == len(words)


def until_done(order: Order, move: ReturnMove, deaths: set[int]) -> None:
    while True:
        order.dies_after = min((at for at in deaths if at > order.calls), default=0)
        try:
            order.tell(move)
        except Died:
            continue
        return
