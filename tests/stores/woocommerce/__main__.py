"""Run the demo's store: `python -m tests.stores.woocommerce --port N [--core URL] [--every SECONDS]`.

The first line of output is JSON: where the store is and a consumer key for it. `POST /_demo/tick` makes
something happen, `--every` does so on a timer; webhooks are delivered as they come.
"""

import argparse
import json
import time
from datetime import UTC, datetime
from threading import Lock, Thread

from .scenario import STATUSES, happen, open_store
from .server import serving
from .store import Store

DELIVERY_PAUSE = 0.25  # seconds


def main() -> None:
    """Serve Linden & Co until interrupted."""
    options = _read_options()
    store = Store(extra_statuses=STATUSES, loopback=True, core_url=options.core)
    open_store(datetime.now(UTC), store, options.seed)
    happenings, turn = happen(store, options.seed), Lock()

    def tick() -> str:
        with turn, store.lock:
            return next(happenings)

    with serving(store, port=options.port, tick=tick):
        print(json.dumps(_introduce(store)), flush=True)
        Thread(target=_deliver_forever, args=(store,), daemon=True).start()
        try:
            while True:
                time.sleep(options.every or 3600)
                if options.every:
                    tick()
        except KeyboardInterrupt:
            return


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.stores.woocommerce", description="A sample WooCommerce store.")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--core", default="", help="address of the Aftercare to link to from the front page")
    parser.add_argument("--every", type=float, default=0, help="seconds between happenings; 0 is never")
    parser.add_argument("--seed", type=int, default=2026)
    return parser.parse_args()


def _introduce(store: Store) -> dict[str, object]:
    key = store.add_key()
    return {
        "ref": store.url,
        "credentials": {"key": key.key, "secret": key.secret},
        "name": store.name,
        "currency": store.currency,
        "timezone": store.zone.key,
        "language": store.language[:2],
        "shipping": {"statuses": {"shipped": "shipped", "delivered": "delivered"}},
    }


def _deliver_forever(store: Store) -> None:
    while True:
        store.deliver()
        time.sleep(DELIVERY_PAUSE)


if __name__ == "__main__":
    main()
