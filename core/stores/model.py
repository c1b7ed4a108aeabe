"""Store and what hangs on it: staff, versioned settings, feeds, the audit log, nonces and throttles."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, Owned, new_id


class Store(Base):
    """A merchant's shop at a platform. `state` is open, closed (credentials lost) or uninstalled."""

    __tablename__ = "stores"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=new_id)
    key: Mapped[str] = mapped_column(unique=True)
    """Sixteen letters and digits, public: names the store in addresses shoppers see."""
    platform: Mapped[str]
    ref: Mapped[str]
    platform_id: Mapped[str] = mapped_column(default="")
    """The platform's own id of the store, which stays when its address changes; "" where it is not known."""
    name: Mapped[str]
    url: Mapped[str] = mapped_column(default="")
    email: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default="open")
    state_reason: Mapped[str] = mapped_column(default="")
    closed_at: Mapped[datetime | None]
    """Since when the store refuses our credentials; None where it is open, or was closed before this was kept."""
    currency: Mapped[str] = mapped_column(default="")
    timezone: Mapped[str] = mapped_column(default="UTC")
    language: Mapped[str] = mapped_column(default="en")
    country: Mapped[str] = mapped_column(default="")
    plan: Mapped[str] = mapped_column(default="", server_default="")
    """What the store pays its platform for, in the platform's own word; "" where it does not say."""
    missing: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    """Feature → {why, what, sentence, scopes, ask_url}: what its plan, scopes or settings leave out of its platform's
    features; read by `connection.features`."""
    credentials: Mapped[bytes]
    """Sealed for this store; see core/secrets.py."""
    renewed_at: Mapped[datetime | None]
    """When the credentials were last renewed, or given by the merchant."""
    renewal_lease: Mapped[str] = mapped_column(default="")
    """Who is renewing the credentials, until `renewal_until`; "" for nobody."""
    renewal_until: Mapped[datetime | None]
    secret: Mapped[bytes]
    """Sealed: what the store signs its webhooks with. Platforms show it to whoever may read the shop's settings."""
    forwarding_secret: Mapped[bytes] = mapped_column(default=b"")
    """Sealed: what the store signs staff, shoppers and forwarded requests with; empty until it was given one."""
    hook_digest: Mapped[str] = mapped_column(unique=True)
    """Keyed digest of the path token in the store's webhook address; the token itself is sealed."""
    hook_token: Mapped[bytes]
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    settings_version: Mapped[int] = mapped_column(sa.Integer, default=1)
    created_at: Mapped[datetime]
    connected_at: Mapped[datetime | None]
    """When the merchant last gave us keys; what is said of the store as it was before is over. None where the store
    was connected before this was kept."""
    signature_failures: Mapped[int] = mapped_column(sa.Integer, default=0)
    """Forged or wrongly signed deliveries since the last good one."""

    __table_args__ = (sa.UniqueConstraint("platform", "ref"), sa.Index(None, "platform", "platform_id"))


class Staff(Owned, Base):
    """One of the merchant's people. The first to open is owner; later ones view until raised."""

    __tablename__ = "staff"

    ref: Mapped[str]
    name: Mapped[str] = mapped_column(default="")
    former_names: Mapped[list[Any]] = mapped_column(default=list)
    """Names this person went by before: nobody else may take them, since rows about returns keep them."""
    email: Mapped[str] = mapped_column(default="")
    language: Mapped[str] = mapped_column(default="")
    """What the platform says this person reads; "" where it does not say."""
    chosen_language: Mapped[str] = mapped_column(default="", server_default="")
    """What this person chose at the desk; "" where they never did."""
    uses_keys: Mapped[bool] = mapped_column(default=True, server_default=sa.true())
    """Whether the desk's keyboard shortcuts are on for this person."""
    role: Mapped[str] = mapped_column(default="viewer")
    """owner, manager, agent or viewer; none for somebody whose access was taken away."""
    session_version: Mapped[int] = mapped_column(sa.Integer, default=1)
    """Sessions and invitations of an older version are over: raised with every sign-out and change of role."""
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]

    __table_args__ = (sa.UniqueConstraint("store_id", "ref"),)

    @property
    def reads(self) -> str:
        """The language this person chose, else the one their platform names, else ""."""
        return self.chosen_language or self.language


class Feed(Owned, Base):
    """How far we have read one listing of a store: poll, first import or reconcile."""

    __tablename__ = "feeds"

    name: Mapped[str]
    cursor: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default="idle")
    """idle, reading, or given_up: the platform failed to prepare the list too often."""
    read: Mapped[int] = mapped_column(sa.Integer, default=0)
    total: Mapped[int | None] = mapped_column(sa.Integer)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    since: Mapped[str] = mapped_column(default="")
    """The cursor at which the present pass began; of all but polls an ISO time."""
    operation: Mapped[str] = mapped_column(default="")
    """The platform's ref of the operation this reading waits for; "" for none."""
    again_at: Mapped[datetime | None]
    """Before then a page that was not ready is not asked for again; None where nothing is waited for."""
    waiting_since: Mapped[datetime | None]
    """Since when this reading has waited for the page at its cursor."""
    waits: Mapped[int] = mapped_column(sa.Integer, default=0)
    """How often that page was not ready, since the platform last said that it is."""

    __table_args__ = (sa.UniqueConstraint("store_id", "name"),)


class AuditEntry(Owned, Base):
    """Who did what to what; written by `core.stores.audit`, never edited."""

    __tablename__ = "audit"

    at: Mapped[datetime]
    who: Mapped[str]
    """staff, shopper, policy, law, aftercare or a platform's name. Before the chain: a person's name as it then was."""
    staff_ref: Mapped[str] = mapped_column(default="")
    """The platform's id of the person; "" for the shopper, a rule or the machine."""
    what: Mapped[str]
    """A verb, such as approve. Before the chain: a sentence."""
    subject: Mapped[str] = mapped_column(default="")
    """What it was done to: return:RMA-1001, notice:42."""
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Codes and numbers. Before the chain: free text too."""
    seq: Mapped[int | None]
    """The entry's place in its store's chain, from 1; None for entries from before the chain."""
    hash: Mapped[str] = mapped_column(default="")
    """SHA-256 over this entry and the hash before it."""

    __table_args__ = (
        sa.Index(None, "store_id", "at", "id"),
        sa.Index(None, "store_id", "subject"),
        sa.Index("ix_audit_seq", "store_id", "seq"),
    )


class AuditHead(Owned, Base):
    """The end of a store's audit chain: one row a store, locked by whoever appends."""

    __tablename__ = "audit_heads"

    last: Mapped[int]
    """How many entries the chain has."""
    hash: Mapped[str]
    """The last entry's hash."""

    __table_args__ = (sa.UniqueConstraint("store_id"),)


class Finding(Owned, Base):
    """Something wrong with a store's connection, shown until a later check finds it mended."""

    __tablename__ = "findings"

    code: Mapped[str]
    sentence: Mapped[str]
    found_at: Mapped[datetime]

    __table_args__ = (sa.UniqueConstraint("store_id", "code"),)


class StoreClaim(Owned, Base):
    """Another address that says it is this store, until the owner decides what it is; then the row goes."""

    __tablename__ = "store_claims"

    ref: Mapped[str]
    is_live: Mapped[bool]
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """What else the installation said: name, currency, time zone and so on."""
    credentials: Mapped[bytes]
    """Sealed for this store."""
    found_at: Mapped[datetime]

    __table_args__ = (sa.UniqueConstraint("store_id", "ref"), sa.Index(None, "found_at"))


class ConnectedSource(Owned, Base):
    """An account at a provider of reviews (`core.platform.reviews.review_source`) that a store has connected.

    It stays once it is disconnected, without its credentials: its reviews do, and it may be connected again.
    """

    __tablename__ = "review_sources"

    key: Mapped[str]
    """What the store knows it by: the provider's name, or that and a number. Refs of its reviews begin with it."""
    name: Mapped[str]
    """Which provider it is at."""
    account_ref: Mapped[str]
    """The provider's own id of the account."""
    label: Mapped[str] = mapped_column(default="")
    """What the merchant calls the account there."""
    credentials: Mapped[bytes]
    """Sealed for this store; empty once it is closed."""
    hook_digest: Mapped[str] = mapped_column(unique=True)
    """Keyed digest of the path token in the address for its news."""
    hook: Mapped[bytes]
    """Sealed: that token and the secret that the provider may sign with."""
    state: Mapped[str] = mapped_column(default="open")
    """open, refused (the provider does not take the credentials) or closed (disconnected, or the store left)."""
    state_reason: Mapped[str] = mapped_column(default="")
    """The provider's sentence where it is refused."""
    connected_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]

    __table_args__ = (sa.UniqueConstraint("store_id", "key"), sa.UniqueConstraint("store_id", "name", "account_ref"))


class Nonce(Owned, Base):
    """A one-time text that was used; store 0 for those used before a store is known."""

    __tablename__ = "nonces"

    digest: Mapped[str]
    expires_at: Mapped[datetime]

    __table_args__ = (sa.UniqueConstraint("store_id", "digest"), sa.Index(None, "expires_at"))


class CallBucket(Owned, Base):
    """How many calls a platform lets us make of a store, as `core.platform.calls.cost_bucket` counts them."""

    __tablename__ = "call_buckets"

    name: Mapped[str]
    level: Mapped[float]
    """Points left at the moment `at`; it and `closed_until` are seconds of Unix time by the database's clock."""
    at: Mapped[float]
    size: Mapped[float]
    refill: Mapped[float]
    closed_until: Mapped[float] = mapped_column(default=0.0)

    __table_args__ = (sa.UniqueConstraint("store_id", "name"),)


class Throttle(Owned, Base):
    """How often something was tried in a window of time; `digest` stands for an address or an e-mail."""

    __tablename__ = "throttles"

    digest: Mapped[str]
    window: Mapped[int]
    tries: Mapped[int] = mapped_column(sa.Integer, default=1)
    expires_at: Mapped[datetime]

    __table_args__ = (sa.UniqueConstraint("store_id", "digest", "window"), sa.Index(None, "expires_at"))
