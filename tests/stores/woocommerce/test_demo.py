"""The demo's store: its history, what happens next, and the program that serves it."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import requests
from woocommerce import API

from tests.stores.woocommerce import Store
from tests.stores.woocommerce.bench import NOON, Clock
from tests.stores.woocommerce.people import make_s10_number, make_ups_number
from tests.stores.woocommerce.scenario import FLAVORS, STATUSES, happen, open_store, tell_history


def test_the_history_is_the_same_for_the_same_day_and_never_in_the_future() -> None:
    stories = tell_history(NOON)
    assert stories == tell_history(NOON)
    assert stories != tell_history(NOON, seed=7)
    moments = [at for story in stories for at in (story.placed, story.shipped, story.delivered, story.refunded) if at]
    assert NOON - timedelta(days=90) < min(moments)
    assert max(moments) < NOON
    assert {story.shopper.country for story in stories} == {"US", "DE", "VN", "LT", "SA"}
    assert {story.flavor for story in stories if story.shipped} == set(FLAVORS)


def test_the_demo_store_holds_shipped_delivered_refunded_and_overdue_orders(clock: Clock) -> None:
    store = open_store(NOON, Store(now=clock, extra_statuses=STATUSES))
    statuses = [order["status"] for order in store.orders.values()]
    assert len(statuses) == 60
    assert statuses.count("delivered") > 30
    assert statuses.count("shipped") > 3
    assert {"processing"} < set(statuses)
    assert any(store.refunds.values())
    assert len(store.reviews) > 5
    assert max(order["date_modified_gmt"] for order in store.orders.values()) < "2026-11-21T18:09:15"


def test_the_demo_goes_on_by_itself(clock: Clock) -> None:
    store = open_store(NOON, Store(now=clock, extra_statuses=STATUSES))
    steps = happen(store)
    seen = set()
    for _ in range(27):
        clock.at += timedelta(hours=3)
        seen.add(next(steps).partition(": ")[2])
    assert seen == {"placed", "ship", "deliver", "refund", "review"}


def test_sample_tracking_numbers_have_right_check_digits() -> None:
    # UPS's published 1Z999AA10123456784, in whose check an A counts as 2, and the sample of UPU's S10.
    assert make_ups_number("999221012345678") == "1Z9992210123456784"
    assert make_s10_number("RR", "47312482", "GB") == "RR473124829GB"


def test_the_demo_program_introduces_itself_on_its_first_line() -> None:
    root = Path(__file__).parents[3]
    command = [sys.executable, "-m", "tests.stores.woocommerce", "--core", "http://app.example"]
    program = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True)
    try:
        assert program.stdout
        said = json.loads(program.stdout.readline())
        assert said.keys() == {"ref", "credentials", "name", "currency", "timezone", "language", "shipping"}
        shop = API(said["ref"], said["credentials"]["key"], said["credentials"]["secret"], timeout=30)
        assert shop.get("orders").headers["X-WP-Total"] == "60"
        happened = requests.post(f"{said['ref']}/_demo/tick", timeout=30).json()["happened"]
        assert happened.startswith("order 1061")
        assert "http://app.example/install/woocommerce" in requests.get(said["ref"], timeout=30).text
    finally:
        program.terminate()
        program.wait()
