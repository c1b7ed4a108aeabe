"""WooCommerce's webhooks: what is queued, what a delivery looks like, and when a webhook switches itself off.

The laws, recorded on 10.5.0 (2026-11): the body is built at delivery; identical waiting deliveries are one;
nothing is ever retried; the seventh failure in a row disables the webhook.
"""

import base64
import hashlib
import hmac
import ipaddress
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests

from .errors import RestError
from .php import Json, encode_json, stamp
from .shapes import make_links

if TYPE_CHECKING:
    from .state import State

USER_AGENT = "WooCommerce/10.5.0 Hookshot (WordPress/7.1)"
DELIVERY_SECONDS = 60  # WC_Webhook::deliver, `MINUTE_IN_SECONDS`
CORE_TOPIC = re.compile(r"(coupon|customer|order|product)\.(created|updated|deleted|restored)")
ACTION_TOPIC = re.compile(r"action\.(woocommerce|wc)_\w+")
OUR_TOPIC = re.compile(r"(review|fulfillment)\.(created|updated|deleted)")
HOOKS = {
    "order.created": ["woocommerce_new_order"],
    "order.updated": ["woocommerce_update_order", "woocommerce_order_refunded"],
    "order.deleted": ["wp_trash_post", "woocommerce_trash_order"],
}
PING = object()


@dataclass
class Webhook:
    """One webhook; `failures` counts in a row, `is_pending` until a ping was answered with 200."""

    id: int
    name: str
    topic: str
    url: str
    secret: str
    created: datetime
    modified: datetime | None = None
    status: str = "active"
    failures: int = 0
    is_pending: bool = True


@dataclass(frozen=True)
class Delivery:
    """One POST that was sent; `status` is None when nothing answered, and `problem` then says why."""

    webhook_id: int
    topic: str
    url: str
    headers: dict[str, str]
    body: bytes
    status: int | None
    problem: str = ""


class Webhooks:
    """The webhooks of one store and the deliveries that wait."""

    def __init__(self, store: "State") -> None:
        self.store = store
        self.rows: dict[int, Webhook] = {}
        self.waiting: list[tuple[int, Any]] = []

    def create(self, topic: str, url: str, secret: str, name: str = "") -> Webhook:
        """Add a webhook and queue its ping; an unknown topic raises `RestError`."""
        if not self.is_valid_topic(topic):
            sentence = "Webhook topic is required and must be valid."
            raise RestError(400, "woocommerce_rest_shop_webhook_invalid_topic", sentence)
        ref = self.store.next_id("webhook")
        self.rows[ref] = Webhook(ref, name or topic, topic, url, secret, self.store.now())
        self._queue(ref, PING)
        return self.rows[ref]

    def is_valid_topic(self, topic: str) -> bool:
        """WooCommerce's own topics, any action of its own, and ours while our plugin is there."""
        ours = self.store.has_plugin and OUR_TOPIC.fullmatch(topic)
        return bool(CORE_TOPIC.fullmatch(topic) or ACTION_TOPIC.fullmatch(topic) or ours)

    def announce(self, topic: str, subject: Any) -> None:
        """Queue news for every active webhook of a topic; `subject` is an id or an action's argument."""
        for row in self.rows.values():
            if row.topic == topic and row.status == "active":
                self._queue(row.id, subject)

    def save(self, row: Webhook) -> None:
        """Note a change. Until a ping succeeds every save pings again, a failed delivery's too."""
        row.modified = self.store.now()
        if row.is_pending:
            self._queue(row.id, PING)

    def deliver(self) -> list[Delivery]:
        """Send what waits now, oldest first, and say what was sent; what this causes waits for the next call."""
        with self.store.lock:
            batch, self.waiting = self.waiting, []
        sent = [self._send(*task) for task in batch]
        return [delivery for delivery in sent if delivery]

    def _queue(self, webhook_id: int, subject: Any) -> None:
        if (webhook_id, subject) not in self.waiting:
            self.waiting.append((webhook_id, subject))

    def _send(self, webhook_id: int, subject: Any) -> Delivery | None:
        with self.store.lock:
            row = self.rows.get(webhook_id)
            if row is None:
                return None
            headers, body = self._ping(row) if subject is PING else self._news(row, subject)
        status, problem = self._post(row.url, headers, body)
        with self.store.lock:
            self._record(row, subject, status)
        return Delivery(row.id, row.topic, row.url, headers, body, status, problem)

    def _post(self, url: str, headers: dict[str, str], body: bytes) -> tuple[int | None, str]:
        if not self.store.loopback and is_private(url):
            return None, "A valid URL was not provided."
        try:
            answer = requests.post(url, data=body, headers=headers, timeout=DELIVERY_SECONDS, allow_redirects=False)
        except requests.RequestException as problem:
            return None, type(problem).__name__
        return answer.status_code, ""

    def _record(self, row: Webhook, subject: Any, status: int | None) -> None:
        if subject is PING:
            if status == 200:
                row.is_pending = False
                self.save(row)
            return
        if status is not None and 200 <= status < 303:
            row.failures = 0
        elif row.failures > 5:
            row.status = "disabled"
        else:
            row.failures += 1
        self.save(row)

    def _ping(self, row: Webhook) -> tuple[dict[str, str], bytes]:
        form = "application/x-www-form-urlencoded"
        headers = {"User-Agent": USER_AGENT, "Content-Type": form, "Connection": "close"}
        return headers, f"webhook_id={row.id}".encode()

    def _news(self, row: Webhook, subject: Any) -> tuple[dict[str, str], bytes]:
        resource, _, event = row.topic.partition(".")
        body = encode_json(self._payload(resource, event, subject))
        # The delivery id is a hash of webhook and second: many deliveries share one.
        delivery_id = hashlib.md5(f"{row.id}{int(self.store.now().timestamp())}".encode()).hexdigest()
        return {
            "User-Agent": USER_AGENT,
            "Content-Type": "application/json",
            "X-WC-Webhook-Source": f"{self.store.url}/",
            "X-WC-Webhook-Topic": row.topic,
            "X-WC-Webhook-Resource": resource,
            "X-WC-Webhook-Event": event,
            "X-WC-Webhook-Signature": sign_body(row.secret, body),
            "X-WC-Webhook-ID": str(row.id),
            "X-WC-Webhook-Delivery-ID": delivery_id,
            "Connection": "close",
        }, body

    def _payload(self, resource: str, event: str, subject: Any) -> Json:
        if resource == "action":
            return {"action": event, "arg": subject}
        if event == "deleted":
            return {"id": subject}
        try:
            return self.store.show(resource, subject)
        except RestError as gone:
            return gone.body


def sign_body(secret: str, body: bytes) -> str:
    """`X-WC-Webhook-Signature`: base64 of HMAC-SHA256 over the raw bytes."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def is_private(url: str) -> bool:
    """Whether WordPress refuses to call an address because it is this machine's or a private one."""
    host = urlsplit(url).hostname or ""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host in {"", "localhost"}


def show_webhook(row: Webhook, store: "State") -> Json:
    """A webhook as REST shows it; the secret and the failure count are never shown."""
    resource, _, event = row.topic.partition(".")
    shown: Json = {
        "id": row.id,
        "name": row.name,
        "status": row.status,
        "topic": row.topic,
        "resource": resource,
        "event": event,
        "hooks": HOOKS.get(row.topic, [event] if resource == "action" else []),
        "delivery_url": row.url,
    }
    stamp(shown, "date_created", row.created, store.zone)
    shown |= {"date_modified": None, "date_modified_gmt": None}
    if row.modified:
        stamp(shown, "date_modified", row.modified, store.zone)
    return {**shown, "_links": make_links(f"{store.url}/wp-json/wc/v3/webhooks", row.id)}
