"""Telling one error from another: the same cause has the same mark, whatever numbers, names and times stand in it."""

import hashlib
import re

VARYING = (
    (re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{8}-[0-9a-f-]{27}\b|\b[0-9a-f]{12,}\b"), "*"),
    (re.compile(r"\d+"), "#"),
    (re.compile(r"""(["'`“])[^"'`”]{1,200}(["'`”])"""), r"\1*\2"),
    (re.compile(r"\s+"), " "),
)
"""What differs from one occurrence to the next: ids, numbers, quoted names, spaces."""
LENGTH = 8
CAUSED_BY = re.compile(r"^Caused by: (?:[\w.$]+: )?(.+)$", re.MULTILINE)


def fingerprint(error: str) -> str:
    """This will give eight letters for an error, empty for none."""
    text = error.strip().lower()
    if not text:
        return ""
    for pattern, instead in VARYING:
        text = pattern.sub(instead, text)
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


def cause(trace: str) -> str:
    """This will find the innermost cause in a trace, else its first line."""
    causes = CAUSED_BY.findall(trace)
    return str(causes[-1]) if causes else trace.strip().partition("\n")[0]
