"""The audit log as a list: who did what to what. Nothing in it can be changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.desk.labels import name_in
from core.desk.lists.audit_words import VERBS
from core.desk.lists.definition import (
    Code,
    Column,
    Filter,
    ListKind,
    Moment,
    newest_first,
    oldest_first,
    one_of,
    read_day,
    read_text,
)
from core.stores import audit
from core.stores.model import AuditEntry, Staff

ACTORS = ("staff", "shopper", "policy", "law", "aftercare")


@dataclass(frozen=True, slots=True)
class AuditLine:
    """An entry, with the name its person goes by today."""

    entry: AuditEntry
    person: str
    """"" where it was no person of the store."""

    @property
    def id(self) -> int:
        """The entry's id."""
        return self.entry.id

    @property
    def details(self) -> str:
        """Its codes, as "role agent, before viewer"; "" where it has none."""
        facts = self.entry.facts if isinstance(self.entry.facts, dict) else {}
        return ", ".join(f"{name} {_code(value)}" for name, value in sorted(facts.items()))


def _code(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name} {one}" for name, one in value.items())
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _prepare(session: Session, rows: Sequence[Any], _at: Moment) -> list[AuditLine]:
    entries = [row.AuditEntry for row in rows]
    refs = {entry.staff_ref for entry in entries} - {""}
    people = session.scalars(sa.select(Staff).where(Staff.ref.in_(refs))) if refs else ()
    names = {person.ref: person.name for person in people}
    return [AuditLine(entry, names.get(entry.staff_ref) or entry.staff_ref) for entry in entries]


LIST = ListKind(
    name="audit",
    endpoint="desk.show_audit",
    title=lambda say: say("desk", "Audit log"),
    model=AuditEntry,
    query=lambda: sa.select(AuditEntry),
    prepare=_prepare,
    usual_sort=lambda _filters: "newest",
    filters=(
        Filter(
            name="what",
            label=lambda say: say("desk", "What"),
            kind="choice",
            read=one_of(*VERBS),
            options=lambda words: sorted(
                ((verb, name_in(f"did.{verb}", words.language)) for verb in VERBS), key=lambda pair: pair[1].casefold()
            ),
            condition=lambda value, _at: AuditEntry.what == value,
        ),
        Filter(
            name="by",
            label=lambda say: say("desk", "Who"),
            kind="choice",
            read=one_of(*ACTORS),
            options=lambda words: [(actor, name_in(f"by.{actor}", words.language)) for actor in ACTORS],
            condition=lambda value, _at: AuditEntry.who == value,
        ),
        Filter(
            name="person",
            label=lambda say: say("desk", "Person"),
            kind="link",
            read=read_text,
            condition=lambda value, _at: AuditEntry.staff_ref == value,
        ),
        Filter(
            name="about",
            label=lambda say: say("desk", "About"),
            kind="link",
            read=read_text,
            condition=lambda value, _at: AuditEntry.subject == value,
        ),
        Filter(
            name="from",
            label=lambda say: say("desk", "From"),
            kind="day",
            read=read_day,
            condition=lambda value, at: AuditEntry.at >= at.begins(value),
        ),
        Filter(
            name="to",
            label=lambda say: say("desk", "Until"),
            kind="day",
            read=read_day,
            condition=lambda value, at: AuditEntry.at < at.begins(value, after=1),
        ),
    ),
    sorts=(
        newest_first(AuditEntry.at),
        oldest_first(AuditEntry.at),
    ),
    columns=(
        Column(name="what", label=lambda say: say("desk", "What"), value=lambda line: Code(line.entry.what, "did.")),
        Column(
            name="who",
            label=lambda say: say("desk", "Who"),
            value=lambda line: line.person if line.entry.who == audit.STAFF else Code(line.entry.who, "by."),
        ),
        Column(name="about", label=lambda say: say("desk", "About"), value=lambda line: line.entry.subject),
        Column(name="details", label=lambda say: say("desk", "Details"), value=lambda line: line.details),
        Column(name="when", label=lambda say: say("desk", "When"), value=lambda line: line.entry.at),
    ),
)
