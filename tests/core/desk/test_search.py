"""The search box on every page of the desk, and the page it leads to."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from core.services import Services
from core.stores.model import Store
from tests.core.samples import statements
from tests.core.search.test_find import fill, run_index
from tests.core.shipping.seed import sign_in

PAGES = ("", "orders", "cases", "returns", "reviews", "notices", "settings", "search", "connection", "withdrawals")


@pytest.fixture
def desk(services: Services, store: Store, client: FlaskClient) -> FlaskClient:
    """Max's browser at the desk of a store with orders of seven people, a return, a review and a case."""
    fill(services, store)
    run_index(services)
    sign_in(services, store, client)
    return client


def look(desk: FlaskClient, store: Store, typed: str, more: str = "") -> tuple[int, str, str]:
    """Give status, page and where it leads."""
    reply = desk.get(f"/admin/{store.key}/search?q={quote(typed)}{more}")
    return reply.status_code, reply.text, reply.headers.get("Location", "")


@pytest.mark.parametrize("path", PAGES)
def test_every_page_has_the_box_as_a_form_without_script(desk: FlaskClient, store: Store, path: str) -> None:
    page = desk.get(f"/admin/{store.key}/{path}").text
    assert page.count(f'role="search" action="/admin/{store.key}/search"') == 1
    assert page.count('id="ac-find"') == 1


@pytest.mark.parametrize(
    ("typed", "path"),
    [
        *[("#1003", "/orders/"), ("order 1003", "/orders/"), ("rma 1001", "/returns/"), ("WD-1001", "/withdrawals/")],
        *[("WD-1002", "/declarations/"), ("RR 123456784 LT", "/orders/"), ("1Z999AA10123456784", "/returns/")],
    ],
)
def test_one_exact_number_leads_straight_to_its_page(desk: FlaskClient, store: Store, typed: str, path: str) -> None:
    status, _, target = look(desk, store, typed)
    assert status == 302
    assert path in target
    assert desk.get(target).status_code == 200


def test_words_give_groups_of_five_with_a_link_to_all(desk: FlaskClient, store: Store) -> None:
    status, page, _ = look(desk, store, "linen shirt")
    assert status == 200
    assert page.count("/orders/") == 5
    assert page.count("RMA-1001") == page.count("WD-1001") == 1
    assert "The zipper" not in page
    assert f"/admin/{store.key}/search?q=linen+shirt&amp;group=orders" in page
    _, alone, _ = look(desk, store, "linen shirt", "&group=orders")
    assert alone.count("/orders/") == 7
    assert "RMA-1001" not in alone


def test_a_hit_says_why_it_is_there_and_prints_no_address(desk: FlaskClient, store: Store) -> None:
    assert "I got a turquoise one." in look(desk, store, "turquoise")[1]
    assert "one. </bdi>" not in look(desk, store, "zipper")[1]
    found = look(desk, store, "@shopper.example")[1]
    assert found.count("/orders/") == 5
    assert "p1@shopper.example" not in found


@pytest.mark.parametrize(
    "typed", ["", "Karl Berg", "%", "_", '"', "<b>x</b>", "\0", "🎉", "\u202e", "x" * 10_000, "%ED%A0%80"]
)
def test_nothing_and_nonsense_are_told_what_can_be_searched(desk: FlaskClient, store: Store, typed: str) -> None:
    status, page, _ = look(desk, store, typed)
    assert status == 200
    assert "Search for an order number, a name" in page
    assert ("Nothing found for" in page) == bool(typed)
    assert "<b>x</b>" not in page


def test_an_unknown_group_is_no_group(desk: FlaskClient, store: Store) -> None:
    assert look(desk, store, "turquoise", "&group=<x>")[0] == 200


def test_the_page_takes_at_most_fifteen_statements(services: Services, desk: FlaskClient, store: Store) -> None:
    with statements(services.db) as seen:
        look(desk, store, "linen shirt p1@shopper.example 1001")
    asked = [one for one in seen if one.lower().lstrip().startswith(("select", "with"))]
    assert 5 < len(asked) <= 15, asked
