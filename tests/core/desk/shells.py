"""Sample platforms whose admins carry identity by a token, by one signed launch, or without naming anybody."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from flask.testing import FlaskClient

from core.app import create_app
from core.config import read_config
from core.platform.contract import Installation, Platform
from core.platform.registry import Registry
from core.platform.sample import Demo, World
from core.platform.samples import shells as sample_shells
from core.platform.samples.shells import APP_SETTINGS, BearerAdmin, NamesNobody, SignedAdmin
from core.services import Services
from core.stores import install
from core.stores.model import Store
from tests.conftest import KEY
from tests.core.two_stores import Outbox

APP = {"client_id": "our-app", "client_secret": "what the sample admin signs with"}


class Bearer(BearerAdmin, Demo):
    """Names staff on each request."""

    name = "bearer"


class Signed(SignedAdmin, Demo):
    """Names staff once, in a signed launch."""

    name = "signed"


class Nobody(NamesNobody, SignedAdmin, Demo):
    """Names a store once, in a signed launch, and nobody."""

    name = "nobody"


class BearerNobody(NamesNobody, BearerAdmin, Demo):
    """Names a store on each request, and nobody."""

    name = "bearernobody"


PLATFORMS = {one.name: one for one in (Bearer, Signed, Nobody, BearerNobody, Demo)}


def with_shells(services: Services, **others: type[Platform]) -> Services:
    """Give services with these platforms, or others under their names, and an outbox."""
    env = {"AFTERCARE_DATABASE_URL": services.config.database_url, "AFTERCARE_SECRET_KEYS": KEY}
    env |= {"AFTERCARE_PUBLIC_URL": "https://care.example"}
    for name in PLATFORMS:
        env |= {f"AFTERCARE_{name}_{setting}".upper(): value for setting, value in APP.items()}
    settings = {name: [*APP_SETTINGS] for name in PLATFORMS if name != "demo"}
    return replace(
        services, config=read_config(env, settings), platforms=Registry({**PLATFORMS, **others}), mail=Outbox()
    )


def connect(app: Services, world: World, platform: str, ref: str = "linden", **facts: Any) -> Store:
    """Connect a store at one of these platforms."""
    return install.connect(
        app, platform, Installation(ref, ref.title(), {"world": world.path}, currency="EUR", **facts)
    )


def browser(app: Services) -> FlaskClient:
    return create_app(app.config, services=app).test_client()


def bearer(ref: str, sub: str = "max", **claims: Any) -> dict[str, str]:
    """Give the header of a request that the sample admin's token speaks for."""
    token = sample_shells.token(APP, ref, sub, now=time.time(), **claims)
    return {"Authorization": f"Bearer {token}"}


def launch(ref: str, sub: str = "max", *, nonce: str = "n1") -> str:
    return sample_shells.launch(APP, ref, sub, nonce=nonce)


NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe", "Accept": "text/html"}
"""What a browser sends along when a frame is opened or reloaded."""
