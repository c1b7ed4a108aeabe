"""Serves what is compared, under one gunicorn with one set of options: the application, and bare WSGI floors."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from benchmarks import floors
from benchmarks.stage import PLATFORMS, WORKERS, config_for
from core.app import create_app, make_services
from core.config import Config
from core.ops.commands import serve


def our_app(config: Config) -> Any:
    """Build the application with a clock on which ten seconds pass at each look.

    The limits of look-ups (2,000 a quarter of an hour in a store) are part of the work, and stay open like this, also
    to a second server that starts where the first one did.
    """
    looks = count()
    began = datetime.now(UTC)
    services = make_services(config, PLATFORMS)
    ticking = replace(services, clock=lambda: began + timedelta(seconds=10 * next(looks)))
    return create_app(config, services=ticking)


def main(kind: str, port: str, url: str, secret: str = "") -> int:
    """Serve until told to stop."""
    make = {
        "ours": our_app,
        "hooks": lambda config: floors.hooks(config.database_url, secret.encode()),
        "find": lambda config: floors.find(config.database_url),
    }[kind]
    return serve(config_for(url, trusted_proxies="1"), f"127.0.0.1:{port}", WORKERS, PLATFORMS, make)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
