"""The sample store's orders: ninety days of them up to now, and a few parcels that are about to be late.

All people and things are invented. The same seed makes the same orders.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from core.platform.sample import World
from core.platform.snapshots import (
    LineItemSnapshot,
    OrderSnapshot,
    OrderState,
    PaymentSnapshot,
    ReplySnapshot,
    ReviewSnapshot,
    ShipmentSnapshot,
    TrackingEventSnapshot,
    TrackingStatus,
)

ZONE = "Europe/Vilnius"
_SHOPPERS = (
    ("Ann Berg", "ann@shopper.example", "LT", "en"),
    ("Rūta Kazlauskienė", "ruta@shopper.example", "LT", "lt"),
    ("Nguyễn Thị Hoa", "hoa@shopper.example", "VN", "vi"),
    ("王小明", "xiaoming@shopper.example", "CN", "zh"),
    ("สมชาย ใจดี", "somchai@shopper.example", "TH", "th"),
    ("ليلى حداد", "layla@shopper.example", "AE", "ar"),
)
_THINGS = (
    ("Linen shirt", "M", 4900),
    ("Oak cutting board", "", 3450),
    ("Wool socks, three pairs", "39–42", 2100),
    ("Stoneware mug", "moss", 1850),
    ("Beeswax candle", "", 1290),
    ("Canvas tote", "natural", 2400),
)
_VARIANTS: dict[str, tuple[tuple[str, int, int], ...]] = {
    "Linen shirt": (("S", 4900, 4), ("M", 4900, 9), ("L", 4900, 6), ("XL", 5400, 0)),
    "Oak cutting board": (("small", 2600, 8), ("medium", 3450, 5), ("large", 4650, 7)),
    "Wool socks, three pairs": (("36–38", 2100, 12), ("39–42", 2100, 20), ("43–46", 2250, 9)),
    "Stoneware mug": (("moss", 1850, 14), ("sand", 1850, 3), ("ink, large", 2250, 6)),
    "Beeswax candle": (("short", 990, 20), ("tall", 1290, 16), ("set of three", 2990, 5)),
    "Canvas tote": (("natural", 2400, 10), ("black", 2600, 8)),
    "Stoneware bowl": (("sand", 2600, 4), ("moss", 2600, 0)),
}
"""What the store has of each thing: (variant, price, how many)."""
_WAY = (
    (0.0, TrackingStatus.INFO_RECEIVED, "Label made", ""),
    (0.25, TrackingStatus.IN_TRANSIT, "Accepted at the depot", "Kaunas"),
    (0.6, TrackingStatus.IN_TRANSIT, "Departed the sorting center", "Warszawa"),
    (0.95, TrackingStatus.OUT_FOR_DELIVERY, "Out for delivery", ""),
    (1.0, TrackingStatus.DELIVERED, "Delivered", ""),
)
_USE = timedelta(days=8)
"""So long after an order nobody reviews what is in it."""
_ANSWERED = (3, 4)
"""Reviews the sample store answered before we came."""


@dataclass(frozen=True, slots=True)
class _OrderPlan:
    """How one order goes: days from now to placing, to the promise, to its arrival."""

    number: int
    placed: float
    promised_in: int
    takes: float
    shipped_after: float = 1.0


def fill_store(world: World, now: datetime, seed: int = 7, pictures: str = "") -> None:
    """Fill the sample store's books. Under `pictures`, an address, each thing's picture has its product ref's name."""
    dice, past = random.Random(seed), list[OrderSnapshot]()
    for title, variants in _VARIANTS.items():
        for place, (name, price, stock) in enumerate(variants, 1):
            ref, image = f"{product_ref(title)}-{place}", _picture(pictures, title)
            world.shelve(ref, price, product=product_ref(title), title=name, stock=stock, image_url=image)
    for number in range(1001, 1071):
        placed = dice.uniform(12, 88)
        late = dice.random() < 0.15
        plan = _OrderPlan(number, placed, promised_in=7, takes=dice.uniform(8, 11) if late else dice.uniform(3, 6.5))
        past.append(_order(plan, now, dice, pictures))
        world.put(past[-1])
    for number in range(1071, 1079):
        plan = _OrderPlan(number, dice.uniform(1.2, 3.8), promised_in=7, takes=dice.uniform(5, 6.5))
        world.put(_order(plan, now, dice, pictures))
    for ref in ("1079", "1080", "1081", "1082"):
        world.put(_order(_OrderPlan(int(ref), 3.0 + int(ref) % 3, promised_in=7, takes=9), now, dice, pictures))
    world.put(_split(_order(_OrderPlan(1083, 2.5, promised_in=7, takes=5), now, dice, pictures), pictures))
    world.put(replace(_order(_OrderPlan(1084, 0.4, promised_in=7, takes=6), now, dice, pictures), shipments=()))
    for number in range(1, 13):
        world.put(_review(number, now, dice, past))
    # Came four days ago to Lithuania: young enough to be withdrawn from.
    world.put(_order(_OrderPlan(996, 9.0, promised_in=7, takes=5), now, dice, pictures))


def _order(plan: _OrderPlan, now: datetime, dice: random.Random, pictures: str) -> OrderSnapshot:
    name, email, country, language = _SHOPPERS[plan.number % len(_SHOPPERS)]
    things = dice.sample(_THINGS, dice.choice((1, 1, 2, 3)))
    lines = tuple(
        LineItemSnapshot(
            str(place + 1),
            title,
            dice.choice((1, 1, 2)),
            price,
            variant=variant,
            variant_ref=_variant_ref(title, variant),
            sku=f"FO-{place}",
            product_ref=product_ref(title),
            image_url=_picture(pictures, title),
        )
        for place, (title, variant, price) in enumerate(things)
    )
    placed_at = now - timedelta(days=plan.placed)
    parcel = _parcel(plan, lines, placed_at, now)
    total = sum(line.total for line in lines)
    changed = max([placed_at, *(event.at for event in parcel.events)])
    return OrderSnapshot(
        ref=str(plan.number),
        number=f"FO-{plan.number}",
        state=OrderState.OPEN,
        status="open",
        currency="EUR",
        placed_at=placed_at,
        updated_at=changed,
        paid_at=placed_at + timedelta(minutes=2),
        total=total,
        tax_included=True,
        email=email,
        name=name,
        country=country,
        postcode="01103",
        language=language,
        shipping_method="Parcel to the door",
        promised_from=_promised_day(plan, placed_at, -2) if plan.number % 4 == 1 else None,
        promised_by=_promised_day(plan, placed_at),
        lines=lines,
        shipments=(parcel,) if parcel.events else (),
        payments=(PaymentSnapshot("p1", "card", total, refundable=True, methods=("refund",)),),
    )


def _promised_day(plan: _OrderPlan, placed_at: datetime, days: int = 0) -> date:
    return _weekday((placed_at + timedelta(days=plan.promised_in + days)).date())


def _parcel(
    plan: _OrderPlan, lines: tuple[LineItemSnapshot, ...], placed_at: datetime, now: datetime
) -> ShipmentSnapshot:
    left_at = placed_at + timedelta(days=plan.shipped_after)
    way = timedelta(days=max(plan.takes - plan.shipped_after, 0.5))
    events = tuple(
        TrackingEventSnapshot(left_at + way * share, status, text, text, place)
        for share, status, text, place in _WAY
        if left_at + way * share <= now
    )
    last = events[-1] if events else None
    return ShipmentSnapshot(
        ref=f"{plan.number}-1",
        status=last.status if last else TrackingStatus.PENDING,
        raw_status=last.raw if last else "",
        carrier="dpd",
        tracking_number=f"0150{plan.number:010d}",
        shipped_at=left_at if events else None,
        delivered_at=last.at if last and last.status is TrackingStatus.DELIVERED else None,
        items={line.ref: line.quantity for line in lines},
        events=events,
    )


def _split(order: OrderSnapshot, pictures: str) -> OrderSnapshot:
    """Put the first line into a parcel of its own; the rest has not left yet."""
    image = _picture(pictures, "Stoneware bowl")
    second = LineItemSnapshot("9", "Stoneware bowl", 1, 2600, variant="sand", sku="FO-9",
                               product_ref=product_ref("Stoneware bowl"), image_url=image)  # fmt: skip
    return replace(order, lines=(*order.lines, second), total=order.total + 2600)


def _weekday(day: date) -> date:
    return day + timedelta(days=(7 - day.weekday()) if day.weekday() >= 5 else 0)


def _picture(pictures: str, title: str) -> str:
    return f"{pictures}/{product_ref(title)}.svg" if pictures else ""


def _variant_ref(title: str, variant: str) -> str:
    """Give the ref under which `fill_store` shelves a variant; "" where the order did not say which it was."""
    names = [name for name, _, _ in _VARIANTS[title]]
    return f"{product_ref(title)}-{names.index(variant) + 1}" if variant in names else ""


def product_ref(title: str) -> str:
    """Give the sample store's own id of a thing: "oak-cutting-board"."""
    return title.lower().replace(",", "").replace(" ", "-")


def _review(number: int, now: datetime, dice: random.Random, past: list[OrderSnapshot]) -> ReviewSnapshot:
    """Let a shopper say something; where they had bought the thing by then, the review names the order."""
    rating = dice.choice((5, 5, 4, 3, 1))
    text = {5: "Exactly as described.", 4: "Good, the color is a little darker.", 3: "Fine.", 1: "It came a week late."}
    at = now - timedelta(days=dice.uniform(1, 60))
    name, email, _, _ = _SHOPPERS[number % len(_SHOPPERS)]
    title = _THINGS[number % len(_THINGS)][0]
    bought = [order for order in past if order.email == email and order.placed_at + _USE < at]
    order = next((one for one in bought if any(line.title == title for line in one.lines)), None)
    thanks = ReplySnapshot(f"{number}/1", "Thank you, we are glad that you like it.", at=at + timedelta(days=1))
    return ReviewSnapshot(
        str(number),
        rating,
        text[rating],
        at,
        at,
        author=name,
        email=email,
        product_ref=product_ref(title),
        product_title=title,
        order_ref=order.ref if order else "",
        verified=order is not None,
        replies=(thanks,) if number in _ANSWERED else (),
    )


def simulate_events(world: World, clock: type[datetime] = datetime, pictures: str = "") -> Iterator[str]:
    """Let one thing happen at a time, for ever; give the ref of the order it happened to.

    First the carrier moves the dates of four parcels past their promise; then orders come in and parcels travel.
    """
    for ref in ("1079", "1080", "1081", "1082"):
        yield _revise(world, ref, clock.now(UTC))
    number, dice = 1085, random.Random(11)
    while True:
        now = clock.now(UTC)
        order = replace(_order(_OrderPlan(number, 0, promised_in=7, takes=6), now, dice, pictures), shipments=())
        world.put(order)
        yield order.ref
        yield _ship(world, order.ref, clock.now(UTC))
        yield _revise(world, order.ref, clock.now(UTC))
        yield _arrive(world, order.ref, clock.now(UTC))
        number += 1


def _revise(world: World, ref: str, now: datetime) -> str:
    order = world.order(ref)
    if order is None or not order.shipments or order.promised_by is None:
        return ref
    parcel = order.shipments[0]
    later = _weekday(order.promised_by + timedelta(days=3))
    held = TrackingEventSnapshot(now, TrackingStatus.DELAYED, "held", "Held at the sorting center", "Warszawa")
    parcel = replace(parcel, estimated_by=later, status=TrackingStatus.DELAYED, events=(*parcel.events, held))
    world.put(replace(order, shipments=(parcel,), updated_at=now))
    return ref


def _ship(world: World, ref: str, now: datetime) -> str:
    order = world.order(ref)
    if order is None:
        return ref
    accepted = TrackingEventSnapshot(now, TrackingStatus.IN_TRANSIT, "accepted", "Accepted at the depot", "Kaunas")
    parcel = ShipmentSnapshot(
        f"{ref}-1",
        TrackingStatus.IN_TRANSIT,
        carrier="dpd",
        tracking_number=f"0150{int(ref):010d}",
        shipped_at=now,
        items={line.ref: line.quantity for line in order.lines},
        events=(accepted,),
    )
    world.put(replace(order, shipments=(parcel,), updated_at=now))
    return ref


def _arrive(world: World, ref: str, now: datetime) -> str:
    order = world.order(ref)
    if order is None or not order.shipments:
        return ref
    came = TrackingEventSnapshot(now, TrackingStatus.DELIVERED, "delivered", "Delivered", "")
    parcel = order.shipments[0]
    parcel = replace(parcel, status=TrackingStatus.DELIVERED, delivered_at=now, events=(*parcel.events, came))
    world.put(replace(order, shipments=(parcel,), updated_at=now))
    return ref
