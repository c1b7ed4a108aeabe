"""A shopper who is signed in at the store, against the real application behind the store's own address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from core.jobs.worker import Worker
from core.platform.sample import World, forward
from core.services import Services
from core.stores.model import Store
from core.stores.platform_access import link_of
from tests.browser.stage import CARE, PHONE, SHOP, Stage, press
from tests.conftest import NOON
from tests.core.samples import anns_order
from tests.core.shipping.seed import on_sqlite

pytestmark = pytest.mark.browser


class Shopfront(Stage):
    """A store's page whose server vouches for who is signed in; behind both addresses stands the real application."""

    def __init__(self, page: Any, client: FlaskClient, services: Services, store: Store, shopper: Any) -> None:
        body = f'<after-care store="{store.key}" session="/account/care"></after-care>'
        super().__init__(page, body, csp="")
        self.client, self.services, self.store, self.shopper = client, services, store, shopper
        self.asked = 0

    def _answer(self, route: Any) -> None:
        request = route.request
        path = request.url.partition(SHOP if request.url.startswith(SHOP) else CARE)[2]
        if path.startswith("/account/care"):
            self.asked += 1
            secret, nonce = link_of(self.services, self.store).forwarding_secret, f"n{self.asked}"
            signed = forward(secret, self.store.ref, nonce=nonce, shopper=self.shopper)
            return self._pass_on(route, path.replace("/account/care", "/proxy/demo/orders"), signed)
        if path.startswith("/shop/"):
            return self._pass_on(route, path, request.headers)
        return super()._answer(route)

    def _pass_on(self, route: Any, path: str, headers: dict[str, str]) -> None:
        kept = {name: value for name, value in headers.items() if name not in ("host", "content-length")}
        method, body = route.request.method, route.request.post_data_buffer
        answer = self.client.open(path, method=method, headers=kept, data=body)
        route.fulfill(status=answer.status_code, headers=dict(answer.headers), body=answer.data)


@pytest.fixture
def ordered(services: Services, world: World, store: Store, worker: Worker) -> None:
    """Ann has an account and ordered twice; Eve once."""
    world.put(anns_order(ref="1", number="LIN-1", shopper_ref="ann"))
    world.put(anns_order(ref="2", number="LIN-2", shopper_ref="ann", placed_at=NOON.replace(hour=13)))
    world.put(anns_order(ref="3", number="LIN-3", shopper_ref="eve", email="eve@shopper.example"))
    worker.run_until_idle()


@on_sqlite
def test_a_signed_in_shopper_chooses_among_their_orders_and_comes_back_to_them(
    open_page: Callable[..., Any], ordered: None, client: FlaskClient, services: Services, store: Store
) -> None:
    page = open_page(viewport=PHONE)
    front = Shopfront(page, client, services, store, {"ref": "ann"})
    widget = front.open()
    assert widget.locator("h2").inner_text() == "Your orders"
    assert widget.locator(".card").count() == 2
    widget.get_by_role("button", name="Show my order").nth(1).click()
    widget.get_by_role("heading", name="LIN-1").wait_for()
    press(widget, ".view > .row button")
    press(widget, "button.back")
    press(widget, "button.back")
    assert widget.locator("h2").inner_text() == "Your orders"
    assert (front.asked, front.errors) == (1, [])


@on_sqlite
def test_who_signed_in_need_not_type_a_code(
    open_page: Callable[..., Any], ordered: None, client: FlaskClient, services: Services, store: Store
) -> None:
    page = open_page(viewport=PHONE)
    front = Shopfront(page, client, services, store, {"ref": "eve"})
    widget = front.open()
    widget.get_by_role("heading", name="LIN-3").wait_for()  # one order needs no choice
    press(widget, ".view > .row button")
    widget.get_by_role("button", name="Cancel the order").click()
    widget.get_by_role("button", name="Yes, cancel the order").click()
    widget.locator(".path").wait_for()
    assert front.errors == []


@on_sqlite
def test_where_nobody_is_signed_in_anybody_can_search(
    open_page: Callable[..., Any], ordered: None, client: FlaskClient, services: Services, store: Store
) -> None:
    page = open_page(viewport=PHONE)
    widget = Shopfront(page, client, services, store, None).open()
    assert widget.locator("h2").inner_text() == "Find your order"
    assert widget.locator(".problem:visible").count() == 0


def test_a_store_that_sends_a_page_to_sign_in_leaves_the_search(open_page: Callable[..., Any]) -> None:
    page = open_page(viewport=PHONE)
    stage = Stage(page, '<after-care store="k" session="/account/care"></after-care>', csp="")
    page.route("**/account/care?*", lambda route: route.fulfill(body="<h1>Sign in</h1>", content_type="text/html"))
    assert stage.open().locator("h2").inner_text() == "Find your order"
    assert stage.errors == []


def test_a_store_that_does_not_answer_is_not_waited_for(open_alone: Callable[..., Any]) -> None:
    page = open_alone(viewport=PHONE)
    page.clock.install()
    Stage(page, '<after-care store="k" session="/account/care"></after-care>', csp="")
    with page.expect_request("**/account/care?*"):
        page.route("**/account/care?*", lambda route: None)
        page.goto(f"{SHOP}/")
    assert page.locator("after-care .wait").count() == 1
    page.clock.fast_forward(8_000)
    page.locator("after-care form").wait_for()
