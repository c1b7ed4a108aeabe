"""The page of the search box: what was found, in groups; one exact number leads straight to its row."""

from __future__ import annotations

from flask import g, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from core.desk.page import desk, show_page
from core.desk.search.found_rows import GROUPS, SHOWN, groups_of, row_of
from core.http.context import services
from core.search.find import MOST_HITS, SearchResult, find
from core.search.query import MOST_TYPED


@desk.get("/<key>/search", endpoint="search")
def search(key: str) -> str | BaseResponse:
    """What `q` finds; with `group`, up to fifty rows of that group alone."""
    app, typed = services(), request.args.get("q", "")[:MOST_TYPED].strip()
    group = request.args.get("group", "")
    kinds = GROUPS.get(group, ())
    most = MOST_HITS if kinds else SHOWN + 1
    with app.db.transaction(g.store.id, write=False) as session:
        result = find(session, app.keyring, g.store.id, typed, kinds=kinds, most=most)
    only = None if kinds else result.only_one()
    if only is not None:
        row = row_of(only, result.query)
        return redirect(url_for(row.endpoint, key=key, **row.values))
    groups = groups_of(result, most=MOST_HITS if kinds else SHOWN)
    return show_page(
        "search", typed=typed, groups=groups, group=group if kinds else "", is_cut=bool(kinds) and _is_cut(result)
    )


def _is_cut(result: SearchResult) -> bool:
    return any(len(hits) == MOST_HITS for hits in result.groups.values())
