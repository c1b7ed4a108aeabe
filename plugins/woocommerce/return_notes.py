"""Returns, which WooCommerce does not know: a private note on the order and a row of its meta data for each move."""

from __future__ import annotations

from core.platform.calls.keyed_notes import note_once
from core.platform.contract import ReturnMove
from plugins.woocommerce.client import Client, checked_id
from plugins.woocommerce.tracking import meta_of, rows_of

RETURNS_META = "_aftercare_returns"


def write_move(api: Client, move: ReturnMove) -> str:
    """Write a move down once and give the note's id: a return is never an order status of the store's."""
    path = f"orders/{checked_id(move.order_ref)}"
    log = rows_of(meta_of(api.get(path)).get(RETURNS_META))
    return note_once(
        move,
        log,
        # All in one page, whatever was asked for (10.5).
        notes=lambda: [
            (str(row["id"]), row.get("note")) for row in api.page(f"{path}/notes", {"type": "internal"}).items
        ],
        write=lambda words: str(api.post(f"{path}/notes", {"note": words, "customer_note": False})["id"]),
        save=lambda rows: api.put(path, {"meta_data": [{"key": RETURNS_META, "value": rows}]}),
    )
