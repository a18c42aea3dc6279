"""Is the process alive, and is the product ready to be used?"""

from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from kombu import Connection

from connectors.services import audit, sealing
from dashboard.celery import TICK
from dashboard.models import Heartbeat

LATEST_TICK = timedelta(seconds=30)
BROKER_TIMEOUT = 2
"""Seconds."""


class NotReady(Exception):
    """A check failed; the message says what is the matter."""


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """This will answer 200 while the process lives and the database answers, else 503."""
    return _answer({"database": _database})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """This will answer 200 when everything works that the product needs, else 503; each check says how it stands."""
    return _answer(
        {
            "database": _database,
            "migrations": _migrations,
            "audit": _audit,
            "seals": _seals,
            "broker": _broker,
            "ticks": _ticks,
        }
    )


def _answer(checks: dict[str, Callable[[], str]]) -> JsonResponse:
    results = {name: _result(check) for name, check in checks.items()}
    is_well = all(result["ok"] for result in results.values())
    return JsonResponse({"status": "ok" if is_well else "error", "checks": results}, status=200 if is_well else 503)


def _result(check: Callable[[], str]) -> dict[str, str | bool]:
    try:
        return {"ok": True, "detail": check()}
    except NotReady as error:
        return {"ok": False, "detail": str(error)}
    except DatabaseError as error:  # its words may name hosts and logins
        return {"ok": False, "detail": f"the database does not answer: {type(error).__name__}"}


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return "answers"


def _migrations() -> str:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        raise NotReady(f"{len(plan)} not applied: run manage.py migrate")
    return "all applied"


def _audit() -> str:
    try:
        audit.probe()
    except audit.Unwritable as error:
        cause = type(error.__cause__).__name__  # its words may name hosts and logins
        raise NotReady(f"takes no events, so nothing is sent to a vendor: {cause}") from None
    return "takes events"


def _seals() -> str:
    try:
        waiting = sealing.check()
    except sealing.Unsealed as error:
        raise NotReady(f"{error}: are beat and worker running?") from None
    return f"{waiting} being sealed" if waiting else "every event is sealed"


def _broker() -> str:
    try:
        with Connection(settings.CELERY_BROKER_URL, connect_timeout=BROKER_TIMEOUT) as broker:
            broker.ensure_connection(max_retries=1, timeout=BROKER_TIMEOUT)
    except Exception as error:  # noqa: BLE001  # each transport has errors of its own
        raise NotReady(f"does not answer: {type(error).__name__}") from None
    return "answers"


def _ticks() -> str:
    newest = Heartbeat.objects.filter(name=TICK).first()
    if newest is None:
        raise NotReady("none yet: are beat and worker running?")
    age = timezone.now() - newest.at
    words = f"newest {age.total_seconds():.1f} s ago"
    if age > LATEST_TICK:
        raise NotReady(f"{words}: are beat and worker running?")
    return words
