"""What a store's platform cannot do is said at the desk in words; where nearly all is missing, every page opens."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from core.desk.settings.feature_words import missing_sentences, sentences
from core.i18n.words import Words, languages
from core.platform.contract import Feature, Installation
from core.platform.registry import Registry
from core.platform.samples.poor_store import PoorStore
from core.platform.samples.rich_store import RichStore
from core.services import Services
from core.stores import install
from core.stores.model import Store
from tests.core.desk.returns_scene import path, seat
from tests.core.shipping.seed import on_sqlite
from tests.plugins.poor.harness import APP as POOR_APP
from tests.plugins.rich.harness import APP as RICH_APP
from tests.plugins.worlds import WORLDS


@pytest.fixture
def app(services: Services) -> Services:
    settings: Mapping[str, Mapping[str, str]] = {"rich": RICH_APP, "poor": POOR_APP}
    config = services.config.model_copy(update={"app_settings": settings})
    return replace(services, config=config, platforms=Registry(WORLDS))


def open_store(app: Services, name: str, folder: Path) -> Store:
    if name == "poor":
        poor = PoorStore(folder / "poor.db")
        credentials = {"world": poor.path, "token": poor.issue()}
    else:
        rich = RichStore(folder / "rich.db")
        credentials = {"world": rich.path, **rich.issue()}
    return install.connect(app, name, Installation("linden", "Linden", credentials, currency="EUR"))


def said(app: Services, store: Store) -> list[str]:
    """What the page of the connection says we cannot do."""
    page = seat(app, store, "owner").get(path(store, "connection")).text
    _, _, below = page.partition("What we cannot do at this platform")
    return [unescape(item) for item in re.findall(r"<li>(.*?)</li>", below.partition("</ul>")[0])]


@on_sqlite
def test_the_desk_of_a_poor_platform_says_what_is_missing_and_what_happens_instead(
    app: Services, tmp_path: Path
) -> None:
    told = said(app, open_store(app, "poor", tmp_path))
    assert told == missing_sentences(WORLDS["poor"].features, Words("en"))
    assert "Pay refunds. You pay them in your store, and we notice it." in told
    assert "Publish a reply to a review. The script in your shop shows it instead." in told
    assert "Read reviews. This platform has none." not in told


@on_sqlite
def test_the_desk_of_a_rich_platform_says_only_what_that_one_lacks(app: Services, tmp_path: Path) -> None:
    told = said(app, open_store(app, "rich", tmp_path))
    assert "Read reviews. This platform has none." in told
    assert not [sentence for sentence in told if "reply" in sentence], "where there are no reviews, nobody replies"
    assert not [sentence for sentence in told if "refunds" in sentence]


@pytest.mark.parametrize("language", sorted(languages()))
def test_every_feature_has_a_sentence_for_where_it_is_missing(language: str) -> None:
    words = sentences(Words(language))
    assert words.keys() == set(Feature)
    assert all(words.values())


def test_one_way_of_keeping_returns_is_enough() -> None:
    returns = sentences(Words("en"))[Feature.NATIVE_RETURNS]
    all_features = set(Feature)
    for features, times in (
        (all_features - {Feature.RETURN_NOTES}, 0),
        (all_features - {Feature.NATIVE_RETURNS}, 0),
        (all_features - {Feature.NATIVE_RETURNS, Feature.RETURN_NOTES}, 1),
    ):
        assert missing_sentences(features, Words("en")).count(returns) == times


@on_sqlite
@pytest.mark.parametrize("name", ["rich", "poor"])
def test_every_page_of_their_desks_opens(app: Services, tmp_path: Path, name: str) -> None:
    store = open_store(app, name, tmp_path)
    desk = seat(app, store, "owner")
    for page in ("", "orders", "returns", "reviews", "cases", "connection", "settings"):
        assert desk.get(path(store, page), follow_redirects=True).status_code == 200, page
