"""An order's page on paper and in forced colors, as the server sends it; no server runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from core.orders.model import Order
from core.services import Services
from tests.browser.stage import PHONE
from tests.core.orders.test_order_page import address, order
from tests.core.shipping.seed import on_sqlite

__all__ = ["order"]

pytestmark = pytest.mark.browser

CONTROLS = "button:visible, .button:visible, form:visible, input:visible"
BARE = """() => [...document.querySelectorAll("main button, main .button, main input, main textarea, main select")]
  .filter((one) => one.checkVisibility()).filter((one) => {
    const { borderTopStyle, borderTopWidth, borderTopColor, backgroundColor } = getComputedStyle(one);
    return borderTopStyle === "none" || parseFloat(borderTopWidth) < 1 || borderTopColor === backgroundColor;
  }).map((one) => one.outerHTML)"""


@on_sqlite
def test_the_page_prints_its_scans_in_ink_and_no_buttons_and_keeps_its_borders_in_forced_colors(
    open_page: Callable[..., Any], client: FlaskClient, services: Services, order: Order
) -> None:
    def answer(route: Any) -> None:
        url = urlsplit(route.request.url)
        if url.netloc != "care.example":
            return route.fulfill(status=204)
        said = client.get(f"{url.path}?{url.query}")
        return route.fulfill(status=said.status_code, content_type=said.content_type, body=said.get_data())

    page = open_page(viewport=PHONE)
    page.route("**/*", answer)
    page.goto(f"https://care.example{address(services, order)}")
    assert page.locator(CONTROLS).count() > 0
    page.emulate_media(forced_colors="active")
    assert page.evaluate(BARE) == []
    page.emulate_media(media="print", forced_colors="none")
    assert page.locator(CONTROLS).count() == 0
    assert page.locator(".parcel h2").first.is_visible()
    assert page.locator(".parcel .scans li").first.is_visible(), "folded scans are printed too"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgba(0, 0, 0, 0)"
