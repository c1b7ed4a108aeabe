"""The two buttons of a withdrawal: the official wordings, and where the first of them stands."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from core.i18n.words import Words
from core.jobs.worker import Worker
from core.platform.sample import World
from core.returns.law.button_labels import button_label, official_labels
from core.services import Services
from core.stores.model import Store
from core.stores.tokens import tracking_token
from tests.core.returns.seed import ACCEPTS, bought, place, set_policy
from tests.core.returns.visit import Visit
from tests.core.samples import ANN

OFFICIAL = "bg cs da de el en es et fi fr ga hr hu it lt lv mt nl pl pt ro sk sl sv".split()


def shop_at(client: FlaskClient, services: Services, store: Store, world: World, worker: Worker, **order: str) -> Visit:
    set_policy(services, store, **ACCEPTS)
    return Visit(client, services, store, place(services, store, world, worker, bought(**order)))


def test_every_language_of_the_union_has_both_wordings() -> None:
    assert list(official_labels()) == OFFICIAL
    words = [label for labels in official_labels().values() for label in labels.values()]
    assert len(set(words)) == 48
    assert all(word == word.strip() and word[0].isupper() for word in words)


@pytest.mark.parametrize(
    ("page", "wishes", "withdraw", "confirm"),
    [
        ("en", (), "Withdraw from contract here", "Confirm withdrawal"),
        ("lt", ("de",), "Atsisakyti sutarties čia", "Patvirtinti sutarties atsisakymą"),
        ("en", ("de-AT", "fr"), "Vertrag widerrufen", "Widerruf bestätigen"),
        ("en", ("", "fr_FR"), "Renoncer au contrat ici", "Confirmer la rétractation"),
        ("en", ("ja",), "Withdraw from contract here", "Confirm withdrawal"),
        ("vi", ("de",), "Rút khỏi hợp đồng tại đây", "Xác nhận rút khỏi hợp đồng"),
    ],
)
def test_a_button_speaks_the_page_s_language_or_the_contract_s(
    page: str, wishes: tuple[str, ...], withdraw: str, confirm: str
) -> None:
    assert button_label("withdraw", Words(page), *wishes) == withdraw
    assert button_label("confirm", Words(page), *wishes) == confirm


def test_the_order_s_first_view_has_the_button(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker
) -> None:
    visit = shop_at(client, services, store, world, worker, language="de")
    found = client.post(f"/shop/{store.key}/find?lang=en", json={"number": "1042", "proof": ANN}).get_json()
    assert found["page"]["withdraw"] == "Vertrag widerrufen"
    options = visit.see(f"returns/options?order={visit.order_id}")
    assert options["withdrawal"]["label"] == "Vertrag widerrufen"
    started = visit.see("withdrawals", {"order": str(visit.order_id), "name": "Ann"})
    assert started["confirm_label"] == "Widerruf bestätigen"
    link = f"/t/{tracking_token(services.keyring, store.id, visit.order_id, 1)}"
    assert re.search(
        r'<a class="button" href="/t/[^"]+/withdraw[^"]*"[^>]*>Vertrag widerrufen</a>', client.get(link).text
    )


def test_where_no_right_is_known_there_is_no_button(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker
) -> None:
    shop_at(client, services, store, world, worker, country="US")
    found = client.post(f"/shop/{store.key}/find?lang=en", json={"number": "1042", "proof": ANN}).get_json()
    assert found["page"]["withdraw"] == ""


def test_every_page_s_footer_leads_to_the_withdrawal(
    client: FlaskClient, services: Services, store: Store, world: World, worker: Worker
) -> None:
    visit = shop_at(client, services, store, world, worker)
    link = f"/t/{tracking_token(services.keyring, store.id, visit.order_id, 1)}"
    entry = f'<a href="/find/{store.key}/withdraw'
    for page in (link, f"/find/{store.key}", f"{link}/withdraw"):
        footer = client.get(f"{page}?lang=en").text.partition("<footer>")[2]
        assert entry in footer, page
        assert "Withdraw from contract here" in footer
