"""What a WooCommerce store has of a product, as a shopper may have it in exchange."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.platform.contract import Feature
from core.platform.snapshots import Variant
from core.returns.requests.exchange_offers import price_of
from plugins.woocommerce.platform import WooCommerce
from tests.plugins.woocommerce.harness import Merchant, open_platform


@pytest.fixture
def max_(tmp_path: Path) -> Iterator[Merchant]:
    with open_platform(tmp_path) as (_, merchant):
        yield merchant


def test_a_variable_product_gives_its_variations_as_recorded(max_: Merchant) -> None:
    assert Feature.VARIANTS in WooCommerce.features
    assert max_.connect().variants_of("12") == [
        Variant(ref, size, 8900, "USD", tax_included=False) for ref, size in (("15", "L"), ("14", "M"), ("13", "S"))
    ]


def test_a_simple_product_is_one_itself(max_: Merchant) -> None:
    (one,) = max_.connect().variants_of("11")
    assert (one.ref, one.title, one.currency) == ("11", "", "USD")


def test_what_is_out_of_stock_private_or_has_a_picture_says_so(max_: Merchant) -> None:
    rows = max_.store.variations
    rows[15] |= {"stock_status": "outofstock", "stock_quantity": 0}
    rows[14] |= {"image": {"id": 9, "src": "https://store.example/m.png"}, "price": ""}
    rows[13] |= {"status": "private"}
    told = max_.connect().variants_of("12")
    assert [(one.ref, one.in_stock, one.price, one.image_url) for one in told] == [
        ("15", False, 8900, ""),
        ("14", True, None, "https://store.example/m.png"),
    ]


@pytest.mark.parametrize(
    ("has_taxes", "prices_have_tax", "is_included"), [(True, False, False), (True, True, True), (False, False, True)]
)
def test_prices_are_with_tax_where_the_store_types_them_so_or_reckons_with_none(
    max_: Merchant, has_taxes: bool, prices_have_tax: bool, is_included: bool
) -> None:
    max_.store.has_taxes, max_.store.prices_have_tax = has_taxes, prices_have_tax
    assert {one.tax_included for one in max_.connect().variants_of("12")} == {is_included}


@pytest.mark.parametrize("product", ["9999", ""])
def test_a_product_that_is_gone_has_nothing(max_: Merchant, product: str) -> None:
    assert max_.connect().variants_of(product or "9998") == []


def test_a_price_without_tax_bears_the_tax_of_what_was_bought() -> None:
    variant = Variant("15", "L", 8900, "USD", tax_included=False)
    assert price_of(variant, net=8900, gross=9657, currency="USD") == 9657
    assert price_of(variant, net=4450, gross=4829, currency="USD") == 9658
    assert price_of(variant, net=8900, gross=9657, currency="EUR") is None
