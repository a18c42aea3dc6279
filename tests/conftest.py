"""What every test may use: settings for tests, the tiny vendor, and sandboxes over real HTTP."""

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from cryptography.fernet import Fernet
from django.db import connection

import connectors.vendors
from connectors.vendors import registry
from connectors.vendors.sandbox import Bench, bench, listening

PLUGINS = Path(__file__).parent / "plugins"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC_BROWSER = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"


@pytest.fixture(autouse=True)
def settings_for_tests(settings: Any, tmp_path: Path) -> None:
    """This will give each test a key for credentials, a state folder, plain static files and no limit on requests."""
    settings.STATE_DIR = tmp_path
    settings.CREDENTIAL_KEYS = [TEST_KEY]
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_CLASSES": []}


TEST_KEY = Fernet.generate_key().decode()


APPEND_ONLY = {
    "connectors_auditevent": "audit",
    "connectors_auditseal": "audit_seal",
    "connectors_auditcheckpoint": "audit_checkpoint",
    "connectors_auditchain": "audit_chain",
}
"""Table to what its triggers' names begin with."""


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Tests that commit are cleaned up by TRUNCATE, which the audit refuses; the test of that turns it on again."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        for table, trigger in APPEND_ONLY.items():
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}_no_truncate")


@pytest.fixture
def tiny() -> Iterator[str]:
    """This will add the tiny vendor by adding its folder, and give its slug."""
    connectors.vendors.__path__.append(str(PLUGINS))
    registry.vendors.cache_clear()
    yield "tiny"
    connectors.vendors.__path__.remove(str(PLUGINS))
    registry.vendors.cache_clear()


@pytest.fixture
def serve() -> Iterator[Callable[..., tuple[Bench, str]]]:
    """This will give a function that serves a vendor's sandbox over real HTTP: `(bench, address)`."""
    servers: list[tuple[uvicorn.Server, threading.Thread]] = []

    def start(slug: str, **options: Any) -> tuple[Bench, str]:
        app = bench(slug, **options)
        listener = listening()
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off", date_header=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        servers.append((server, thread))
        return app, f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for server, thread in servers:
        server.should_exit = server.force_exit = True
        thread.join(timeout=10)


def find_browser() -> str | None:
    """This will find a Chromium: BROWSER_PATH, then the PATH, then the usual place on macOS."""
    found = os.environ.get("BROWSER_PATH") or next((p for name in BROWSERS if (p := shutil.which(name))), None)
    return found or (MAC_BROWSER if Path(MAC_BROWSER).exists() else None)


@pytest.fixture(scope="session")
def browser_path() -> str:
    """This will give the browser for journeys; without one they are skipped, but never in CI."""
    found = find_browser()
    if found is None:
        words = "NO BROWSER: journeys did not run. Install Chromium or set BROWSER_PATH."
        if os.environ.get("CI") == "true":
            pytest.fail(words)
        pytest.skip(words)
    return found


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """This will put journeys last: Playwright leaves an event loop running in its process, where others need none."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """This will say loudly when no journey ran."""
    if find_browser() is None:
        terminalreporter.write_line(
            "NO BROWSER WAS FOUND: no journey ran. Install Chromium or set BROWSER_PATH.", red=True
        )
