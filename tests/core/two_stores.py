"""Two stores in one database, with the same refs and numbers: mine, and theirs, full of what I must not see."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel

from core.app import wire_kinds
from core.conversations.model import Case
from core.db.base import Base
from core.jobs import queue
from core.jobs.queue import Job, NewJob
from core.jobs.worker import Worker
from core.mail.compose import MailRefused
from core.orders.messages.notice import Notice
from core.orders.model import Order, Shipment
from core.orders.shop import CODE_LIFE
from core.platform.contract import StaffIdentity
from core.platform.sample import World
from core.services import Services
from core.stores import staff
from core.stores.model import Feed, Nonce, Staff, Store, StoreClaim
from core.stores.platform_access import store_by_id, use_once
from core.stores.worker_access import WorkerAccess
from tests.conftest import connect, make_config
from tests.core.private import EMAIL, TRACES, leave_traces
from tests.core.samples import EVE, anns_order, anns_review

CODE = "314159"
PENDING = "boss@maple.example"
CLAIMED = "copy.of.maple.example"
SECRETS = (*TRACES, EMAIL, PENDING, CLAIMED, "Bruno")
"""What stands in their rows and nowhere in mine."""
INBOUND = "the-mail-server-s-own-Vw84kTz1pQ7m"


class Outbox:
    """Keeps every message that would be sent; refuses them with `refusal` once that is set."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.refusal = ""

    def send(self, message: EmailMessage, *, envelope_from: str, to: str) -> None:
        """Take a message, or raise MailRefused."""
        if self.refusal:
            raise MailRefused(550, self.refusal)
        parts = [str(part.get_content()) for part in message.walk() if part.get_content_maintype() == "text"]
        self.sent.append("\n".join([to, *(f"{name}: {value}" for name, value in message.items()), *parts]))


@dataclass
class Two:
    """The scene: two stores, and the ids of theirs by what they name."""

    services: Services
    mine: Store
    theirs: Store
    me: Staff
    ids: dict[str, int] = field(default_factory=dict)

    @property
    def outbox(self) -> Outbox:
        """Every message that was sent since both stores settled."""
        outbox = self.services.mail
        assert isinstance(outbox, Outbox)
        return outbox

    @property
    def worker(self) -> Worker:
        """A worker of this installation."""
        return Worker(self.services, wire_kinds(), stores=WorkerAccess())


def set_up(services: Services, folder: Path) -> Two:
    """Fill both stores and let everything promised be done, so that their rows stand still from here on."""
    config = make_config(services.config.database_url, inbound_token=INBOUND)
    services = replace(services, config=config, mail=Outbox())
    my_world, their_world = World(folder / "mine.db"), World(folder / "theirs.db")
    mine, theirs = connect(services, my_world, "linden"), connect(services, their_world, "maple")
    my_world.put(anns_order(ref="1", number="1041", email=EVE, name="Eve", postcode="LT-99999"))
    my_world.put(anns_review("r1", author="Eve", email=EVE, text="Fine."))
    me = staff.enter(services, mine, StaffIdentity(ref="max", name="Max"))
    staff.enter(services, theirs, StaffIdentity(ref="bruno", name="Bruno"))
    two = Two(services, mine, theirs, me)
    leave_traces(services, theirs, their_world, two.worker)
    two.worker.run_until_idle()
    with services.db.transaction(theirs.id) as session:
        queue.enqueue(session, theirs.id, NewJob("search.index", "search.index"), now=services.clock())
    two.worker.run_until_idle()
    _leave_something_to_touch(two)
    two.outbox.sent.clear()
    return two


def _leave_something_to_touch(two: Two) -> None:
    """Give their store a draft, a stuck and a paused job, a code and an address in waiting; note all ids."""
    services, now = two.services, two.services.clock()
    with services.db.transaction(two.theirs.id) as session:
        order = session.scalars(sa.select(Order)).one()
        moments = {"send_at": now, "created_at": now}
        kinds = {"rule": "no_scan", "kind": "stalled", "occasion": "x", "state": "draft"}
        draft = Notice(order_id=order.id, shipment_id=0, **kinds, **moments)
        stuck = Job(kind="changes.refresh_order", key="order:77", state="stuck", run_at=now, created_at=now)
        paused = Job(kind="changes.refresh_order", key="order:78", state="paused", run_at=now, created_at=now)
        digest = services.keyring.digest(f"{order.id}:{CODE}", purpose="code")
        session.add_all([draft, stuck, paused, Nonce(digest=digest, expires_at=now + 10 * CODE_LIFE)])
        facts = {"ref": CLAIMED, "name": "Maple"}
        claim = StoreClaim(ref=CLAIMED, is_live=True, facts=facts, credentials=two.theirs.credentials, found_at=now)
        session.add(claim)
        session.add(Feed(name="orders.history", cursor="theirs", state="reading", operation="bulk 1", waits=3))
        use_once(session, services.keyring, two.theirs.id, "request:theirs", until=now + timedelta(days=1))
        store_by_id(session, two.theirs.id).settings = {"mail": {"pending": PENDING}}
        session.flush()
        two.ids = {"order": order.id, "draft": draft.id, "stuck": stuck.id, "paused": paused.id}
        two.ids["claim"] = claim.id
        two.ids["case"] = session.scalars(sa.select(Case.id)).one()
        two.ids["parcel"] = session.scalars(sa.select(Shipment.id)).one()
        two.ids["staff"] = session.scalars(sa.select(Staff.id)).one()
        two.ids["sent"] = session.scalars(sa.select(Notice.id).where(Notice.state == "bounced")).one()


def text_of(value: Any) -> str:
    """Write down everything a value holds, rows and views included."""
    if isinstance(value, BaseModel):
        return value.model_dump_json()
    if isinstance(value, Base):
        return str({name: part for name, part in vars(value).items() if not name.startswith("_")})
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return text_of([getattr(value, one.name) for one in dataclasses.fields(value)])
    if isinstance(value, Mapping):
        return " ".join(f"{text_of(name)} {text_of(part)}" for name, part in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return " ".join(map(text_of, value))
    return str(value)
