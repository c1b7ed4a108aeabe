"""What every REST route shares: the call, paging, field filters and parameter checks."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .answers import Answer, json_answer
from .errors import RestError, invalid_param, missing_params
from .php import Json, is_true, split_list, write_query
from .store import Store


@dataclass(frozen=True)
class Call:
    """One REST request, authenticated; `refs` are the ids found in its path."""

    method: str
    path: str
    query: Json
    body: Json = field(default_factory=dict)
    refs: tuple[str, ...] = ()

    @property
    def order_id(self) -> int:
        """The first id in the path."""
        return int(self.refs[0])

    @property
    def ref(self) -> int:
        """The last id in the path."""
        return int(self.refs[-1])

    @property
    def asked(self) -> Json:
        """Parameters from the query and the body together, the body winning."""
        return {**self.query, **self.body}


Handler = Callable[[Store, Call], Answer]


def require(call: Call, *names: str) -> None:
    """Raise `RestError` when a parameter is missing."""
    missing = [name for name in names if name not in call.asked]
    if missing:
        raise missing_params(missing)


def one(call: Call, item: Json, status: int = 200, location: str = "") -> Answer:
    """Answer one resource. `_fields` trims it, but its `_links` stay (10.5.0, 2026-11)."""
    wanted = call.query.get("_fields")
    if wanted:
        links = {"_links": item["_links"]} if "_links" in item else {}
        item = {**pick_fields(item, split_list(wanted)), **links}
    return json_answer(status, item, {"Location": location} if location else None)


def many(store: Store, call: Call, rows: Iterable[Json]) -> Answer:
    """Answer one page of a list with WordPress's paging headers; a page past the end is an empty list."""
    everything = list(rows)
    per_page = whole_number(call, "per_page", 10, 100)
    page = whole_number(call, "page", 1, None)
    pages = -(-len(everything) // per_page)
    shown = everything[(page - 1) * per_page : page * per_page]
    if call.query.get("_fields"):
        shown = [pick_fields(row, split_list(call.query["_fields"])) for row in shown]
    headers = {"X-WP-Total": str(len(everything)), "X-WP-TotalPages": str(pages)}
    links = []
    if page > 1:
        links.append(_page_link(store, call, min(page - 1, max(pages, 1)), "prev"))
    if page < pages:
        links.append(_page_link(store, call, page + 1, "next"))
    headers["Link"] = ", ".join(links) or f'<{store.url}/wp-json/>; rel="https://api.w.org/"'
    return json_answer(200, shown, headers)


def _page_link(store: Store, call: Call, page: int, rel: str) -> str:
    # WordPress echoes the whole query, credentials too (10.5.0, 2026-11): such a link is not for logs.
    query = write_query({**call.query, "page": page})
    return f'<{store.url}/wp-json/{call.path}?{query}>; rel="{rel}"'


def pick_fields(item: Json, wanted: list[str]) -> Json:
    """Keep the fields asked for; `a.b` keeps one field of an object."""
    picked: Json = {}
    for name in wanted:
        top, _, inner = name.partition(".")
        if top not in item:
            continue
        if inner and isinstance(item[top], dict):
            kept = picked.setdefault(top, {})
            kept |= pick_fields(item[top], [inner])
        else:
            picked[top] = item[top]
    return picked


def whole_number(call: Call, name: str, default: int, most: int | None) -> int:
    """Read a paging parameter; raises `RestError` outside its bounds."""
    text = str(call.query.get(name, default))
    if not text.lstrip("-").isdigit():
        raise invalid_param(name, f"{name} is not of type integer.", "rest_invalid_type")
    value = int(text)
    if most is not None and not 1 <= value <= most:
        sentence = f"{name} must be between 1 (inclusive) and {most} (inclusive)"
        raise invalid_param(name, sentence, "rest_out_of_bounds")
    if value < 1:
        sentence = f"{name} must be greater than or equal to 1"
        raise invalid_param(name, sentence, "rest_out_of_bounds")
    return value


def choose(name: str, value: str, allowed: list[str]) -> str:
    """Check a value against an enumeration; raises `RestError` in WordPress's words."""
    if value in allowed:
        return value
    listed = ", ".join(allowed[:-1]) + f", and {allowed[-1]}"
    raise invalid_param(name.partition("[")[0], f"{name} is not one of {listed}.", "rest_not_in_enum")


def within_dates(store: Store, call: Call, rows: Iterable[Json]) -> list[Json]:
    """Keep rows inside `after`, `before`, `modified_after` and `modified_before`; the bounds are exclusive.

    A bound is store-local, or UTC with `dates_are_gmt`; the comparison knows whole seconds only, so rows
    that share the bound's second are left out.
    """
    kept = list(rows)
    is_gmt = is_true(call.query.get("dates_are_gmt", ""))
    for name in ("after", "before", "modified_after", "modified_before"):
        if not call.query.get(name):
            continue
        field_name = ("date_modified" if "modified" in name else "date_created") + "_gmt" * is_gmt
        bound = _read_bound(store, name, call.query[name], is_gmt)
        if name.endswith("after"):
            kept = [row for row in kept if row[field_name] > bound]
        else:
            kept = [row for row in kept if row[field_name] < bound]
    return kept


def _read_bound(store: Store, name: str, text: Any, is_gmt: bool) -> str:
    try:
        at = datetime.fromisoformat(str(text).replace(" ", "+"))
    except ValueError:
        raise invalid_param(name, "Invalid date.", "rest_invalid_date") from None
    if at.tzinfo:
        at = at.astimezone(UTC if is_gmt else store.zone)
    return at.strftime("%Y-%m-%dT%H:%M:%S")


def anonymous_refusal(call_method: str, is_list: bool) -> RestError:
    """What a stranger is told; a wrong key is a stranger too."""
    if call_method == "GET":
        what = "cannot list resources" if is_list else "cannot view this resource"
        return RestError(401, "woocommerce_rest_cannot_view", f"Sorry, you {what}.")
    verb = {"POST": "create", "DELETE": "delete"}.get(call_method, "edit")
    subject = "resources" if verb == "create" else "this resource"
    sentence = f"Sorry, you are not allowed to {verb} {subject}."
    return RestError(401, f"woocommerce_rest_cannot_{verb}", sentence)
