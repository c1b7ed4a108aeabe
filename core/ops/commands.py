"""What the command line does; each command gives its exit status."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import sqlalchemy as sa
import structlog
from gunicorn.app.base import BaseApplication

from core import __version__, logs
from core.app import create_app, installed_platforms, make_services, make_worker
from core.config import BadConfig, Config, read_config
from core.db.database import Database
from core.db.purpose import Purpose
from core.desk.trace import trace
from core.jobs import scheduler
from core.mail.compose import open_transport
from core.ops import doctor
from core.orders.find import number_key
from core.orders.model import Order
from core.platform.contract import Platform
from core.schema import migrate
from core.stores.model import Store

T = TypeVar("T")
VERSION = __version__
"""Beside schedule.TABLE: what older keys sealed is sealed anew."""
PATIENCE = 60.0
"""Seconds a process waits at start for a database that does not answer yet."""
_PAUSE = 0.5
log = structlog.get_logger()


def config_from(env: Mapping[str, str]) -> Config:
    """Read the environment, each platform's own settings included. Raises BadConfig."""
    settings = {
        name: [*platform.app_settings, *platform.optional_settings] for name, platform in installed_platforms().items()
    }
    config = read_config(env, settings)
    logs.configure(config.log_format)
    try:
        open_transport(config.smtp_url.get_secret_value())
    except ValueError as error:  # it never repeats the URL, which holds a password
        raise BadConfig(str(error)) from None
    return config


@contextmanager
def _telling_of_the_database() -> Iterator[None]:
    """Turn a database that does not answer into one sentence; the driver's own may name its user and password."""
    try:
        yield
    except sa.exc.SQLAlchemyError as error:
        raise BadConfig(doctor.silent_database(error)) from None
    except ModuleNotFoundError as error:
        raise BadConfig(
            f"The database's driver {error.name} is not installed: pip install 'aftercare[postgres]'"
        ) from None
    except OSError as error:  # SQLite's folder
        raise BadConfig(
            f"The database's folder cannot be made: {error.strerror}. Check AFTERCARE_DATABASE_URL."
        ) from None


def _patiently(open_: Callable[[], T], patience: float, stop: threading.Event | None = None) -> T:
    """Open what needs the database; one that is away is tried again for `patience` seconds, or until `stop` is set.

    So processes may be started in any order, the database's among them. A sentence on stderr says that we wait.
    """
    stop, deadline, is_told = stop or threading.Event(), time.monotonic() + patience, False
    while True:
        try:
            return open_()
        except sa.exc.OperationalError as error:
            if stop.is_set() or time.monotonic() >= deadline:
                raise
            if not is_told:
                seconds = f"{patience:.0f} second{'s' if patience != 1 else ''}"
                print(f"{doctor.silent_database(error)} Trying again for up to {seconds}.", file=sys.stderr, flush=True)
            is_told = True
        stop.wait(_PAUSE)


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
    *,
    patience: float = PATIENCE,
) -> int:
    """Answer HTTP until told to stop: gunicorn with threads, which held up best with slow and held requests.

    Raises BadConfig for tokens that are easy to guess, before anything listens.
    """
    if weak := doctor.weak_tokens(config):
        raise BadConfig(" ".join(weak))
    with _telling_of_the_database():
        # Wait and fail here, in a sentence, rather than in every worker.
        _patiently(lambda: make_services(config, platforms), patience).db.close()
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


def work(
    config: Config,
    stop: threading.Event,
    platforms: Mapping[str, type[Platform]] | None = None,
    *,
    patience: float = PATIENCE,
) -> int:
    """Do promised work and run the clock until `stop` is set."""
    with _telling_of_the_database():
        services = _patiently(lambda: make_services(config, platforms), patience, stop)
    clock = scheduler.start(services)
    try:
        make_worker(services).run(stop)
    finally:
        clock.shutdown(wait=False)
        services.db.close()
    return 0


def migrate_database(config: Config, *, patience: float = PATIENCE) -> int:
    """Bring the database to the newest schema."""
    with _telling_of_the_database():
        database = Database(config.database_url)
        problem = _patiently(database.connection_problem, patience)
    if problem:
        raise BadConfig(problem)
    try:
        migrate.upgrade(database)
    except sa.exc.OperationalError as error:  # a lock_timeout, a full disk: the one transaction was rolled back
        raise BadConfig(
            f"Nothing was changed ({type(error.orig).__name__}). See deploy/README.md, then run it again."
        ) from None
    finally:
        database.close()
    return 0


def examine(config: Config, *, public: bool) -> int:
    """Say in sentences what is misconfigured; 1 when something is. Advice alone is no fault."""
    found = doctor.find_problems(config, public=public)
    for sentence in found.problems:
        print(f"- {sentence}")
    print(f"{len(found.problems)} to mend." if found.problems else "Nothing is wrong.")
    if found.advice:
        print("To know:")
    for sentence in found.advice:
        print(f"  {sentence}")
    return 1 if found.problems else 0


def trace_order(config: Config, wanted: str, store_key: str) -> int:
    """Print how an order came to be as it is; 1 when there is none."""
    services = make_services(config)
    with services.db.system(Purpose.INSPECT, write=False) as session:
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
