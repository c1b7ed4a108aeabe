"""Sources of reviews at the desk: connected by a form, named beside their reviews, tried again and disconnected."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from core.jobs.worker import Worker
from core.platform.samples.reviews.sample_reviews import SampleReviews
from core.reviews.model import Reply, Review
from core.services import Services
from core.stores.model import ConnectedSource, Store
from tests.conftest import Clock
from tests.core.desk.returns_scene import path, said, seat
from tests.core.reviews.scene import SORRY
from tests.core.shipping.seed import on_sqlite, rows
from tests.plugins.sample_reviews.harness import AppAccount, open_account

pytestmark = on_sqlite
NAME = SampleReviews.name


class Silent(SampleReviews):
    """The same app, which takes no replies."""

    features = frozenset()


@pytest.fixture
def services(services: Services) -> Services:
    return replace(services, review_sources={NAME: SampleReviews})


@pytest.fixture
def account(tmp_path: Path, clock: Clock) -> AppAccount:
    opened = open_account(tmp_path, "linden", clock())
    opened.post("3", "One came broken.", clock() - timedelta(hours=1))
    return opened


@pytest.fixture
def max_(services: Services, store: Store) -> FlaskClient:
    return seat(services, store, "manager", "max")


def connect(client: FlaskClient, store: Store, typed: dict[str, str]) -> tuple[int, str]:
    page = client.post(path(store, f"connection/sources/{NAME}"), data=typed)
    return page.status_code, said(page)


def read_all(worker: Worker, clock: Clock, account: AppAccount) -> None:
    for _ in range(3):
        worker.run_until_idle()
        account.move_clock(clock.forward(seconds=30))


def source_of(services: Services, store: Store) -> ConnectedSource:
    (row,) = rows(services, store, ConnectedSource)
    return row


def review_page(services: Services, store: Store) -> str:
    (review,) = rows(services, store, Review)
    return path(store, f"reviews/{review.id}")


def test_a_source_is_connected_by_its_form_and_its_reviews_say_where_they_come_from(
    services: Services, store: Store, worker: Worker, clock: Clock, account: AppAccount, max_: FlaskClient
) -> None:
    before = said(max_.get(path(store, "connection")))
    assert "Connect Sample reviews" in before
    assert "Private API token" in before
    assert connect(max_, store, dict(account.typed))[0] == 302
    page = max_.get(path(store, "connection"))
    assert "Sample reviews · Linden · connected" in said(page)
    assert "Not read yet" in said(page)
    assert account.typed["token"] not in page.text
    read_all(worker, clock, account)
    assert "Last read on" in said(max_.get(path(store, "connection")))
    assert "Sample reviews · Linden" in said(max_.get(path(store, "reviews")))
    assert "Sample reviews · Linden · Ann" in said(max_.get(review_page(services, store)))
    assert f"First reading of reviews ({NAME})" in said(max_.get(path(store)))


def test_what_is_missing_or_refused_stands_beside_the_form_and_connects_nothing(
    services: Services, store: Store, account: AppAccount, max_: FlaskClient
) -> None:
    status, page = connect(max_, store, {**account.typed, "token": " "})
    assert (status, "Fill this in." in page) == (422, True)
    account.revoke()
    answer = max_.post(path(store, f"connection/sources/{NAME}"), data=dict(account.typed))
    assert answer.status_code == 422
    assert "It does not let us in. Sample reviews says: Invalid API token." in said(answer)
    assert account.typed["account"] in answer.text
    assert account.typed["token"] not in answer.text
    account.trouble()
    assert "It cannot be reached now." in connect(max_, store, dict(account.typed))[1]
    assert max_.post(path(store, "connection/sources/nobody"), data={}).status_code == 404
    assert rows(services, store, ConnectedSource) == []


def test_a_refused_source_is_named_at_the_desk_and_may_be_tried_at_once(
    services: Services, store: Store, worker: Worker, clock: Clock, account: AppAccount, max_: FlaskClient
) -> None:
    connect(max_, store, dict(account.typed))
    read_all(worker, clock, account)
    account.revoke()
    where = review_page(services, store)
    max_.post(f"{where}/answer", data={"text": SORRY})
    worker.run_until_idle()
    page = said(max_.get(path(store, "connection")))
    assert "Sample reviews · Linden · refuses our access" in page
    assert "Sample reviews · Linden says: Invalid API token." in page
    sentence = "Sample reviews · Linden refuses our access: its reviews are not read, and replies to them wait."
    assert sentence in said(max_.get(path(store, "reviews")))
    assert sentence in said(max_.get(where))
    account.restore()
    tried = max_.post(path(store, f"connection/sources/{source_of(services, store).id}/try"))
    worker.run_until_idle()
    assert (tried.status_code, source_of(services, store).state, account.replies("3")) == (302, "open", [SORRY])


def test_a_source_that_takes_no_replies_offers_no_box_and_answers_none(
    services: Services, store: Store, worker: Worker, clock: Clock, account: AppAccount, max_: FlaskClient
) -> None:
    services.review_sources[NAME] = Silent  # type: ignore[index]
    connect(max_, store, dict(account.typed))
    read_all(worker, clock, account)
    where = review_page(services, store)
    page = max_.get(where)
    assert "Sample reviews · Linden takes no replies from here. Reply to this review there." in said(page)
    assert "<textarea" not in page.text
    assert max_.post(f"{where}/answer", data={"text": SORRY}).status_code == 409
    assert rows(services, store, Reply) == []


def test_disconnecting_forgets_the_keys_and_takes_the_reviews_off_the_desk(
    services: Services, store: Store, worker: Worker, clock: Clock, account: AppAccount, max_: FlaskClient
) -> None:
    connect(max_, store, dict(account.typed))
    read_all(worker, clock, account)
    where = review_page(services, store)
    source_id = source_of(services, store).id
    assert max_.post(path(store, f"connection/sources/{source_id}/disconnect")).status_code == 302
    assert source_of(services, store).credentials == b""
    assert "Linden · connected" not in said(max_.get(path(store, "connection")))
    assert "Linden" not in said(max_.get(path(store, "reviews"))).partition("No review waits")[2]
    assert max_.get(where).status_code == 404
    assert max_.post(path(store, f"connection/sources/{source_id + 1}/disconnect")).status_code == 404


@pytest.mark.parametrize("role", ["agent", "viewer"])
def test_whoever_may_not_set_connects_and_disconnects_nothing(
    services: Services, store: Store, account: AppAccount, max_: FlaskClient, role: str
) -> None:
    connect(max_, store, dict(account.typed))
    seated = seat(services, store, role, "eve")
    source_id = source_of(services, store).id
    verbs = [NAME, f"{source_id}/disconnect"] + ([f"{source_id}/try"] if role == "viewer" else [])
    answers = [seated.post(path(store, f"connection/sources/{verb}"), data=dict(account.typed)) for verb in verbs]
    assert {one.status_code for one in answers} == {403}
    page = seated.get(path(store, "connection"))
    assert "Private API token" not in said(page)
    assert "Disconnect" not in said(page)
    assert source_of(services, store).state == "open"
