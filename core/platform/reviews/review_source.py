"""The contract with a provider of reviews that stands beside the platform, such as a review app with its own API.

A store may have several sources, and two accounts at the same one. A source answers about reviews as a platform does,
in the same words: `ReviewSnapshot`, `ReplySnapshot`, `Gone`, `Page`, `Change` and the errors of `core.platform.errors`.
The rules at the top of `core/platform/contract.py` hold here too. `core/platform/samples/reviews/` is a worked example;
tests/plugins/test_review_sources.py says what the core relies on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import requests

from core.platform.calls.cost_bucket import BucketStates, LocalBuckets
from core.platform.contract import NO_FACTS, Feature, Request, StoreFacts
from core.platform.errors import NotSupported
from core.platform.snapshots import Change, Gone, Page, ReplySnapshot, ReviewSnapshot


@dataclass(frozen=True, slots=True)
class CredentialField:
    """One thing a merchant types in to connect a source.

    `label` is what the provider's own pages call it, since the merchant copies it from there; it is not translated. A
    secret is never shown again, and may be replaced by connecting once more.
    """

    name: str
    label: str
    is_secret: bool = True


@dataclass(frozen=True, slots=True)
class SourceIdentity:
    """Whose account the credentials open: its own id at the provider, and what the merchant calls it."""

    ref: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class SourceHook:
    """Where the provider sends its news of one account, and a secret that it may sign them with."""

    url: str
    secret: str = field(repr=False)


class ReviewSource:
    """One account at one provider of reviews. Subclass it in `plugins/<name>/`; the folder's name is `name`.

    `features` are LISTS_DELETIONS, where the pages of `reviews_since` name what is `gone`, and REPLY: `publish_reply`,
    `edit_reply` and `remove_reply`. Every source writes `identify`, `fetch_review` and `reviews_since`.

    `ref`s are the provider's own, unique within the account: the core keeps accounts apart. `product_ref` and
    `order_ref` are the *platform's* refs of them, as most providers keep those; "" where they do not. A call the
    provider counts goes through a `CostBucket` over `self.buckets`, which belong to this account.

    AccessLost from any call closes this source alone: the merchant is told in the message's words, its replies wait,
    and the core goes on trying. Where one call is refused and others are not, raise Refused.
    """

    name: ClassVar[str]
    """Small letters, digits and "_", as the folder."""
    title: ClassVar[str]
    features: ClassVar[frozenset[Feature]] = frozenset()
    fields: ClassVar[Sequence[CredentialField]] = ()
    keys_url: ClassVar[str] = ""
    """Where at the provider the merchant finds what the fields ask for (https)."""
    has_webhooks: ClassVar[bool] = False
    """Whether the provider sends news: then `prepare` and `read_webhook` are written. Without, the core polls."""

    def __init__(self, credentials: Mapping[str, str], http: requests.Session, facts: StoreFacts = NO_FACTS) -> None:
        self.credentials = credentials
        """By the names of `fields`, each without white space around it and none empty."""
        self.http = http
        self.facts = facts
        """What is known of the store, such as its address, by which some providers name the account."""
        self.buckets: BucketStates = LocalBuckets()

    def identify(self) -> SourceIdentity:
        """Try the credentials and say whose account they open.

        Asked before a source is connected, while the merchant waits, and again after a refusal. Raises AccessLost
        where they open nothing, Refused with a sentence where they do not suffice, such as without the right to read.
        """
        raise NotSupported(self.name)

    def prepare(self, hook: SourceHook) -> None:
        """Have the provider send its news to the hook; only with `has_webhooks`. Safe to run again: there is one."""
        raise NotSupported(self.name)

    def read_webhook(self, request: Request, *, secret: str) -> list[Change]:
        """Verify the raw bytes, then say which reviews changed: Change("review", ref). Raises BadSignature.

        `secret` is `SourceHook.secret`; a provider that signs with the account's own key finds that in `credentials`.
        The review is fetched afterwards, so nothing else of a delivery is believed.
        """
        raise NotSupported(self.name)

    def fetch_review(self, ref: str) -> ReviewSnapshot | Gone:
        """Fetch one review with the replies it has, as `Platform.fetch_review`."""
        raise NotSupported(self.name)

    def reviews_since(self, cursor: str) -> Page[ReviewSnapshot]:
        """List reviews changed at or after the cursor, which may also be an ISO time, as `Platform.reviews_since`.

        Where the provider cannot list by change, list all. A page that takes its time is waited for as
        `Platform.orders_since` says, until the time that it names: no news ends the wait. One that comes twice does no
        harm.
        """
        raise NotSupported(self.name)

    def publish_reply(self, review_ref: str, text: str, *, key: str) -> ReplySnapshot:
        """Answer a review in public, and give the answer as the provider has it. Never mail the reviewer besides.

        Asked twice with the same key, publish once: look for the key in what stands there. A provider that keeps no
        key has the reply with this very text taken for ours. Raises Refused with the provider's sentence.
        """
        raise NotSupported(self.name)

    def edit_reply(self, reply_ref: str, text: str) -> ReplySnapshot:
        """Change a published answer."""
        raise NotSupported(self.name)

    def remove_reply(self, reply_ref: str) -> None:
        """Take a published answer back; one that is gone already counts as removed."""
        raise NotSupported(self.name)
