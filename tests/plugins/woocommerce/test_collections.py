"""Which collections a WooCommerce store's goods are in, and which variant was bought."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.platform.contract import Feature
from plugins.woocommerce.platform import WooCommerce
from tests.plugins.woocommerce.harness import Merchant, open_platform


@pytest.fixture
def max_(tmp_path: Path) -> Iterator[Merchant]:
    with open_platform(tmp_path) as (_, merchant):
        yield merchant


def test_categories_are_the_collections_by_name_and_slug(max_: Merchant) -> None:
    assert Feature.COLLECTIONS in WooCommerce.features
    max_.store.products[12]["categories"] = [{"id": 16, "name": "Shoes &amp; bags", "slug": "shoes-bags"}]
    max_.store.products[11]["categories"] = []
    assert max_.connect().collections_of(["11", "12"]) == {"11": (), "12": ("Shoes & bags", "shoes-bags")}


def test_only_what_was_asked_for_is_told_and_what_is_gone_is_left_out(max_: Merchant) -> None:
    assert set(max_.connect().collections_of(["12", "9998", "gift"])) == {"12"}
    assert max_.connect().collections_of(["gift"]) == {}
