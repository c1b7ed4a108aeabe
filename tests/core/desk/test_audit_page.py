"""The audit log at the desk: who did what, by filters, and whether it is whole."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import sqlalchemy as sa
from flask.testing import FlaskClient

from core.desk.labels import name_in
from core.desk.lists.audit_words import VERBS
from core.services import Services
from core.stores import audit
from core.stores.model import AuditEntry, Staff, Store
from tests.core.desk.returns_scene import path, said
from tests.core.shipping.seed import on_sqlite, sign_in

CORE = Path(__file__).parents[3] / "core"


def verbs_in_the_code() -> set[str]:
    """What the code notes, as far as it stands there as a word."""
    found = set()
    for file in CORE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("audit.note", "note_act", "_note"):
                words = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
                found.update(word for word in words[-2:] if re.fullmatch(r"[a-z_]+", word))
    return found - {"aftercare", "mailed_link", "shopper", "policy", "law", ""}


def test_every_verb_of_the_log_has_a_name_in_every_language() -> None:
    found = verbs_in_the_code()
    assert {"change_settings", "lose_access", "answer_review"} <= found
    for verb in {*found, *VERBS}:
        assert name_in(f"did.{verb}", "en") != verb.replace("_", " "), verb
    assert [verb for verb in found if verb not in VERBS] == []


def test_the_log_says_who_did_what_and_is_filtered(services: Services, store: Store, client: FlaskClient) -> None:
    sign_in(services, store, client)
    with services.db.transaction(store.id) as session:
        audit.note(session, services.clock(), "aftercare", "lose_access")
        audit.note(
            session, services.clock(), audit.STAFF, "change_role", "staff:eve", {"role": "agent"}, staff_ref="max"
        )
    page = said(client.get(path(store, "audit")))
    assert "Changed the role Max staff:eve role agent" in page
    assert "Lost access to the store Aftercare" in page
    only = said(client.get(path(store, "audit?by=aftercare")))
    assert ("Lost access to the store Aftercare" in only, "staff:eve" in only) == (True, False)
    assert "staff:eve" in said(
        client.get(path(store, "audit?person=max&what=change_role&from=2026-11-18&to=2026-11-18"))
    )
    assert "Nothing fits these filters." in said(client.get(path(store, "audit?to=2026-11-17")))


def test_a_changed_entry_is_found_and_named(services: Services, store: Store, client: FlaskClient) -> None:
    sign_in(services, store, client)
    assert "The log is whole" in said(client.get(path(store, "audit?verify=1")))
    with services.db.transaction(store.id) as session:
        session.execute(sa.update(AuditEntry).where(AuditEntry.seq == 1).values(what="approve"))
    assert "Entry 1 was changed or is missing." in said(client.get(path(store, "audit?verify=1")))


@on_sqlite
def test_an_agent_does_not_read_the_log(services: Services, store: Store, client: FlaskClient) -> None:
    sign_in(services, store, client)
    with services.db.transaction(store.id) as session:
        session.query(Staff).one().role = "agent"
    assert client.get(path(store, "audit")).status_code == 403
    assert "Audit log" not in client.get(path(store)).text
