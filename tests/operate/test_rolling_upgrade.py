"""Old and new code share one database while machines are replaced one by one: a release only expands the schema."""

from __future__ import annotations

import ast
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from core.app import make_worker
from core.db.database import Database
from core.jobs import queue
from core.jobs.queue import Job, Kind, NewJob, Work
from core.jobs.worker import Worker
from core.orders.model import Order
from core.platform.sample import World
from core.services import Services
from core.stores.model import Store
from core.stores.worker_access import WorkerAccess
from tests.conftest import NOON
from tests.core.samples import ANN, anns_order, deliver
from tests.operate.running import PATIENCE, ROOT, environment, run, wait_until

VERSIONS = sorted((ROOT / "migrations" / "versions").glob("*.py"))
LONGEST_PAUSE = 10.0
"""Seconds a migration that expands may hold writers up, on a busy machine; alone it is some tens of milliseconds."""

EXPAND = '''"""The next release: a column nobody has to fill, and a table the present code does not know."""

import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{head}"


def upgrade() -> None:
    op.add_column("orders", sa.Column("gift_note", sa.String(), nullable=True))
    op.add_column("orders", sa.Column("weight", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_table("wishes", sa.Column("store_id", sa.BigInteger(), primary_key=True), sa.Column("text", sa.String()))
'''


@pytest.fixture
def next_release(tmp_path: Path) -> Path:
    """A folder whose `migrations` are ours and one more; the rest of the program is the present one."""
    copied = tmp_path / "next" / "migrations"
    shutil.copytree(ROOT / "migrations", copied, ignore=shutil.ignore_patterns("__pycache__"))
    head = max(re.findall(r'^revision = "(\w+)"', "\n".join(map(Path.read_text, VERSIONS)), re.MULTILINE))
    (copied / "versions" / "9999_expand.py").write_text(EXPAND.format(head=head), encoding="utf-8")
    return copied.parent


def upgrade(url: str, release: Path) -> float:
    """Run the next release's `python -m core migrate`; give the seconds it took, its start included."""
    began = time.monotonic()
    ended = run("migrate", env=environment(url) | {"PYTHONPATH": f"{release}:{ROOT}"}, folder=release)
    assert (ended.returncode, ended.stderr) == (0, "")
    return time.monotonic() - began


def columns_of(database: Database, table: str) -> set[str]:
    with database.engine.connect() as connection:
        return {column["name"] for column in sa.inspect(connection).get_columns(table)}


def test_the_present_code_goes_on_working_on_the_next_releases_schema(
    services: Services, store: Store, client: FlaskClient, world: World, next_release: Path
) -> None:
    world.put(anns_order())
    worker = make_worker(services)
    upgrade(services.config.database_url, next_release)
    assert {"gift_note", "weight"} <= columns_of(services.db, "orders")
    worker.run_until_idle(limit=20)  # the first import inserts
    assert find(client, store) == 200
    world.put(anns_order(total=4800, updated_at=NOON.replace(hour=13)))
    assert deliver(client, services, store, "order", "1") == 200
    worker.run_until_idle(limit=20)  # the webhook's job updates
    with services.db.transaction(store.id, write=False) as session:
        assert session.execute(sa.select(Order.number, Order.total)).all() == [("1042", 4800)]


def find(client: FlaskClient, store: Store) -> int:
    asked = {"number": "1042", "proof": ANN}
    return client.post(f"/shop/{store.key}/find", json=asked).status_code


def test_the_present_code_stays_ready_on_the_next_releases_schema(
    services: Services, client: FlaskClient, next_release: Path
) -> None:
    upgrade(services.config.database_url, next_release)
    assert client.get("/readyz").status_code == 200


def test_going_back_a_release_finds_nothing_to_migrate(services: Services, next_release: Path) -> None:
    url = services.config.database_url
    upgrade(url, next_release)
    assert run("migrate", env=environment(url)).returncode == 0


def test_a_migration_while_workers_work_loses_nothing_and_holds_writers_up_shortly(
    services: Services, store: Store, next_release: Path, record_property: Callable[[str, object], None]
) -> None:
    pauses, promised, done, stop = [0.0], [0], [0], threading.Event()

    def note(work: Work) -> None:
        with work.done():
            done[0] += 1

    def promise() -> None:
        last = time.monotonic()
        while not stop.wait(0.005):
            with services.db.transaction(store.id) as session:
                new = NewJob("note", f"note:{promised[0]}")
                queue.enqueue(session, store.id, new, now=NOON)
                session.execute(sa.update(Order).values(late=False))  # what the migration has to lock
            promised[0] += 1
            pauses.append(time.monotonic() - last)
            last = time.monotonic()

    with services.db.transaction(store.id) as session:
        session.execute(sa.delete(Job))
    worker = Worker(services, {"note": Kind(note)}, stores=WorkerAccess(), threads=1, poll=0.05)
    threads = [threading.Thread(target=promise), threading.Thread(target=worker.run, args=(stop,))]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: done[0] >= 20)
        took = upgrade(services.config.database_url, next_release)
        after = promised[0]
        wait_until(lambda: promised[0] >= after + 20)
    finally:
        stop.set()
        for thread in threads:
            thread.join(PATIENCE)
    record_property("longest_pause_seconds", round(max(pauses), 3))
    print(f"{services.db.engine.dialect.name}: migrate took {took:.2f} s, a writer waited {max(pauses):.3f} s at most")
    assert max(pauses) < LONGEST_PAUSE
    assert states(services.db, store) <= {"done", "waiting", "running"}
    Worker(services, {"note": Kind(note)}, stores=WorkerAccess()).run_until_idle()
    with services.db.transaction(store.id, write=False) as session:
        assert session.scalar(sa.select(sa.func.count()).where(Job.kind == "note")) == promised[0]


def states(database: Database, store: Store) -> set[str]:
    with database.transaction(store.id, write=False) as session:
        return set(session.scalars(sa.select(Job.state).distinct()))


# What a migration may do

CONTRACT = re.compile(r"^# contracts (\d{4}), out since (\S+)$", re.MULTILINE)
"""Stands in a migration that takes away what an earlier one replaced, once a release with the replacement is out."""
_TAKES_AWAY = {"drop_table", "drop_column", "rename_table", "drop_constraint", "create_unique_constraint"}
_SQL = re.compile(r"\bdrop\s+(table|column)\b|\brename\b|\bset\s+not\s+null\b", re.IGNORECASE)


@dataclass(frozen=True)
class Migration:
    """One file of the history, read and not run."""

    name: str
    source: str

    def breaks(self) -> Iterator[str]:
        """Name what the code of the release before could not live with."""
        functions = [node for node in ast.parse(self.source).body if isinstance(node, ast.FunctionDef)]
        calls = [
            node
            for function in functions
            if function.name != "downgrade"
            for node in ast.walk(function)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        ]
        made = {_first(call) for call in calls if _verb(call) == "create_table"}
        for call in calls:
            if (why := _why_not(call)) and _first(call) not in made:
                yield f"{self.name}: {why} ({ast.unparse(call)[:60]})"

    def may_contract(self, released: set[str], older: set[str]) -> bool:
        """Say whether its comment names an older migration whose release is out."""
        named = CONTRACT.search(self.source)
        return named is not None and named[1] in older and named[2] in released


def _verb(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _first(call: ast.Call) -> str:
    """The table a call is about: of an index, the second argument."""
    place = 1 if _verb(call) in ("create_index", "create_unique_constraint", "drop_constraint") else 0
    given = call.args[place] if len(call.args) > place else None
    return str(given.value) if isinstance(given, ast.Constant) else ""


def _why_not(call: ast.Call) -> str:
    verb, given = _verb(call), {word.arg: word.value for word in call.keywords}
    if verb in _TAKES_AWAY:
        return verb
    if verb == "create_index" and ast.unparse(given.get("unique", ast.Constant(False))) == "True":
        return "a unique index on a table that has rows"
    if verb == "alter_column" and given.keys() & {"new_column_name", "type_"}:
        return "a column renamed or of another type"
    if verb == "alter_column" and ast.unparse(given.get("nullable", ast.Constant(True))) == "False":
        return "NOT NULL"
    if verb == "execute" and _SQL.search(ast.unparse(call)):
        return "SQL that takes away"
    if verb == "add_column" and (column := next((a for a in call.args if isinstance(a, ast.Call)), None)):
        has = {word.arg: ast.unparse(word.value) for word in column.keywords}
        if has.get("nullable") == "False" and "server_default" not in has:
            return "NOT NULL without a default"
    return ""


def released_versions() -> set[str]:
    """The versions of the changelog that are out."""
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    return {heading.split(",")[0].split()[0] for heading in headings if "unreleased" not in heading}


def number_of(path: Path) -> str:
    return path.name[:4]


def test_a_release_takes_nothing_away_that_the_one_before_still_uses() -> None:
    assert VERSIONS
    released = released_versions()
    for path in VERSIONS:
        migration = Migration(path.name, path.read_text(encoding="utf-8"))
        older = {number_of(other) for other in VERSIONS if number_of(other) < number_of(path)}
        broken = list(migration.breaks())
        assert not broken or migration.may_contract(released, older), broken


def steps(*lines: str, comment: str = "") -> Migration:
    body = "".join(f"    {line}\n" for line in lines)
    return Migration("sample", f"{comment}\ndef upgrade():\n{body}\ndef downgrade():\n    op.drop_table('orders')\n")


@pytest.mark.parametrize(
    "line",
    [
        "op.drop_table('orders')",
        "op.drop_column('orders', 'phone')",
        "op.rename_table('orders', 'purchases')",
        "op.alter_column('orders', 'phone', new_column_name='telephone')",
        "op.alter_column('orders', 'phone', nullable=False)",
        "op.alter_column('orders', 'total', type_=sa.Integer())",
        "op.add_column('orders', sa.Column('weight', sa.BigInteger(), nullable=False))",
        "op.create_index('uq', 'orders', ['number'], unique=True)",
        "op.create_unique_constraint('uq', 'orders', ['number'])",
        "op.execute('ALTER TABLE orders DROP COLUMN phone')",
        "op.execute('alter table orders alter phone set not null')",
        "with op.batch_alter_table('orders') as batch: batch.drop_column('phone')",
    ],
)
def test_what_old_code_could_not_live_with_is_refused(line: str) -> None:
    migration = steps(line)
    assert len(list(migration.breaks())) == 1
    assert not migration.may_contract({"1.0"}, {"0001"})


@pytest.mark.parametrize(
    "lines",
    [
        ("op.add_column('orders', sa.Column('note', sa.String()))",),
        ("op.add_column('orders', sa.Column('weight', sa.BigInteger(), nullable=False, server_default='0'))",),
        ("op.create_index('ix', 'orders', ['phone'])",),
        ("op.drop_index('ix', 'orders')",),
        ("op.create_table('wishes')", "op.create_index('uq', 'wishes', ['text'], unique=True)"),
        ("op.alter_column('orders', 'phone', nullable=True)",),
        ("op.execute('alter table wishes enable row level security')",),
    ],
)
def test_what_only_expands_is_allowed(lines: tuple[str, ...]) -> None:
    assert list(steps(*lines).breaks()) == []


@pytest.mark.parametrize(
    ("comment", "allowed"),
    [
        ("# contracts 0002, out since 1.1", True),
        ("# contracts 0002, out since 1.2", False),  # not out
        ("# contracts 0003, out since 1.1", False),  # itself, or a later one
        ("# contracts the old column", False),
    ],
)
def test_taking_away_waits_for_the_release_that_replaces_it(comment: str, allowed: bool) -> None:
    migration = steps("op.drop_column('orders', 'phone')", comment=comment)
    assert migration.may_contract({"1.0", "1.1"}, {"0001", "0002"}) is allowed
