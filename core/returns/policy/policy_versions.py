"""A store's return policy, kept in versions: read, saved, exported and imported as one file."""

from __future__ import annotations

import json
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
import structlog
from pydantic import ValidationError
from sqlalchemy.orm import Session

from core.db.base import new_id, table_of
from core.db.row_reader import session_reader
from core.returns.model import PolicyVersion
from core.returns.policy.policy_document import Policy, read_document
from core.stores import audit
from core.stores.model import Store

log = structlog.get_logger()

FORM = "aftercare return policy"
"""Named in an exported file, so that another file is refused with a sentence."""


_SAVED = table_of(PolicyVersion)
_NEWEST = (
    sa.select(_SAVED.c.document)
    .where(_SAVED.c.store_id == sa.bindparam("store_id"))
    .order_by(_SAVED.c.version.desc())
    .limit(1)
)


class PolicyChanged(Exception):
    """Somebody saved the policy since it was shown; look at theirs first."""


class NotAPolicy(ValueError):
    """This file holds no return policy."""


def policy_of(session: Session, store: Store) -> Policy:
    """Give the policy that holds now; a store that saved none has a person decide everything (version 1)."""
    rows = session_reader(session).rows(_NEWEST)
    if not rows:
        return Policy(timezone=store.timezone, currency=store.currency)
    return _read(rows[0].document["policy"])


def policy_at(session: Session, store: Store, version: int) -> Policy:
    """Give the policy of a version; today's where that was never saved."""
    row = session.scalar(sa.select(PolicyVersion).where(PolicyVersion.version == version))
    return _read(row.document["policy"]) if row else policy_of(session, store)


def save_policy(session: Session, store: Store, policy: Policy, *, seen: int, who: str, now: datetime) -> Policy:
    """Save a policy as the next version; give it with its number.

    `seen` is the version it was made from. Raises PolicyChanged when that is no longer the newest.
    """
    session.get(Store, store.id, with_for_update=True)  # two who save take turns
    here = policy_of(session, store)
    if here.version != seen:
        raise PolicyChanged
    saved = policy.model_copy(update={"version": here.version + 1})
    document = saved.model_dump(mode="json")
    # As text: a JSON column would not keep the order of the reasons, which is the merchant's.
    kept = {"policy": saved.model_dump_json()}
    session.add(PolicyVersion(id=new_id(), version=saved.version, document=kept, saved_by=who, saved_at=now))
    before = here.model_dump(mode="json")
    names = sorted(name for name, value in document.items() if before[name] != value and name != "version")
    audit.note(session, now, audit.STAFF, "change_policy", f"policy:{saved.version}", {"names": names})
    session.flush()
    return saved


def history(session: Session) -> list[PolicyVersion]:
    """List the saved versions, newest first."""
    return list(session.scalars(sa.select(PolicyVersion).order_by(PolicyVersion.version.desc()).limit(100)))


def write_file(policy: Policy) -> str:
    """Write a policy as one JSON file that `read_file` takes back; what is as usual is written too."""
    return json.dumps({"form": FORM, "policy": policy.model_dump(mode="json")}, indent=2, ensure_ascii=False) + "\n"


def read_file(text: str) -> Policy:
    """Read an exported file. Raises NotAPolicy for another file, pydantic's ValidationError for a faulty policy."""
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotAPolicy("this is not JSON") from error
    if not isinstance(found, dict) or found.get("form") != FORM:
        raise NotAPolicy(f'the file does not say "form": "{FORM}"')
    return read_document(found.get("policy"))


@lru_cache(maxsize=256)
def _read(document: str) -> Policy:
    try:
        return read_document(json.loads(document))
    except ValidationError:
        # A version written by newer code: nothing is decided by half a policy.
        log.error("policy_unreadable")
        return Policy(version=int(json.loads(document).get("version", 1)))
