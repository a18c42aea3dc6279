"""Logs: JSON lines in production, readable ones in the demo, and never a secret."""

import logging
import logging.config
import re
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from connectors.vendors import secrets

SECRET_KEY_NAME = re.compile(
    r"password|secret|token|authorization|api_key|private_key|credential|cookie", re.IGNORECASE
)


def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """This will mask values under names that look secret, and strip secrets out of every text."""
    for name, value in event.items():
        if SECRET_KEY_NAME.search(name):
            event[name] = secrets.MASK
        elif isinstance(value, str):
            event[name] = secrets.strip(value)
    return event


def configure(*, is_readable: bool) -> None:
    """This will set up structlog and the standard library's logging behind it."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.processors.format_exc_info,
        redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    last: Processor = (
        structlog.dev.ConsoleRenderer(colors=False) if is_readable else structlog.processors.JSONRenderer()
    )
    formatter: dict[str, Any] = {
        "()": structlog.stdlib.ProcessorFormatter,
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        "foreign_pre_chain": shared,
    }
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"ours": formatter},
            "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "ours"}},
            "root": {"handlers": ["console"], "level": "WARNING"},
            "loggers": {"connectors": {"level": "INFO"}, "dashboard": {"level": "INFO"}},
        }
    )
