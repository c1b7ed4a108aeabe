"""Reading orders: each with its refunds, its fulfillments and whether its payment method can pay back."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from core.platform.snapshots import Gone, OrderSnapshot
from plugins.woocommerce import mapping
from plugins.woocommerce.client import Client, Missing, NoRoute
from plugins.woocommerce.tracking import meta_of, rows_of

log = logging.getLogger(__name__)


class OrderReader:
    """Reads one store's orders; remembers which payment methods pay back and whether fulfillments are on."""

    def __init__(self, api: Client, store_url: str) -> None:
        self._api = api
        self._store_url = store_url
        self._fulfillments_on = True
        self._refunding_methods: frozenset[str] | None = None

    def fetch(self, ref: str) -> OrderSnapshot | Gone:
        """Fetch one order. Raises Missing."""
        order = self._api.get(f"orders/{ref}")
        return self._snapshot(order, meta_of(order).get("_fulfillment_status") != "no_fulfillments")

    def read_listed(self, order: Mapping[str, Any]) -> OrderSnapshot | Gone:
        """Read an order as a listing gave it."""
        # Core keeps this beside the order, so that a listing need not ask order by order (10.5).
        fulfilled = meta_of(order).get("_fulfillment_status") in ("partially_fulfilled", "fulfilled")
        return self._snapshot(order, fulfilled)

    def with_refunds(self, ref: str) -> tuple[Mapping[str, Any], list[dict[str, Any]]]:
        """Fetch an order and its refunds, as WooCommerce writes them. Raises Missing."""
        order = self._api.get(f"orders/{ref}")
        return order, self._refunds(order)

    def can_refund(self, order: Mapping[str, Any]) -> bool:
        """Say whether the order's payment method can pay money back by itself."""
        if self._refunding_methods is None:
            gateways = self._api.page("payment_gateways", {"_fields": "id,method_supports"}).items
            able = (row["id"] for row in gateways if "refunds" in (row.get("method_supports") or ()))
            self._refunding_methods = frozenset(able)
        return order.get("payment_method") in self._refunding_methods

    def _snapshot(self, order: Mapping[str, Any], with_fulfillments: bool) -> OrderSnapshot | Gone:
        if order.get("status") in mapping.GONE:
            return Gone(str(order["id"]))
        return mapping.order(
            order,
            store_url=self._store_url,
            refunds=self._refunds(order),
            fulfillments=self._fulfillments(order) if with_fulfillments else (),
            refundable=bool(order.get("date_paid_gmt")) and self.can_refund(order),
        )

    def _refunds(self, order: Mapping[str, Any]) -> list[dict[str, Any]]:
        return list(self._api.walk(f"orders/{order['id']}/refunds")) if order.get("refunds") else []

    def _fulfillments(self, order: Mapping[str, Any]) -> list[dict[str, Any]]:
        if not self._fulfillments_on:
            return []
        try:
            return rows_of(self._api.get(f"orders/{order['id']}/fulfillments"))
        except NoRoute:
            self._fulfillments_on = False  # the feature is off in this store
        except Missing:
            log.info("woocommerce: an order went while it was read")
        return []
