"""The rich and the poor sample store of the demo, and their deliveries, which are as rude as real ones."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import requests

from core.demo import sample_orders
from core.platform.contract import Installation, Platform, Request
from core.platform.sample import Demo
from core.platform.sample_store import World
from core.platform.samples import poor_store, rich_store
from core.platform.samples.poor import Poor
from core.platform.samples.poor_store import PoorStore
from core.platform.samples.rich import Rich
from core.platform.samples.rich_store import RichStore

SAMPLES: Mapping[str, type[Platform]] = {one.name: one for one in (Demo, Rich, Poor)}
APPS: Mapping[str, Mapping[str, str]] = {
    Rich.name: {"client_id": "aftercare-demo", "client_secret": "sample-client-secret-of-the-demo"},
    Poor.name: {"client_secret": "sample-client-secret-of-the-demo"},
}
"""Our app's credentials at the sample platforms; sample stores alone believe them."""
_RICH, _POOR = "birch-and-bay", "poplar"


def settings_of(platforms: Mapping[str, type[Platform]]) -> dict[str, list[str]]:
    """Name each platform's settings of the app, for the configuration to read."""
    return {name: [*one.app_settings, *one.optional_settings] for name, one in platforms.items()}


def environment() -> dict[str, str]:
    """Give the variables that name our app at the sample platforms."""
    return {
        f"AFTERCARE_{platform}_{setting}".upper(): value
        for platform, app in APPS.items()
        for setting, value in app.items()
    }


def open_stores(folder: Path, now: datetime, *, pictures: str) -> list[tuple[str, Installation]]:
    """Fill the books of both stores; give each platform's name and what its store hands over."""
    rich, poor = RichStore(folder / "rich.db"), PoorStore(folder / "poor.db")
    sample_orders.fill_store(rich, now, seed=8, pictures=pictures)
    sample_orders.fill_store(poor, now, seed=9, pictures=pictures)
    rich.play(currency="EUR", timezone=sample_orders.ZONE, country="LT", plan="Plus", name="Birch & Bay")
    poor.keep("name", "Poplar")
    return [
        (Rich.name, _installation(_RICH, "Birch & Bay", {"world": rich.path, **rich.issue()})),
        (Poor.name, _installation(_POOR, "Poplar", {"world": poor.path, "token": poor.issue()})),
    ]


def _installation(ref: str, name: str, credentials: Mapping[str, str]) -> Installation:
    return Installation(
        ref, name, credentials, currency="EUR", timezone=sample_orders.ZONE, country="LT", email=f"care@{ref}.example"
    )


def keep_trading(folder: Path, core: str, stop: threading.Event, *, every: float, pictures: str) -> None:
    """Let things happen in both stores and bring the news: the newest first, and again what was told before."""
    rich, poor = RichStore(folder / "rich.db"), PoorStore(folder / "poor.db")
    turns = (_happenings(rich, _rich_news, pictures), _happenings(poor, _poor_news, pictures))
    while not stop.wait(every):
        for turn in turns:
            _bring(core, next(turn))


def _happenings(
    store: World, write: Callable[[str, datetime], Request], pictures: str
) -> Iterator[tuple[Request, ...]]:
    earlier: Request | None = None
    for ref in sample_orders.simulate_events(store, pictures=pictures):
        news = write(ref, datetime.now(UTC))
        yield (news, news, earlier) if earlier else (news, news)
        earlier = news


def _rich_news(ref: str, at: datetime) -> Request:
    return rich_store.write_delivery(APPS[Rich.name]["client_secret"], _RICH, "order", ref, at=at)


def _poor_news(ref: str, at: datetime) -> Request:
    return poor_store.write_delivery(APPS[Poor.name]["client_secret"], _POOR, "order.updated", ref, at=at)


def _bring(core: str, news: Iterable[Request]) -> None:
    for one in news:
        url = f"{core}{one.path}" + (f"?{one.query}" if one.query else "")
        headers = {**one.headers, "Content-Type": "application/json"}
        try:
            requests.post(url, data=one.body, headers=headers, timeout=10)
        except requests.RequestException:
            # What is lost on the way is found by the next poll.
            continue
