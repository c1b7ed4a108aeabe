"""Where reviews come from: the store's platform, or a source beside it, by the name staff know it by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.reviews.model import Review
from core.reviews.sources.open_source import takes_replies
from core.reviews.sources.source_jobs import source_of
from core.services import Services
from core.stores.model import ConnectedSource, Feed, Store


@dataclass(frozen=True, slots=True)
class ReviewOrigin:
    """Where one review comes from; `name` is "" for the store's platform."""

    name: str
    takes_replies: bool
    """Whether an answer written here is published there."""
    is_refused: bool = False
    """Whether it refuses our access now, so that answers wait."""


def origin_of(session: Session, services: Services, store: Store, review: Review) -> ReviewOrigin:
    """Say where a review comes from and whether answers reach it."""
    row = session.scalar(sa.select(ConnectedSource).where(ConnectedSource.key == review.source))
    name = source_name(services, row) if row else review.source
    return ReviewOrigin(name, takes_replies(services, store, review, row), row is not None and row.state == "refused")


def source_names(session: Session, services: Services) -> Mapping[str, str]:
    """Give the names of all sources the store has connected, by their keys."""
    return {row.key: source_name(services, row) for row in session.scalars(sa.select(ConnectedSource))}


def refused_sources(session: Session, services: Services) -> Sequence[str]:
    """Name the sources that refuse our access now."""
    rows = session.scalars(sa.select(ConnectedSource).where(ConnectedSource.state == "refused"))
    return [source_name(services, row) for row in rows]


def source_name(services: Services, row: ConnectedSource) -> str:
    """Name a source by its provider and the account there."""
    plugin = services.review_sources.get(row.name)
    title = plugin.title if plugin else row.name
    return f"{title} · {row.label}" if row.label else title


@dataclass(frozen=True, slots=True)
class SourceView:
    """What the page shows of a connected source."""

    row: ConnectedSource
    name: str
    read_at: datetime | None
    """When it was last read to the end; None where it was not yet."""


def view_sources(session: Session, services: Services) -> Sequence[SourceView]:
    """Read the store's sources, those that were disconnected left out."""
    rows = session.scalars(
        sa.select(ConnectedSource).where(ConnectedSource.state != "closed").order_by(ConnectedSource.id)
    ).all()
    feeds = session.scalars(sa.select(Feed).where(Feed.finished_at.is_not(None))).all() if rows else ()
    read = {
        row.key: max(
            (feed.finished_at for feed in feeds if feed.finished_at and source_of(feed.name) == row.key), default=None
        )
        for row in rows
    }
    return [SourceView(row, source_name(services, row), read[row.key]) for row in rows]
