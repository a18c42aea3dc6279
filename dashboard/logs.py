"""Logs: JSON lines in production, readable ones in the demo, and never a secret."""

import logging.config
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from connectors.vendors import secrets

QUIET = {"handlers": [], "propagate": True, "level": "WARNING"}
"""Servers bring handlers of their own; with ours alone, each line is redacted and has one form."""


def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """This will mask values under names that look secret, however deep, and strip secrets out of every text."""
    return {name: secrets.mask(value, name) for name, value in event.items()}


def configure(*, is_readable: bool) -> None:
    """This will set up structlog, and the standard library's logging behind it."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.processors.format_exc_info,  # before redacting: a traceback may hold a secret too
        redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"ours": _formatter(shared, is_readable=is_readable)},
            "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "ours"}},
            "root": {"handlers": ["console"], "level": "WARNING"},
            "loggers": {
                "connectors": {"level": "INFO"},
                "dashboard": {"level": "INFO"},
                **dict.fromkeys(("celery", "django", "uvicorn", "uvicorn.access", "uvicorn.error"), QUIET),
            },
        }
    )


def _formatter(shared: list[Processor], *, is_readable: bool) -> dict[str, Any]:
    last: Processor = structlog.processors.JSONRenderer()
    if is_readable:
        last = structlog.dev.ConsoleRenderer(colors=False)
    return {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": shared,
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
    }
