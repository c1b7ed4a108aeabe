"""The registry of kinds: each is complete in every language, each the code writes is in it, none shows a raw code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

import core.app
from core.desk.labels import name_of
from core.i18n.words import Words, languages
from core.jobs.worker import Worker
from core.orders import kinds
from core.orders.kinds import EventKind, NoticeKind
from core.orders.model import OrderEvent
from core.orders.presenter.event_sentences import event_sentence
from core.orders.presenter.parcel_status import STATIONS, STATUSES, status_label
from core.platform.sample import World
from core.platform.snapshots import TrackingStatus
from core.returns.event_kinds import NOTICE_KINDS as RETURN_NOTICES
from core.services import Services
from core.shipping.rules.notice_kinds import NOTICE_KINDS as SHIPPING_NOTICES
from core.shipping.rules.notice_kinds import RULES
from core.stores.model import Store
from core.stores.tokens import shopper_token
from tests.core.returns.seed import place
from tests.layout import MODULES, ROOT, tree_of

ENGLISH = Words("en")
OTHERS = [language for language in languages() if language != "en"]
EVENTS = sorted(kinds.event_kinds())
NOTICES = sorted(kinds.notice_kinds())


def test_every_notice_of_the_slices_is_registered() -> None:
    assert {*SHIPPING_NOTICES, *RETURN_NOTICES} == set(kinds.notice_kinds().values())


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_reads_as_a_sentence_in_every_language_or_not_at_all(name: str) -> None:
    kind = kinds.event_kinds()[name]
    for about in ("", *kind.sentence_about):
        english = event_sentence(name, ENGLISH, {"kind": about})
        assert english != name
        for language in OTHERS:
            sentence = event_sentence(name, Words(language), {"kind": about})
            assert bool(sentence) == bool(english), language
            assert sentence != english or not english, language


@pytest.mark.parametrize("name", NOTICES)
def test_a_notice_has_its_letter_and_its_label_in_every_language(name: str) -> None:
    kind = kinds.notice_kinds()[name]
    folder = ROOT / "core" / kind.template.partition("/")[0] / "templates"
    letter, sentences = folder / kind.template, (folder / kind.template).with_name("sentences.txt")
    for block in ("subject", "preheader", "body"):
        assert f"block {block} " in letter.read_text("utf-8"), block
    assert kind.buttons, "a letter leads somewhere"
    for button in kind.buttons:
        assert f"block answer_{button} " in _with_what_it_shares(sentences), button
    for language in OTHERS:
        assert kind.label(Words(language).pgettext) != kind.label(ENGLISH.pgettext), language


def _with_what_it_shares(sentences: Path) -> str:
    return "".join(path.read_text("utf-8") for path in (sentences, *(ROOT / "core/web/templates/mail").glob("*.txt")))


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_rule_is_a_switch_with_a_name(name: str, services: Services) -> None:
    with core.app.create_app(services.config, services=services).test_request_context("/?lang=en"):
        assert name_of(name)[:1].isupper(), "without a name it would read as its code"


@pytest.mark.parametrize("status", TrackingStatus)
def test_a_status_has_its_words_in_every_language_and_its_place_on_the_way(status: TrackingStatus) -> None:
    assert STATUSES[status].station < len(STATIONS)
    for language in OTHERS:
        for shipped in (False, True):
            label = status_label(status, Words(language).pgettext, shipped=shipped)
            assert label not in ("", status, status_label(status, ENGLISH.pgettext, shipped=shipped)), language


def test_every_kind_the_code_writes_is_registered() -> None:
    written = {(module, kind) for module in MODULES if module.startswith("core.") for kind in _kinds_written(module)}
    assert len(written) > 20, "where events are written is found by the names of the functions that write them"
    known = {"event": kinds.event_kinds(), "notice": kinds.notice_kinds()}
    for module, (family, pattern) in written:
        assert any(Path(name).match(pattern) for name in known[family]), f"{module} writes {family} {pattern}"


def _kinds_written(module: str) -> Iterator[tuple[str, str]]:
    """Yield ("event" or "notice", kind) of each call that writes one; what an f-string fills in reads "*"."""
    for node in ast.walk(tree_of(module)):
        if not isinstance(node, ast.Call):
            continue
        function = ast.unparse(node.func)
        named = {keyword.arg: keyword.value for keyword in node.keywords}
        if function == "OrderEvent" and "kind" in named:
            yield from _patterns("event", named["kind"])
        if function in ("events.record_event", "record_event") and len(node.args) > 2:
            yield from _patterns("event", node.args[2])
        if function in ("events.request_letter", "request_letter") and len(node.args) > 2:
            yield from _patterns("notice", node.args[2])


def _patterns(family: str, value: ast.expr) -> Iterator[tuple[str, str]]:
    if isinstance(value, ast.Constant):
        yield family, str(value.value)
    if isinstance(value, ast.JoinedStr):
        parts = [str(part.value) if isinstance(part, ast.Constant) else "*" for part in value.values]
        yield family, "".join(parts)


@pytest.mark.parametrize("kind", ["return_requested", "return_approved", "return_declined", "return_canceled"])
def test_a_cancellation_reads_otherwise_than_a_return(kind: str) -> None:
    assert event_sentence(kind, ENGLISH, {"kind": "cancel"}) != event_sentence(kind, ENGLISH, {"kind": "return"})


def test_a_name_belongs_to_one_kind() -> None:
    with pytest.raises(ValueError, match="two slices name an event replied"):
        kinds.register(events=[EventKind(name="replied")])
    twin = NoticeKind(name="delay", label=lambda say: "", template="", buttons=())
    with pytest.raises(ValueError, match="two slices name a notice delay"):
        kinds.register(notices=[twin])


def test_a_kind_nobody_registered_is_shown_to_no_shopper(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker
) -> None:
    order_id = place(services, store, world, worker)
    found = _read_with_events(client, services, store, order_id, ["told_of_something_new", "issued_refund"])
    assert [event["kind"] for event in found["order"]["events"]] == ["issued_refund"]
    assert [text for one in found["page"]["lists"] for _, text in one["lines"]] == ["Your refund was made"]


def test_what_is_staff_s_reaches_no_shopper(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker
) -> None:
    order_id = place(services, store, world, worker)
    found = _read_with_events(client, services, store, order_id, ["paid_otherwise", "issued_refund"])
    assert [event["kind"] for event in found["order"]["events"]] == ["issued_refund"]
    assert [text for one in found["page"]["lists"] for _, text in one["lines"]] == ["Your refund was made"]


def _read_with_events(
    client: FlaskClient, services: Services, store: Store, order_id: int, names: list[str]
) -> dict[str, Any]:
    with services.db.transaction(store.id) as session:
        for name in names:
            session.add(OrderEvent(order_id=order_id, at=services.clock(), kind=name, facts={"paid": 4711}))
    token = shopper_token(services.keyring, store.id, [order_id])
    seen = client.get(f"/shop/{store.key}/orders?lang=en", headers={"Authorization": f"Bearer {token}"}).get_json()
    (found,) = seen["orders"]
    return dict(found)
