"""Which due jobs a claim takes: a turn for every store, at a cost that does not grow with how many wait."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.db.base import UtcTime, table_of
from core.jobs.queue import Job

WINDOW = 256
"""How many due jobs a claim looks at before it looks at other stores."""
STEPS = 256
"""How many stores a claim looks at where the window is full; the next claim goes on behind them."""

Ids = Sequence[tuple[int, int]]
"""Store id and job id of each."""

_jobs = table_of(Job)
# A claim must cost the same however old PostgreSQL's statistics are: with those of a small table it read all of a
# large one, 16 s for ten jobs of 10,000 stores (PostgreSQL 18, 2026-11). So each statement has one plan that is
# possible: in the order of one index, without a join; nothing is kept from when the table was small.
ONE_PLAN = sa.text(
    "select "
    + ", ".join(
        f"set_config('enable_{way}', 'off', true)"
        for way in "seqscan bitmapscan sort incremental_sort hashjoin mergejoin".split()
    )
    + ", set_config('plan_cache_mode', 'force_custom_plan', true)"
)
_FIRST_OF = (
    "select store_id, run_at from jobs where state = 'waiting' and store_id > {} order by store_id, run_at limit 1"
)
_NEXT_STORES = sa.text(
    f"with recursive s(store_id, run_at, step) as ("  # noqa: S608 - names of ours
    f" select first.*, 1 from ({_FIRST_OF.format('cast(:after as bigint)')}) first"
    f" union all"
    f" select next.*, s.step + 1 from s cross join lateral ({_FIRST_OF.format('s.store_id')}) next"
    f" where s.step < :steps"
    f") select store_id, run_at <= :now from s"
).bindparams(sa.bindparam("now", type_=UtcTime()))
_NEXT_STORES_ON_SQLITE = sa.text(
    "with recursive s(store_id, step) as ("
    " select min(store_id), 1 from jobs where state = 'waiting' and store_id > :after"
    " union all"
    " select (select min(store_id) from jobs where state = 'waiting' and store_id > s.store_id), s.step + 1 from s"
    " where s.store_id is not null and s.step < :steps)"
    " select store_id, (select min(run_at) from jobs where state = 'waiting' and store_id = s.store_id) <= :now from s"
    " where store_id is not null"
).bindparams(sa.bindparam("now", type_=UtcTime()))


@dataclass
class Turn:
    """Behind which store the next look begins; whoever claims again and again keeps one."""

    store_id: int = -1


def line_up(session: Session, limit: int, now: datetime, after: Turn, room: Callable[[int], int]) -> Ids:
    """Order due jobs as they shall be taken: a turn for every store, until all had their turns."""
    due = sa.select(_jobs.c.store_id, _jobs.c.id, _jobs.c.key).where(_jobs.c.state == "waiting", _jobs.c.run_at <= now)
    rows = list(session.execute(due.order_by(_jobs.c.run_at).limit(WINDOW)))
    if len(rows) == WINDOW:
        # A backlog: somebody's flood may fill the window, so stores outside it are asked for their oldest.
        inside = {row.store_id for row in rows}
        outside = [one for one in _stores_due(session, now, after) if one not in inside and room(one)]
        for store_id in outside[:limit]:
            # In the order of one index only; with `store_id = …` there would be two that seem to have it.
            theirs = due.where(_jobs.c.store_id.between(store_id, store_id)).order_by(_jobs.c.store_id, _jobs.c.run_at)
            rows += session.execute(theirs.limit(2 * limit))
    # Read after what waits: a job that waits now has no twin but one that runs already.
    running = sa.select(_jobs.c.store_id, _jobs.c.key).where(_jobs.c.state == "running")
    busy = {tuple(row) for row in session.execute(running)} if rows else set()  # as many as all workers hold
    by_store: dict[int, list[tuple[int, int]]] = {}
    for row in rows:
        if (row.store_id, row.key) not in busy:
            by_store.setdefault(row.store_id, []).append((row.store_id, row.id))
    queues = [queue for store_id, queue in by_store.items() if room(store_id)]
    random.shuffle(queues)
    longest = max(map(len, queues), default=0)
    return [queue[turn] for turn in range(longest) for queue in queues if turn < len(queue)]


def _stores_due(session: Session, now: datetime, after: Turn) -> list[int]:
    """Look at the next stores that wait for something, round and round; give those to whom something is due."""
    # A skip scan: one index probe per store, however many jobs each has waiting.
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    statement = _NEXT_STORES_ON_SQLITE if is_sqlite else _NEXT_STORES
    begins = after.store_id
    seen: dict[int, bool] = {}
    for first in (begins, -1) if begins >= 0 else (-1,):
        rows = session.execute(statement, {"after": first, "steps": STEPS - len(seen), "now": now}).all()
        seen |= {row[0]: bool(row[1]) for row in rows if row[0] not in seen}
        after.store_id = rows[-1][0] if rows else -1
        if len(seen) >= STEPS:
            break
    return [store_id for store_id, is_due in seen.items() if is_due]
