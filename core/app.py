"""The one place that wires: services, job kinds, routes, errors, headers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import structlog
from apiflask import APIFlask
from flask import Flask, Response, request, send_from_directory
from jinja2 import BaseLoader, FileSystemLoader
from werkzeug.middleware.proxy_fix import ProxyFix

import plugins
from core import logs
from core.changes import kinds as change_kinds
from core.config import BadConfig, Config
from core.conversations import cases
from core.conversations import pages as conversations_pages
from core.conversations import search_source as case_search
from core.conversations import shop as conversations_shop
from core.db.database import Database
from core.db.database_clock import DatabaseClock, database_now
from core.desk import all_pages  # noqa: F401 - it adds the pages to the desk
from core.desk.labels import name_of
from core.desk.lists.exports import export_job
from core.desk.page import desk
from core.desk.settings import sender_page
from core.desk.shells import person_pages
from core.desk.shells.frame import head_tag
from core.http import errors, headers
from core.http.context import Incoming, in_language, nonce, words
from core.i18n.words import install as install_words
from core.jobs.queue import Kind
from core.jobs.worker import Worker
from core.mail.compose import open_transport
from core.orders import errors as orders_errors
from core.orders import kinds as order_kinds
from core.orders import pages as orders_pages
from core.orders import shop as orders_shop
from core.orders.access import sign_in_pages
from core.orders.access.ways import has_form, offers_sign_in
from core.orders.page_sections import SECTIONS, WITHDRAW_LABEL
from core.orders.presenter import search_source as order_search
from core.platform.contract import Platform
from core.platform.registry import Registry, discover, discover_review_sources
from core.platform.reviews.review_source import ReviewSource
from core.privacy import key_rotation, retention
from core.returns import event_kinds
from core.returns.api import declare_pages, shop_exchanges, shop_withdrawals
from core.returns.api import pages as returns_pages
from core.returns.api import refusals as returns_errors
from core.returns.api import shop as returns_shop
from core.returns.mail import send_letters as returns_mails
from core.returns.money import cancel_order, pay_reimbursement
from core.returns.native import tell_platform
from core.returns.photos import photo_storage
from core.returns.presenter import order_section
from core.returns.presenter import search_source as return_search
from core.returns.withdrawal import declarations, receipts
from core.reviews import publishing
from core.reviews import search_source as review_search
from core.reviews import shop as reviews_shop
from core.reviews.sources import connect as source_connections
from core.search import jobs as search_jobs
from core.search import sources as search_sources
from core.secrets import Keyring
from core.services import Services
from core.shipping import notice_actions
from core.shipping import shop as shipping_shop
from core.shipping import sweep as shipping_sweep
from core.shipping.mail import notices
from core.shipping.rules import notice_kinds
from core.stores import errors as stores_errors
from core.stores import housekeeping
from core.stores.connection import access, health_check, moves, owner_mail
from core.stores.worker_access import WorkerAccess
from core.web import health, hooks, inbound_mail, installs, proxy, source_hooks, widget
from core.web.fast_path import FastPath

log = structlog.get_logger()

_STATIC = Path(__file__).parent / "web" / "static"


def installed_platforms() -> dict[str, type[Platform]]:
    """Give the platforms whose plugins are installed."""
    return discover(plugins)


def installed_review_sources() -> dict[str, type[ReviewSource]]:
    """Give the sources of reviews whose plugins are installed."""
    return discover_review_sources(plugins)


def register_order_kinds() -> None:
    """Tell the orders' registry which kinds of event and of notice the slices above have."""
    order_kinds.register(events=cases.EVENT_KINDS)
    order_kinds.register(events=notice_actions.EVENT_KINDS, notices=notice_kinds.NOTICE_KINDS)
    order_kinds.register(events=event_kinds.EVENT_KINDS, notices=event_kinds.NOTICE_KINDS)


def register_search_sources() -> None:
    """Tell the search which rows each slice has."""
    for slice_ in (order_search, return_search, review_search, case_search):
        search_sources.register(*slice_.SOURCES)


# At import: every process that shows an order or sends a letter is wired here.
register_order_kinds()
register_search_sources()


def wire_kinds() -> dict[str, Kind]:
    """Collect every slice's job kinds; two slices never share a name."""
    kinds: dict[str, Kind] = {}
    for slice_ in (
        *(
            change_kinds,
            access,
            health_check,
            moves,
            owner_mail,
            housekeeping,
            key_rotation,
            notices,
            shipping_sweep,
            cases,
            search_jobs,
        ),
        *(sender_page, person_pages, export_job, retention),
        *(returns_mails, tell_platform, cancel_order, pay_reimbursement),
        *(photo_storage, declarations, receipts, publishing, source_connections),
    ):
        if kinds.keys() & slice_.JOBS.keys():
            raise ValueError("two slices name the same kind of job")
        kinds |= slice_.JOBS
    return kinds


def collect_errors() -> dict[type[Exception], errors.Explain]:
    """Collect what the exceptions of every slice mean over HTTP; two slices never explain the same one."""
    explanations: dict[type[Exception], errors.Explain] = {}
    for module in (errors, stores_errors, orders_errors, returns_errors):
        if explanations.keys() & module.ERRORS.keys():
            raise ValueError("two slices explain the same exception")
        explanations |= module.ERRORS
    return explanations


def make_services(
    config: Config,
    platforms: Mapping[str, type[Platform]] | None = None,
    review_sources: Mapping[str, type[ReviewSource]] | None = None,
) -> Services:
    """Open the database and build the services. Raises BadConfig with a sentence."""
    try:
        keyring = Keyring(config.keys)
    except ValueError as error:
        raise BadConfig(str(error)) from None
    database = Database(config.database_url, pool_size=config.worker_threads + 4)
    if problem := database.connection_problem():
        raise BadConfig(problem)
    return Services(
        db=database,
        config=config,
        keyring=keyring,
        platforms=Registry(installed_platforms() if platforms is None else platforms),
        mail=open_transport(config.smtp_url.get_secret_value()),
        clock=DatabaseClock(database),
        lease_clock=database_now,
        review_sources=installed_review_sources() if review_sources is None else review_sources,
    )


def make_worker(services: Services, *, threads: int | None = None) -> Worker:
    """Make a worker that knows every kind of job."""
    return Worker(services, wire_kinds(), stores=WorkerAccess(), threads=threads)


def create_app(
    config: Config, platforms: Mapping[str, type[Platform]] | None = None, *, services: Services | None = None
) -> APIFlask:
    """Build the web application. `services` may be shared with a worker in the same process."""
    app = APIFlask(
        __name__,
        title="Aftercare",
        version="1",
        spec_path="/shop/openapi.json",
        docs_path=None,
        static_folder=None,  # type: ignore[arg-type]
    )
    if not structlog.is_configured():
        logs.configure(config.log_format)  # the default would print local variables beside a traceback
    app.request_class = Incoming
    app.config["MAX_CONTENT_LENGTH"] = hooks.MOST_BYTES + 1
    app.config["MAX_FORM_MEMORY_SIZE"] = 200_000
    app.config["VALIDATION_ERROR_STATUS_CODE"] = 400
    app.extensions[WITHDRAW_LABEL] = order_section.withdraw_label
    app.wsgi_app = FastPath(app)  # type: ignore[assignment,method-assign]
    if hops := config.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    app.jinja_loader = _templates()
    install_words(app.jinja_env, words)
    app.jinja_env.globals.update(static_url=static_url, footer_label=order_section.footer_label)
    use(app, services or make_services(config, platforms))
    app.jinja_env.filters.update(named=name_of, in_language=in_language, head_tag=head_tag)
    app.context_processor(lambda: {"words": words(), "nonce": nonce()})
    for blueprint in (
        hooks.hooks,
        source_hooks.source_hooks,
        installs.installs,
        proxy.proxy,
        health.health,
        inbound_mail.inbound,
        orders_shop.shop,
        orders_pages.pages,
        sign_in_pages.pages,
        shipping_shop.answers,
        shipping_shop.shop,
        conversations_shop.shop,
        conversations_pages.pages,
        returns_shop.shop,
        shop_exchanges.shop,
        shop_withdrawals.shop,
        returns_pages.pages,
        declare_pages.pages,
        reviews_shop.shop,
        desk,
        widget.widget,
    ):
        app.register_blueprint(blueprint)
    app.add_url_rule("/static/<path:name>", "static", _static)
    app.after_request(headers.complete)
    app.spec_processor(_finish_spec)
    errors.handle(app, collect_errors())
    return app


def use(app: Flask, services: Services) -> None:
    """Let the application serve with these; a test's application serves one database after another."""
    app.extensions["aftercare"] = services
    app.extensions["aftercare.door"] = hooks.StoreLookup()
    app.extensions[SECTIONS] = [order_section.sections_for(services), conversations_pages.sections_for(services)]
    app.jinja_env.globals.update(has_form=partial(has_form, services), offers_sign_in=partial(offers_sign_in, services))


def _templates() -> BaseLoader:
    here = Path(__file__).parent
    return FileSystemLoader([here / "web" / "templates", *sorted(here.glob("*/templates"))])


@cache
def static_url(name: str) -> str:
    """Give the address of a static file, with its digest so that it may be kept for ever."""
    digest = hashlib.blake2b((_STATIC / name).read_bytes(), digest_size=6).hexdigest()
    return f"/static/{name}?v={digest}"


def _static(name: str) -> Response:
    answer = send_from_directory(_STATIC, name)
    if request.args.get("v"):
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return answer


def _finish_spec(spec: Any) -> Any:
    # APIFlask describes bodies of JSON and forms only (3.1.2); a photo is sent as it is.
    pictures = {f"image/{form}": {"schema": {"type": "string", "format": "binary"}} for form in ("jpeg", "png", "webp")}
    spec["paths"]["/shop/{key}/photos"]["post"]["requestBody"] = {"content": pictures}
    # APIFlask leaves out that a request body is required (3.1.2); a validator then sends none.
    for operations in spec["paths"].values():
        for operation in operations.values():
            if isinstance(operation, dict) and "requestBody" in operation:
                operation["requestBody"]["required"] = True
    schemes = spec.setdefault("components", {}).setdefault("securitySchemes", {})
    schemes["ShopperToken"] = {"type": "http", "scheme": "bearer"}
    return spec
