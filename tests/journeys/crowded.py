"""The board of ten thousand connectors, served by a real server from a real database, with a hand on its rows."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
import uvicorn
from django.conf import settings as configured
from django.contrib.auth.hashers import make_password
from django.core.management import call_command
from django.db import connection, transaction
from django.test import override_settings
from django.utils import timezone
from playwright.sync_api import Browser, Page

from connectors import matrix
from connectors.models import Connector, VendorAccount
from connectors.services import notices
from connectors.states import State
from dashboard import hub
from dashboard.asgi import Handler, answer
from dashboard.views import events
from tests import cast
from tests.crowd import crowd
from tests.journeys.conftest import SOON, free_port

T = TypeVar("T")
PASSWORD = "demo"


@dataclass
class Crowded:
    """A server, and what a test may do to its rows. The database is touched in a thread of its own."""

    url: str
    estate: cast.Estate
    pool: ThreadPoolExecutor
    folder: Path
    contexts: list[Any] = field(default_factory=list)

    def do(self, work: Callable[[], T]) -> T:
        """This will do something with the database: Playwright keeps an event loop in the thread of the test."""
        return self.pool.submit(work).result()

    def open(self, chromium: Browser, name: str = "operator", **options: Any) -> Page:
        """This will sign somebody in, in a browser of their own, and open the board."""
        context = chromium.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        context.set_default_timeout(SOON * 1000)
        self.contexts.append(context)
        page = context.new_page()
        page.goto(f"{self.url}sign-in/")
        page.get_by_label("Login", exact=True).fill(name)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(self.url)
        return page

    def move(self, ids: list[int], state: State) -> None:
        """This will let connectors come into a state, as an observation would."""

        def write() -> None:
            with transaction.atomic():
                Connector.objects.filter(pk__in=ids).update(
                    state=state, vendor_state=state.upper(), state_since=timezone.now(),
                    urgency=matrix.urgency(State.RUNNING, state),
                )  # fmt: skip
                VendorAccount.objects.update(observed_at=timezone.now())
                notices.rows(connectors=ids)

        self.do(write)


def serve() -> tuple[uvicorn.Server, threading.Thread, str]:
    """This will serve the site by one event loop, as a web process does."""
    port = free_port()
    django = Handler()

    async def serves(scope: Any, receive: Any, send: Any) -> None:
        await answer(django, scope, receive, send)

    server = uvicorn.Server(uvicorn.Config(serves, port=port, log_level="critical", lifespan="off", date_header=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    return server, thread, f"http://127.0.0.1:{port}/"


def fill() -> cast.Estate:
    """This will make the estate, fresh for longer than any test takes, with logins."""
    estate = cast.estate("kafka-connect", timezone.now())
    VendorAccount.objects.update(budget=3600)
    for person in estate.people.values():
        person.password = make_password(PASSWORD)
        person.save(update_fields=["password"])
    crowd(estate)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return estate


def address_of_database() -> str:
    """This will give the address of this worker's test database."""
    given = connection.settings_dict
    return f"postgresql:///{given['NAME']}?host={given['HOST']}&user={given['USER']}"


def compressed(folder: Path) -> dict[str, Any]:
    """Static files as in production: compressed, under names with their hash."""
    storages = {"staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}}
    return {"STATIC_ROOT": folder, "STORAGES": {**configured.STORAGES, **storages}}


@pytest.fixture(scope="module")
def transactional_db(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """This will give a module the database, in place of pytest-django's: filled once, and wiped in another thread."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture(scope="module")
def site(transactional_db: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowded]:
    """This will serve the board of ten thousand for a whole module; all that was written is wiped at its end."""
    pool, own_hub, folder = ThreadPoolExecutor(1), hub.Hub(), tmp_path_factory.mktemp("static")
    with pytest.MonkeyPatch.context() as patch, override_settings(**compressed(folder)):
        patch.setattr(events, "HUB", own_hub)
        call_command("collectstatic", interactive=False, verbosity=0)
        estate = pool.submit(fill).result()
        server, thread, url = serve()
        yield Crowded(url, estate, pool, folder)
        own_hub.close_from_signal()
        server.should_exit = True
        thread.join(timeout=10)
        pool.submit(wipe).result()
        pool.shutdown()


def wipe() -> None:
    """This will leave the database as it was found, and nobody connected to it."""
    call_command("flush", interactive=False, verbosity=0)
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's has one


@pytest.fixture
def crowded(site: Crowded, settings: Any) -> Iterator[Crowded]:
    """This will give the board of ten thousand to one test."""
    settings.LISTEN_DATABASE_URL = site.do(address_of_database)
    for name, value in compressed(site.folder).items():
        setattr(settings, name, value)
    yield site
    while site.contexts:
        site.contexts.pop().close()
