"""Settings come from the environment, and what is wrong there is said in words."""

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from dashboard import environment

NAME = "SWITCHYARD_TEST_SETTING"
KEY = "b25seS1mb3ItdGVzdHMtb25seS1mb3ItdGVzdHMtISE="


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u:p%40ss@db:6432/name", {"USER": "u", "PASSWORD": "p@ss", "HOST": "db", "PORT": "6432"}),
        ("postgres://db/name", {"USER": "", "PASSWORD": "", "HOST": "db", "PORT": ""}),
        ("postgresql:///name?host=/run/pg&user=u", {"USER": "u", "PASSWORD": "", "HOST": "/run/pg", "PORT": ""}),
        ("postgresql://u@/name?host=/run/pg", {"USER": "u", "PASSWORD": "", "HOST": "/run/pg", "PORT": ""}),
        ("postgresql://%2FRun%2Fpg/name", {"USER": "", "PASSWORD": "", "HOST": "/Run/pg", "PORT": ""}),
    ],
)
def test_database_reads_addresses_as_libpq_does(url: str, expected: dict[str, str]) -> None:
    found = environment.database(url, pool_size=3)

    assert {name: found[name] for name in ("NAME", *expected)} == {"NAME": "name", **expected}
    assert found["OPTIONS"]["pool"]["max_size"] == 3
    assert found["OPTIONS"]["prepare_threshold"] == 1


def test_database_hands_on_other_options_and_keeps_no_plans_behind_a_pooler() -> None:
    found = environment.database("postgresql://db/name?sslmode=verify-full", pool_size=0)

    assert found["OPTIONS"] == {"sslmode": "verify-full", "pool": False, "prepare_threshold": None}


@pytest.mark.parametrize(
    "url",
    ["mysql://db/name", "sqlite:///file", "postgresql://db", "postgresql://u:hidden@db:port/name?nonsense=1", "x"],
)
def test_database_refuses_what_is_no_postgresql_address_and_never_quotes_it(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL must look like") as caught:
        environment.database(url, pool_size=3)

    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(("word", "expected"), [("1", True), ("Yes", True), ("0", False), ("off", False), ("", True)])
def test_flag_reads_words_and_falls_back(monkeypatch: pytest.MonkeyPatch, word: str, expected: bool) -> None:
    monkeypatch.setenv(NAME, word)

    assert environment.flag(NAME, default=True) is expected


def test_readers_refuse_what_they_cannot_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "perhaps")

    with pytest.raises(ImproperlyConfigured, match="set it to 1 or 0"):
        environment.flag(NAME)
    with pytest.raises(ImproperlyConfigured, match="set it to a whole number"):
        environment.number(NAME, 1)
    with pytest.raises(ImproperlyConfigured, match="set it to allow or deny"):
        environment.choice(NAME, "allow", "deny")


def test_needed_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAME, raising=False)

    with pytest.raises(ImproperlyConfigured, match=f"{NAME} is not set: because"):
        environment.needed(NAME, "because")


def test_fernet_keys_reads_a_list_and_never_shows_a_bad_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, f"{KEY}, {KEY}")
    assert environment.fernet_keys(NAME, "because") == [KEY, KEY]

    monkeypatch.setenv(NAME, f"{KEY},too-short")
    with pytest.raises(ImproperlyConfigured, match="key 2 is not 32 bytes") as caught:
        environment.fernet_keys(NAME, "because")
    assert "too-short" not in str(caught.value)


def test_content_policy_allows_nothing_inline() -> None:
    directives = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]

    assert "unsafe" not in str(directives)
    assert directives["default-src"] == ["'self'"]
    assert directives["frame-ancestors"] == ["'none'"]


def test_tasks_survive_their_worker_and_wait_in_threads() -> None:
    assert settings.CELERY_TASK_ACKS_LATE
    assert settings.CELERY_TASK_REJECT_ON_WORKER_LOST
    assert settings.CELERY_WORKER_PREFETCH_MULTIPLIER == 1
    assert settings.CELERY_WORKER_POOL == "threads"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("", ("", 0, "", "", False, False)),
        ("smtps://me:p%40ss@mail.example", ("mail.example", 465, "me", "p@ss", True, False)),
        ("smtp+starttls://me:pw@mail.example:2525", ("mail.example", 2525, "me", "pw", False, True)),
        ("smtp://relay", ("relay", 25, "", "", False, False)),
    ],
)
def test_mail_reads_the_address_of_a_server(
    monkeypatch: pytest.MonkeyPatch, address: str, expected: tuple[object, ...]
) -> None:
    monkeypatch.setenv(NAME, address)

    assert environment.mail(NAME) == expected


@pytest.mark.parametrize(
    "address", ["smtp://me:hidden@mail.example", "mail.example", "https://x", "smtps://x:hidden@h:port"]
)
def test_mail_refuses_what_would_send_a_password_in_clear_and_never_quotes_it(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv(NAME, address)

    with pytest.raises(ImproperlyConfigured, match="must look like smtps://") as caught:
        environment.mail(NAME)

    assert "hidden" not in str(caught.value)
