"""Mail to a store's owners about its connection: it was closed, or somebody has to decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.i18n.words import Words
from core.jobs import queue
from core.jobs.queue import Kind, NewJob, Work
from core.mail import compose
from core.mail.compose import BadAddress, MailRefused, MailUnavailable, Message
from core.mail.layout import clean, isolate
from core.platform.errors import Refused, Unavailable
from core.services import Services
from core.stores.model import Staff, Store, StoreClaim
from core.stores.platform_access import reconnect_url, store_by_id

STORE_ADDRESS = 0
"""Stands for the store's own address where no owner has one."""


def promise(session: Session, store: Store, what: str, *, occasion: str, now: datetime, about: int = 0) -> None:
    """Promise each owner one mail about something that happened; where none has an address, the store's own gets it.

    `what` names the letter, `about` the row it tells of, if any.
    """
    owners = sa.select(Staff.id).where(Staff.role == "owner", Staff.email != "").order_by(Staff.id)
    to = list(session.scalars(owners)) or ([STORE_ADDRESS] if store.email else [])
    new = [
        NewJob(
            "stores.tell_owner",
            f"tell_owner:{what}:{occasion}:{one}",
            {"what": what, "staff": one, "about": about},
            once=True,
        )
        for one in to
    ]
    queue.enqueue(session, store.id, new, now=now)


def tell_owner(work: Work) -> None:
    """Send the promised mail, unless what it tells of is over."""
    services: Services = work.services
    with services.db.transaction(work.store_id, write=False) as session:
        store = store_by_id(session, work.store_id)
        person = session.get(Staff, (work.store_id, work.payload["staff"]))
        claim = session.get(StoreClaim, (work.store_id, work.payload.get("about", 0)))
    to = person.email if person else store.email
    words = Words((person.reads if person else "") or store.language)
    written = _LETTERS[work.payload["what"]](services, store, words, claim)
    if written is None or not to or (person and person.role != "owner"):
        return
    subject, paragraphs = written
    domain = services.config.mail_from.partition("@")[2]
    message = Message(
        to=to,
        subject=subject,
        text="\n\n".join(paragraphs) + "\n",
        sender_name="Aftercare",
        sender_address=services.config.mail_from,
        message_id=f"<owner.{store.id:x}.{work.job.id:x}@{domain}>",
        language=words.tag,
        kind=f"store_{work.payload['what']}",
    )
    work.check_lease()
    try:
        services.mail.send(compose.compose(message, at=work.now), envelope_from=message.envelope_from, to=to)
    except MailUnavailable as error:
        raise Unavailable(error.reason) from error
    except (MailRefused, BadAddress) as error:
        raise Refused(f"The owner's address does not take mail: {error}") from error


Written = tuple[str, list[str]]


def _closed(services: Services, store: Store, words: Words, _claim: StoreClaim | None) -> Written | None:
    """Say that the store is closed, since when and why, what that stops, and what to do."""
    if store.state != "closed":
        return None
    say, name = words.pgettext, isolate(clean(store.name), words.direction)
    zone = ZoneInfo(store.timezone)
    since = words.moment(store.closed_at or services.clock(), zone)
    return (
        say("desk", "%(store)s no longer lets Aftercare in", store=clean(store.name)),
        [
            say("desk", "Since %(moment)s %(store)s refuses our access. It says:", moment=since, store=name),
            isolate(clean(store.state_reason, 300), words.direction),
            say(
                "desk",
                "Until it lets us in again, no orders are read, nobody is told of a delay and no refunds are paid.",
            ),
            say(
                "desk",
                "We keep trying and go on where we stopped. If somebody took the access away, or a security plugin "
                "blocks it, mend that or connect the store again:",
            ),
            reconnect_url(services, store),
        ],
    )


def _claimed(services: Services, store: Store, words: Words, claim: StoreClaim | None) -> Written | None:
    """Ask whether the store has moved to an address that says it is this store."""
    if claim is None or store.state == "uninstalled":
        return None
    say, name = words.pgettext, isolate(clean(store.name), words.direction)
    address = isolate(clean(claim.ref, 200), words.direction)
    paragraphs = [
        say(
            "desk",
            "Somebody connected %(address)s to Aftercare. It has the same store ID as %(store)s: either your store has "
            "moved there, or it is a copy, such as a staging site.",
            address=address,
            store=name,
        ),
        say("desk", "Nothing changes until you say which, at your desk:"),
        f"{services.config.public_url}/admin/{store.key}/connection",
    ]
    if not claim.is_live:
        paragraphs.insert(1, say("desk", "It says of itself that it is not a live site."))
    return say("desk", "%(store)s: has your store moved?", store=clean(store.name)), paragraphs


_LETTERS: Mapping[str, Callable[[Services, Store, Words, StoreClaim | None], Written | None]] = {
    "closed": _closed,
    "claimed": _claimed,
}
JOBS = {"stores.tell_owner": Kind(tell_owner, attempts=300, longest_pause=300)}
