"""Copy an SQLite database while it is in use: python deploy/backup_sqlite.py aftercare.db copy.db

The copy is one moment's: everything acknowledged before the command began is in it. It is checked and on disk when
the command ends with 0. It needs nothing but Python.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path


def back_up(source: Path, target: Path) -> None:
    """Write a checked copy. Raises FileNotFoundError, FileExistsError, or sqlite3.DatabaseError for a bad copy."""
    if not source.is_file():
        raise FileNotFoundError(f"There is no database {source}.")
    if target.exists():
        raise FileExistsError(f"{target} exists; a backup replaces nothing.")
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    with closing(sqlite3.connect(source, timeout=30)) as database:
        # One read transaction: writers go on meanwhile, where the backup API would begin anew with each of them.
        database.execute("VACUUM INTO ?", (str(part),))
    check(part)
    with part.open("rb") as file:
        os.fsync(file.fileno())  # VACUUM INTO leaves that to us (sqlite.org/lang_vacuum.html, 2026-11)
    part.rename(target)


def check(copy: Path) -> None:
    """Raise sqlite3.DatabaseError unless every page and index of the copy is sound."""
    with closing(sqlite3.connect(copy)) as database:
        (said,) = database.execute("PRAGMA integrity_check").fetchone()
    if said != "ok":
        raise sqlite3.DatabaseError(f"The copy is damaged: {said}")


if __name__ == "__main__":
    try:
        back_up(Path(sys.argv[1]), Path(sys.argv[2]))
    except (IndexError, OSError, sqlite3.Error) as problem:
        sys.exit(f"Nothing was backed up. {problem}")
