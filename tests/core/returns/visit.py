"""Ann asking a store's JSON about her order, as the widget does."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Any

from flask.testing import FlaskClient
from PIL import Image
from werkzeug.test import TestResponse

from core.jobs import queue
from core.jobs.queue import NewJob
from core.jobs.worker import Worker
from core.platform.sample import World
from core.services import Services
from core.stores.model import Store
from core.stores.tokens import shopper_token
from tests.core.returns.seed import bought, place
from tests.core.samples import EVE

MUG = {"ref": "l1", "quantity": 1, "reason": "too_small", "wish": "refund"}
DAMAGED = {"ref": "l2", "quantity": 1, "reason": "damaged", "wish": "refund"}


@dataclass
class Visit:
    """Ann at a store with one order, asking with a token that sees or one that acts."""

    client: FlaskClient
    services: Services
    store: Store
    order_id: int

    def ask(self, path: str, body: Any = None, *, act: bool = False, lang: str = "en", **more: Any) -> TestResponse:
        """GET, or POST where there is a body."""
        token = shopper_token(self.services.keyring, self.store.id, [self.order_id], level="act" if act else "see")
        url = f"/shop/{self.store.key}/{path}{'&' if '?' in path else '?'}lang={lang}"
        headers = {"Authorization": f"Bearer {token}"}
        if body is None:
            return self.client.get(url, headers=headers, **more)
        return self.client.post(url, headers=headers, json=body, **more)

    def see(self, path: str, body: Any = None, **more: Any) -> Any:
        """Ask with a token that may only look; the answer must be a success."""
        answer = self.ask(path, body, **more)
        assert answer.status_code in (200, 201), answer.text
        return answer.get_json()

    def act(self, path: str, body: Any = None, **more: Any) -> Any:
        """Ask with a token that may act; the answer must be a success."""
        return self.see(path, body, act=True, **more)

    def asking(self, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
        """The body of a request over these lines."""
        return {"order": str(self.order_id), "lines": list(lines), **more}

    def send_photo(self, raw: bytes, *, act: bool = True, order: str = "") -> TestResponse:
        """Send a picture as the widget does."""
        token = shopper_token(self.services.keyring, self.store.id, [self.order_id], level="act" if act else "see")
        headers = {"Authorization": f"Bearer {token}"}
        path = f"/shop/{self.store.key}/photos?order={order or self.order_id}"
        return self.client.post(path, data=raw, headers=headers, content_type="image/png")


def error_of(answer: TestResponse) -> tuple[int, str]:
    error = answer.get_json()["error"]
    assert error["message"]
    return answer.status_code, error["code"]


def picture(color: str = "red") -> bytes:
    """A small PNG."""
    written = BytesIO()
    Image.new("RGB", (40, 30), color).save(written, "PNG")
    return written.getvalue()


def another(services: Services, store: Store, world: World, worker: Worker) -> int:
    """Let the store have a second order, not Ann's; give its id."""
    with services.db.transaction(store.id) as session:
        queue.enqueue(session, store.id, NewJob("changes.refresh_order", "order:2", {"ref": "2"}), now=services.clock())
    return place(services, store, world, worker, bought(ref="2", number="1043", email=EVE))
