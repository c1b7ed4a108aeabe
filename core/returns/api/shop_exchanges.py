"""The shopper's JSON of exchanges: what the store has instead of a line, each with its difference in price."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from apiflask import APIBlueprint

from core.http.context import services
from core.i18n.words import Words
from core.jobs.queue import PauseStore
from core.orders.model import Order
from core.platform.contract import Feature
from core.platform.errors import PlatformError
from core.platform.snapshots import Variant
from core.returns.api.api_access import check_access, count, order_of, reader_context_of
from core.returns.api.exchange_outputs import VariantOut, VariantsOut
from core.returns.api.inputs import VariantsIn
from core.returns.money.order_balance import read_balance
from core.returns.money.quotes import QuoteRequest
from core.returns.money.refund_amount import MoreThanBought, NothingLeft, quote
from core.returns.requests.exchange_offers import ExchangeOffer, price_of, sign_offer
from core.secrets import Keyring
from core.services import Services
from core.stores.connection.features import features_of
from core.stores.model import Store
from core.stores.platform_access import open_platform

shop = APIBlueprint("exchanges", __name__, url_prefix="/shop", tag="Returns")
log = logging.getLogger(__name__)
PATIENCE = (3.0, 8.0)
"""Seconds to connect and to read: a shopper waits, and can say what they would like in words."""
_MOST = 100


@shop.get("/<key>/returns/variants")
@shop.input(VariantsIn, location="query")
@shop.output(VariantsOut)
@shop.doc(
    summary="Say what the store has instead of a line, and what it costs more or less",
    responses=[400, 401, 404, 429],
    security="ShopperToken",
)
def variants(key: str, query_data: VariantsIn) -> VariantsOut:
    app = services()
    store, token, order_id = check_access(app, key, query_data.order)
    count(app, store, "variants", order_id)
    with app.db.transaction(store.id, write=False) as session:
        order = order_of(session, store, order_id)
        balance = read_balance(session, order)
        words = reader_context_of(app, store, order, token).words
    line = balance.line(query_data.line)
    if line is None or not balance.left.get(line.ref):
        return VariantsOut(variants=[])
    try:
        units = balance.left[line.ref]
        worth = quote(balance.bought, QuoteRequest({line.ref: units})).lines[0].gross // units
    except (NothingLeft, MoreThanBought):
        return VariantsOut(variants=[])
    net = line.total - (line.tax if order.tax_included else 0)
    told = []
    for variant in _ask_store(app, store, line.product_ref):
        price = price_of(variant, net=net, gross=net + line.tax, currency=order.currency)
        title = f"{line.title}, {variant.title}" if variant.title else line.title
        offer = ExchangeOffer(variant.ref, title, price)
        shown = _show(app.keyring, words, order, line.ref, variant, offer, worth, gift=query_data.gift)
        if shown is not None:
            told.append(shown)
    return VariantsOut(variants=told)


def _ask_store(app: Services, store: Store, product: str) -> Sequence[Variant]:
    """List a product's variants; [] where the store cannot say now: shoppers then use their own words."""
    if not product or Feature.VARIANTS not in features_of(app, store):
        return ()
    try:
        return open_platform(app, store, timeout=PATIENCE).variants_of(product)[:_MOST]
    except (PlatformError, PauseStore) as error:
        log.info("store %s did not say what it has: %s", store.id, type(error).__name__)
        return ()


def _show(
    keyring: Keyring,
    words: Words,
    order: Order,
    line: str,
    variant: Variant,
    offer: ExchangeOffer,
    worth: int,
    *,
    gift: bool,
) -> VariantOut | None:
    """Put a variant into words. Who was given a present sees no price, so nothing dearer is offered to them."""
    difference = None if offer.price is None else offer.price - worth
    if gift and (difference is None or difference > 0):
        return None
    name = variant.title or offer.title
    parts = [name, "" if gift else _difference(words, difference, order.currency)]
    if not variant.in_stock:
        parts.append(words.pgettext("widget", "Out of stock"))
    return VariantOut(
        offer=sign_offer(keyring, order.id, line, offer),
        label=" · ".join(filter(None, parts)),
        image_url=variant.image_url,
        in_stock=variant.in_stock,
        difference=None if gift else difference,
    )


def _difference(words: Words, difference: int | None, currency: str) -> str:
    if not difference:
        return ""
    return f"{'+' if difference > 0 else '−'}{words.money(abs(difference), currency)}"
