"""A sample source of reviews: how a plugin reads and answers a review app with credentials of its own.

`review_app.py` is what it talks to.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from core.platform import signatures
from core.platform.calls.cost_bucket import CostBucket
from core.platform.contract import Feature, Request
from core.platform.errors import Refused
from core.platform.reviews.review_source import CredentialField, ReviewSource, SourceHook, SourceIdentity
from core.platform.samples.reviews.review_app import NOT_READY, SIGNATURE, ReviewApp
from core.platform.samples.server import acts
from core.platform.snapshots import Change, Gone, Page, ReplySnapshot, ReviewSnapshot

OVERLAP = timedelta(minutes=5)
"""How far the next poll looks back: the app lists what is new a minute late."""
CALLS, REFILL = 60, 20.0
"""Calls that the app lets one account make at once, and how many more each second."""


class SampleReviews(ReviewSource):
    """The sample review app, which takes replies and sends news."""

    name = "sample_reviews"
    title = "Sample reviews"
    features = frozenset({Feature.REPLY})
    fields = (CredentialField("account", "Account", is_secret=False), CredentialField("token", "Private API token"))
    has_webhooks = True

    @property
    def books(self) -> ReviewApp:
        """The app's server, not asked yet."""
        return ReviewApp(self.credentials["account"])

    @property
    def app(self) -> ReviewApp:
        with CostBucket("calls", size=CALLS, refill=REFILL, states=self.buckets).spend(1):
            app = self.books
            app.let_in(self.credentials["token"])
        return app

    def identify(self) -> SourceIdentity:
        """Ask whose token it is."""
        account = self.app.fact("account")
        return SourceIdentity(account, account.title())

    def prepare(self, hook: SourceHook) -> None:
        """Subscribe; an account has one address for its news."""
        self.app.subscribe(hook.url, hook.secret)

    def read_webhook(self, request: Request, *, secret: str) -> list[Change]:
        """Check the body's signature; it says which review changed."""
        signatures.require_signed(request.body, request.headers.get(SIGNATURE, ""), [secret], what="delivery")
        return [Change("review", str(json.loads(request.body)["id"]))]

    def fetch_review(self, ref: str) -> ReviewSnapshot | Gone:
        """Ask for one review."""
        return self.app.review(ref) or Gone(ref)

    def reviews_since(self, cursor: str) -> Page[ReviewSnapshot]:
        """List reviews by change. A cursor is an ISO time, "time|" once the app was told to get ready, "time|ref"."""
        moment, begun, after = cursor.partition("|")
        app = self.app
        if not begun:
            return Page((), f"{moment}|", False, again_after=NOT_READY)
        found, is_last = app.list_page(moment, after)
        if is_last:
            newest = found[-1].updated_at if found else datetime.fromisoformat(moment)
            start = max(datetime.fromisoformat(moment), newest - OVERLAP)
            return Page(tuple(found), start.astimezone(UTC).isoformat(), True)
        last = found[-1]
        return Page(tuple(found), f"{last.updated_at.astimezone(UTC).isoformat()}|{last.ref}", False)

    @acts
    def publish_reply(self, review_ref: str, text: str, *, key: str) -> ReplySnapshot:
        """Reply once for a key. The app keeps none, so a reply with this text is ours."""
        app = self.app
        review = app.review(review_ref)
        known = next((one for one in review.replies if one.text == text), None) if review else None
        return known or app.reply(review_ref, text)

    @acts
    def edit_reply(self, reply_ref: str, text: str) -> ReplySnapshot:
        """Change a reply."""
        changed = self.app.change_reply(reply_ref, text)
        if changed is None:
            raise Refused("This reply is no longer there.")
        return changed

    @acts
    def remove_reply(self, reply_ref: str) -> None:
        """Take a reply down."""
        self.app.change_reply(reply_ref, None)


REVIEW_SOURCE = SampleReviews
