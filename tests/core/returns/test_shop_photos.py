"""Photos, gifts and warranty claims over HTTP: what is kept and shown of a picture, and who reads which price."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from core.db.base import SYSTEM
from core.db.purpose import Purpose
from core.jobs import queue
from core.jobs.queue import NewJob
from core.jobs.worker import Worker
from core.platform.sample import World
from core.returns.model import ReturnPhoto
from core.services import Services
from core.stores.model import Store
from tests.conftest import Clock
from tests.core.returns.seed import ACCEPTS, at, place, set_policy, the_return
from tests.core.returns.visit import DAMAGED, MUG, Visit, another, error_of, picture


@pytest.fixture
def visit(client: FlaskClient, services: Services, store: Store, world: World, worker: Worker) -> Visit:
    set_policy(services, store, **ACCEPTS)
    return Visit(client, services, store, place(services, store, world, worker))


# Photos.


def test_a_photo_is_shown_at_its_signed_address_and_runs_nothing(visit: Visit) -> None:
    sent = visit.send_photo(picture())
    assert (sent.status_code, sent.get_json()["width"], sent.get_json()["height"]) == (201, 40, 30)
    path = sent.get_json()["url"].removeprefix("https://care.example")
    shown = visit.client.get(path)
    assert (shown.status_code, shown.mimetype, shown.data[:3]) == (200, "image/jpeg", b"\xff\xd8\xff")
    assert shown.headers["Cache-Control"] == "private, max-age=1800"
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert shown.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert visit.client.get(path + "x").status_code == 404


def test_the_same_photo_sent_twice_is_one_and_may_come_again_for_the_next_return(visit: Visit) -> None:
    first, second = (visit.send_photo(picture()).get_json()["id"] for _ in range(2))
    assert first == second
    visit.act("returns", visit.asking(DAMAGED, photos=[first]))
    assert visit.send_photo(picture()).get_json()["id"] != first


def test_what_is_no_photo_is_refused_with_a_sentence(visit: Visit) -> None:
    assert error_of(visit.send_photo(b"<svg/>")) == (400, "bad_photo")
    assert error_of(visit.send_photo(b"x" * (12 * 1024 * 1024 + 1))) == (413, "bad_photo")
    assert error_of(visit.send_photo(picture(), act=False)) == (403, "step_up")
    assert error_of(visit.send_photo(picture(), order="7")) == (404, "not_found")


def test_photos_must_be_the_order_s_own(
    visit: Visit, services: Services, store: Store, world: World, worker: Worker
) -> None:
    other = Visit(visit.client, services, store, another(services, store, world, worker))
    theirs = other.send_photo(picture()).get_json()["id"]
    for photos in ([theirs], ["7"], []):
        answer = visit.ask("returns", visit.asking(DAMAGED, photos=photos), act=True)
        assert (*error_of(answer), answer.get_json()["error"]["fields"]) == (400, "invalid", ["photos"])
    mine = visit.send_photo(picture()).get_json()["id"]
    rma = visit.act("returns", visit.asking(DAMAGED, photos=[mine]))
    assert [photo["id"] for photo in rma["photos"]] == [mine]
    assert visit.see(f"returns/{rma['id']}")["photos"] == [], "who may only look sees no photo"


def test_a_photo_without_a_return_is_forgotten_after_a_day(visit: Visit, worker: Worker, clock: Clock) -> None:
    taken, _ = (visit.send_photo(picture(color)).get_json()["id"] for color in ("red", "blue"))
    visit.act("returns", visit.asking(DAMAGED, photos=[taken]))
    for hours, left in ((23, 2), (2, 1)):
        clock.forward(hours=hours)
        with visit.services.db.system(Purpose.INSPECT) as session:
            queue.enqueue(session, SYSTEM, NewJob("clock.forget_photos", f"forget:{hours}"), now=clock())
        worker.run_until_idle()
        with at(visit.services, visit.store) as session:
            assert session.scalar(sa.select(sa.func.count()).select_from(ReturnPhoto)) == left


# Gifts and warranty.


def test_a_gift_s_recipient_reads_no_price_and_is_offered_no_money(visit: Visit) -> None:
    options = visit.see(f"returns/options?order={visit.order_id}&gift=1")
    assert [one["key"] for one in options["wishes"]] == ["exchange", "store_credit"]
    assert {one["value"] for one in options["lines"]} == {None}
    refused = visit.see("returns/quote", visit.asking(MUG, gift=True))
    assert (refused["answer"], refused["lines"][0]["objections"][0]["code"]) == ("decline", "wish_not_offered")
    body = visit.asking(MUG | {"wish": "store_credit"}, gift=True)
    quote = visit.see("returns/quote", body)
    assert (quote["answer"], quote["amount"], quote["fees"], quote["explanation"]) == ("accept", None, None, [])
    rma = visit.act("returns", body)
    assert (rma["amount"], rma["explanation"]) == (None, [])
    assert "334" not in visit.ask(f"returns/{rma['id']}", act=True).text
    assert the_return(visit.services, visit.store).quoted == 334, "the store knows what it is worth"


def test_a_warranty_claim_knows_no_window_and_a_person_decides(visit: Visit, clock: Clock) -> None:
    set_policy(visit.services, visit.store, **ACCEPTS | {"wishes": ["refund"], "reasons": {"other": {"fee_fixed": 50}}})
    clock.forward(days=200)
    body = visit.asking(MUG | {"reason": "other", "wish": "repair"})
    assert visit.see("returns/quote", body)["answer"] == "decline"
    quote = visit.see("returns/quote", body | {"kind": "warranty"})
    assert (quote["answer"], quote["fees"]) == ("review", 0)
    offered = visit.see(f"returns/options?order={visit.order_id}&kind=warranty")["wishes"]
    assert [one["key"] for one in offered] == ["repair", "exchange", "refund"]
    rma = visit.act("returns", body | {"kind": "warranty"})
    assert (rma["kind"], rma["status"], rma["headline"]) == ("warranty", "requested", "Warranty claim made")
    assert (rma["due"]["what"], rma["due"]["by"]) == (
        "answer",
        (clock() + timedelta(days=2)).isoformat().replace("+00:00", "Z"),
    )
