"""Neither the logs nor a stolen dump of the database tell a token, and the logs tell of nobody."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from core.db.base import SYSTEM
from core.db.database import Database
from core.db.purpose import Purpose
from core.stores.model import Store
from tests.core.journey import NOWHERE_IN_LOGS
from tests.core.private import EMAIL, dump, seen_in


@dataclass(frozen=True)
class Past:
    """What a journey left: its logs, the tokens it handed out, and its database."""

    logs: str
    secrets: list[str]
    database: Database
    url: str


@pytest.fixture
def past(database: Database, database_url: str, tmp_path: Path) -> Past:
    """Run the journey as a process, so that everything it writes anywhere is seen."""
    root = Path(__file__).parents[2]
    command = [sys.executable, "tests/core/journey.py", database_url, str(tmp_path)]
    ran = subprocess.run(
        command,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    secrets = json.loads((tmp_path / "secrets.json").read_text())
    return Past(ran.stdout + ran.stderr, secrets, database, database_url)


def words_in(text: str, words: list[str]) -> set[str]:
    """Say which words stand in a text; a short one only by itself, since ids are long rows of digits."""
    return {word for word in words if (re.search(rf"\b{word}\b", text) if len(word) < 8 else word in text)}


def everything(past: Past) -> str:
    """Write the whole database down as whoever steals it would."""
    if past.database.is_sqlite:
        path = past.url.removeprefix("sqlite:///")
        with sqlite3.connect(path) as connection:
            return "\n".join(connection.iterdump())
    with past.database.system(Purpose.INSPECT, write=False) as session:
        stores = [SYSTEM, *session.scalars(sa.select(Store.id))]
    return "\n".join(row for id_ in stores for rows in dump(past.database, id_).values() for row in rows)


def test_a_journey_leaves_no_token_and_people_only_where_an_erasure_looks(
    past: Past,
) -> None:
    assert {"job_failed", "unhandled"} <= set(re.findall(r'"event": ?"(\w+)"', past.logs)), "errors are logged"
    assert words_in(past.logs, [*NOWHERE_IN_LOGS, *past.secrets]) == set()
    whole = everything(past)
    assert EMAIL in whole, "or the search below finds nothing either"
    assert words_in(whole, past.secrets) == set()
    hidden = [f"{secret.encode().hex()}" for secret in past.secrets if len(secret) >= 8]
    assert words_in(whole.lower(), hidden) == set(), "a blob that is no more than the text in bytes"
    assert len(past.secrets) >= 12
    # An address stands where an erasure looks for it.
    with past.database.system(Purpose.INSPECT, write=False) as session:
        (store_id,) = session.scalars(sa.select(Store.id))
    seen = seen_in(dump(past.database, store_id), [EMAIL, EMAIL.upper()])
    assert {table for table, _ in seen} - {"orders"} == set()
