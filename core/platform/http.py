"""The HTTP session every plugin is given: `requests` with time-outs, retries and a guard on addresses.

A store's address is typed by a merchant, so every connection might be an attempt to reach our own network.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from typing import Any
from urllib.parse import urljoin

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3 import exceptions as transport

from core.platform.address_guard import Blocked, guarded_pools, is_public
from core.platform.errors import Refused, Unavailable, Unreachable
from core.platform.responses import check, describe_move, read_json, retry_after, scrub

__all__ = ["Blocked", "check", "is_public", "only_reading", "open_session", "read_json", "retry_after", "scrub"]

_RETRIED_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_RETRIED_STATUSES = frozenset({429, 502, 503, 504})  # not 500: WooCommerce means "invalid value" by it
_LONGEST_PAUSE = 3.0  # seconds; a longer wait belongs to the job queue
_HARMLESS_HEADERS = frozenset({"accept", "accept-encoding", "accept-language", "connection", "user-agent"})


def open_session(
    *,
    allow: frozenset[str] = frozenset(),
    timeout: tuple[float, float] = (5, 30),
    retries: int = 2,
    user_agent: str = "Aftercare",
    ca_file: str | None = None,
    max_bytes: int = 20 * 1024 * 1024,
) -> requests.Session:
    """Open the session for one job's calls to one store; threads do not share it.

    It connects to public addresses only, save the "host:port" in `allow` (as the URL writes it, lower case; only
    the demo and tests set it). `timeout` is (connect, read) in seconds where a call gives none; the body is read at
    once, or piece by piece where a call says stream=True, and must be complete four read time-outs after the call
    began. GET, HEAD and OPTIONS are sent again up to
    `retries` times after a lost connection, and after a 429, 502, 503 or 504 that asks for a short wait. Redirects are
    followed for GET and HEAD. A POST within `only_reading` is sent again likewise. Cookies, proxies and the environment
    are ignored.

    Calls raise Unavailable (TLS, time-out, hung up), Unreachable where no connection came about, Blocked, or Refused
    (moved, too large); no message carries a query string or credentials.
    """
    session = _Session()
    session.trust_env = False
    session.max_redirects = 5
    session.verify = ca_file or True
    session.headers["User-Agent"] = user_agent
    for scheme in ("https://", "http://"):
        session.mount(scheme, _Adapter(allow, timeout, retries, max_bytes))
    return session


@contextmanager
def only_reading(http: requests.Session) -> Iterator[requests.Session]:
    """Say that every POST in the block only reads, as a GraphQL query does: it is then sent again as a GET is.

    Never for a mutation: what was begun twice is done twice.
    """
    http.only_reads = True  # type: ignore[attr-defined]
    try:
        yield http
    finally:
        http.only_reads = False  # type: ignore[attr-defined]


class _Session(requests.Session):
    """Decides which schemes are spoken, which redirects are followed, and which headers go along."""

    only_reads = False

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        try:
            prepared = super().prepare_request(request)
            for value in prepared.headers.values():
                # A key pasted with an invisible character; http.client would fail later, quoting it.
                str(value).encode("latin-1")
            prepared.only_reads = self.only_reads  # type: ignore[attr-defined]
            return prepared
        except (requests.RequestException, ValueError) as error:
            problem = type(error).__name__
        # Raised outside the `except`, so that the cause, which quotes the URL or the header, does not hang on.
        raise Refused(f"a request to {scrub(str(request.url))} cannot be written ({problem})")

    def get_adapter(self, url: str) -> BaseAdapter:
        if not url.lower().startswith(("https://", "http://")):
            raise Blocked("only http and https addresses are called")
        return super().get_adapter(url)

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        with suppress(requests.TooManyRedirects):
            return super().send(request, **options)
        raise Unavailable(f"{scrub(request.url)} redirects without end")

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        with suppress(ValueError):
            target = super().get_redirect_target(resp)
            return target and urljoin(resp.url, target)
        raise Unavailable(f"{scrub(resp.url)} redirects to an unreadable address")

    def resolve_redirects(self, resp: Any, req: Any, *args: Any, **options: Any) -> Iterator[Any]:
        # Followed as browsers do, a POST behind http→https becomes a GET, and WooCommerce answers it with a list.
        target = self.get_redirect_target(resp)
        if target and req.method not in ("GET", "HEAD") and not options.get("yield_requests"):
            raise Refused(describe_move(resp.url, target))
        return super().resolve_redirects(resp, req, *args, **options)

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Leave every header that may carry a credential behind when a redirect leads elsewhere."""
        if not self.should_strip_auth(str(response.request.url), str(prepared_request.url)):
            return
        for name in [name for name in prepared_request.headers if name.lower() not in _HARMLESS_HEADERS]:
            del prepared_request.headers[name]


class _Adapter(HTTPAdapter):
    """Sends one request with the session's patience: time-outs, tries, and how large an answer may be."""

    def __init__(self, allow: frozenset[str], timeout: tuple[float, float], retries: int, max_bytes: int) -> None:
        self._allow, self._timeout, self._retries, self._max_bytes = allow, timeout, retries, max_bytes
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = guarded_pools(self._allow)

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        # No proxies: behind one, the address connected to would be the proxy's and the guard would see nothing.
        options |= {"timeout": options.get("timeout") or self._timeout, "proxies": None}
        reads = request.method in _RETRIED_METHODS or getattr(request, "only_reads", False)
        last = self._retries if reads else 0
        for attempt in range(last + 1):
            answer = self._ask(request, options)
            pause = _pause_after(answer, attempt)
            if attempt == last or pause is None:
                break
            time.sleep(pause)
        if isinstance(answer, Exception):
            error = Unreachable if _never_connected(answer) else Unavailable
            raise error(f"{scrub(request.url)} {_describe(answer)}")
        return answer

    def _ask(self, request: requests.PreparedRequest, options: dict[str, Any]) -> requests.Response | Exception:
        """Send once; a failure on the way is given back, not raised, so that no cause with a URL hangs on it."""
        timeout = options["timeout"]
        patience = timeout[1] if isinstance(timeout, tuple) else timeout
        deadline = time.monotonic() + max(4 * self._timeout[1], patience)
        try:
            response = super().send(request, **options)
            body = _Body(response, deadline, self._max_bytes)
            # Anything but success is read at once: it may be asked for again, and its words are looked at.
            response.raw = body if options.get("stream") and response.ok else BytesIO(body.read_all())
        except _BROKEN as error:
            return error
        return response


_BROKEN = (requests.RequestException, transport.HTTPError)


class _Body:
    """A response's body as it comes in. It must not be longer than allowed, nor take longer."""

    def __init__(self, response: requests.Response, deadline: float, max_bytes: int) -> None:
        self._raw, self._url = response.raw, scrub(response.url)
        self._deadline, self._max_bytes, self._length = deadline, max_bytes, 0

    def read(self, amount: int = 65_536) -> bytes:
        """Give at most so many bytes, b"" at the end; for `requests`, where the caller reads piece by piece."""
        try:
            return self._read(amount)
        except _BROKEN as error:
            problem = _describe(error)
        raise Unavailable(f"{self._url} {problem}")

    def read_all(self) -> bytes:
        body = bytearray()
        while part := self._read(65_536):
            body += part
        return bytes(body)

    def close(self) -> None:
        self._raw.close()

    def _read(self, amount: int) -> bytes:
        part: bytes = self._raw.read1(amount, decode_content=True)
        self._length += len(part)
        if self._length > self._max_bytes:
            self.close()
            raise Refused(f"{self._url} answered with more than {self._max_bytes:,} bytes")
        if part and time.monotonic() > self._deadline:
            self.close()
            raise Unavailable(f"{self._url} did not finish its answer in time")
        return part


_TIMED_OUT = (requests.Timeout, transport.TimeoutError)
_DISTRUSTED = (requests.exceptions.SSLError, transport.SSLError)


def _pause_after(answer: requests.Response | Exception, attempt: int) -> float | None:
    """Give the seconds until the next try; None when the answer stands or another try now would not help."""
    asked = None
    if isinstance(answer, requests.Response):
        asked = retry_after(answer)
        if answer.status_code not in _RETRIED_STATUSES or (asked or 0) > _LONGEST_PAUSE:
            return None
    elif isinstance(answer, _TIMED_OUT + _DISTRUSTED):
        return None
    return random.uniform(0.1, 0.2) * 2**attempt if asked is None else asked


def _never_connected(failure: Exception) -> bool:
    """Say whether not a byte of the request can have left: no address, no route, nobody listens."""
    cause = getattr(failure.args[0], "reason", None) if failure.args else None
    unconnected = (transport.NewConnectionError, transport.ConnectTimeoutError)
    return isinstance(failure, requests.ConnectTimeout) or isinstance(cause, unconnected)


def _describe(failure: Exception) -> str:
    if isinstance(failure, _TIMED_OUT):
        return "did not answer in time"
    if isinstance(failure, _DISTRUSTED):
        return "could not be reached safely (TLS, certificate)"
    return "could not be reached, or hung up" if isinstance(failure, OSError) else "broke off its answer"
