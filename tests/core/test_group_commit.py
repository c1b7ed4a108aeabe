"""Group commit: what arrives while one transaction runs shares the next, and nobody pays for another's bad item."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from core.db.group_commit import GroupCommit


def test_what_arrives_while_one_batch_is_written_shares_the_next() -> None:
    batches: list[list[int]] = []
    first_is_in, go_on = threading.Event(), threading.Event()

    def write(items: Sequence[int]) -> None:
        batches.append(sorted(items))
        first_is_in.set()
        assert go_on.wait(10)

    commits: GroupCommit[int] = GroupCommit(write)
    with ThreadPoolExecutor(8) as pool:
        posts = [pool.submit(commits.submit, 0)]
        assert first_is_in.wait(10)
        posts += [pool.submit(commits.submit, number) for number in range(1, 8)]
        while len(commits._waiting) < 7:
            threading.Event().wait(0.001)
        go_on.set()
        for post in posts:
            post.result(timeout=10)
    assert batches == [[0], [1, 2, 3, 4, 5, 6, 7]]


def test_every_item_of_many_threads_is_written_once() -> None:
    written: list[int] = []
    commits: GroupCommit[int] = GroupCommit(written.extend)
    with ThreadPoolExecutor(16) as pool:
        for post in [pool.submit(commits.submit, number) for number in range(2000)]:
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

    commits: GroupCommit[int] = GroupCommit(write)
    with ThreadPoolExecutor(8) as pool:
        posts = [pool.submit(commits.submit, number) for number in range(8)]
        gate.set()
        for number, post in enumerate(posts):
            if number == 3:
                with pytest.raises(type(error)):
                    post.result(timeout=10)
            else:
                post.result(timeout=10)
    assert sorted(written) == [0, 1, 2, 4, 5, 6, 7]


def away() -> sa.exc.OperationalError:
    return sa.exc.OperationalError("write", None, ConnectionError("timed out"))


def deadlock() -> sa.exc.OperationalError:
    from psycopg.errors import DeadlockDetected

    return sa.exc.OperationalError("write", None, DeadlockDetected())


@pytest.mark.parametrize(("error", "tries"), [(away(), [8]), (sa.exc.TimeoutError(), [8]), (deadlock(), [8] + [1] * 8)])
def test_a_batch_is_tried_once_where_the_database_is_away(error: Exception, tries: list[int]) -> None:
    batches: list[int] = []
    first_is_in, go_on = threading.Event(), threading.Event()

    def write(items: Sequence[int]) -> None:
        if 0 in items:
            first_is_in.set()
            assert go_on.wait(10)
            return
        batches.append(len(items))
        raise error

    commits: GroupCommit[int] = GroupCommit(write)
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(commits.submit, 0)
        assert first_is_in.wait(10)
        posts = [pool.submit(commits.submit, number) for number in range(1, 9)]
        while len(commits._waiting) < 8:
            threading.Event().wait(0.001)
        go_on.set()
        first.result(timeout=10)
        assert {type(post.exception(timeout=10)) for post in posts} == {type(error)}
    assert batches == tries


def test_when_the_writing_thread_breaks_off_the_others_are_told_and_the_next_goes_on() -> None:
    batches: list[list[int]] = []
    first_is_in, go_on = threading.Event(), threading.Event()

    def write(items: Sequence[int]) -> None:
        batches.append(sorted(items))
        first_is_in.set()
        assert go_on.wait(10)
        if len(items) == 3:
            raise SystemExit

    commits: GroupCommit[int] = GroupCommit(write)
    with ThreadPoolExecutor(4) as pool:
        posts = [pool.submit(commits.submit, 0)]
        assert first_is_in.wait(10)
        posts += [pool.submit(commits.submit, number) for number in range(1, 4)]
        while len(commits._waiting) < 3:
            threading.Event().wait(0.001)
        go_on.set()
        ended = sorted(type(post.exception(timeout=10)).__name__ for post in posts)
        pool.submit(commits.submit, 4).result(timeout=10)
    assert ended == ["NoneType", "NotWritten", "NotWritten", "SystemExit"]
    assert batches == [[0], [1, 2, 3], [4]]
