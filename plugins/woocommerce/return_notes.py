"""Returns, which WooCommerce does not know: a private note on the order and a row of its meta data for each move."""

from __future__ import annotations

from core.platform.contract import ReturnMove
from plugins.woocommerce.client import Client, checked_id
from plugins.woocommerce.tracking import meta_of, rows_of

RETURNS_META = "_aftercare_returns"


def write_move(api: Client, move: ReturnMove) -> str:
    """Write a move down once and give the note's id: a return is never an order status of the store's."""
    path = f"orders/{checked_id(move.order_ref)}"
    rows = rows_of(meta_of(api.get(path)).get(RETURNS_META))
    for row in rows:
        if row.get("key") == move.key:
            return str(row.get("note"))
    words = f"Aftercare: return {move.rma} {move.move}. {move.note}".strip()
    # All in one page, whatever was asked for (10.5).
    notes = api.page(f"{path}/notes", {"type": "internal"}).items
    # There already: the last try wrote the note and was cut off before the meta data.
    written = (row for row in notes if row.get("note") == words)
    note = next(written, None) or api.post(f"{path}/notes", {"note": words, "customer_note": False})
    row = {"key": move.key, "rma": move.rma, "move": move.move, "note": str(note["id"])}
    api.put(path, {"meta_data": [{"key": RETURNS_META, "value": [*rows, row]}]})
    return str(note["id"])
