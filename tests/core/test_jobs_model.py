"""The job table against a model of it: whatever is promised, claimed, ended or lost, in any order, both agree."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from core.db.database import Database
from core.db.purpose import Purpose
from core.jobs import claims, queue
from core.jobs.queue import Claimed, Job, LeaseLost, NewJob
from core.stores.worker_access import WorkerAccess
from tests.conftest import NOON

LONG = bool(os.environ.get("LONG"))
TRIES = 3
KEYS = st.sampled_from([(store, key) for store in (101, 202) for key in ("order:1", "order:2", "notice:1")])
STORES = st.sampled_from([101, 202])
MINUTES = st.sampled_from([0, 1, 10])
PICK = st.integers(0, 1_000_000)


@dataclass
class Row:
    """What the model knows of a job; `token` is the hand that holds it."""

    key: tuple[int, str]
    due: datetime
    state: str = "waiting"
    attempts: int = 0
    token: str = ""
    until: datetime = NOON


class Jobs(RuleBasedStateMachine):
    """Drives the table and the model with the same steps."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.db, self.now = database, NOON
        self.model: dict[int, Row] = {}
        self.hands: list[Claimed] = []  # every claim there ever was, old ones too
        with database.system(Purpose.INSPECT) as session:
            session.execute(sa.delete(Job))

    def among(self, key: tuple[int, str], state: str) -> list[Row]:
        return [row for row in self.model.values() if row.key == key and row.state == state]

    def leave(self, row: Row, state: str, due: datetime) -> None:
        """The one law of leaving: nobody waits, or is put aside, beside a younger twin that waits."""
        row.state = "superseded" if self.among(row.key, "waiting") else state
        row.due, row.token = due, ""

    @rule(key=KEYS, minutes=MINUTES)
    def promise(self, key: tuple[int, str], minutes: int) -> None:
        store, name = key
        new = NewJob("work", name, run_at=self.now + timedelta(minutes=minutes), once=name.startswith("notice"))
        assert new.run_at
        with self.db.transaction(store) as session:
            added = queue.enqueue(session, store, new, now=self.now)
            newest = session.scalars(sa.select(sa.func.max(Job.id))).one() or 0
        twins = [row for row in self.model.values() if row.key == key] if new.once else self.among(key, "waiting")
        assert added == (not twins)
        if added:
            self.model[newest] = Row(key, new.run_at)
        for row in twins:
            if row.state == "waiting" and row.attempts == 0:
                row.due = min(row.due, new.run_at)

    @rule(limit=st.integers(1, 4))
    def claim(self, limit: int) -> None:
        for row in self.model.values():
            if row.state == "running" and row.until < self.now:
                self.leave(row, "waiting", self.now)
        due = {
            id_
            for id_, row in self.model.items()
            if row.state == "waiting" and row.due <= self.now and not self.among(row.key, "running")
        }
        with self.db.system(Purpose.INSPECT) as session:
            taken = claims.claim(session, limit, WorkerAccess(), now=self.now)
        assert {job.id for job in taken} <= due
        assert len(taken) == min(limit, len(due))
        for job in taken:
            row = self.model[job.id]
            row.state, row.attempts, row.token, row.until = "running", row.attempts + 1, job.token, job.lease_until
        self.hands += taken

    @rule(pick=PICK, how=st.sampled_from(["finish", "fail", "give_up", "pause"]), wait=st.sampled_from([None, 90.0]))
    def end(self, pick: int, how: str, wait: float | None) -> None:
        if not self.hands:
            return
        job = self.hands[pick % len(self.hands)]
        row = self.model[job.id]
        mine = row.state == "running" and row.token == job.token
        ended, due = self.end_in_database(job, how, wait)
        if not mine:
            assert ended == "lost"
        elif how == "finish":
            row.state, row.token = "done", ""
        elif how == "pause":
            row.attempts -= 1
            self.leave(row, "paused", self.now)
        elif how == "give_up" or row.attempts >= TRIES:
            self.leave(row, "stuck", self.now)
        else:
            least = max(wait or 0, 2**row.attempts)
            assert least <= (due - self.now).total_seconds() <= 1.2 * least or self.among(row.key, "waiting")
            self.leave(row, "waiting", due)
        assert not mine or ended == row.state

    def end_in_database(self, job: Claimed, how: str, wait: float | None) -> tuple[str, datetime]:
        """End the job; give the state it says it took, and when it is due now."""
        verbs: dict[str, Any] = {"give_up": claims.give_up, "pause": partial(claims.pause, stores=WorkerAccess())}
        try:
            with self.db.transaction(job.store_id) as session:
                if how == "finish":
                    queue.finish(session, job, self.now)
                    ended = "done"
                elif how == "fail":
                    ended = claims.fail(session, job, "no", now=self.now, attempts=TRIES, retry_after=wait)
                else:
                    ended = verbs[how](session, job, "no", now=self.now)
                return ended, session.scalars(sa.select(Job.run_at).where(Job.id == job.id)).one()
        except LeaseLost:
            return "lost", self.now

    @rule(store=STORES)
    def resume(self, store: int) -> None:
        with self.db.transaction(store) as session:
            resumed = queue.resume(session, store, now=self.now)
        paused = [row for _, row in sorted(self.model.items()) if row.state == "paused" and row.key[0] == store]
        for row in reversed(paused):  # the youngest first: the older ones then find their twin waiting
            self.leave(row, "waiting", self.now)
        assert resumed == sum(row.state == "waiting" for row in paused)

    @rule(pick=PICK)
    def retry(self, pick: int) -> None:
        if not self.model:
            return
        id_ = sorted(self.model)[pick % len(self.model)]
        row = self.model[id_]
        with self.db.transaction(row.key[0]) as session:
            assert queue.retry(session, row.key[0], id_, now=self.now) == (row.state == "stuck")
        if row.state == "stuck":
            self.leave(row, "waiting", self.now)
            row.attempts = 0 if row.state == "waiting" else row.attempts

    @rule(minutes=st.sampled_from([1, 6]))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @invariant()
    def both_agree(self) -> None:
        with self.db.system(Purpose.INSPECT, write=False) as session:
            table = {row.id: row for row in session.scalars(sa.select(Job))}
        assert {id_: ((row.store_id, row.key), row.state, row.attempts) for id_, row in table.items()} == {
            id_: (row.key, row.state, row.attempts) for id_, row in self.model.items()
        }
        assert all(table[id_].run_at == row.due for id_, row in self.model.items() if row.state == "waiting")
        for row in self.model.values():
            assert len(self.among(row.key, "waiting")) <= 1
            assert len(self.among(row.key, "running")) <= 1


def test_the_table_and_the_model_agree_whatever_happens(database: Database) -> None:
    class JobsHere(Jobs):
        def __init__(self) -> None:
            super().__init__(database)

    run_state_machine_as_test(
        JobsHere,
        settings=settings(
            max_examples=500 if LONG else 25,
            stateful_step_count=60 if LONG else 35,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
