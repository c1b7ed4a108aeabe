"""Saved views of a list: each person's own, few and short, and what a stale page says is not carried out."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient

from core.services import Services
from core.stores.model import Store
from core.stores.people.saved_views import LONGEST_NAME, MOST_VIEWS, SavedView
from tests.core.desk.returns_scene import path, said, seat
from tests.core.desk.test_lists import put_orders
from tests.core.shipping.seed import on_sqlite, rows

LATE = "country=LT&late=1&sort=oldest"


@pytest.fixture
def max_(services: Services, store: Store) -> FlaskClient:
    return seat(services, store, "owner", "max")


def save(client: FlaskClient, store: Store, name: str, query: str = LATE, **more: Any) -> Any:
    return client.post(path(store, "lists/orders/views"), data={"name": name, "query": query, **more})


def change(client: FlaskClient, store: Store, view: SavedView, verb: str, **more: Any) -> int:
    data = {"version": view.version, **more}
    return client.post(path(store, f"lists/orders/views/{view.id}/{verb}"), data=data).status_code


def views(services: Services, store: Store) -> list[SavedView]:
    return sorted(rows(services, store, SavedView), key=lambda view: view.position)


def tabs(client: FlaskClient, store: Store) -> list[str]:
    found = re.search(r'<nav class="filters views".*?</nav>', client.get(path(store, "orders")).text, re.DOTALL)
    return re.findall("<bdi>(.*?)</bdi>", found[0]) if found else []


def test_a_viewer_saves_filters_sort_and_columns_and_finds_them_as_a_tab(services: Services, store: Store) -> None:
    put_orders(services, store, 1)
    eve = seat(services, store, "viewer", "eve")
    answer = save(eve, store, "  Late  in Lithuania ", column=["number", "country"])
    (view,) = views(services, store)
    assert (view.staff_ref, view.name, view.query) == ("eve", "Late in Lithuania", LATE)
    assert (answer.status_code, answer.location) == (302, path(store, f"orders?{LATE}&view={view.id}"))
    page = eve.get(path(store, f"orders?view={view.id}")).text
    assert re.findall(r'<th scope="col">(.*?)</th>', page) == ["Order", "Country"]
    (tab,) = re.findall(r'href="([^"]*)" aria-current="page"><bdi>', page)
    assert unescape(tab) == path(store, f"orders?{LATE}&view={view.id}")
    assert tabs(seat(services, store, "owner", "max"), store) == []


@on_sqlite
def test_what_was_searched_for_or_cannot_be_is_not_saved(services: Services, store: Store, max_: FlaskClient) -> None:
    save(max_, store, "Mine", "q=ann@shopper.example&country=LT&country=nowhere&x=1&after=abc&sort=x")
    assert [view.query for view in views(services, store)] == [""]
    assert max_.post(path(store, "lists/nothing/views"), data={"name": "x"}).status_code == 404


@on_sqlite
def test_views_are_few_and_their_names_short(services: Services, store: Store, max_: FlaskClient) -> None:
    assert (save(max_, store, " ").status_code, save(max_, store, "x" * 500).status_code) == (422, 302)
    assert len(views(services, store)[0].name) == LONGEST_NAME
    for number in range(1, MOST_VIEWS):
        assert save(max_, store, f"View {number}").status_code == 302
    assert "You keep 20 views of this list already." in said(save(max_, store, "One more"))
    assert len(views(services, store)) == MOST_VIEWS


def test_a_view_is_renamed_moved_and_removed_by_its_owner_alone(
    services: Services, store: Store, max_: FlaskClient
) -> None:
    for name in ("First", "Second"):
        save(max_, store, name)
    first, second = views(services, store)
    eve = seat(services, store, "viewer", "eve")
    assert {change(eve, store, first, verb, name="Eve's") for verb in ("rename", "remove", "up")} == {404}
    assert change(max_, store, second, "up") == 302
    assert tabs(max_, store) == ["Second", "First"]
    assert change(max_, store, first, "rename", name="") == 422
    assert change(max_, store, first, "rename", name="The first") == 302
    assert change(max_, store, first, "remove") == 409, "it was renamed since"
    assert tabs(max_, store) == ["Second", "The first"]
    assert change(max_, store, views(services, store)[0], "remove") == 302
    assert tabs(max_, store) == ["The first"]
    assert change(max_, store, first, "explode") == 404


def test_each_person_chooses_the_columns_of_a_list(services: Services, store: Store, max_: FlaskClient) -> None:
    put_orders(services, store, 1)
    eve = seat(services, store, "viewer", "eve")

    def heads(client: FlaskClient) -> list[str]:
        return re.findall(r'<th scope="col">(.*?)</th>', client.get(path(store, "orders")).text)

    usual = heads(max_)
    answer = max_.post(path(store, "lists/orders/columns"), data={"column": ["total", "nonsense"], "query": "late=1"})
    assert answer.location == path(store, "orders?late=1")
    assert (heads(max_), heads(eve)) == (["Order", "Total"], usual)
    max_.post(path(store, "lists/orders/columns"), data={"column": ["total", "placed"]})
    assert heads(max_) == ["Order", "Placed", "Total"]
    assert len(rows(services, store, SavedView)) == 1
    assert max_.post(path(store, "lists/orders/columns"), data={"view": "77"}).status_code == 404
