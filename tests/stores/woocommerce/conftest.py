"""The store under test, its client, and a place for its webhooks to go."""

from collections.abc import Callable, Iterator

import pytest
from woocommerce import API

from tests.stores.woocommerce import Store, serving
from tests.stores.woocommerce.bench import Clock, connect
from tests.stores.woocommerce.receiver import Receiver, receiving
from tests.stores.woocommerce.scenario import STATUSES


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> Iterator[Store]:
    store = Store(now=clock, extra_statuses=STATUSES, loopback=True)
    with serving(store):
        yield store


@pytest.fixture
def api(store: Store) -> API:
    return connect(store)


@pytest.fixture
def listen(store: Store, api: API) -> Iterator[Callable[..., Receiver]]:
    """Register webhooks for topics at a receiver and clear their pings."""
    with receiving() as receiver:

        def register(*topics: str) -> Receiver:
            for topic in topics:
                api.post("webhooks", {"topic": topic, "delivery_url": f"{receiver.url}/hook", "secret": "s3cret"})
            store.deliver()
            store.deliver()
            receiver.taken.clear()
            return receiver

        yield register
