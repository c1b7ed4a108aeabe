"""The worlds of the contract suite: one for each platform, and what its harness says of the store's own side.

A platform offers tests/plugins/<name>/harness.py with `open_platform(folder)`, which gives the platform's object and a
`Merchant`. How a world does something (where its signature lies, what store credit is) is said there; test_contract.py
says only what the core relies on.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import pytest

import plugins
from core.platform.contract import Feature, Platform, Reply, Request
from core.platform.registry import discover
from core.platform.sample import Demo
from core.platform.samples.poor import Poor
from core.platform.samples.rich import Rich
from core.platform.snapshots import Change, RefundLine

WORLDS: dict[str, type[Platform]] = {"demo": Demo, "rich": Rich, "poor": Poor, **discover(plugins)}


class Merchant(Protocol):
    """What a harness lets the suite do on the store's own side. Refs are the platform's.

    What names no feature or trait below is needed of every world; the rest only with what it names.
    """

    now: datetime
    """The store's clock."""
    secrets: tuple[str, ...]
    """Credentials in use: they must show nowhere."""
    troubles: Mapping[str, str]
    """What `misbehave` knows; each makes the store unavailable for the next calls."""
    loses_answers: bool
    """Whether the store can do what is asked and its answer never come."""

    signs_bodies: bool
    """Whether a delivery's signature covers what it says."""
    names_staff: bool
    """Whether the platform's admin says who opens our page."""
    takes_withdrawals: bool
    """Whether shoppers withdraw from a contract at the platform, and it says so."""
    gives_reasons: bool
    """Whether the platform says why it does not send an order."""
    prepares_lists: bool
    """Whether the platform prepares a listing that begins long ago."""

    def connect(self) -> Platform:
        """Another object for the same store, its credentials renewed where they are over, as the core does."""

    def forward(self, seconds: float) -> None:
        """Move the store's clock."""

    credentials_last: float
    """Seconds after which credentials are over; only of a platform that renews."""

    # Who signs what.

    def news(self, ref: str) -> Request:
        """News of an order as the store signs and sends it."""

    def news_by_get(self, ref: str) -> Request:
        """The same, told in the query of a GET; only where the platform has `webhooks_by_get`."""

    def forgeries(self, news: Request) -> Mapping[str, Request]:
        """What somebody without the keys can make of a delivery; each has to be refused.

        What the signature does not cover is no forgery, however it is changed. News of another store always is one.
        """

    def listen(self, request: Request, *, with_wrong_keys: bool = False) -> list[Change]:
        """Read a delivery as the core does, without credentials; or with keys that are another's."""

    def shopper_request(self, ref: str) -> Request:
        """A request forwarded for the signed-in shopper `ref`; only with SHOPPER_IDENTITY."""

    def shopper_forgeries(self, forwarded: Request) -> Mapping[str, Request]:
        """What somebody without the keys can make of it; only with SHOPPER_IDENTITY."""

    def shopper_secret(self) -> str:
        """The store's forwarding secret."""

    store_key: str
    """Our own key of the store, which its admin may hand back."""

    def secret_of(self, store_key: str) -> str:
        """Give the forwarding secret of the store with this key; "" for a store we do not know."""

    def opening(self) -> Request:
        """Our page as the platform's admin opens it, with keys where it brings any."""

    def forged_openings(self) -> Sequence[tuple[str, Request, Mapping[str, str]]]:
        """How it was forged, the request, and the app's settings it is read with."""

    def install_request(self) -> Request:
        """A merchant asks to connect the store; only where the platform has `begin_install`."""

    def consent(self, begun: Reply) -> Request:
        """What comes to `InstallUrls.done` once the merchant has consented to what begun leads to."""

    def forged_consents(self, brought: Request) -> Mapping[str, Request]:
        """What somebody could make of it who was not asked, or has other keys."""

    def page_request(self, *, with_wrong_keys: bool = False) -> Request:
        """A request of one of our pages that bears the platform's token; only where the shell is "bearer"."""

    def sign_in(self, begun: Reply) -> Request:
        """What a shopper's browser brings back who was sent to sign in, as shopper 7; only with SHOPPER_SIGN_IN."""

    def shopper_token(self, ref: str) -> str:
        """The token of a storefront extension for a shopper; only with SHOPPER_SIGN_IN."""

    def news_of_leaving(self) -> Request | None:
        """News that the app was removed, verified by the app's secret; None where the platform sends none."""

    # What happens in the store.

    def place(self) -> str:
        """Take in a paid order of a shopper with an account: exactly one line of goods and one of shipping, each with a
        tax above 0 that its taxes add up to."""

    def place_unrefundable(self) -> str:
        """Take in an order paid in a way that cannot pay back by itself, as a bank transfer; only with REFUND or
        RECORDS_REFUNDS."""

    def change(self, ref: str) -> None:
        """Change an order now."""

    def delete(self, ref: str) -> None:
        """Delete an order for good."""

    def hold(self, ref: str, line: str) -> None:
        """Hold a line back since the address is wrong, and all of it for something else; only where `gives_reasons`."""

    def withdraw(self, ref: str, line: str) -> None:
        """Have a shopper withdraw from one unit of a line at the store itself; only where it `takes_withdrawals`."""

    def post_review(self) -> str:
        """Have a review posted; only with REVIEWS or REPLY."""

    def refund_by_hand(self, ref: str, line: str, quantity: int) -> tuple[int, Sequence[RefundLine]]:
        """Refund a line at the store itself, without our key and without restocking.

        Gives what the shopper got, and the lines the platform will tell of it, none where it tells none.
        """

    def begin_return(self, ref: str, line: str, quantity: int) -> str:
        """Have a shopper ask for a return at the store itself; only with NATIVE_RETURNS."""

    def cancel_return(self, native_ref: str) -> None:
        """Cancel a return at the store itself; only with NATIVE_RETURNS."""

    def revoke(self) -> None:
        """Take our credentials back."""

    # What the store has.

    def refunds(self, ref: str) -> list[int]:
        """The refunds the store has of an order, in minor units; only with REFUND."""

    def credit(self, ref: str) -> int:
        """The store credit that an order's shopper was given, in minor units; only with STORE_CREDIT."""

    def shelve(self, variant: str, price: int) -> None:
        """Put a variant of the product "mug" on sale; only with EXCHANGE."""

    def pay(self, key: str) -> None:
        """Let the shopper pay what the exchange asked for with this key left open; only with EXCHANGE."""

    def notes(self, ref: str) -> int:
        """How often the store was told of a return of this order; only with RETURN_NOTES."""

    def replies(self, review_ref: str) -> list[str]:
        """The texts published below a review; only with REPLY."""

    def listings_begun(self) -> int:
        """How many listings the platform was ever asked to prepare; only where it `prepares_lists`."""

    def prepared(self) -> object:
        """What our preparation has left at the store, to be compared; the same for nothing."""

    def facts(self) -> Iterator[tuple[Change, bool]]:
        """Facts, each made to hold or not before it is given, and whether it does; only where the platform confirms."""

    # Bad days.

    def misbehave(self, how: str) -> None:
        """Be in trouble for the next calls."""

    def lose_next_answer(self) -> None:
        """Carry out the next call that writes, and let its answer be lost; only where it `loses_answers`."""


Opened = tuple[Platform, Any]
Open = Callable[[Path], AbstractContextManager[Opened]]


def harness(name: str) -> Open:
    """The folder's `open_platform`."""
    if not (Path(__file__).parent / name / "harness.py").exists():
        pytest.fail(f"tests/plugins/{name}/harness.py is missing: the contract suite runs over every platform")
    open_: Open = importlib.import_module(f"tests.plugins.{name}.harness").open_platform
    return open_


def merchant_of(name: str) -> Any:
    """The harness's `Merchant`, for what it says of its world."""
    return importlib.import_module(f"tests.plugins.{name}.harness").Merchant


def needs(platform: type[Platform] | Platform, *features: Feature) -> None:
    """Skip what the platform says it cannot do."""
    if not platform.features & set(features):
        pytest.skip(f"{platform.name} has no {' or '.join(features)}")
