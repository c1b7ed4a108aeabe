"""How WordPress writes and reads: JSON, query strings and times, with PHP's habits."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

Json = dict[str, Any]

FIXTURES = Path(__file__).parents[2] / "plugins" / "woocommerce" / "fixtures"


def load_recorded(name: str) -> Any:
    """Read one recorded body, parsed; each call gives a fresh copy."""
    return json.loads((FIXTURES / f"{name}.json").read_text("utf-8"))


def encode_json(value: Any) -> bytes:
    r"""Write JSON as `wp_json_encode` does: non-ASCII as `\u00fc`, slashes as `\/`."""
    return json.dumps(value, separators=(",", ":")).replace("/", "\\/").encode()


def parse_query(text: str) -> Json:
    """Read a query string as PHP fills `$_GET`: the last of equal names wins, `a[]` gathers a list."""
    values: Json = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        stem, bracket, _ = name.partition("[")
        stem = stem.replace(".", "_").replace(" ", "_")
        if not bracket:
            values[stem] = value
            continue
        gathered = values.get(stem)
        values[stem] = [*gathered, value] if isinstance(gathered, list) else [value]
    return values


def write_query(values: Json) -> str:
    """Write a query string as `add_query_arg` does: lists become `a[0]=…&a[1]=…`."""
    pairs: list[tuple[str, Any]] = []
    for name, value in values.items():
        if isinstance(value, list):
            pairs += [(f"{name}[{place}]", item) for place, item in enumerate(value)]
        else:
            pairs.append((name, value))
    return urlencode(pairs)


def split_list(value: Any) -> list[str]:
    """Read a list parameter, which WordPress takes as `a,b`, `a b` or `a[]=…`."""
    if isinstance(value, list):
        return [str(item) for item in value]
    return str(value).replace(",", " ").split()


def is_true(value: Any) -> bool:
    """Read a boolean parameter as `rest_sanitize_boolean` does."""
    return str(value).lower() not in {"", "0", "false", "none"}


def write_gmt(at: datetime) -> str:
    """The UTC wall time without a zone letter, as every `*_gmt` field has it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def stamp(record: Json, field: str, at: datetime, zone: ZoneInfo) -> None:
    """Set a time twice, as WooCommerce does: store-local under its name, UTC under `*_gmt`."""
    record[field] = at.astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S")
    record[f"{field}_gmt"] = write_gmt(at)


def read_gmt(text: str) -> datetime:
    """An aware time from a `*_gmt` field."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
