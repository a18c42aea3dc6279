"""
The language in which the record is searched: words, `key:value`, `key:~"piece of text"`, and `-` in front of either.

Reading never fails. What cannot be read becomes a trouble that points at its word, and the rest is searched without it.
"""

import ipaddress
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from enum import StrEnum

TOKEN = re.compile(
    r"""
    (?P<minus>-)?
    (?:(?P<key>[A-Za-z_]+):(?P<tilde>~)?)?
    (?:"(?P<quoted>(?:[^"\\]|\\.)*)(?P<close>"?)|(?P<plain>\S*))
    """,
    re.VERBOSE,
)
AGO = re.compile(r"(\d{1,4})(min|h|d|w)")
UNITS = {"min": "minutes", "h": "hours", "d": "days", "w": "weeks"}
KINDS = ("system", "person", "token", "outside")
"""Words that may stand alone after a minus: who acted."""
RESULTS = ("requested", "done", "refused", "failed", "observed")
REVIEWS = ("waiting", "approved", "questioned", "answered", "escalated", "none")


class Sort(StrEnum):
    """What kind of value a key takes."""

    TEXT = "text"
    CHOICE = "choice"
    MOMENT = "moment"
    NETWORK = "network"
    UUID = "uuid"


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the language."""

    says: str
    sort: Sort = Sort.TEXT
    choices: Sequence[str] = ()


KEYS: Mapping[str, Key] = {
    "actor": Key("who did it, as it is shown: `operator`, `operator/ci`, `system:driver`"),
    "action": Key("what was done: `connector.pause.*`"),
    "target": Key("what it was done to, by name"),
    "team": Key("the team that owned it then"),
    "vendor": Key("the vendor"),
    "account": Key("the vendor account"),
    "result": Key("how it came out", Sort.CHOICE, RESULTS),
    "reason": Key('why: `reason:~"price feed"`'),
    "ticket": Key("the ticket"),
    "error": Key("what went wrong"),
    "ip": Key("from where: an address or a network, `10.20.0.0/16`", Sort.NETWORK),
    "after": Key("since then: `2026-11-01`, `2026-11-01T14:30`, `today`, `7d`", Sort.MOMENT),
    "before": Key("until then", Sort.MOMENT),
    "batch": Key("the batch, by its id", Sort.UUID),
    "operation": Key("the operation, by its id", Sort.UUID),
    "request": Key("the request, by its id"),
    "behalf": Key("on whose behalf a token or the product acted"),
    "kind": Key("who acts", Sort.CHOICE, KINDS),
    "review": Key("where its review stands", Sort.CHOICE, REVIEWS),
}


@dataclass(frozen=True, slots=True)
class Term:
    """One condition; all of them must hold. No key: a word that any searched text holds."""

    key: str
    value: str
    is_negated: bool = False
    is_part: bool = False
    """`~`: the value is a piece of the text, from the beginning of a word on."""
    moment: datetime | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """A word that could not be read; `start` and `end` are columns, from 0."""

    start: int
    end: int
    word: str
    says: str
    better: str = ""
    """What to write in its place."""
    is_left_out: bool = True


@dataclass(slots=True)
class Query:
    """A query as it was read."""

    text: str = ""
    terms: list[Term] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    is_settled: bool = False
    """Whoever searches has found out whether its last word is one, or the beginning of one."""

    def better(self, trouble: Trouble) -> str:
        """This will give the whole query with the word replaced."""
        return self.text[: trouble.start] + trouble.better + self.text[trouble.end :]


class Unreadable(ValueError):
    """A value that its key does not take; the message says what it takes."""


def read(text: str, now: datetime | None = None) -> Query:
    """This will read a query; troubles name what could not be."""
    query = Query(text)
    now = now or datetime.now(UTC)
    for found in _tokens(text):
        try:
            _take(query, found, now)
        except Unreadable as error:
            words, _, better = str(error).partition("\n")
            query.troubles.append(Trouble(found.start(), found.end(), found[0], words, better))
    return query


def of_parts(parts: Mapping[str, str], now: datetime | None = None) -> Query:
    """This will make a query of single filters, as the API takes them."""
    return read(" ".join(f"{key}:{quote(value)}" for key, value in parts.items() if value), now)


def quote(value: str) -> str:
    """This will write a value so that it is read as one."""
    if value and not re.search(r'[\s"\\]', value) and not value.startswith("~"):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _tokens(text: str) -> list[re.Match[str]]:
    found, at = [], 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        token = TOKEN.match(text, at)
        if token is None or token.end() == at:  # cannot be: the last alternative takes anything
            break
        found.append(token)
        at = token.end()
    return found


def _take(query: Query, found: re.Match[str], now: datetime) -> None:
    is_quoted = found["quoted"] is not None
    value = re.sub(r"\\(.)", r"\1", found["quoted"]) if is_quoted else found["plain"]
    is_negated = bool(found["minus"])
    if is_quoted and not found["close"]:
        words = "the quotation mark is not closed; read to the end"
        query.troubles.append(Trouble(found.start(), found.end(), found[0], words, f'{found[0]}"', is_left_out=False))
    if found["key"] is None:
        query.terms.append(_word(found, value, is_negated=is_negated, is_quoted=is_quoted))
        return
    name = found["key"].lower()
    key = KEYS.get(name)
    if key is None:
        raise Unreadable(_unknown(found, name))
    if not value:
        raise Unreadable(f"{name}: needs a value, {key.says}")
    query.terms.append(_term(name, key, value, is_negated=is_negated, is_part=bool(found["tilde"]), now=now))


def _word(found: re.Match[str], value: str, *, is_negated: bool, is_quoted: bool) -> Term:
    if not value:
        raise Unreadable("there is nothing to search for")
    if is_negated and not is_quoted:
        if value.lower() in KINDS:
            return Term("kind", value.lower(), is_negated=True)
        near = get_close_matches(value.lower(), KINDS, 1)
        hint = f"\n-{near[0]}" if near else f'\n-"{value}"'
        raise Unreadable(f"no such word after a minus; there are {', '.join(f'-{kind}' for kind in KINDS)}{hint}")
    if not re.search(r"\w", value):
        raise Unreadable("it holds no letter and no digit")
    return Term("", value, is_negated=is_negated, is_part=not is_quoted)


def _unknown(found: re.Match[str], name: str) -> str:
    near = get_close_matches(name, KEYS, 1, cutoff=0.5)
    if near:
        rest = found[0].split(":", 1)[1]
        return f"there is no key {name}\n{found['minus'] or ''}{near[0]}:{rest}"
    return f'there is no key {name}; a text with a colon is written with quotation marks\n"{found[0]}"'


def _term(name: str, key: Key, value: str, *, is_negated: bool, is_part: bool, now: datetime) -> Term:
    if is_part and key.sort is not Sort.TEXT:
        raise Unreadable(f"{name} has no pieces: write {name}:{value} without ~\n{name}:{value}")
    if is_part and not re.search(r"\w", value):
        raise Unreadable("it holds no letter and no digit")
    moment = _moment(value, now) if key.sort is Sort.MOMENT else None
    check = CHECKS.get(key.sort)
    return Term(name, check(key, value) if check else value, is_negated, is_part, moment)


def _choice(key: Key, value: str) -> str:
    word = value.lower()
    if word not in key.choices:
        near = get_close_matches(word, key.choices, 1)
        raise Unreadable(f"it is one of {', '.join(key.choices)}" + (f"\n{_name_of(key)}:{near[0]}" if near else ""))
    return word


def _name_of(key: Key) -> str:
    return next(name for name, known in KEYS.items() if known is key)


def _network(_: Key, value: str) -> str:
    try:
        return str(ipaddress.ip_network(value, strict=False))
    except ValueError:
        raise Unreadable("that is no address and no network; write 10.20.4.31 or 10.20.0.0/16") from None


def _uuid(_: Key, value: str) -> str:
    try:
        return str(uuid.UUID(value))
    except ValueError:
        raise Unreadable("that is no id; it looks like 5f0c2a1e-8b1d-4c53-9a77-0e2d7b8a3c11") from None


CHECKS: Mapping[Sort, Callable[[Key, str], str]] = {Sort.CHOICE: _choice, Sort.NETWORK: _network, Sort.UUID: _uuid}


def _moment(value: str, now: datetime) -> datetime:
    """A day, a time of day in UTC, or how long ago."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    named = {"now": now, "today": midnight, "yesterday": midnight - timedelta(days=1)}
    if value.lower() in named:
        return named[value.lower()]
    if ago := AGO.fullmatch(value.lower()):
        return now - timedelta(**{UNITS[ago[2]]: int(ago[1])})
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        raise Unreadable("that is no time; write 2026-11-01, 2026-11-01T14:30, today or 7d") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
