"""Group commit: what arrives while one transaction runs shares the next, and nobody pays for another's bad item."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from core.db.group_commit import Together


def test_what_arrives_while_one_batch_is_written_shares_the_next() -> None:
    batches: list[list[int]] = []
    first_is_in, go_on = threading.Event(), threading.Event()

    def write(items: Sequence[int]) -> None:
        batches.append(sorted(items))
        first_is_in.set()
        assert go_on.wait(10)

    together: Together[int] = Together(write)
    with ThreadPoolExecutor(8) as pool:
        posts = [pool.submit(together.submit, 0)]
        assert first_is_in.wait(10)
        posts += [pool.submit(together.submit, number) for number in range(1, 8)]
        while len(together._waiting) < 7:
            threading.Event().wait(0.001)
        go_on.set()
        for post in posts:
            post.result(timeout=10)
    assert batches == [[0], [1, 2, 3, 4, 5, 6, 7]]


def test_every_item_of_many_threads_is_written_once() -> None:
    written: list[int] = []
    together: Together[int] = Together(written.extend)
    with ThreadPoolExecutor(16) as pool:
        for post in [pool.submit(together.submit, number) for number in range(2000)]:
            post.result(timeout=10)
    assert sorted(written) == list(range(2000))


@pytest.mark.parametrize("error", [sa.exc.StatementError("no", "", None, ValueError()), KeyError("a defect of ours")])
def test_one_bad_item_fails_only_its_own_thread(error: Exception) -> None:
    written: list[int] = []
    gate = threading.Event()

    def write(items: Sequence[int]) -> None:
        assert gate.wait(10)
        if 3 in items:
            raise error
        written.extend(items)

    together: Together[int] = Together(write)
    with ThreadPoolExecutor(8) as pool:
        posts = [pool.submit(together.submit, number) for number in range(8)]
        gate.set()
        for number, post in enumerate(posts):
            if number == 3:
                with pytest.raises(type(error)):
                    post.result(timeout=10)
            else:
                post.result(timeout=10)
    assert sorted(written) == [0, 1, 2, 4, 5, 6, 7]


def test_when_the_writing_thread_breaks_off_the_others_are_told_and_the_next_goes_on() -> None:
    batches: list[list[int]] = []
    first_is_in, go_on = threading.Event(), threading.Event()

    def write(items: Sequence[int]) -> None:
        batches.append(sorted(items))
        first_is_in.set()
        assert go_on.wait(10)
        if len(items) == 3:
            raise SystemExit

    together: Together[int] = Together(write)
    with ThreadPoolExecutor(4) as pool:
        posts = [pool.submit(together.submit, 0)]
        assert first_is_in.wait(10)
        posts += [pool.submit(together.submit, number) for number in range(1, 4)]
        while len(together._waiting) < 3:
            threading.Event().wait(0.001)
        go_on.set()
        ended = sorted(type(post.exception(timeout=10)).__name__ for post in posts)
        pool.submit(together.submit, 4).result(timeout=10)
    assert ended == ["NoneType", "NotWritten", "NotWritten", "SystemExit"]
    assert batches == [[0], [1, 2, 3], [4]]
