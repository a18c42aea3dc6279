"""Reading settings from the environment, with errors that say what to set."""

import base64
import binascii
import os
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
from django.core.exceptions import ImproperlyConfigured
from psycopg.conninfo import conninfo_to_dict

YES = frozenset({"1", "true", "yes", "on"})
NO = frozenset({"0", "false", "no", "off"})
FERNET_KEY_BYTES = 32
TEAM_ROLES = frozenset({"viewer", "operator", "lead"})
SITE_ROLES = frozenset({"admin", "auditor"})


def text(name: str, default: str = "") -> str:
    """This will read a text; set but empty counts as not set."""
    return os.environ.get(name, "").strip() or default


def needed(name: str, why: str) -> str:
    """
    This will read what has no default.

    :raises ImproperlyConfigured: it is not set
    """
    found = text(name)
    if not found:
        raise ImproperlyConfigured(f"{name} is not set: {why}")
    return found


def flag(name: str, *, default: bool = False) -> bool:
    """
    This will read a switch.

    :raises ImproperlyConfigured: it is neither on nor off
    """
    word = text(name).lower()
    if word and word not in YES | NO:
        raise ImproperlyConfigured(f"{name} is {word!r}: set it to 1 or 0")
    return word in YES if word else default


def number(name: str, default: int) -> int:
    """
    This will read a whole number, zero or more.

    :raises ImproperlyConfigured: it is none
    """
    word = text(name, str(default))
    if not word.isdecimal():
        raise ImproperlyConfigured(f"{name} is {word!r}: set it to a whole number")
    return int(word)


def choice(name: str, *options: str) -> str:
    """
    This will read one of a few words; the first is the default.

    :raises ImproperlyConfigured: it is none of them
    """
    word = text(name, options[0]).lower()
    if word not in options:
        raise ImproperlyConfigured(f"{name} is {word!r}: set it to {' or '.join(options)}")
    return word


def words(name: str, default: str = "") -> list[str]:
    """This will read a list with commas between."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def grants(name: str) -> dict[str, list[tuple[str, str]]]:
    """
    This will read what groups give: `group=team:role`, with commas between; the team `site` stands for site roles.

    :raises ImproperlyConfigured: it reads otherwise, or names a role that does not exist
    """
    found: dict[str, list[tuple[str, str]]] = {}
    for word in words(name):
        group, _, given = word.rpartition("=")
        team, _, role = given.partition(":")
        roles = SITE_ROLES if team == "site" else TEAM_ROLES
        if not group.strip() or not team or role not in roles:
            raise ImproperlyConfigured(f"{name}: {word!r} is not like payments-ops=payments:operator or it=site:admin")
        found.setdefault(group.strip(), []).append(("" if team == "site" else team, role))
    return found


def fernet_keys(name: str, why: str) -> list[str]:
    """
    This will read encryption keys; the first one encrypts, all of them decrypt.

    :raises ImproperlyConfigured: there is none, or one is malformed; the message never shows a key
    """
    needed(name, why)
    keys = words(name)
    for place, key in enumerate(keys, start=1):
        if not _is_fernet_key(key):
            raise ImproperlyConfigured(f"{name}: key {place} is not 32 bytes in URL-safe base64; {why}")
    return keys


def _is_fernet_key(key: str) -> bool:
    try:
        return len(base64.urlsafe_b64decode(key)) == FERNET_KEY_BYTES
    except (binascii.Error, ValueError):
        return False


def mail(name: str) -> tuple[str, int, str, str, bool, bool]:
    """
    This will read the address of a mail server: host, port, user, password, TLS from the start, STARTTLS.

    No host: it is not set, and no mail is sent.

    :raises ImproperlyConfigured: it is no such address, or would send a password in clear
    """
    if not text(name):
        return "", 0, "", "", False, False
    wanted = f"{name} must look like smtps://user:password@host:465 or smtp+starttls://user:password@host:587"
    try:
        parts = urlsplit(text(name))
        host, port = parts.hostname, parts.port
    except ValueError:  # its message may quote the password
        raise ImproperlyConfigured(wanted) from None
    if parts.scheme not in MAIL_PORTS or not host or (parts.scheme == "smtp" and parts.password):
        raise ImproperlyConfigured(f"{wanted}; smtp://host:25 is for a server that asks for no password")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    port = port or MAIL_PORTS[parts.scheme]
    return host, port, user, password, parts.scheme == "smtps", parts.scheme == "smtp+starttls"


MAIL_PORTS = {"smtps": 465, "smtp+starttls": 587, "smtp": 25}


def database(url: str, *, pool_size: int) -> dict[str, Any]:
    """
    This will turn the address of a PostgreSQL database into Django's setting, whatever libpq understands.

    :param pool_size: connections this process may keep; 0 for one of its own to each thread, without a pool; then, as
        behind a pooler each statement may meet another connection, no plans are kept either

    :raises ImproperlyConfigured: it is not such an address, or names no database
    """
    wanted = "DATABASE_URL must look like postgresql://user:password@host/name; no other database is supported"
    if not url.startswith(("postgresql://", "postgres://")):
        raise ImproperlyConfigured(wanted)
    try:
        parts = dict(conninfo_to_dict(url))
    except psycopg.ProgrammingError:  # its message may quote the password
        raise ImproperlyConfigured(wanted) from None
    if not parts.get("dbname"):
        raise ImproperlyConfigured(wanted)
    setting = {name: str(parts.pop(key, "")) for key, name in DATABASE_PARTS.items()}
    pool = {"min_size": 0, "max_size": pool_size, "timeout": 5, "max_idle": 60} if pool_size else False
    return {
        "ENGINE": "django.db.backends.postgresql",
        **setting,
        "CONN_MAX_AGE": 0,
        "OPTIONS": {**parts, "pool": pool, "prepare_threshold": PLANNED_AFTER if pool_size else None},
    }


PLANNED_AFTER = 1
"""Uses of a statement until its plan is kept with the connection; only `connectors.planned` asks for that."""
DATABASE_PARTS = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
