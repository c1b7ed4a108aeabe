"""What can go wrong at a platform, one class per thing the core does differently."""

from __future__ import annotations

from collections.abc import Mapping


class PlatformError(Exception):
    """The platform did not do what was asked."""


class Unavailable(PlatformError):
    """The platform cannot answer now: try again, not before `retry_after` seconds where it said so."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NothingDone(Unavailable):
    """The platform cannot answer now and has surely not begun what was asked: asking again repeats nothing."""


class Unreachable(NothingDone):
    """No connection came about: the address is gone, no way leads there, or nobody listens."""


class Refused(PlatformError):
    """The platform understood and said no. `message` is its own sentence, shown to the merchant."""


class Moved(Refused):
    """The store answers at another address; `target` is that address's scheme://host[:port]."""

    def __init__(self, message: str, *, target: str) -> None:
        super().__init__(message)
        self.target = target


class AccessLost(Refused):
    """The store refuses the credentials. The core looks again before it closes the store, and while it is closed."""


class ListingFailed(Refused):
    """The platform failed to prepare a listing, however often it was begun.

    The reading ends, staff see the message, and whoever asks for it again begins at the cursor where it had begun.
    """


class NotSupported(PlatformError):
    """This platform has no such feature; the core offers something else before it asks."""


class BadSignature(PlatformError):
    """The request was not signed by the platform it claims to come from.

    `headers` travel with the 401, such as one by which the platform's script asks again with a fresh token.
    """

    def __init__(self, message: str = "", *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.headers: Mapping[str, str] = dict(headers or {})
