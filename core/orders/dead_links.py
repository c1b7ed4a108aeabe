"""The page behind a mailed link that no longer opens: the store's search, with a way to have new links mailed."""

from __future__ import annotations

from flask import Response, make_response, render_template

from core.http.context import services, set_shopper_language
from core.http.errors import answer_for, refusal_of
from core.orders.shopper_auth import LinkExpired
from core.stores.platform_access import StoreNotFound, store_by_id


def show_search(error: LinkExpired) -> Response:
    """Show the search of the store that signed the link, and say why; for a link that is nobody's, one sentence."""
    if error.store_id is None:
        return answer_for(error)
    try:
        with services().db.transaction(error.store_id, write=False) as session:
            store = store_by_id(session, error.store_id)
    except StoreNotFound:
        return answer_for(error)
    set_shopper_language(store.language)
    refusal = refusal_of(error)
    page = render_template("orders/find.html", store=store, typed={}, problem=refusal.sentence, is_link_dead=True)
    return make_response(page, refusal.status)
