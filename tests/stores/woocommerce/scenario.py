"""The demo's store: ninety days of Linden & Co as plain data, and what happens there next.

`tell_history` is a function of `now` and a seed alone. All people, addresses and numbers are made up.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count, cycle
from random import Random

from .people import CATALOG, LANES, SHOPPERS, Lane, Shopper, make_tracking_number
from .php import Json, load_recorded
from .shapes import Line, make_order
from .store import Store

STATUSES = {"shipped": "Shipped", "delivered": "Delivered"}
FLAVORS = ("fulfillment", "shipment_tracking", "ast")
OPINIONS = (
    (5, "Softer than it looks in the pictures, and it came wrapped in paper."),
    (4, "Very nice wool. The sleeves are a little long."),
    (2, "The strap came loose after a week."),
    (1, "Still waiting. Three weeks and no word from anyone."),
)
HAPPENINGS = ("place", "ship", "deliver", "place", "ship", "review", "place", "refund", "deliver")


@dataclass(frozen=True)
class Story:
    """One order from checkout to its end; a time that is None has not come."""

    number: str
    placed: datetime
    shopper: Shopper
    lines: tuple[Line, ...]
    lane: Lane
    flavor: str
    tracking_number: str
    shipped: datetime | None = None
    delivered: datetime | None = None
    refunded: datetime | None = None
    status: str = "processing"


def tell_history(now: datetime, seed: int = 2026, orders: int = 60) -> list[Story]:
    """Orders of the last ninety days, oldest first: most arrived, some late, some never sent or paid."""
    rng = Random(seed)
    ages = sorted((rng.uniform(0.2, 89.5) for _ in range(orders)), reverse=True)
    return [_tell(rng, now, str(1001 + at), now - timedelta(days=age)) for at, age in enumerate(ages)]


def _tell(rng: Random, now: datetime, number: str, placed: datetime) -> Story:
    shopper = rng.choice(SHOPPERS)
    lane = LANES[shopper.country]
    goods = rng.sample(CATALOG, rng.choice((1, 1, 1, 2, 2, 3)))
    lines = tuple(line._replace(quantity=rng.choice((1, 1, 1, 2))) for line in goods)
    placed = placed.replace(microsecond=0)
    tracking_number = make_tracking_number(rng, lane)
    flavor = rng.choice(FLAVORS)
    unpaid = rng.choices(("", "pending", "failed", "on-hold", "cancelled"), (90, 3, 2, 3, 2))[0]
    if unpaid:
        return Story(number, placed, shopper, lines, lane, flavor, tracking_number, status=unpaid)
    shipped = placed + timedelta(days=rng.choice((0.8, 1.1, 1.6, 2.2, 6.5)))
    # One parcel in six is badly late and one in twelve is never heard of again.
    days = rng.uniform(*lane.days) * rng.choices((1.0, 2.4), (5, 1))[0]
    delivered = None if rng.random() < 1 / 12 else shipped + timedelta(days=days)
    refunded = delivered + timedelta(days=6) if delivered and rng.random() < 0.12 else None
    return Story(
        number,
        placed,
        shopper,
        lines,
        lane,
        flavor,
        tracking_number,
        shipped=_if_past(shipped, now),
        delivered=_if_past(delivered, now),
        refunded=_if_past(refunded, now),
    )


def _if_past(at: datetime | None, now: datetime) -> datetime | None:
    return at if at and at < now else None


def open_store(now: datetime, store: Store, seed: int = 2026) -> Store:
    """Fill an empty store with the history up to `now` and reviews of it."""
    _stock(store)
    rng = Random(seed)
    for story in tell_history(now, seed):
        order_id = place(store, story)
        if story.shipped:
            ship(store, order_id, story, story.shipped)
        if story.delivered:
            store.set_status(order_id, "delivered", story.delivered)
        if story.refunded:
            refund_first_line(store, order_id, story.refunded)
        reviewed = story.delivered and _if_past(story.delivered + timedelta(hours=20), now)
        if reviewed and rng.random() < 0.3:
            review(store, order_id, rng, reviewed)
    return store


def happen(store: Store, seed: int = 2026) -> Iterator[str]:
    """What goes on in the store, one step at a time and without end; each step says what it was."""
    rng = Random(seed + 1)
    numbers = count(1001 + len(store.orders))
    for what in cycle(HAPPENINGS):
        candidates = [order for order in store.orders.values() if _is_ready(order, what)]
        if not candidates:
            story = _tell(rng, store.now(), str(next(numbers)), store.now())
            place(store, story)
            yield f"order {story.number}: placed"
            continue
        # The longest waiting parcel leaves first; everything else falls where it falls.
        order = candidates[0] if what == "ship" else rng.choice(candidates)
        _go_on(store, rng, order, what)
        yield f"order {order['number']}: {what}"


def _is_ready(order: Json, what: str) -> bool:
    if what == "place" or (what == "refund" and order["refunds"]):
        return False
    needed = {"ship": "processing", "deliver": "shipped"}.get(what, "delivered")
    return bool(order["status"] == needed)


def _go_on(store: Store, rng: Random, order: Json, what: str) -> None:
    order_id, now = order["id"], store.now()
    if what == "ship":
        lane = LANES[order["shipping"]["country"]]
        _send(store, order_id, (make_tracking_number(rng, lane), lane), rng.choice(FLAVORS), now)
    elif what == "deliver":
        store.set_status(order_id, "delivered", now)
    elif what == "refund":
        refund_first_line(store, order_id, now)
    else:
        review(store, order_id, rng, now)


def place(store: Store, story: Story) -> int:
    """Place a story's order and return its id."""
    shopper = story.shopper
    order = make_order(
        placed=story.placed,
        lines=story.lines,
        status=story.status,
        number=story.number,
        email=shopper.email,
        first_name=shopper.first_name,
        last_name=shopper.last_name,
        address=shopper.address,
        customer_id=shopper.customer_id,
        shipping=(story.lane.method, story.lane.title, story.lane.cost),
        tax_percent="8.5" if shopper.country == "US" else "0",
        currency=store.currency,
    )
    return int(store.place(order)["id"])


def ship(store: Store, order_id: int, story: Story, at: datetime) -> None:
    """Send a story's parcel and move its order to shipped."""
    _send(store, order_id, (story.tracking_number, story.lane), story.flavor, at)


def _send(store: Store, order_id: int, parcel: tuple[str, Lane], flavor: str, at: datetime) -> None:
    tracking_number, lane = parcel
    store.ship(order_id, tracking_number, lane.provider, flavor=flavor, at=at)
    store.set_status(order_id, "shipped", at)


def refund_first_line(store: Store, order_id: int, at: datetime) -> None:
    """Give back the money for an order's first line, tax included."""
    order = store.find_order(order_id)
    line = order["line_items"][0]
    taxes = [{"id": tax["id"], "refund_total": tax["total"]} for tax in line["taxes"]]
    asked = {"id": line["id"], "quantity": line["quantity"], "refund_total": line["total"], "refund_tax": taxes}
    body = {"reason": "Sent back", "api_refund": True, "api_restock": False, "line_items": [asked]}
    store.refund(order_id, body, at)


def review(store: Store, order_id: int, rng: Random, at: datetime) -> None:
    """Let an order's shopper say something about its first line."""
    order = store.find_order(order_id)
    rating, text = rng.choice(OPINIONS)
    billing, product_id = order["billing"], order["line_items"][0]["product_id"]
    name = f"{billing['first_name']} {billing['last_name']}"
    store.post_review(text, rating, product_id=product_id, reviewer=name, email=billing["email"], at=at)


def _stock(store: Store) -> None:
    """Put the catalog on the shelves, each product cloned from the recorded one."""
    for line in CATALOG:
        product = load_recorded("product.updated__stock")
        slug = line.name.lower().replace(" ", "-")
        named = {"id": line.product_id, "name": line.name, "slug": slug, "sku": line.sku}
        priced = {"price": line.price, "regular_price": line.price, "total_sales": 0}
        store.products[line.product_id] = {**product, **named, **priced}
