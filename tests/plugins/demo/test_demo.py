"""The sample store itself: what reads its books and then writes them does so alone, in one process or in several."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pytest
import requests

from core.platform.contract import Outcome, Reimbursement
from core.platform.sample import Demo, World
from core.platform.snapshots import PaymentSnapshot, ReplySnapshot
from tests.core.samples import anns_order, anns_review

AT_ONCE = 4
KEYS = [f"key-{number}" for number in range(12)]


def open_shop(path: str) -> Demo:
    return Demo("linden", {"world": path}, {}, requests.Session())


def reply(path: str, key: str) -> ReplySnapshot:
    return open_shop(path).publish_reply("r1", "Sorry!", key=key)


def refund(path: str, key: str) -> Outcome:
    return open_shop(path).reimburse(Reimbursement(key, "refund", "1", 100, "EUR"))


@pytest.fixture
def shop(world: World) -> Demo:
    world.put(anns_order(payments=(PaymentSnapshot("p1", "card", 2400, refundable=True),)))
    world.put(anns_review("r1"))
    return open_shop(world.path)


@pytest.fixture(params=["threads", "processes"])
def pool(request: pytest.FixtureRequest) -> Any:
    if request.param == "threads":
        return ThreadPoolExecutor(AT_ONCE)
    return ProcessPoolExecutor(AT_ONCE, mp_context=multiprocessing.get_context("spawn"))


def test_a_reply_asked_for_by_many_at_once_stands_there_once(shop: Demo, pool: Executor) -> None:
    with pool:
        asked = [pool.submit(reply, shop.world.path, key) for key in KEYS for _ in range(AT_ONCE)]
        answers = {one.result(timeout=60) for one in asked}
    review = shop.world.review("r1")
    assert review is not None
    assert sorted(reply.key for reply in review.replies) == sorted(KEYS)
    assert answers == set(review.replies), "all are told of the one that stands there"


def test_a_refund_asked_for_by_many_at_once_is_paid_once(shop: Demo, pool: Executor) -> None:
    with pool:
        asked = [pool.submit(refund, shop.world.path, key) for key in KEYS for _ in range(AT_ONCE)]
        answers = {one.result(timeout=60) for one in asked}
    order = shop.world.order("1")
    assert order is not None
    assert sorted(refund.key for refund in order.refunds) == sorted(KEYS)
    assert {outcome.ref for outcome in answers} == {refund.ref for refund in order.refunds}
