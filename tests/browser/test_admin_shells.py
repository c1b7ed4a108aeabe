"""The desk inside a platform's admin, in a real browser: one way for each kind of identity that a shell can have.

The admin and our program are two origins behind one TLS server; the browser resolves every name to it.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from PIL import Image
from werkzeug.serving import WSGIRequestHandler, make_server

from core.app import create_app, wire_kinds
from core.db.base import new_id
from core.jobs.worker import Worker
from core.platform.contract import StaffIdentity
from core.platform.sample import World
from core.platform.samples import shells as sample_shells
from core.privacy import retention
from core.returns.model import ReturnPhoto
from core.services import Services
from core.stores import invitation, staff
from core.stores.model import Store
from core.stores.platform_access import store_by_key
from core.stores.worker_access import WorkerAccess
from tests.browser.conftest import CHROMIUM, PATIENCE
from tests.core.desk.returns_scene import REVIEW, ask
from tests.core.desk.shells import APP, connect, launch, with_shells
from tests.core.returns.seed import place, set_policy
from tests.core.shipping.seed import on_sqlite

ADMIN, CARE = "https://linden.sample.example", "https://care.example"
pytestmark = [pytest.mark.browser, on_sqlite]


class Quiet(WSGIRequestHandler):
    """Logs nothing, and lets a connection be used again."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:
        """Say nothing."""


@dataclass
class Network:
    """Both origins behind one port: our program, and an admin that frames an address of ours."""

    care: Callable[..., Any] | None = None
    framed: str = ""

    def __call__(self, environ: dict[str, Any], start: Any) -> Any:
        """Answer by the name that was asked for."""
        if environ["HTTP_HOST"] == "care.example":
            assert self.care is not None
            return self.care(environ, start)
        body, kind = f'<!doctype html><title>Admin</title><iframe src="{self.framed}"></iframe>', "text/html"
        if environ["PATH_INFO"] == "/bridge.js":
            token = sample_shells.token(APP, "linden", "max", now=time.time())
            body, kind = f"globalThis.sample = {{ token: async () => '{token}' }};", "text/javascript"
        start("200 OK", [("Content-Type", kind)])
        return [body.encode()]


@pytest.fixture(scope="module")
def network() -> Iterator[tuple[Network, int]]:
    """Serve both; give them and the port."""
    both = Network()
    server = make_server("127.0.0.1", 0, both, threaded=True, ssl_context="adhoc", request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield both, server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def tab(browser: Any, network: tuple[Network, int]) -> Iterator[Any]:
    """A browser of its own that finds every name at our port."""
    flags = ["--no-sandbox", "--disable-gpu", f"--host-resolver-rules=MAP *:443 127.0.0.1:{network[1]}"]
    chromium = browser.browser_type.launch(executable_path=CHROMIUM, args=flags)
    context = chromium.new_context(ignore_https_errors=True)
    context.set_default_timeout(PATIENCE)
    yield context
    chromium.close()


@dataclass
class Scene:
    """Max's store with a return and its photo, and a browser page for its platform's admin."""

    app: Services
    store: Store
    page: Any
    network: Network
    errors: list[str] = field(default_factory=list)
    """What the console says."""
    documents: list[str] = field(default_factory=list)
    """The pages of ours that the browser itself asked for, as they came."""

    def open(self, address: str) -> Any:
        """Open the admin with our address in its frame; give the frame."""
        self.network.framed = address
        self.page.goto(f"{ADMIN}/apps")
        return self.page.frame_locator("iframe")

    def frame(self) -> Any:
        """The frame itself, for its script."""
        return next(frame for frame in self.page.frames if frame.parent_frame)

    def keep_days(self) -> int | None:
        """What the desk's form has set."""
        return retention.keep_days(store_by_key(self.app, self.store.key))


@pytest.fixture
def stage(services: Services, world: World, tab: Any, network: tuple[Network, int]) -> Iterator[Callable[[str], Scene]]:
    """Give a scene at a platform."""
    app, pages = with_shells(services), []

    def make(platform: str) -> Scene:
        store = connect(app, world, platform)
        staff.enter(app, store, StaffIdentity("max", "Max", "max@shop.example"))
        set_policy(app, store, **REVIEW)
        order_id = place(app, store, world, Worker(app, wire_kinds(), stores=WorkerAccess()))
        add_photo(app, store, order_id, ask(app, store, order_id))
        network[0].care = create_app(app.config, services=app)
        scene = Scene(app, store, tab.new_page(), network[0])
        pages.append(scene.page)
        scene.page.on("console", lambda said: scene.errors.append(said.text) if said.type == "error" else None)
        scene.page.on("pageerror", lambda error: scene.errors.append(str(error)))
        scene.page.on("response", lambda response: note_document(scene, response))
        return scene

    yield make
    for page in pages:
        page.close()


def add_photo(app: Services, store: Store, order_id: int, return_id: int) -> None:
    """Let a photo of 3 by 2 pixels have come with a return."""
    picture = io.BytesIO()
    Image.new("RGB", (3, 2), "teal").save(picture, "PNG")
    facts = {"content": picture.getvalue(), "mime": "image/png", "width": 3, "height": 2, "digest": "d"}
    photo = ReturnPhoto(id=new_id(), order_id=order_id, return_id=return_id, added_at=app.clock(), **facts)
    with app.db.transaction(store.id) as session:
        session.add(photo)


def note_document(scene: Scene, response: Any) -> None:
    if response.request.is_navigation_request() and response.url.startswith(CARE) and response.ok:
        scene.documents.append(response.text())


def walk(scene: Scene, desk: Any) -> None:
    """Follow a link, post a form and look at a photo."""
    desk.locator(".who", has_text="owner").wait_for()
    desk.locator("header nav a", has_text="Settings").click()
    desk.locator("nav a", has_text="Privacy").click()
    desk.locator("#keep_days").fill("400")
    desk.locator("button.primary").click()
    desk.locator("[role=status]", has_text="Saved.").wait_for()
    assert scene.keep_days() == 400
    desk.locator("header nav a", has_text="Returns").click()
    desk.locator("main a", has_text="RMA-1001").first.click()
    photo = desk.locator(".photos img")
    photo.evaluate("image => image.scrollIntoView()")
    for _ in range(100):
        if photo.evaluate("image => image.naturalWidth") == 3:
            break
        scene.page.wait_for_timeout(50)
    assert photo.evaluate("image => image.naturalWidth") == 3, "the photo is not shown"


def reload_frame(scene: Scene, desk: Any) -> None:
    """Let the browser load the frame anew: what it asks for itself holds nothing of the store, and the page is back."""
    before = len(scene.documents)
    scene.frame().evaluate("location.reload()")
    for _ in range(100):
        if len(scene.documents) > before:
            break
        scene.page.wait_for_timeout(50)
    assert [text for text in scene.documents if "Linden" in text or "RMA-" in text] == []
    desk.locator("h1", has_text="RMA-1001").wait_for()
    desk.locator(".who", has_text="owner").wait_for()


def test_a_frame_with_the_platforms_tokens_works_and_says_what_did_not_come(stage: Callable[[str], Scene]) -> None:
    scene = stage("bearer")
    token = sample_shells.token(APP, "linden", "max", now=time.time())
    desk = scene.open(f"{CARE}/admin/open/bearer?store=linden&id_token={token}")
    walk(scene, desk)
    reload_frame(scene, desk)
    assert scene.errors == []
    scene.page.context.route(f"{CARE}/admin/**", lambda route: route.abort())
    for _ in range(2):  # the second time as well as the first
        desk.locator("header nav a", has_text="Orders").click()
        desk.locator("[role=alert]", has_text="could not be loaded").wait_for()
    assert desk.locator("[role=alert]").count() == 1
    scene.page.context.unroute_all()
    desk.locator("header nav a", has_text="Orders").click()
    desk.locator("h1", has_text="Orders").wait_for()
    assert desk.locator("[role=alert]").count() == 0


def test_a_frame_that_was_signed_once_goes_on_after_a_reload(stage: Callable[[str], Scene]) -> None:
    scene = stage("signed")
    desk = scene.open(f"{CARE}/admin/open/signed?{launch('linden')}")
    walk(scene, desk)
    reload_frame(scene, desk)
    assert scene.errors == []


def test_a_desk_in_a_window_of_its_own_works_and_lets_nobody_frame_it(stage: Callable[[str], Scene]) -> None:
    scene = stage("demo")
    scene.page.goto(f"{CARE}/admin/enter/{invitation.invite(scene.app, scene.store, 'max@shop.example', 'owner')}")
    scene.page.locator("main button").click()
    walk(scene, scene.page)
    scene.page.reload()
    scene.page.locator("h1", has_text="RMA-1001").wait_for()
    assert scene.errors == []
    scene.open(f"{CARE}/admin/{scene.store.key}/")
    scene.page.wait_for_load_state()
    assert "frame-ancestors 'none'" in " ".join(scene.errors)
