"""The headers every response carries, the same from Flask and from the fast path ahead of it."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response, request

ALWAYS = (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"))
SHOP = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Allow-Headers", "Authorization, Content-Type"),
    ("Access-Control-Allow-Methods", "GET, POST, OPTIONS"),
    ("Access-Control-Max-Age", "86400"),
)
"""What lets a browser read an answer under /shop on any store's page."""
UNKEPT = (("Cache-Control", "no-store"),)


def page_policy(
    scripts: Sequence[str] = (),
    styles: Sequence[str] = (),
    ancestors: Sequence[str] = (),
    *,
    fetches_images: bool = False,
) -> str:
    """Give the content security policy of a page: no inline script or style, nothing of other origins but these, and
    no page around it but these. `fetches_images` allows pictures that a script of ours has fetched."""
    images = " blob:" if fetches_images else ""
    around = " ".join(ancestors) or "'none'"
    return (
        f"default-src 'none'; style-src {_sources(styles)}; script-src {_sources(scripts)}; "
        f"img-src 'self' https:{images}; "
        "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        f"frame-ancestors {around}"
    )


def _sources(origins: Sequence[str]) -> str:
    return " ".join(("'self'", *origins))


_PAGE = (
    ("Content-Security-Policy", page_policy()),
    ("Cache-Control", "private, no-store"),
    ("X-Robots-Tag", "noindex"),
)


def complete(response: Response) -> Response:
    """Set the headers of a Flask response; pages get a policy without inline script or style."""
    is_shop, headers = request.path.startswith("/shop/"), response.headers
    if is_shop:
        headers.update(SHOP)
    defaults = ALWAYS + (UNKEPT if is_shop else ()) + (_PAGE if response.mimetype == "text/html" else ())
    for name, value in defaults:
        headers.setdefault(name, value)
    return response
