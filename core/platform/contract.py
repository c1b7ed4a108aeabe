"""The contract: what the core asks of a platform. This file is the plugin author's manual.

A plugin is a translator. It has no tables, pages, jobs or mail; it answers the questions below in our words
(`snapshots.py`) and raises only the errors of `errors.py`. Copy the nearest folder under `plugins/`, fill this in,
add recorded payloads, pass `tests/plugins/test_contract.py`. If that takes an edit elsewhere, the door is wrong.
Two worked examples are `samples/rich.py`, which has nearly everything, and `samples/poor.py`, which has nearly nothing.

Rules that hold for every method:
- `http` is the only way out: the session brings time-outs, retries of safe methods, and the address guard. A POST that
  only reads (a GraphQL query) says so by `core.platform.http.only_reading`.
- "Asked twice with the same key, do it once": where the platform has no idempotency key, look for ours first.
- A feature that is missing is normal: leave the method alone, do not list the feature, never raise at the merchant.
  What only some stores lack, by plan or scope, `missing` says store by store.
- Making the object asks nobody, and `credentials` may be empty: `read_webhook` has to do without them. `self.app` has
  the app's own settings, where a platform signs with the app's secret instead of the store's.
- `self.facts` is what is known of the store (currency, time zone, plan and so on), for what an order does not say.
- No global state: two stores are served by two objects in two threads at once.
- A platform that counts calls or their costs: `core.platform.calls.cost_bucket`, whose buckets `self.buckets` shares
  with all who call this store.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Literal

import requests

from core.platform.calls.cost_bucket import BucketStates, LocalBuckets
from core.platform.errors import NotSupported
from core.platform.native_returns import DeclineCode, ExchangeLine, ReturnLine
from core.platform.snapshots import (
    Change,
    Gone,
    OrderSnapshot,
    Page,
    RefundLine,
    ReplySnapshot,
    ReviewSnapshot,
    Variant,
)


class Feature(StrEnum):
    """What a platform can ever do. What one order allows travels in its snapshot.

    Whoever lists a feature writes its methods, and nobody else does. REFUND, STORE_CREDIT, EXCHANGE: `reimburse` and
    `find_reimbursement`. CANCEL: `cancel_order`. RETURN_NOTES: `move_return`. NATIVE_RETURNS: that and
    `order_of_return`. REVIEWS: `fetch_review`, `reviews_since`. REPLY: `publish_reply`, `edit_reply`, `remove_reply`.
    SHOPPER_IDENTITY: `identify_shopper`. SHOPPER_SIGN_IN: `begin_sign_in`, `finish_sign_in`. CUSTOM_STATUSES:
    `order_statuses`. VARIANTS: `variants_of`. COLLECTIONS: `collections_of`. LISTS_DELETIONS: no method, the pages of
    listings name what is `gone`.
    """

    REFUND = "refund"
    RECORDS_REFUNDS = "records_refunds"
    """A refund can be only noted, where the money goes another way (`through_gateway` is False)."""
    STORE_CREDIT = "store_credit"
    EXCHANGE = "exchange"
    CANCEL = "cancel"
    RETURN_NOTES = "return_notes"
    NATIVE_RETURNS = "native_returns"
    REVIEWS = "reviews"
    REPLY = "reply"
    SHOPPER_IDENTITY = "shopper_identity"
    SHOPPER_SIGN_IN = "shopper_sign_in"
    LISTS_DELETIONS = "lists_deletions"
    CUSTOM_STATUSES = "custom_statuses"
    VARIANTS = "variants"
    COLLECTIONS = "collections"


@dataclass(frozen=True, slots=True)
class Request:
    """An incoming request, plain: header names are lower-case, `query` is the raw query string."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Reply:
    """A plugin's own answer in a platform's handshake."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Installation:
    """A store that installed the app. `credentials` are sealed before they are stored."""

    ref: str
    name: str
    credentials: Mapping[str, str]
    currency: str = ""
    timezone: str = "UTC"
    language: str = "en"
    country: str = ""
    url: str = ""
    email: str = ""
    store_id: str = ""
    """The platform's own id of the store, which stays when its address changes; "" where the platform has none."""
    is_live: bool = True
    """Whether the store says that it is in production; a staging site says that it is not."""


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """What the store says of itself; "" is what the platform does not say.

    `currency` is the store's own (ISO 4217), which its limits and figures are in; an order may be paid in another.
    `timezone` is an IANA name, `language` an ISO 639 code, `country` an ISO 3166 code, `plan` the platform's own word.
    """

    currency: str = ""
    timezone: str = ""
    language: str = ""
    country: str = ""
    url: str = ""
    plan: str = ""
    name: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class Missing:
    """Why one store lacks a feature that its platform has, and what would bring it.

    `why`: its plan, a scope it did not grant, a setting of the store, or the store itself is too old. `what` names
    that plan, scope or setting as the merchant knows it; `sentence` is the platform's own, where it has one. Scopes
    that may be asked for when they are needed are `scopes`, and `ask_url` (https) is where the merchant grants them.
    """

    why: Literal["plan", "scope", "setting", "version"]
    what: str = ""
    sentence: str = ""
    scopes: tuple[str, ...] = ()
    ask_url: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """Which store answers: its own id at the platform, and the ref and environment it gives itself."""

    store_id: str
    ref: str
    is_live: bool = True


@dataclass(frozen=True, slots=True)
class Pending:
    """The handshake goes on: the core answers with `reply` and waits for the next request."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class StaffIdentity:
    """Who of the merchant's people is at the desk, as far as the platform says."""

    ref: str
    name: str = ""
    email: str = ""
    language: str = ""
    """"" where the platform does not say: the desk then speaks the browser's."""


class StoreKey(str):
    """Our own key of a store (`Link.store_key`), where a platform hands that back instead of its ref.

    A plugin says which of the two a name is: keys are public, and a merchant may choose a ref that reads like one.
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Opening:
    """Staff opened our page in their admin: at which store (its ref, or our key as a `StoreKey`), and who.

    `staff` is None where the platform says which store it is and names no person: the core then asks for an e-mail
    address of the store's people and mails a code to it. The shell is then "bearer" or "signed".
    """

    ref: str
    staff: StaffIdentity | None = None


@dataclass(frozen=True, slots=True)
class HeadTag:
    """A tag for a page's <head>. The core writes it, with every value escaped and nothing between the tags: a script is
    loaded from an address in `script_sources`, never written into the page."""

    name: Literal["script", "link", "meta"]
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AdminShell:
    """How our pages sit in one store's admin: what they load, who may frame them, how a request says who asks.

    `identity` is one of three.
    - "session": our own cookie, for an admin that opens our page in a window of its own. Nothing else is read.
    - "bearer": each request carries the platform's short-lived token, `Authorization: Bearer …`, and `staff_of`
      verifies it each time. No cookie is set or read: in a frame of another site browsers send none.
    - "signed": a request is signed by the platform and verified by `open_admin`, or it carries the token that the core
      gave in answer to a signed one, in the header X-Aftercare-Token: 15 minutes, renewed while it is used, for at most
      12 hours, bound to the store and the person. The token stands in no address and in no cookie.

    A frame that is reloaded asks without any of these. It then gets a page that names nobody, loads the tags in `head`
    and fetches the real one.
    """

    head: tuple[HeadTag, ...] = ()
    """The platform's scripts, styles and marks, in their order."""
    script_sources: tuple[str, ...] = ()
    """Origins that the scripts in `head` come from. A source that is no https origin is left out and logged."""
    style_sources: tuple[str, ...] = ()
    """Origins that the styles in `head` come from."""
    frame_ancestors: tuple[str, ...] = ()
    """Origins that may frame *this* store's pages; nobody else may. "https://*.admin.example" allows what is below."""
    identity: Literal["bearer", "signed", "session"] = "session"
    token_call: str = ""
    """Name of the function, in the page, that promises a fresh token, such as "admin.idToken"; "" where the
    platform's script adds the header to each fetch by itself."""


@dataclass(frozen=True, slots=True)
class Shopper:
    """A signed-in shopper the platform vouches for."""

    ref: str
    email: str = ""
    order_refs: tuple[str, ...] = ()
    language: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with the connection, and whether the plugin has mended it. `sentence` is shown to staff."""

    code: str
    sentence: str
    mended: bool = False
    backfill_since: datetime | None = None
    """News may have been lost since then: poll from there."""


@dataclass(frozen=True, slots=True)
class Reimbursement:
    """What the shopper is to get. `key` makes asking twice the same as asking once.

    `lines` is what comes back and what it is worth; where there are lines they add up to `amount`.
    `payments` says through which of the order's payments how much flows back, (ref, amount), in that order. Of an
    exchange `amount` is what the goods that come back are worth; what is to pay on top goes through the platform's
    own checkout. A refund `through_gateway` moves money; without it the refund is only written down, and a person pays:
    that is asked only of a platform that RECORDS_REFUNDS, elsewhere the refund is left to staff and nobody is asked.
    `return_ref` is the platform's own return that it settles ("" for none): there `lines[].dispositions` say what
    became of the units, and `restock` repeats only whether all of them go back on sale.
    """

    key: str
    kind: Literal["refund", "store_credit", "exchange"]
    order_ref: str
    amount: int
    currency: str
    reason: str = ""
    lines: tuple[RefundLine, ...] = ()
    restock: bool = False
    through_gateway: bool = True
    payments: tuple[tuple[str, int], ...] = ()
    exchange: tuple[ExchangeLine, ...] = ()
    return_ref: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a reimbursement; `amount` is read back from the platform, never echoed from the request.

    `ref` names the refund, the store credit's code, or the order that an exchange made; `link` is where the shopper
    pays (awaiting_payment) or staff look. A refund is issued only where the platform says that the money moved. Where
    the payment cannot pay back, or the refund is only written down, the answer is needs_staff with a sentence.
    An exchange that goes out with the very order names that order's own ref.
    """

    state: Literal["issued", "pending", "needs_staff", "awaiting_payment"]
    ref: str = ""
    amount: int | None = None
    link: str = ""
    sentence: str = ""
    credit: Literal["code", "account"] = "code"
    """How the shopper spends a store credit: with `ref` as a code to type in, or from the balance of their account."""
    lines: tuple[RefundLine, ...] = ()
    """What the platform took from which line, where it reckons that itself and not as asked; () where as asked. They
    add up to `amount`. The core goes by them, and tells staff what differs from what the shopper was told."""


@dataclass(frozen=True, slots=True)
class CancelOutcome:
    """What became of canceling an order.

    `pending`: the platform is at it; the core fetches the order until that says it is canceled, and after some hours
    leaves it to staff. `needs_staff`: the platform will not do it, and `sentence` says why.
    """

    state: Literal["done", "pending", "needs_staff"] = "done"
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class ReturnMove:
    """Bring an order's return to this state at the platform, from wherever it is there.

    Moves that wait are merged into the last, so states are skipped: "received" may come for a return the platform has
    not heard of, and the move carries all that is needed to get there. A platform that knows no such state does the
    nearest one before it (no "received": "approved"); one that cannot decline what it approved closes that without
    money. It never goes back by itself: "approved" for one that is closed changes nothing. Where staff closed, declined
    or canceled it there, and there is no way from that, raise Refused with a sentence: the core shows it to staff.

    `native_ref` is the platform's own return as it was answered before; "" until then, and again once staff took up a
    return that was over there: a new one is then opened. `return_key` is ours and the same for all moves of one such
    return: keep it with the return (a note will do), look for it before opening one, and give it back as
    `ReturnSnapshot.key`. `key` is of this one move, for platforms that write a note for each.
    """

    key: str
    order_ref: str
    rma: str
    move: Literal["requested", "approved", "declined", "received", "closed", "canceled"]
    note: str = ""
    """What staff told the shopper with a refusal."""
    return_key: str = ""
    native_ref: str = ""
    currency: str = ""
    lines: tuple[ReturnLine, ...] = ()
    shipping_fee: int = 0
    """What is kept back for the way back, taxes included; what is kept back for a line stands on it."""
    exchange: tuple[ExchangeLine, ...] = ()
    decline_code: DeclineCode = "other"
    requested_at: datetime | None = None
    label_url: str = ""
    tracking_number: str = ""
    carrier: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """What a store needs to know of us, and the two secrets we share with it.

    `secret` signs webhooks alone: platforms show it to shop managers. `forwarding_secret` signs staff, shoppers and
    forwarded requests, and must not be kept where the first is shown.
    """

    core_url: str
    store_key: str
    hook_url: str
    secret: str = field(repr=False)
    forwarding_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class InstallUrls:
    """Where the platform hands its keys over (`done`) and where the merchant's browser comes back to (`back`)."""

    done: str
    back: str


NO_SETTINGS: Mapping[str, str] = {}
NO_FACTS = StoreFacts()

SealState = Callable[[Mapping[str, str]], str]
UnsealState = Callable[[str], Mapping[str, str]]
SecretOf = Callable[[str], str]


class Platform:
    """One store at one platform. Subclass it in `plugins/<name>/platform.py`; the folder's name is `name`."""

    name: ClassVar[str]
    title: ClassVar[str]
    features: ClassVar[frozenset[Feature]] = frozenset()
    app_settings: ClassVar[Mapping[str, str]] = {}
    """Credentials of the app itself, without which the platform is not offered: setting name → what it is, in a
    sentence. Read from the environment as AFTERCARE_<PLATFORM>_<SETTING>."""
    optional_settings: ClassVar[Mapping[str, str]] = {}
    """More of the same that may be absent, such as the secret that an app had before its present one."""
    consent_domains: ClassVar[Sequence[str]] = ()
    """Domains at and below which this platform asks a merchant for consent. Empty where stores do so themselves, at
    any address: the merchant then sees the address and goes there by a link."""
    copies_keep_id: ClassVar[bool] = False
    """Whether a copy of a store carries its id along (a database that was copied), and whoever runs a store can set
    its id. Where the platform itself vouches for ids, a known id at a new ref is the same store; else it has to be
    shown, or the owner is asked."""
    extension_origins: ClassVar[Sequence[str]] = ()
    """Origins, besides the store's own, whose pages may read what /proxy answers: those that this platform's storefront
    and account extensions run in, such as "https://extensions.sample.example", or "null" for a sandbox that has none.
    No answer allows cookies: a token or a signature says who asks."""
    native_mails: ClassVar[Mapping[str, str]] = {}
    """Our notice kinds the platform itself may send, and the sentence that says when. Ours is left out only where the
    order shows that it did (`OrderSnapshot.shipped_mailed`). Letters about returns need no entry: a return itself says
    what was mailed (`ReturnSnapshot.mailed`)."""
    # Not read yet: the clock polls all platforms alike until each sets its pace (issue D, a door for three platforms).
    poll_minutes: ClassVar[int] = 15
    renews: ClassVar[bool] = False
    """Whether credentials expire and `renew` gives new ones without the merchant."""
    installs_on_opening: ClassVar[bool] = False
    """Whether a page opened in the platform's admin may bring keys along, for `install_from`."""
    webhooks_by_get: ClassVar[bool] = False
    """Whether the platform tells its news by GET too: all that `read_webhook` believes is then in a signed query."""
    nonce_life: ClassVar[timedelta] = timedelta(minutes=2)
    """How long a used `nonce_of` is remembered: at least as long as anything this platform signs is accepted. What
    bears no time must be refused, since it would be good again once it is forgotten (`signatures.require_recent`)."""
    pays_once_per_key: ClassVar[bool] = False
    """Whether the platform itself does once what is asked twice under one key. Where it does not, a reimbursement that
    was asked for without a clear answer is looked for, and never asked for again: a person decides."""
    paying_seconds: float = 120.0
    """How long the call that moves money may take; hand it to `http` as that call's read time-out. Set by the core."""

    def __init__(
        self,
        ref: str,
        credentials: Mapping[str, str],
        settings: Mapping[str, Any],
        http: requests.Session,
        app: Mapping[str, str] = NO_SETTINGS,
        facts: StoreFacts = NO_FACTS,
    ) -> None:
        self.ref = ref
        self.credentials = credentials
        self.settings = settings
        self.http = http
        self.app = app
        self.buckets: BucketStates = LocalBuckets()
        self.facts = facts

    # Before a store is known. `app` holds the app_settings and the optional_settings; "" is one that is not set.

    @classmethod
    def store_of(cls, request: Request, app: Mapping[str, str]) -> str:
        """Name the store a request speaks of: its ref, or our key as a `StoreKey` where the platform hands that back.

        Not asked when a path token named the store already. The name is a claim until the signature was verified.
        """
        raise NotSupported(cls.name)

    @classmethod
    def nonce_of(cls, request: Request) -> str:
        """Give the one-time text of a signed request, for the core to use up; "" where the platform has none."""
        return ""

    @classmethod
    def begin_install(cls, request: Request, app: Mapping[str, str], *, seal: SealState, urls: InstallUrls) -> Reply:
        """Send the merchant to the platform's consent. `seal` makes one-time text out of what must come back."""
        raise NotSupported(cls.name)

    @classmethod
    def finish_install(
        cls, request: Request, app: Mapping[str, str], *, unseal: UnsealState, urls: InstallUrls, http: requests.Session
    ) -> Installation | Pending:
        """Read the hand-over and check the keys against the store before trusting them.

        `urls` are those that begin_install was given: OAuth's exchange of a code repeats its `redirect_uri`.
        `unseal` gives back what begin_install sealed, once; BadSignature for text that is not ours, old or used.
        Raises Refused with a sentence for the merchant.
        """
        raise NotSupported(cls.name)

    @classmethod
    def open_admin(cls, request: Request, app: Mapping[str, str], *, secret_of: SecretOf) -> Opening | Reply:
        """Verify the platform's signature and say which staff member opened our page, at which store. Asks nobody.

        Where the shell is "signed", any request to a page may come signed and is verified here. What an address holds
        that opens our page should work once: let `nonce_of` name it.
        `secret_of` gives a store's forwarding secret, by store key, or "" for a store we do not know.
        """
        raise NotSupported(cls.name)

    @classmethod
    def install_from(cls, request: Request, app: Mapping[str, str], http: requests.Session) -> Installation:
        """Connect the store whose admin opened our page, with what the request carries; only where
        `installs_on_opening`.

        The core calls it after open_admin has verified the same request, one call at a time for a store, and only
        where the store is unknown, removed us, or its keys no longer work. `ref` must be the store open_admin named.
        Raises NotSupported where this page brought none, Refused with a sentence for the merchant, BadSignature where
        the page has to be opened anew.
        """
        raise NotSupported(cls.name)

    @classmethod
    def read_app_webhook(cls, request: Request, app: Mapping[str, str]) -> list[Change]:
        """Verify news of a store that we do not know (any more) by the app's secret alone, then say what changed.

        A platform may ask for the erasure of what we hold long after we hold nothing: rightly signed, it is answered
        200. Raises BadSignature. Not asked where the store is known: then read_webhook is. Leave it alone where nothing
        is signed with the app's secret.
        """
        raise NotSupported(cls.name)

    @classmethod
    def admin_shell(cls, app: Mapping[str, str], ref: str) -> AdminShell:
        """Say how our pages sit in the admin of the store with this ref. Asked for each page; asks nobody."""
        return AdminShell()

    @classmethod
    def staff_of(cls, request: Request, app: Mapping[str, str]) -> Opening:
        """Verify the token of one request and say which store and person it is for; only where the shell is "bearer".

        Not `open_admin`: that reads what the platform puts into the address once, which may be stale on a reload and
        ends up in logs. This reads the Authorization header and nothing else. `signatures.read_token` demands the
        audience and `exp`. Raises BadSignature, with the `headers` by which the platform's script knows that it should
        ask again with a fresh token.
        """
        raise NotSupported(cls.name)

    # With a store.

    def after_install(self, link: Link) -> list[Finding]:
        """Prepare the store: create webhooks with our secret, announce ourselves. Safe to run again.

        What staff have to mend is given back, as by check_health.
        """
        return []

    def check_health(self, link: Link) -> list[Finding]:
        """Look at the connection, mend what can be mended, say what cannot. Errors are shown to staff as findings."""
        return []

    def describe(self) -> StoreFacts:
        """Say what the store is like now; what is left "" stays as it is known.

        Asked after an installation and with each check of the connection; what changed is kept, and handed to later
        objects as `facts`. Nothing that the merchant set at our desk is touched by it.
        """
        raise NotSupported(self.name)

    def missing(self) -> Mapping[Feature, Missing]:
        """Say which of `features` this store lacks, each with its reason; {} where it has them all.

        Asked after an installation, with each check of the connection, and on news that scopes have changed:
        `Change("store", ref, facts={"event": "scopes_changed"})`. What a store lacks is never asked of it.
        """
        return {}

    def identify(self) -> Identity:
        """Say which store answers at this ref."""
        raise NotSupported(self.name)

    def holds_webhooks_of(self, link: Link) -> bool:
        """Say whether this store has webhooks that lead to the link's secret address: it was set up with that link, or
        its database is a copy of one that was."""
        return False

    def remove_webhooks(self, link: Link) -> None:
        """Delete the webhooks that lead to the link's address; for an address the store has left."""

    def check_access(self) -> None:
        """Read something small that needs the credentials. Raises AccessLost where they are refused.

        Asked before a store is closed for one refusal, and while it is closed.
        """
        # An hour back: a walk by windows of time that is asked from now has nothing to ask the platform for.
        self.orders_since((datetime.now(UTC) - timedelta(hours=1)).isoformat())

    def renew_due(self, now: datetime) -> bool:
        """Say whether these credentials are over, or so soon that a call begun now might find them so. Asks nobody."""
        return False

    def renew(self) -> Mapping[str, str]:
        """Give fresh credentials, all of them, in place of the present ones; only where `renews`.

        The core calls it from one process at a time. It may die before it has kept the answer: the credentials asked
        with must then still renew. Raises AccessLost where only the merchant can let us in again.
        """
        return self.credentials

    def read_webhook(self, request: Request, *, secret: str) -> list[Change]:
        """Verify the raw bytes, then say what changed. Raise BadSignature; an own handshake gives [].

        `secret` is `Link.secret`, as after_install gave it to the store.

        Facts name when they happened and the platform's id of the event (`Change`). Kept by their meaning:
        ("store", facts {event: "uninstalled"}) and ("privacy", facts {request: "erase" | "export" | "erase_store",
        email?, shopper_ref?, order_refs?}).
        """
        raise NotSupported(self.name)

    def confirm(self, change: Change) -> bool | None:
        """Ask the API whether a fact holds: True or False, None where it cannot tell.

        Asked before a fact is acted on that the signature does not cover, and where it happened so close to the
        connection that two clocks may disagree. Not needed for an app that was removed and a store whose data must go:
        answer None, and the core asks check_access, since keys that still work mean that the app is still installed;
        what nobody signed takes three refusals over four minutes.
        Another fact that nothing confirms is left to staff.
        """
        return None

    def fetch_order(self, ref: str) -> OrderSnapshot | Gone:
        """Fetch one order with its shipments, payments and refunds, and with NATIVE_RETURNS its returns.

        A ref that cannot be one of the platform's, such as "../1", is Gone without a call.
        """
        raise NotSupported(self.name)

    def orders_since(self, cursor: str) -> Page[OrderSnapshot]:
        """List orders changed at or after the cursor, oldest change first. A cursor may also be an ISO time.

        An order listed equals what fetch_order gives, its refunds and shipments too: either takes the other's place.

        The cursor of each page is committed before it is asked with. Where the platform lists by an operation that
        takes its time, the page says so and has no snapshots: `again_after` and `operation`, and a cursor with the
        operation's ref. The core then waits, longer each time, and asks with that cursor again; news that the
        operation has ended ends the wait. News that comes before the page was committed is lost, so the first
        `again_after` should be short. An operation that failed, or that the platform no longer knows, is begun anew:
        each costs something, so with a pause that grows (`again_after` beside the new key), and after a few failures
        raise ListingFailed with the platform's sentence. Whoever asks for the reading again begins where it had begun.
        Its file may be read long after it was made: the pages say when that was (`as_of`), so that what the core heard
        of an order since then is not taken back.

        An operation must not be begun twice, although the process may die between the call that begins it and the
        commit. So give it a key of your own: asked with an ISO time, answer an empty page whose cursor holds a new
        key, and ask the platform nothing; asked with that key, look for an operation that carries it (in its name, or
        in a comment of its query) and begin one only where there is none. `core/platform/samples/bulk_listing.py`
        does it so.
        """
        raise NotSupported(self.name)

    def variants_of(self, product: str) -> Sequence[Variant]:
        """List what is on sale of a product, by the product's ref: variants out of stock too, said so.

        A product without variants is one itself; [] where the store sells it no longer.
        """
        raise NotSupported(self.name)

    def collections_of(self, products: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """Say which collections products are in, by the product's ref: their titles, and their refs or slugs.

        Return policies name collections by any of these, in any case. A product that is in none has (); one the store
        does not know is left out, and a person then decides where the policy asks. Called while a shopper waits, with
        the products of one order, and only where the policy names a collection: best with one call for all.
        """
        raise NotSupported(self.name)

    def fetch_review(self, ref: str) -> ReviewSnapshot | Gone:
        """Fetch one review with the replies it has."""
        raise NotSupported(self.name)

    def reviews_since(self, cursor: str) -> Page[ReviewSnapshot]:
        """List reviews changed at or after the cursor; where the platform cannot tell, all of them."""
        raise NotSupported(self.name)

    def order_statuses(self) -> Mapping[str, str]:
        """List the store's own order statuses (raw word → title) so that the merchant can map them."""
        # Not called yet: the desk's settings read it (issue E, the desk, part one).
        return {}

    def identify_shopper(self, request: Request, *, secret: str) -> Shopper | None:
        """Say which shopper the platform vouches for, or None; BadSignature when somebody pretends.

        `secret` is the store's forwarding secret.
        """
        return None

    def shopper_of_token(self, token: str) -> Shopper | None:
        """Say whom a storefront or account extension's token names, or None where nobody is signed in.

        It comes as `Authorization: Bearer …` to /proxy. `store_of` reads from it, unverified, which store it is of;
        here it is verified: the app's secret, `exp`, our app as its audience, and this very store. Raises BadSignature.
        """
        raise NotSupported(self.name)

    def begin_sign_in(self, request: Request, *, seal: SealState, back: str) -> Reply:
        """Send a shopper to sign in at the platform, which then leads them to `back`; only with SHOPPER_SIGN_IN.

        `seal` makes encrypted one-time text, good for ten minutes, out of what must come back: the platform hands it
        back unchanged, as OAuth's `state`. A PKCE verifier belongs into it.
        """
        raise NotSupported(self.name)

    def finish_sign_in(self, request: Request, *, unseal: UnsealState, back: str) -> Shopper:
        """Say who has signed in. `unseal` gives back what begin_sign_in sealed, once, in the browser that began.

        The core then shows the orders of `ref` and `order_refs`; an e-mail address alone opens nothing. Raises
        BadSignature for what the platform did not say, Refused where the shopper turned back.
        """
        raise NotSupported(self.name)

    def reimburse(self, reimbursement: Reimbursement) -> Outcome:
        """Give the shopper what is due. Asked twice with the same key, do it once.

        Raises NothingDone where it is certain that nothing was begun; after any other Unavailable money may have moved.
        """
        raise NotSupported(self.name)

    def find_reimbursement(self, reimbursement: Reimbursement) -> Outcome | None:
        """Look whether the platform has already done what was asked: by our key, or by reason and amount where the
        platform may have lost the key. What may or may not have been paid is needs_staff."""
        raise NotSupported(self.name)

    def move_return(self, move: ReturnMove) -> str:
        """Bring the platform's return to the state of the move; asked twice, do it once. Never mail: the core does.

        With NATIVE_RETURNS the answer is the platform's ref of the return, or "" where there is none and none is
        needed, since it was declined or canceled before the platform heard of it. Fees, label and tracking that differ
        there are set. With RETURN_NOTES alone it is the ref of the note. Raises Refused as `ReturnMove` says.
        """
        raise NotSupported(self.name)

    def order_of_return(self, ref: str) -> str:
        """Say which order a return of the platform's belongs to, by the return's ref; "" where there is no such return.

        Asked for a `Change("return", ref)` about a return the core does not know yet; the order is fetched then.
        """
        raise NotSupported(self.name)

    def cancel_order(self, ref: str, *, key: str, reason: str = "") -> CancelOutcome:
        """Cancel an order that has not shipped; the money leg is explicit and separate.

        Asked again for one that is canceled, or is being canceled, say so and do nothing. Raises Refused as usual.
        """
        raise NotSupported(self.name)

    def publish_reply(self, review_ref: str, text: str, *, key: str) -> ReplySnapshot:
        """Answer a review in public. Asked twice with the same key, publish once."""
        raise NotSupported(self.name)

    def edit_reply(self, reply_ref: str, text: str) -> ReplySnapshot:
        """Change a published answer."""
        raise NotSupported(self.name)

    def remove_reply(self, reply_ref: str) -> None:
        """Take a published answer back; one that is gone already counts as removed."""
        raise NotSupported(self.name)
