"""The sample review app's own side: one account's reviews, its token, and what it signs; `sample_reviews.py` reads it.

It has the bad manners of such apps: a listing is not ready at once, lists a review twice and a new one late, calls are
limited, and a reply carries no key.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from core.platform import signatures
from core.platform.contract import Request
from core.platform.errors import AccessLost, Refused
from core.platform.sample_store import REVIEWS
from core.platform.samples.server import Server
from core.platform.snapshots import ReplySnapshot, ReviewSnapshot

SIGNATURE = "x-reviews-signature"
PER_PAGE = 3
LATE = timedelta(minutes=1)
"""How long the listing does not show what has changed; asked for by its ref it is there at once."""
NOT_READY = 1.0
"""Seconds after which a listing may be asked for again, once, before it begins."""


class ReviewApp(Server):
    """An account at the review app."""

    def issue(self, account: str) -> str:
        """Give the account's token; an earlier one is over."""
        self.keep("account", account)
        self.keep("token", f"token_{secrets.token_hex(8)}")
        return self.fact("token")

    def let_in(self, token: str) -> None:
        """Answer a call that carries the token. Raises AccessLost for one that is not the account's."""
        self.answer()
        if not signatures.is_equal(token, self.fact("token")) or not token:
            raise AccessLost("Invalid API token.")

    def list_page(self, moment: str, after: str) -> tuple[list[ReviewSnapshot], bool]:
        """List reviews by change from a place on, and whether these are the last: those of the last minute come later.

        A page begins with the review at which the one before ended.
        """
        place = (datetime.fromisoformat(moment).astimezone(UTC).isoformat(), after)
        with self._open() as books:
            query = "select changed, body from things where kind = 'review' and (changed, ref) >= (?, ?)"
            rows = books.execute(f"{query} order by changed, ref", place).fetchall()
        shown = [body for changed, body in rows if datetime.fromisoformat(changed) <= self.now - LATE]
        return [REVIEWS.validate_json(body) for body in shown[:PER_PAGE]], len(shown) <= PER_PAGE

    def reply(self, review_ref: str, text: str) -> ReplySnapshot:
        """Publish a reply: one more each time it is asked for."""
        review = self._known(review_ref)
        number = int(self.fact("replies") or 0) + 1
        self.keep("replies", str(number))
        reply = ReplySnapshot(f"{review_ref}/{number}", text, at=self.now)
        self.put(replace(review, replies=(*review.replies, reply), updated_at=self.now))
        return reply

    def change_reply(self, reply_ref: str, text: str | None) -> ReplySnapshot | None:
        """Change a reply, or take it down where there is no text; None where it is gone."""
        review = self._known(reply_ref.partition("/")[0])
        kept = [one if one.ref != reply_ref else replace(one, text=text or "") for one in review.replies]
        kept = [one for one in kept if one.text]
        self.put(replace(review, replies=tuple(kept), updated_at=self.now))
        return next((one for one in kept if one.ref == reply_ref), None)

    def subscribe(self, url: str, secret: str) -> None:
        """Send the account's news there from now on, signed with this secret."""
        self.keep("hook", json.dumps({"url": url, "secret": secret}))

    def write_delivery(self, review_ref: str) -> Request:
        """Give the news of a review as it is sent to whoever subscribed."""
        hook = json.loads(self.fact("hook"))
        body = json.dumps({"event": "review/updated", "id": review_ref}).encode()
        return Request("POST", hook["url"], headers={SIGNATURE: signatures.sign(hook["secret"], body)}, body=body)

    def _known(self, ref: str) -> ReviewSnapshot:
        review = self.review(ref)
        if review is None:
            raise Refused("This review is no longer there.")
        return review
