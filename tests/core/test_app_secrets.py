"""A platform that signs with the app's secret: its deliveries, its shoppers and the desk, also during a rotation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from core.app import create_app
from core.config import read_config
from core.platform import signatures
from core.platform.contract import Installation, Opening, Reply, Request, SecretOf, Shopper, StaffIdentity
from core.platform.registry import Registry
from core.platform.sample import Demo, World
from core.platform.snapshots import Change
from core.services import Services
from core.stores import install
from core.stores.model import Store
from tests.conftest import KEY
from tests.core.samples import jobs_of

SIGNED = "x-signed"
NEWS = json.dumps({"resource": "order", "ref": "1"}).encode()


class AppSigned(Demo):
    """Signs everything with the app's secret, as Shopify and Ecwid do; the store's own secret signs nothing."""

    name = "appsigned"
    app_settings = {"client_secret": "signs what the platform sends us"}  # noqa: RUF012 - as the contract has it
    optional_settings = {"old_client_secret": "the one before"}  # noqa: RUF012

    @staticmethod
    def _require(request: Request, app: Mapping[str, str], message: bytes) -> None:
        secrets = [app["client_secret"], app["old_client_secret"]]
        signatures.require_signed(message, request.headers.get(SIGNED, ""), secrets)

    def read_webhook(self, request: Request, *, secret: str) -> list[Change]:
        self._require(request, self.app, request.body)
        news = json.loads(request.body)
        return [Change(news["resource"], news["ref"])]

    def identify_shopper(self, request: Request, *, secret: str) -> Shopper | None:
        self._require(request, self.app, request.query.encode())
        return Shopper(ref="7")

    @classmethod
    def open_admin(cls, request: Request, app: Mapping[str, str], *, secret_of: SecretOf) -> Opening | Reply:
        cls._require(request, app, request.query.encode())
        return Opening("linden", StaffIdentity(ref="max", name="Max"))

    @classmethod
    def nonce_of(cls, request: Request) -> str:
        return ""


@pytest.fixture
def app(services: Services, database_url: str) -> Services:
    env = {
        "AFTERCARE_DATABASE_URL": database_url,
        "AFTERCARE_SECRET_KEYS": KEY,
        "AFTERCARE_PUBLIC_URL": "https://care.example",
        "AFTERCARE_APPSIGNED_CLIENT_SECRET": "the secret of now",
        "AFTERCARE_APPSIGNED_OLD_CLIENT_SECRET": "the secret before",
    }
    config = read_config(env, {"appsigned": [*AppSigned.app_settings, *AppSigned.optional_settings]})
    return replace(services, config=config, platforms=Registry({"appsigned": AppSigned}))


@pytest.fixture
def store(app: Services, world: World) -> Store:
    facts = Installation(ref="linden", name="Linden", credentials={"world": world.path}, currency="EUR")
    return install.connect(app, "appsigned", facts)


@pytest.fixture
def client(app: Services, store: Store) -> FlaskClient:
    return create_app(app.config, services=app).test_client()


def deliver(client: FlaskClient, secret: str) -> int:
    headers = {SIGNED: signatures.sign(secret, NEWS), "x-demo-store": "linden"}
    return client.post("/hooks/appsigned", data=NEWS, headers=headers).status_code


@pytest.mark.parametrize("secret", ["the secret of now", "the secret before"])
def test_a_delivery_signed_with_the_apps_secret_is_taken_in(
    app: Services, client: FlaskClient, store: Store, secret: str
) -> None:
    assert deliver(client, secret) == 200
    assert "order:1" in jobs_of(app, store)


@pytest.mark.parametrize("secret", ["another", "", "the secret of"])
def test_a_delivery_signed_otherwise_is_not(app: Services, client: FlaskClient, store: Store, secret: str) -> None:
    assert deliver(client, secret) == 401
    assert "order:1" not in jobs_of(app, store)


def test_an_app_without_its_secret_takes_nothing_in(app: Services, store: Store) -> None:
    bare = replace(app, config=app.config.model_copy(update={"app_settings": {"appsigned": unset()}}))
    assert deliver(create_app(bare.config, services=bare).test_client(), "") == 401


def unset() -> dict[str, str]:
    return {"client_secret": "", "old_client_secret": ""}


@pytest.mark.parametrize(("secret", "status"), [("the secret of now", 200), ("another", 401)])
def test_a_shopper_forwarded_under_the_apps_secret_is_known(client: FlaskClient, secret: str, status: int) -> None:
    headers = {SIGNED: signatures.sign(secret, b"customer=7"), "x-demo-store": "linden"}
    assert client.get("/proxy/appsigned/orders?customer=7", headers=headers).status_code == status


@pytest.mark.parametrize(("secret", "status"), [("the secret before", 302), ("another", 401)])
def test_the_desk_opens_to_whom_the_apps_secret_names(client: FlaskClient, secret: str, status: int) -> None:
    headers = {SIGNED: signatures.sign(secret, b"shop=linden")}
    assert client.get("/admin/open/appsigned?shop=linden", headers=headers).status_code == status
