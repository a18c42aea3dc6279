"""Keeping secrets out of everything that is shown, logged or stored in clear."""

import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

MASK = "••••••"

SECRET_NAME = re.compile(
    r"pass(word|phrase|wd)?$|password|passphrase|secret|token|credential|private[._-]?key|api[._-]?key|"
    r"access[._-]?key|shared[._-]?key|sas[._-]?key|jaas|auth(orization|\.header)|keystore|connection[._-]?string|"
    r"user\.info|signature",
    re.IGNORECASE,
)
"""Names of settings whose values are secret. Better one too many than one too few."""

USER_INFO = re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)")
ASSIGNED = re.compile(
    r"(?i)\b((?:\w|[.-])*(?:password|passwd|secret|token|api[._-]?key|private[._-]?key)[\"']?\s*[=:]\s*[\"']?)([^\s\"',;&}]+)"
)
SCHEME = re.compile(r"(?i)\b(basic|bearer|apikey)\s+[A-Za-z0-9+/=._~-]{8,}")
HINT = re.compile(r"basic|bearer|passw|secret|token|api[._-]?key|private[ ._-]?key")
"""What every other text with a secret to be found in it holds somewhere in small letters; most texts do not."""
PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL)


def mask(value: Any, name: str = "") -> Any:
    """This will give a copy of a configuration in which the value of each secret-looking name is masked."""
    if isinstance(value, str):
        return MASK if value and _is_secret(name) else strip(value)
    if isinstance(value, dict):
        return {key: mask(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [mask(item, name) for item in value]
    if isinstance(value, Mapping):
        return mask(dict(value))
    return MASK if value not in (None, True, False) and _is_secret(name) else value


@lru_cache(maxsize=4096)
def _is_secret(name: str) -> bool:
    return SECRET_NAME.search(name) is not None


def strip(text: str, secrets: Collection[str] = ()) -> str:
    """
    This will take out of a text what looks like a secret, and each of the given ones.

    :param secrets: values known to be secret; those shorter than four characters are left alone,
        they would tear up the text
    """
    if not text:  # of a reading's texts, most are
        return text
    if secrets:
        for secret in sorted((s for s in secrets if len(s) >= 4), key=len, reverse=True):
            text = text.replace(secret, MASK)
    if "@" in text and "://" in text:
        text = USER_INFO.sub(MASK, text)
    if not HINT.search(text.lower()):  # much faster than one that ignores case
        return text
    text = PEM.sub(MASK, text)
    text = SCHEME.sub(lambda found: f"{found[1]} {MASK}", text)
    return ASSIGNED.sub(lambda found: f"{found[1]}{MASK}", text)
