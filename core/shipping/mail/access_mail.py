"""Mail that opens an order to whoever reads its address: the links of all their orders, or a six-digit code."""

from __future__ import annotations

import hashlib
from datetime import datetime
from zoneinfo import ZoneInfo

from core.i18n.words import Words, negotiate
from core.jobs.queue import Work
from core.mail.compose import BadAddress, MailRefused, MailUnavailable
from core.orders.find import orders_of
from core.orders.links import order_url
from core.orders.messages.envelope import Envelope, deliver, domain_of, sender_of
from core.orders.model import Order
from core.orders.presenter.page import summarize
from core.orders.presenter.timeline import view_order
from core.platform.errors import Unavailable
from core.services import Services
from core.shipping.evaluate import terms_of
from core.shipping.mail.letters import Letter, write
from core.stores.model import Store
from core.stores.platform_access import store_by_id


def send_links(work: Work) -> None:
    """Mail the links of all orders placed with an address, to that address; silence when there is none."""
    services: Services = work.services
    to = services.keyring.open_text(bytes.fromhex(work.payload["to"]), store_id=work.store_id, purpose="links")
    with services.db.transaction(work.store_id, write=False) as session:
        store = store_by_id(session, work.store_id)
        orders = orders_of(session, services.keyring, to)
        if not orders:
            return
        words, zone = Words(negotiate(orders[0].language, store.language)), terms_of(store).timezone
        known = [summarize(view_order(session, one), words, work.now, zone) for one in orders]
    links = tuple((one.number, order_url(services, store, one), told) for one, told in zip(orders, known, strict=True))
    _send(work, store, orders[0], "links", links=links)


def send_code(work: Work) -> None:
    """Mail a six-digit code to the order's own address."""
    services: Services = work.services
    code = services.keyring.open_text(bytes.fromhex(work.payload["code"]), store_id=work.store_id, purpose="code")
    with services.db.transaction(work.store_id, write=False) as session:
        store = store_by_id(session, work.store_id)
        order = session.get(Order, (work.store_id, work.payload["order_id"]))
    expired = datetime.fromisoformat(work.payload["until"]) <= work.now
    if order is None or order.gone_at is not None or not order.email or expired:
        return
    _send(work, store, order, "code", code=code)


def _send(
    work: Work, store: Store, order: Order, kind: str, *, links: tuple[tuple[str, str, str], ...] = (), code: str = ""
) -> None:
    services: Services = work.services
    sender = sender_of(services, store)
    facts = Letter(
        today=work.now.astimezone(ZoneInfo(terms_of(store).timezone)).date(),
        store_name=sender.name,
        store_url=store.url,
        store_address=sender.postal,
        support_email=sender.support,
        legal_lines=sender.legal,
        order_number=order.number if code else "",
        links=links,
        code=code,
    )
    language = negotiate(order.language, store.language)
    digest = hashlib.blake2b(work.job.key.encode(), digest_size=8).hexdigest()
    message_id = f"<{kind}.{work.job.id:x}.{digest}@{domain_of(services)}>"
    envelope = Envelope(order.email, order.id, kind, message_id, language)
    work.check_lease()
    try:
        deliver(services, store, write(kind, facts, language), envelope, at=work.now)
    except MailUnavailable as error:
        raise Unavailable(error.reason) from error
    except (MailRefused, BadAddress):
        return  # the shopper who asked reads at another address; there is nobody to tell
