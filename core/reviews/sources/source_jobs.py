"""The jobs that read reviews, of the platform or of another source, and what the feeds of a source are called.

Jobs about a source have kinds of their own: an older worker, which knows platforms alone, leaves them to newer ones.
"""

from __future__ import annotations

from datetime import datetime

from core.jobs.queue import NewJob

_MARK = "@"


def feed_of(key: str, reading: str = "") -> str:
    """Name the feed of a source: its poll, or the reading "import" or "reconcile"."""
    return f"reviews{_MARK}{key}" + (f".{reading}" if reading else "")


def source_of(feed: str) -> str:
    """Give the key of the source that a feed reads; "" where it reads the store's platform."""
    return feed.partition(_MARK)[2].partition(".")[0]


def read_feed(
    feed: str, since: str, *, at: datetime | None = None, is_news: bool = False, woken: bool = False
) -> NewJob:
    """Give the job that reads a feed on; a pass that begins with it begins at `since`, an ISO time or a cursor."""
    kind = "changes.read_source" if source_of(feed) else "changes.read"
    payload = {"feed": feed, "since": since} | ({"woken": True} if woken else {})
    return NewJob(kind, f"read:{feed}", payload, at, is_news=is_news)


def refresh_review(ref: str, source: str, *, is_news: bool = False) -> NewJob:
    """Give the job that fetches one review, by its ref as it is stored."""
    if not source:
        return NewJob("changes.refresh_review", f"review:{ref}", {"ref": ref}, is_news=is_news)
    payload = {"ref": ref, "source": source}
    return NewJob("changes.refresh_source_review", f"review:{ref}", payload, is_news=is_news)


def tell_reply(reply_id: int, source: str) -> NewJob:
    """Give the job that makes whoever keeps the review say what our reply says."""
    kind = "reviews.tell_source" if source else "reviews.tell_platform"
    return NewJob(kind, f"reply:{reply_id}", {"id": reply_id})
