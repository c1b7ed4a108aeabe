"""Connecting a store: its address, the keys handed over by wc-auth, our webhooks and our WordPress plugin."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from zoneinfo import ZoneInfo

import requests

from core.platform.contract import (
    Finding,
    Identity,
    Installation,
    InstallUrls,
    Link,
    Pending,
    Reply,
    Request,
    SealState,
    StoreFacts,
    UnsealState,
)
from core.platform.errors import AccessLost, Refused
from core.platform.responses import read_json
from plugins.woocommerce.client import Client, Missing, NoApi, NoRoute
from plugins.woocommerce.tracking import utc_time

APP_NAME = "Aftercare"
OWN_TOPICS = ("review.created", "fulfillment.updated")
"""WooCommerce has no topics for these; our WordPress plugin adds them while it is active."""
TOPICS = ("order.created", "order.updated", "order.deleted", *OWN_TOPICS)

NO_PLUGIN = (
    "The Aftercare plugin is not active in WordPress: the shopper's page, review replies and news of reviews are off."
)
READ_ONLY = "The store's API key may only read. Connect the store again and approve read and write."


def store_address(text: str) -> str:
    """Turn what a merchant typed into scheme://host[:port][/path]; https where no scheme was given.

    Which hosts may be called is the session's guard to say. Raises Refused with a sentence for the merchant.
    """
    typed = text.strip()
    try:
        parts = urlsplit(typed if "://" in typed else f"https://{typed}")
        host, port = parts.hostname or "", parts.port
        host.encode("idna")  # or the redirect to it could not be written
    except ValueError:
        host, port = "", None
    if not host or any(char.isspace() or char in '<>"\\' for char in typed) or parts.scheme not in ("https", "http"):
        raise Refused("Enter the address of your store, such as https://store.example.")
    if parts.username is not None or parts.password is not None:
        raise Refused("Enter the store's address without a name or password in it.")
    if port == {"https": 443, "http": 80}[parts.scheme]:
        port = None
    netloc = (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
    path = parts.path
    for tail in ("/wp-admin", "/wp-login.php", "/wp-json", "/index.php"):
        path = path.partition(tail)[0]
    return f"{parts.scheme}://{netloc}{path.rstrip('/')}"


def ask_consent(request: Request, seal: SealState, urls: InstallUrls) -> Reply:
    """Send the merchant to the store's own consent page. The callback names no store, so our state does."""
    store = store_address(_query(request, "store"))
    query = {
        "app_name": APP_NAME,
        "scope": "read_write",
        "user_id": seal({"store": store}),
        "return_url": urls.back,
        "callback_url": urls.done,
    }
    return Reply(303, {"Location": f"{store}/wc-auth/v1/authorize?{urlencode(query)}", "Cache-Control": "no-store"})


def take_keys(request: Request, unseal: UnsealState, http: requests.Session) -> Installation | Pending:
    """Read the keys the store POSTs and try them on that store; the browser that comes back only gets a page.

    The hand-over is unsigned: the one-time state says which store we asked, and the store must know the keys.
    """
    if request.method.upper() != "POST":
        approved = _query(request, "success") == "1"
        # The keys came in another request: whether they made a store or a question to its owner is not known here.
        words = "The store was not connected."
        if approved:
            words = (
                "The store is connected, unless its id is known at another address: then that store's owner is asked "
                "first. You may close this page."
            )
        page = f"<!doctype html><meta charset=utf-8><title>Aftercare</title><p>{words}"
        return Pending(Reply(200, {"Content-Type": "text/html; charset=utf-8"}, page.encode()))
    try:
        given = json.loads(request.body)
        key, secret, state = (str(given[name]) for name in ("consumer_key", "consumer_secret", "user_id"))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Refused("This is not how WooCommerce hands over its keys.") from None
    store = unseal(state)["store"]
    if given.get("key_permissions") != "read_write":
        raise Refused(READ_ONLY)
    return _installation(store, key, secret, http)


def _installation(store: str, key: str, secret: str, http: requests.Session) -> Installation:
    api = Client(store, key, secret, http)
    try:
        status = api.get("system_status", params={"_fields": "environment,settings"})
    except NoApi as error:
        raise Refused(str(error)) from None
    except Missing:
        raise Refused(f"There is no WooCommerce at {store}.") from None
    environment, settings = status.get("environment") or {}, status.get("settings") or {}
    known = _identity(environment, store)
    home = known.ref
    # A store may claim any home: one that claims another's must not be taken for it.
    if home.partition("://")[2] != store.partition("://")[2]:
        raise Refused(f"This store calls itself {home}. Connect it by that address.")
    index = _index(store, http)
    return Installation(
        ref=store,
        name=html.unescape(str(index.get("name") or "")) or urlsplit(store).netloc,
        credentials={"key": key, "secret": secret},
        currency=str(settings.get("currency") or ""),
        timezone=_timezone(index),
        language=str(environment.get("language") or "en").partition("_")[0],
        country=_country(api),
        url=store,
        store_id=known.store_id,
        is_live=known.is_live,
    )


def describe(api: Client, store: str, http: requests.Session) -> StoreFacts:
    """Say what the store's settings say of it. Its language is in the slow system status alone, read at install."""
    index = _index(store, http)
    return StoreFacts(
        currency=_setting(api, "woocommerce_currency"),
        timezone=_timezone(index) if index.get("timezone_string") or index.get("gmt_offset") else "",
        country=_country(api),
        url=store,
        name=html.unescape(str(index.get("name") or "")),
    )


def identify(api: Client, store: str) -> Identity:
    """Say which store answers: WooCommerce's id of it and the address it gives itself."""
    return _identity(api.get("system_status", params={"_fields": "environment"}).get("environment") or {}, store)


def _identity(environment: Mapping[str, Any], store: str) -> Identity:
    """Read the environment's part of the system status.

    `store_id` is an option in the database: a copy of it carries the id along, and anybody may write another's
    (10.5, 2026-11). WordPress calls itself "production" where nothing else is set.
    """
    home = store_address(str(environment.get("home_url") or store))
    is_live = str(environment.get("wp_environment_type") or "production") == "production"
    return Identity(str(environment.get("store_id") or ""), home, is_live)


def leads_to(hook: Mapping[str, Any], link: Link) -> bool:
    """Say whether a webhook delivers to the link's secret address, by its path token: our own host may have changed."""
    return str(hook.get("delivery_url") or "").rpartition("/")[2] == link.hook_url.rpartition("/")[2]


def check_connection(api: Client, plugin: Client, link: Link, *, renew_secret: bool = False) -> list[Finding]:
    """Announce ourselves to our WordPress plugin and see to our webhooks; say what was wrong.

    `renew_secret` writes the secret into hooks that are there already, for after a new installation.
    """
    hooks = list(api.walk("webhooks"))
    try:
        return [*_announce(plugin, link), *_see_to_hooks(api, hooks, link, renew_secret)]
    except AccessLost:  # reading worked a moment ago
        return [Finding("read_only_key", READ_ONLY)]


def _announce(plugin: Client, link: Link) -> Iterator[Finding]:
    try:
        body = {"store_key": link.store_key, "core_url": link.core_url, "secret": link.forwarding_secret}
        plugin.post("connection", body)
    except NoRoute:
        yield Finding("plugin_absent", NO_PLUGIN)
    except AccessLost:
        raise
    except Refused as refused:
        yield Finding("plugin_refused", f"The Aftercare plugin in WordPress refused the connection: {refused}")


def _see_to_hooks(api: Client, hooks: list[dict[str, Any]], link: Link, renew_secret: bool) -> Iterator[Finding]:
    for row in hooks:
        if _is_left_over(row, link):
            api.delete(f"webhooks/{row['id']}", params={"force": "true"})
            yield Finding("webhook_left_over", "A webhook of an earlier connection was removed.", mended=True)
    for topic in TOPICS:
        name = f"{APP_NAME} {link.store_key} {topic}"
        wanted = {
            "name": name,
            "topic": topic,
            "delivery_url": link.hook_url,
            "secret": link.secret,
            "status": "active",
        }
        ours = [hook for hook in hooks if hook.get("topic") == topic]
        hook = next((hook for hook in ours if hook.get("delivery_url") == link.hook_url), None)
        moved = next((hook for hook in ours if hook.get("name") == name), None)
        if hook is None and moved is None:
            yield from _create(api, wanted)
        elif hook is None and moved is not None:
            api.put(f"webhooks/{moved['id']}", wanted)
            yield _lost(moved, "webhook_moved", f"The webhook {topic} pointed elsewhere. It points to us again.")
        elif hook is not None and hook.get("status") == "disabled":
            # WooCommerce never delivers twice, and switches a webhook off at the 7th failure in a row. Switched on
            # again its count stays, so that one more failure switches it off at once (10.5, 2026-11).
            api.put(f"webhooks/{hook['id']}", wanted)
            yield _lost(hook, "webhook_disabled", f"WooCommerce had switched off the webhook {topic}. It is on again.")
        elif hook is not None and hook.get("status") == "paused":
            yield Finding("webhook_paused", f"The webhook {topic} is paused in WooCommerce. Set it to active there.")
        elif hook is not None and renew_secret:
            api.put(f"webhooks/{hook['id']}", wanted)


def _is_left_over(hook: Mapping[str, Any], link: Link) -> bool:
    """Say whether a webhook of ours brings this store's news to another store of this installation: the database came
    with it, from a store that moved or was copied."""
    ours = hook.get("topic") in TOPICS and str(hook.get("name") or "").startswith(f"{APP_NAME} ")
    here = str(hook.get("delivery_url") or "").startswith(link.hook_url.rpartition("/")[0] + "/")
    return ours and here and not leads_to(hook, link) and link.store_key not in str(hook.get("name"))


def _create(api: Client, wanted: Mapping[str, str]) -> Iterator[Finding]:
    try:
        api.post("webhooks", dict(wanted))
    except AccessLost:
        raise
    except Refused:
        if wanted["topic"] not in OWN_TOPICS:
            raise
        return  # an unknown topic: our plugin is not active, which is said already
    yield Finding("webhook_missing", f"The webhook {wanted['topic']} was missing. It is there again.", mended=True)


def _lost(hook: Mapping[str, Any], code: str, sentence: str) -> Finding:
    # The last write was the last failed delivery; the first of seven is older. A day is a guess that polling covers.
    since = utc_time(hook.get("date_modified_gmt"))
    return Finding(code, sentence, mended=True, backfill_since=since - timedelta(days=1) if since else None)


def _index(store: str, http: requests.Session) -> Mapping[str, Any]:
    """WordPress's public index names the site and its zone, which WooCommerce's API does not. Some hosts hide it."""
    response = http.get(
        f"{store}/wp-json/", params={"_fields": "name,timezone_string,gmt_offset"}, allow_redirects=False
    )
    body = read_json(response) if response.status_code == 200 else {}
    return body if isinstance(body, dict) else {}


def _timezone(index: Mapping[str, Any]) -> str:
    zone = str(index.get("timezone_string") or "")
    offset = str(index.get("gmt_offset") or "0").removesuffix(".0")
    if not zone and offset.lstrip("+-").isdecimal():
        # A fixed offset; the zone's sign is the other way round in the tz database.
        zone = f"Etc/GMT{-int(offset):+d}"
    try:
        return str(ZoneInfo(zone))
    except (ValueError, OSError, KeyError):
        return "UTC"


def _country(api: Client) -> str:
    return _setting(api, "woocommerce_default_country").partition(":")[0]


def _setting(api: Client, name: str) -> str:
    """Read a general setting; "" where the store does not show it, as to the key of a shop manager who may not look."""
    try:
        setting = api.get(f"settings/general/{name}")
    except Refused:
        return ""
    return str(setting.get("value") or "") if isinstance(setting, dict) else ""


def _query(request: Request, name: str) -> str:
    return parse_qs(request.query).get(name, [""])[0]
