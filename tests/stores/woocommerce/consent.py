"""`wc-auth/v1`: the page on which a merchant hands our app a key, walked and recorded on 10.5.0 (2026-11).

The merchant is taken to be logged in.
"""

import hashlib
from html import escape
from urllib.parse import urlencode

import requests

from .answers import Answer, page_answer
from .php import Json, encode_json, parse_query
from .store import Store

PARAMS = ("app_name", "user_id", "return_url", "callback_url", "scope")
CALLBACK_SECONDS = 60  # WC_Auth::post_consumer_data


def answer_consent(store: Store, step: str, query_text: str) -> Answer:
    """Answer one step: `authorize` shows the page, `access_granted` hands the key over and goes back."""
    query = parse_query(query_text)
    problem = _find_problem(store, query)
    if not problem and step == "authorize":
        return page_answer(200, _page(store, query))
    if not problem and step == "access_granted":
        if query.get("wc_auth_nonce") == _nonce(store, query):
            return _grant(store, query)
        problem = "Invalid nonce verification"
    sentence = problem or "You do not have permission to access this page"
    return page_answer(401, f"<html><title>Access denied</title><p>Error: {escape(sentence)}.</p></html>")


def _find_problem(store: Store, query: Json) -> str:
    for name in PARAMS:
        if not query.get(name):
            return f"Missing parameter {name}"
    if query["scope"] not in {"read", "write", "read_write"}:
        return f"Invalid scope {query['scope']}"
    is_secure = query["callback_url"].lower().startswith("https://")
    return "" if is_secure or store.loopback else "The callback_url needs to be over SSL"


def _grant(store: Store, query: Json) -> Answer:
    """POST the new key to the callback, which must answer 200; else the key is deleted again."""
    key = store.add_key(query["scope"])
    handed = {
        "key_id": key.key_id,
        "user_id": query["user_id"],
        "consumer_key": key.key,
        "consumer_secret": key.secret,
        "key_permissions": key.permissions,
    }
    headers = {
        "Content-Type": "application/json;charset=UTF-8",
        "User-Agent": f"WordPress/7.1; {store.url}",
        "Connection": "close",
    }
    try:
        answer = requests.post(
            query["callback_url"], data=encode_json(handed), headers=headers, timeout=CALLBACK_SECONDS
        )
        was_taken = answer.status_code == 200
    except requests.RequestException:
        was_taken = False
    if not was_taken:
        with store.lock:
            del store.keys[key.key_id]
        sentence = "An error occurred in the request and at the time were unable to send the consumer data"
        return page_answer(401, f"<html><title>Access denied</title><p>Error: {sentence}.</p></html>")
    return Answer(302, b"", {"Location": _return_url(query, success=1)})


def _page(store: Store, query: Json) -> str:
    kept = {name: query[name] for name in PARAMS}
    granted = urlencode({**kept, "wc_auth_nonce": _nonce(store, query)})
    app, scope = escape(query["app_name"]), escape(query["scope"].replace("_", "/"))
    return (
        f"<!DOCTYPE html><html lang='en'><title>Application authentication request</title>"
        f"<h1>{app} would like to connect to {escape(store.name)}</h1>"
        f"<p>This will give &quot;{app}&quot; <strong>{scope}</strong> access.</p>"
        f'<p><a class="wc-auth-approve" href="{store.url}/wc-auth/v1/access_granted/?{escape(granted)}">Approve</a> '
        f'<a class="wc-auth-deny" href="{escape(_return_url(query, success=0))}">Deny</a></p></html>'
    )


def _return_url(query: Json, success: int) -> str:
    joint = "&" if "?" in query["return_url"] else "?"
    return query["return_url"] + joint + urlencode({"success": success, "user_id": query["user_id"]})


def _nonce(store: Store, query: Json) -> str:
    return hashlib.sha256(f"{store.url} {query['user_id']}".encode()).hexdigest()[:10]
