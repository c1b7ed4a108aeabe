"""What was typed is found in what a row says, in any script, however it is written; and the index proposes it."""

from __future__ import annotations

import pytest

from core.search.folding import MOST_CHARACTERS, fold
from core.search.grams import grams_of, runs_of
from core.search.query import read_query
from core.search.tokens import store_secrets, token
from core.secrets import Keyring
from tests.conftest import KEY

FOUND = [
    ("nguyen", "Nguyễn Văn An"),
    ("Nguyễn", "nguyen van an"),
    ("an", "Nguyễn Văn An"),
    ("ngu", "Nguyễn"),
    ("dang", "Đặng Thị Hoa"),
    ("Đặng", "DANG THI HOA"),
    ("李明", "李明"),
    ("王", "王小明"),
    ("明", "王小明"),
    ("สมชาย", "นายสมชาย ใจดี"),
    ("ตอง", "ต้อง"),
    ("أحمد", "احمد علي"),
    ("احمد", "الأَحْمَد"),
    ("zukauskas", "Žukauskas Ąžuolas"),
    ("Ąžuol", "azuolas"),
    ("ёлка", "Елка"),
    ("ann berg", "Berg, Ann"),
    ("berg", "Lindberg"),
    ("o'neil", "O’Neil"),
    ("ＡＮＮ", "ann"),
    ("strasse", "Straße"),
    ("김", "김민수"),
    ("きもの", "きもの 青"),
]


@pytest.mark.parametrize(("typed", "said"), FOUND)
def test_a_name_is_found_with_or_without_its_marks_and_half_typed(typed: str, said: str) -> None:
    runs, query = runs_of([said]), read_query(typed)
    assert query.is_in(runs)
    assert any(set(way) <= grams_of(runs) for way in query.grams()), "the index would not propose it"


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("091 234 5678", "+84 91 234 56 78"),
        ("0912345678", "+84 91 234 56 78"),
        ("+84 912 345 678", "84912345678"),
        ("rr 123-456 lt", "RR123456LT"),
        ("lin1042b", "LIN-1042-B"),
        ("٤٢١٥", "4215"),
        ("ann@shopper", "Ann@Shopper.example"),
    ],
)
def test_a_number_is_found_however_it_is_separated(typed: str, number: str) -> None:
    runs, query = runs_of([], [number]), read_query(typed)
    assert query.is_in(runs)
    assert any(set(way) <= grams_of(runs) for way in query.grams())


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("nguyen", "Ngô Văn An"),
        ("an", "Lan"),
        ("ann carl", "Ann Berg"),
        ("王", "李明"),
        ("明李", "李明"),
        ("ber", "be"),
    ],
)
def test_what_a_row_does_not_say_is_not_found(typed: str, said: str) -> None:
    assert not read_query(typed).is_in(runs_of([said]))


@pytest.mark.parametrize("typed", ["", " ", "\0", "%", "_", "'; --", '"', "🎉", "\u202e", "…", "\ud800"])
def test_signs_alone_look_for_nothing(typed: str) -> None:
    assert read_query(typed).ways == ()


def test_ten_thousand_characters_are_cut_and_looked_for() -> None:
    query = read_query("x" * 10_000)
    assert len(query.typed) == 200
    assert all(len(way) <= 24 for way in query.grams())
    assert len(fold("é" * 100_000)) == MOST_CHARACTERS


def test_two_stores_have_other_tokens_for_one_word_and_so_has_another_key() -> None:
    old, new = Keyring([KEY]), Keyring(["a-second-long-random-text-of-36-signs", KEY])
    secrets = [store_secrets(old, 1)[0], store_secrets(old, 2)[0], *store_secrets(new, 1)]
    assert len({token(secret, "order", "ann") for secret in secrets}) == 3
    assert store_secrets(new, 1)[1] == store_secrets(old, 1)[0]
