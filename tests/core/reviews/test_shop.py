"""The storefront's JSON: a product's answered reviews, for everybody, and nothing that is not public."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from core.jobs.worker import Worker
from core.platform.sample import World
from core.platform.snapshots import ReplySnapshot
from core.privacy import personal_data
from core.services import Services
from core.stores.model import Store
from tests.conftest import NOON, Clock, connect
from tests.core.reviews.scene import SORRY, answer, edit, read_again, remove, review_there
from tests.core.samples import ANN, anns_review

MUG = anns_review(product_ref="mug", author="Ann Berg", title="Broken", verified=True)


def ask(client: FlaskClient, store: Store, product: str = "mug", **more: Any) -> dict[str, Any]:
    reply = client.get(f"/shop/{store.key}/replies", query_string={"product": product} | more)
    assert reply.status_code == 200
    told: dict[str, Any] = reply.get_json()
    return told


def texts(client: FlaskClient, store: Store) -> list[str]:
    return [one["reply"]["text"] for one in ask(client, store)["replies"]]


def test_a_published_answer_is_told_with_its_review(
    client: FlaskClient, services: Services, store: Store, world: World
) -> None:
    answer(services, store, review_there(services, store, world, MUG), through_platform=False)
    assert ask(client, store) == {
        "product": "mug",
        "more": False,
        "replies": [
            {
                "review": "r1",
                "rating": 2,
                "title": "Broken",
                "text": "One came broken.",
                "author": "Ann B.",
                "posted_at": "2026-11-18T12:00:00Z",
                "verified": True,
                "reply": {"text": SORRY, "at": "2026-11-18T12:00:00Z"},
            }
        ],
    }


def test_anybody_may_ask_and_keep_the_answer_for_a_minute(client: FlaskClient, store: Store) -> None:
    reply = client.get(f"/shop/{store.key}/replies?product=nothing")
    assert (reply.status_code, reply.get_json()) == (200, {"product": "nothing", "replies": [], "more": False})
    assert reply.headers["Cache-Control"] == "public, max-age=60"
    assert reply.headers["Access-Control-Allow-Origin"] == "*"
    assert "Set-Cookie" not in reply.headers


@pytest.mark.parametrize("query", ["", "product=", "product=mug&page=0", "product=mug&page=x", f"product={'m' * 401}"])
def test_what_cannot_be_asked_is_a_400(client: FlaskClient, store: Store, query: str) -> None:
    assert client.get(f"/shop/{store.key}/replies?{query}").status_code == 400


def test_a_store_nobody_knows_is_not_found(client: FlaskClient) -> None:
    assert client.get("/shop/nobodyatall00000/replies?product=mug").status_code == 404


def test_an_answer_is_read_once_it_is_published_and_until_it_is_taken_back(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker, clock: Clock
) -> None:
    row = answer(services, store, review_there(services, store, world, MUG))
    assert texts(client, store) == [], "the platform has not been told yet"
    worker.run_until_idle()
    assert texts(client, store) == [SORRY]
    published_at = ask(client, store)["replies"][0]["reply"]["at"]
    clock.forward(hours=1)
    edit(services, store, row, "So sorry, Ann.")
    assert ask(client, store)["replies"][0]["reply"] == {"text": SORRY, "at": published_at}, "an edit that waits"
    worker.run_until_idle()
    assert ask(client, store)["replies"][0]["reply"] == {"text": "So sorry, Ann.", "at": "2026-11-18T13:00:00Z"}
    remove(services, store, row, seen=2)
    assert texts(client, store) == [], "at once, whenever the platform follows"


def test_an_answer_the_store_gave_itself_is_told_too(
    client: FlaskClient, services: Services, store: Store, world: World
) -> None:
    older, newer = ReplySnapshot("x", "Hello.", at=NOON - timedelta(days=2)), ReplySnapshot("y", "Sorry.", at=NOON)
    review_there(services, store, world, replace(MUG, replies=(newer, older)))
    assert [one["reply"] for one in ask(client, store)["replies"]] == [{"text": "Sorry.", "at": "2026-11-18T12:00:00Z"}]


@pytest.mark.parametrize("state", ["pending", "hidden"])
def test_a_review_that_is_not_public_stays_so(
    client: FlaskClient, services: Services, store: Store, world: World, state: str, clock: Clock
) -> None:
    hidden = replace(MUG, state=state)  # type: ignore[arg-type]
    answer(services, store, review_there(services, store, world, hidden), through_platform=False)
    assert texts(client, store) == []
    read_again(services, store, replace(MUG, updated_at=clock.forward(hours=1)))
    assert texts(client, store) == [SORRY]


def test_an_erased_author_s_review_is_told_no_more(
    client: FlaskClient, services: Services, store: Store, world: World
) -> None:
    answer(services, store, review_there(services, store, world, MUG), through_platform=False)
    with services.db.transaction(store.id) as session:
        personal_data.erase_person(session, services.keyring, email=ANN, now=services.clock())
    assert texts(client, store) == []


def test_the_newest_answer_comes_first_ten_to_a_page(
    client: FlaskClient, services: Services, store: Store, world: World, clock: Clock
) -> None:
    for number in range(12):
        review_id = review_there(services, store, world, replace(MUG, ref=f"r{number}"))
        clock.forward(minutes=1)
        answer(services, store, review_id, f"Answer {number}.", through_platform=False)
    first, second = ask(client, store), ask(client, store, page=2)
    told = [one["reply"]["text"] for page in (first, second) for one in page["replies"]]
    assert told == [f"Answer {number}." for number in reversed(range(12))]
    assert (len(first["replies"]), first["more"], second["more"]) == (10, True, False)


def test_another_store_s_answers_are_not_told(
    client: FlaskClient, services: Services, store: Store, world: World, tmp_path: Any
) -> None:
    answer(services, store, review_there(services, store, world, MUG), through_platform=False)
    other = connect(services, World(tmp_path / "other.db"), "maple")
    assert texts(client, other) == []
