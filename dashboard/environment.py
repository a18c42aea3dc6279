"""Reading settings from the environment, with errors that say what to set."""

import os
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def flag(name: str, default: bool = False) -> bool:
    """This will read a switch: 1/true/yes/on or 0/false/no/off."""
    text = os.environ.get(name, "").strip().lower()
    if text in {"", "0", "false", "no", "off"}:
        return default if text == "" else False
    if text in {"1", "true", "yes", "on"}:
        return True
    raise ImproperlyConfigured(f"{name} is {text!r}: set it to 1 or 0")


def number(name: str, default: int) -> int:
    """This will read a whole number."""
    text = os.environ.get(name, "")
    try:
        return int(text) if text else default
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {text!r}: set it to a whole number") from None


def words(name: str, default: str = "") -> list[str]:
    """This will read a comma-separated list."""
    return [word.strip() for word in os.environ.get(name, default).split(",") if word.strip()]


def needed(name: str, why: str) -> str:
    """
    This will read what has no default.

    :raises ImproperlyConfigured: it is not set
    """
    text = os.environ.get(name, "")
    if not text:
        raise ImproperlyConfigured(f"{name} is not set: {why}")
    return text


def database(url: str, *, pool_size: int) -> dict[str, Any]:
    """
    This will turn a PostgreSQL address into Django's setting.

    :raises ImproperlyConfigured: it is not a PostgreSQL address, or names no database
    """
    parts = urlsplit(url)
    name = parts.path.lstrip("/")
    if parts.scheme not in {"postgres", "postgresql"} or not name:
        raise ImproperlyConfigured("DATABASE_URL looks like postgresql://user:password@host/name; only PostgreSQL is supported")
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    host = query.pop("host", parts.hostname or "")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(name),
        "USER": query.pop("user", unquote(parts.username or "")),
        "PASSWORD": query.pop("password", unquote(parts.password or "")),
        "HOST": host,
        "PORT": str(query.pop("port", parts.port or "")),
        "CONN_MAX_AGE": 0,
        "OPTIONS": {
            **query,
            "pool": {"min_size": 0, "max_size": pool_size, "timeout": 10, "max_idle": 60} if pool_size else False,
        },
    }
