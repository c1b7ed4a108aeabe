"""Structured logs: one JSON object a line, with ids and kinds, never with what people typed or are called."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_SAFE = frozenset(
    "event level timestamp kind job store error name version path platform outcome seconds reason exception".split()
)


def configure(log_format: str = "json") -> None:
    """Set up logging for a process; `log_format` is json or text."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    for noisy in ("urllib3", "alembic", "werkzeug", "mail.log"):
        # urllib3 writes whole addresses, queries included, at DEBUG; the others write a line per request or tick.
        logging.getLogger(noisy).setLevel(logging.WARNING)
    renderer: Any = structlog.processors.JSONRenderer(ensure_ascii=False)
    if log_format != "json":
        renderer = structlog.dev.ConsoleRenderer(colors=False)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _frames_only,
            _only_safe,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def _only_safe(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drop every field that is not known to be harmless: a new one is added to the list on purpose."""
    return {name: value for name, value in event.items() if name in _SAFE}


def _frames_only(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Turn an exception into its type and the lines it passed; its message may quote a row."""
    if event.pop("exc_info", None):
        kind, error, trace = sys.exc_info()
        places = []
        while trace is not None:
            code = trace.tb_frame.f_code
            places.append(f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}")
            trace = trace.tb_next
        event["exception"] = f"{kind.__name__ if kind else 'unknown'} at {' > '.join(places[-8:])}"
        del error
    return event
