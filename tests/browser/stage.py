"""A store's page in the browser with the built widget on it, answered from the examples; no server runs.

The widget comes from another origin than the page, as it does in life.
"""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from core.i18n.words import Words, languages

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "core" / "web" / "static" / "widget"
EXAMPLES = ROOT / "widget" / "test" / "examples"
SHOP, CARE = "https://shop.example", "https://care.example"
STRICT = f"default-src 'none'; script-src {CARE}; connect-src {CARE}; img-src https:; base-uri 'none'"
"""No inline script, no inline style, no style sheet at all: what the strictest store sends."""
INLINE = '<after-care store="k"></after-care>'
PHONE = {"width": 320, "height": 700}
LANGUAGES = tuple(languages())
VISITS = itertools.count()
Answer = Callable[[Any], None]


def example(name: str) -> Any:
    """Give one real answer of the server."""
    return json.loads((EXAMPLES / f"{name}.json").read_text("utf-8"))


class Stage:
    """One page. `answers` maps the end of a path to (status, answer); `requests` lists what the page asked for.

    `errors` are what the console says, but for the browser's own line about an answer that was meant to fail.
    """

    def __init__(self, page: Any, body: str = INLINE, *, head: str = "", lang: str = "en", csp: str = STRICT) -> None:
        self.page, self.lang, self.requests = page, lang, list[str]()
        self.errors: list[str] = []
        # What a test does to each built file, by its name, and to each answer.
        self.rewrite: Callable[[str, str], str] = lambda name, script: script
        self.translate: Callable[[Any], Any] = copy.deepcopy
        self.answers: dict[str, tuple[int, Any]] = {
            "ways": (200, {"form": True, "sign_in": ""}),
            "find": (200, example("found")),
            "open": (200, example("found")),
            "answers": (200, example("choice")),
            "links": (202, {"sent": True}),
            "code": (202, {"sent": True}),
            "code/check": (200, {"token": "act"}),
            "messages": (201, example("message")),
            "returns/options": (200, example("options")),
            "returns/quote": (200, example("quote")),
            "returns": (201, example("return")),
            "withdrawals": (201, example("withdrawal_started")),
            "confirm": (200, example("withdrawal_declared")),
            "photos": (201, {"id": "9", "url": "", "width": 1, "height": 1}),
        }
        self.html = (
            f'<!doctype html><html lang="{lang}" dir="{Words(lang).direction}"><head><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>Shop</title>{head}'
            f'<script type="module" src="{CARE}/widget/aftercare.js"></script></head>'
            f"<body><main><h1>Shop</h1>{body}</main></body></html>"
        )
        self.csp = csp
        self._ears = {
            "request": lambda request: self.requests.append(request.url),
            "pageerror": lambda error: self.errors.append(str(error)),
            "console": lambda said: self.errors.append(said.text) if is_ours(said) else None,
        }
        for event, ear in self._ears.items():
            page.on(event, ear)
        page.route("**/*", self._answer)

    def leave(self) -> None:
        """Give the page back as it was, for the next stage on it."""
        for event, ear in self._ears.items():
            self.page.remove_listener(event, ear)
        self.page.unroute_all()

    def open(self, fragment: str = "") -> Any:
        """Go to the page; give the widget, once its first view is there."""
        self.page.goto(
            f"{SHOP}/?{next(VISITS)}{fragment}"
        )  # an address that differs in its fragment alone loads nothing
        self.page.locator("after-care h2, after-care > button").first.wait_for()
        return self.page.locator("after-care").first

    def find(self) -> Any:
        """Find the order; give the widget."""
        widget = self.open()
        widget.locator("input").nth(0).fill("LIN-42")
        widget.locator("input").nth(1).fill("ann@shopper.example")
        widget.locator("button.primary").click()
        try:
            widget.locator(".card").first.wait_for()
        except Exception as error:
            seen = widget.locator(".care").all_inner_texts()
            raise AssertionError(
                f"no order was shown, but {seen}; errors {self.errors}; asked for {self.requests}"
            ) from error
        return widget

    def _answer(self, route: Any) -> None:
        url = urlsplit(route.request.url)
        if url.netloc == "shop.example" and url.path == "/":
            headers = {"Content-Security-Policy": self.csp} if self.csp else {}
            return route.fulfill(content_type="text/html", body=self.html, headers=headers)
        if url.path.startswith("/widget/"):
            name = url.path.removeprefix("/widget/")
            body = self.rewrite(name, (BUILT / name).read_text("utf-8"))
            headers = {"Access-Control-Allow-Origin": "*"}
            return route.fulfill(content_type="text/javascript", body=body, headers=headers)
        if not url.path.startswith("/shop/k/"):
            return route.fulfill(status=204)
        return self._answer_shop(route, url.path.removeprefix("/shop/k/"))

    def _answer_shop(self, route: Any, path: str) -> None:
        cors = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "Authorization, Content-Type"}
        if route.request.method == "OPTIONS":
            return route.fulfill(status=200, headers=cors)
        found = self.answers.get(path) or self.answers.get(path.rpartition("/")[2])
        if found is None:
            raise AssertionError(f"nobody told the stage what {path} answers")
        status, answer = found
        if callable(answer):
            return answer(route)
        if status == 0:
            return route.abort()
        return route.fulfill(status=status, json=self.translate(answer), headers=cors)


def press(widget: Any, which: str = "button.primary") -> None:
    """Press a button and wait for the view it leads to."""
    heading = widget.locator("h2").inner_text()
    widget.locator(which).first.click()
    widget.page.wait_for_function(
        "before => document.querySelector('after-care').shadowRoot.querySelector('h2').innerText !== before",
        arg=heading,
    )


def is_ours(said: Any) -> bool:
    """Say whether a line of the console is an error, and not only the browser's about an answer of 4xx or 5xx."""
    return said.type == "error" and "the server responded with a status of" not in said.text


def overflow(page: Any) -> int:
    """Give how many pixels the page is wider than the window."""
    width: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return width


def inner_overflow(page: Any) -> list[str]:
    """Name what sticks out of the widget's own box, by tag and class."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll("after-care")].flatMap((host) => {
          const box = host.shadowRoot.querySelector(".care").getBoundingClientRect();
          return [...host.shadowRoot.querySelectorAll(".care *")].filter((one) => {
            const at = one.getBoundingClientRect();
            return at.width && (at.right > box.right + 1 || at.left < box.left - 1);
          }).map((one) => `${one.tagName}.${one.className}`);
        })"""
    )
    return found
