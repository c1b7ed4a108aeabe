"""The store's REST API: the woocommerce library builds and signs URLs, the session we were given sends them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode, urljoin

import requests
import woocommerce
from requests.auth import HTTPBasicAuth

from core.platform.errors import AccessLost, Moved, NothingDone, Refused, Unavailable
from core.platform.responses import describe_move, find_origin, read_json, retry_after

PER_PAGE = 100
"""The most WooCommerce gives at once; more is a 400 (10.5)."""


class Missing(Refused):
    """The store has no such thing (any more)."""


class NoRoute(Missing):
    """The store has no such route: a feature is off, or our WordPress plugin is not active."""


def checked_id(ref: str) -> str:
    """Give the id a ref is, which is a number in WooCommerce; nothing else may reach a URL. Raises Missing."""
    if not (ref.isascii() and ref.isdecimal()):
        raise Missing(f"WooCommerce has nothing numbered {ref[:20]!r}.")
    return ref


class NoApi(Unavailable):
    """A page of the site answers where its REST API should: plain permalinks, a cache, or a site that is set up anew.

    It may be over in a minute, so it is asked again; the sentence says what to look at when it is not.
    """

    def __init__(self, address: str) -> None:
        super().__init__(
            f"{address} answers with a page (404) where its REST API should be. In WordPress under Settings, "
            "Permalinks, choose anything but Plain; a cache or a security plugin may hide /wp-json too."
        )


class Listing(NamedTuple):
    """One page of a collection; `total` where the store says so (proxies strip the header)."""

    items: list[dict[str, Any]]
    total: int | None
    last: bool


class Client(woocommerce.API):
    """One store's API in one namespace. Answers are parsed JSON; errors are the contract's, Missing or NoRoute.

    The library opens its own connections, mutates the caller's params over query-string auth and sends OAuth
    parameters twice (3.0.0). So its private request method is replaced; its URL building and OAuth stay.
    Parameters are text and numbers: a list breaks the library's OAuth signature, so lists are comma text.
    """

    def __init__(self, url: str, key: str, secret: str, http: requests.Session, version: str = "wc/v3") -> None:
        super().__init__(url, key, secret, version=version)
        self.http = http

    def page(self, endpoint: str, params: Mapping[str, Any]) -> Listing:
        """Fetch one page; a page past the end is an empty last one."""
        query = {"per_page": PER_PAGE, "page": 1, **params}
        response = self._send("GET", endpoint, None, query)
        items = [item for item in _list(read_json(response)) if isinstance(item, dict)]
        pages, total = (_number(response.headers.get(name)) for name in ("X-WP-TotalPages", "X-WP-Total"))
        last = query["page"] >= pages if pages is not None else len(items) < query["per_page"]
        return Listing(items, total, last)

    def walk(self, endpoint: str, params: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any]]:
        """Yield every item of a small collection, page after page."""
        number = 0
        last = False
        while not last:
            number += 1
            items, _, last = self.page(endpoint, {**(params or {}), "page": number})
            yield from items

    def pay(self, endpoint: str, body: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Post what makes a gateway move money, which may take so long."""
        created = read_json(self._send("POST", endpoint, body, {}, timeout=(5.0, seconds)))
        if not isinstance(created, dict):
            raise Unavailable("The store answered something else than a refund.")
        return created

    # The library's own name for it, mangled: get, post, put and delete all end here.
    def _API__request(self, method: str, endpoint: str, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        return read_json(self._send(method, endpoint, data, params or {}))

    def _send(
        self,
        method: str,
        endpoint: str,
        data: Any,
        params: Mapping[str, Any],
        timeout: tuple[float, float] | None = None,
    ) -> requests.Response:
        url = self._API__get_url(endpoint)
        if params:
            url += f"?{urlencode(params)}"
        response = self._send_signed(method, url, data, timeout)
        if response.status_code == 401 and method == "GET" and not self.is_ssl:
            # The session may have sent the same signature again after a lost answer, and a nonce works once.
            response = self._send_signed(method, url, data, timeout)
        self._check(response)
        return response

    def _send_signed(self, method: str, url: str, data: Any, timeout: tuple[float, float] | None) -> requests.Response:
        # WooCommerce ignores Basic over plain HTTP and wants OAuth 1.0a (10.5, 2026-11).
        auth = HTTPBasicAuth(self.consumer_key, self.consumer_secret) if self.is_ssl else None
        signed = url if self.is_ssl else self._API__get_oauth_url(url, method)
        headers = {"accept": "application/json"}
        options: dict[str, Any] = {"auth": auth, "headers": headers, "timeout": timeout}
        return self.http.request(method, signed, json=data, allow_redirects=False, **options)

    def _check(self, response: requests.Response) -> None:
        status = response.status_code
        if status < 300:
            return
        if status < 400:
            # Never followed: a POST would arrive as a GET, and is answered with a list.
            there = urljoin(response.url, response.headers.get("Location", ""))
            sentence, target = describe_move(response.url, there), find_origin(there)
            raise Refused(sentence) if target == find_origin(response.url) else Moved(sentence, target=target)
        body = _error(response)
        code, sentence = str(body.get("code") or ""), str(body.get("message") or "")[:300]
        if code == "rest_no_route":
            raise NoRoute(sentence)
        if status in (404, 410) and code:
            raise Missing(sentence)
        if status in (401, 403) and code:
            # Our own plugin may refuse while WooCommerce's keys still work: that is no lost access.
            raise (Refused if code.startswith("aftercare_") else AccessLost)(sentence)
        if code and (_is_refusal(status) or _is_validation(status, body)):
            raise Refused(sentence or f"The store refused ({status} {code}).")
        if status == 404:
            raise NoApi(self.url)
        error = NothingDone if status == 429 else Unavailable
        raise error(f"The store answered {status}.", retry_after=retry_after(response))


def _is_refusal(status: int) -> bool:
    return status < 429 and status not in (404, 408, 425)


def _is_validation(status: int, body: Mapping[str, Any]) -> bool:
    # WooCommerce refuses refunds with HTTP 500 and `data` a bare number; WordPress's own crash page has an object
    # there and another code (10.5, 2026-11).
    return status == 500 and str(body["code"]).startswith("woocommerce_rest_") and isinstance(body.get("data"), int)


def _error(response: requests.Response) -> Mapping[str, Any]:
    try:
        body = read_json(response)
    except Unavailable:
        return {}  # a firewall's or a maintenance page
    return body if isinstance(body, dict) else {}


def _number(header: str | None) -> int | None:
    return int(header) if header and header.isdecimal() else None


def _list(body: Any) -> list[Any]:
    if not isinstance(body, list):
        raise Unavailable("The store answered something else than a list.")
    return body
