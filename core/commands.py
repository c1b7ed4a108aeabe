"""What the command line does; each command gives its exit status."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
import structlog
from gunicorn.app.base import BaseApplication

from core import __version__, logs, migrate, schedule
from core.app import create_app, installed_platforms, make_services, make_worker
from core.config import BadConfig, Config, read_config
from core.db import Database
from core.desk.trace import trace
from core.mail import check_domain_hints
from core.orders.find import number_key
from core.orders.model import Order
from core.platform.contract import Platform
from core.services import Services
from core.stores.model import Store

VERSION = __version__
log = structlog.get_logger()


def config_from(env: Mapping[str, str]) -> Config:
    """Read the environment, each platform's own settings included. Raises BadConfig."""
    settings = {name: list(platform.app_settings) for name, platform in installed_platforms().items()}
    config = read_config(env, settings)
    logs.configure(config.log_format)
    return config


class _Server(BaseApplication):
    def __init__(self, make_app: Callable[[], Any], options: Mapping[str, Any]) -> None:
        self._make_app = make_app
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        """Hand gunicorn its options."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Build the application in the worker process."""
        return self._make_app()


def serve(
    config: Config,
    bind: str,
    workers: int,
    platforms: Mapping[str, type[Platform]] | None = None,
    make_app: Callable[[Config], Any] = create_app,
) -> int:
    """Answer HTTP until told to stop: gunicorn with threads, which held up best with slow and held requests."""
    make_services(config, platforms).db.close()  # fail here, in a sentence, rather than in every worker
    options = {
        "bind": bind,
        "workers": workers,
        "worker_class": "gthread",
        "threads": 64,
        "keepalive": 30,
        "graceful_timeout": 20,
        "max_requests": 20_000,
        "max_requests_jitter": 2_000,
        "limit_request_line": 8_190,
        "accesslog": None,
        "loglevel": "warning",
        "control_socket_disable": True,
    }
    _Server(lambda: make_app(config), options).run()
    return 0


def work(config: Config, stop: threading.Event, platforms: Mapping[str, type[Platform]] | None = None) -> int:
    """Do promised work and run the clock until `stop` is set."""
    services = make_services(config, platforms)
    clock = schedule.start(services)
    try:
        make_worker(services).run(stop)
    finally:
        clock.shutdown(wait=False)
        services.db.close()
    return 0


def migrate_database(config: Config) -> int:
    """Bring the database to the newest schema."""
    database = Database(config.database_url)
    if refusal := database.refusal():
        raise BadConfig(refusal)
    migrate.upgrade(database)
    database.close()
    return 0


def examine(config: Config, *, public: bool) -> int:
    """Say in sentences what is misconfigured; 1 when something is."""
    problems = list(find_problems(config, public=public))
    for sentence in problems:
        print(f"- {sentence}")
    print("Nothing is wrong." if not problems else f"{len(problems)} to mend.")
    return 1 if problems else 0


def find_problems(config: Config, *, public: bool) -> list[str]:
    """Look at configuration, database, mail and stores; with `public`, at what a marketplace would check."""
    problems = []
    try:
        services = make_services(config)
        problems += _database_problems(services)
        services.db.close()
    except BadConfig as error:
        problems.append(str(error))
    except sa.exc.SQLAlchemyError as error:
        problems.append(f"The database does not answer ({type(error).__name__}). Check AFTERCARE_DATABASE_URL.")
    if not config.smtp_url.get_secret_value():
        problems.append("No mail server is set up: notices wait. Set AFTERCARE_SMTP_URL.")
    if config.mail_from.endswith("@localhost"):
        problems.append("Messages would come from localhost. Set AFTERCARE_MAIL_FROM to an address at your domain.")
    if not config.inbound_token.get_secret_value():
        problems.append("Bounces and replies cannot be handed over. Set AFTERCARE_INBOUND_TOKEN.")
    if public:
        problems += _public_problems(config)
    return problems


def _database_problems(services: Services) -> list[str]:
    if not migrate.is_current(services.db):
        return ["The database is not on the newest schema. Run: python -m core migrate"]
    with services.db.system(write=False) as session:
        closed = session.scalars(sa.select(Store).where(Store.state == "closed")).all()
        stale = [s for s in session.scalars(sa.select(Store)) if services.keyring.needs_resealing(s.credentials or b"")]
    problems = [f"Store {store.key} is closed: {store.state_reason}" for store in closed]
    stale = [store for store in stale if store.credentials]
    if stale:
        problems.append(
            f"{len(stale)} stores are sealed with an older key; keep it in AFTERCARE_SECRET_KEYS until they reconnect."
        )
    return problems


def _public_problems(config: Config) -> list[str]:
    problems = []
    address = urlsplit(config.public_url)
    if address.scheme != "https":
        problems.append("AFTERCARE_PUBLIC_URL must start with https:// for marketplaces and webhooks.")
    if address.hostname in ("localhost", "127.0.0.1", "::1"):
        problems.append("AFTERCARE_PUBLIC_URL names this machine; stores cannot reach it.")
    if config.database_url.startswith("sqlite"):
        problems.append("SQLite serves one machine. For several, set AFTERCARE_DATABASE_URL to a PostgreSQL.")
    if not config.metrics_token.get_secret_value():
        problems.append("Nobody can read /metrics. Set AFTERCARE_METRICS_TOKEN.")
    for name, platform in installed_platforms().items():
        missing = [key for key in platform.app_settings if not config.app_settings.get(name, {}).get(key)]
        problems += [f"{platform.title} needs AFTERCARE_{name}_{key}".upper() for key in missing]
    smtp = urlsplit(config.smtp_url.get_secret_value()).hostname or ""
    if smtp:
        problems += check_domain_hints(config.mail_from.partition("@")[2], smtp)
    return problems


def trace_order(config: Config, wanted: str, store_key: str) -> int:
    """Print how an order came to be as it is; 1 when there is none."""
    services = make_services(config)
    with services.db.system(write=False) as session:
        stores = session.scalars(
            sa.select(Store).where(Store.key == store_key) if store_key else sa.select(Store)
        ).all()
    found = 0
    for store in stores:
        with services.db.transaction(store.id, write=False) as session:
            same = sa.or_(Order.ref == wanted, Order.number_key == number_key(wanted))
            for order in session.scalars(sa.select(Order).where(same)):
                found += 1
                print(f"Order {order.number} of store {store.key}")
                for step in trace(session, store, order, now=services.clock()):
                    print(f"  {step.at:%Y-%m-%d %H:%M:%S}  {step.what}" if step.at else f"  {'now':19}  {step.what}")
    if not found:
        print("No store here has such an order.")
    return 0 if found else 1
