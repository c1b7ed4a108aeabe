"""Re-seal and re-digest every store's rows after AFTERCARE_SECRET_KEYS changed.

A new key is put in front while the old one stays behind it. From then on every store is walked over in batches: what
an older key sealed or digested is sealed and digested with the first.
"""

from __future__ import annotations

import sqlalchemy as sa

from core.conversations import raw_mail
from core.db.purpose import Purpose
from core.jobs import queue
from core.jobs.queue import Kind, NewJob, Work
from core.orders import email_digests
from core.secrets import Keyring
from core.services import Services
from core.stores import audit, housekeeping
from core.stores.model import Store

RESEALED = "reseal"
"""What the audit log says when a walk changed something."""
RESEALED_BEFORE_CHAIN = "sealed with the new key"
"""What entries from before the chain say of the same."""


_DONE = -1


def reseal(work: Work) -> None:
    """Promise a walk over every store, closed ones too, for as long as there is an older key."""
    services: Services = work.services
    if len(services.config.keys) < 2:
        return
    with services.db.system(Purpose.LIST_STORES, write=False) as session:
        store_ids = session.scalars(sa.select(Store.id)).all()
    for store_id in store_ids:
        with services.db.transaction(store_id) as session:
            queue.enqueue(session, store_id, NewJob("stores.reseal", "reseal"), now=work.now)


def reseal_store(work: Work) -> None:
    """Renew one batch of a store and promise the next; the last notes in the audit log how many rows changed.

    The payload says after which order and after which kept mail the batch begins (`_DONE` where none is left), and
    what the walk has changed so far. Run twice, the second finds nothing to do.
    """
    keyring: Keyring = work.services.keyring
    after, after_mail = work.payload.get("after", 0), work.payload.get("after_mail", 0)
    changed = work.payload.get("changed", 0)
    with work.done() as session:
        if not after:
            changed += housekeeping.renew_seals(session, work.store_id, keyring)
        if after != _DONE:
            rows, last = email_digests.read_digests(session, work.store_id, after)
            changed += email_digests.renew_digests(session, work.store_id, keyring, rows)
            after = last or _DONE
        if after_mail != _DONE:
            renewed, last = raw_mail.renew_seals(session, keyring, after_mail)
            changed, after_mail = changed + renewed, last or _DONE
        if (after, after_mail) != (_DONE, _DONE):
            payload = {"after": after, "after_mail": after_mail, "changed": changed}
            queue.enqueue(session, work.store_id, NewJob("stores.reseal", "reseal", payload), now=work.now)
        elif changed:
            audit.note(session, work.now, "aftercare", RESEALED, codes={"rows": changed})


JOBS = {"clock.reseal": Kind(reseal, attempts=1), "stores.reseal": Kind(reseal_store)}
