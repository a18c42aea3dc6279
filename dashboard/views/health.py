"""Is the process alive, and is the product ready to be used?"""

from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from kombu import Connection

from connectors.models import VendorAccount

LATE = timedelta(minutes=2)


def healthz(request: HttpRequest) -> JsonResponse:
    """This will answer 200 while the process lives and the database answers, else 503."""
    problem = _database()
    return JsonResponse(
        {"status": "error" if problem else "ok", "database": problem or "ok"}, status=503 if problem else 200
    )


def readyz(request: HttpRequest) -> JsonResponse:
    """This will answer 200 when everything the product needs works, else 503 with what does not."""
    checks = {"database": _database()}
    if not checks["database"]:
        checks |= {"migrations": _migrations(), "broker": _broker(), "driving": _driving()}
    is_ready = not any(checks.values())
    answer = {name: problem or "ok" for name, problem in checks.items()}
    return JsonResponse({"status": "ok" if is_ready else "error", **answer}, status=200 if is_ready else 503)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return f"does not answer: {type(error).__name__}"
    return ""


def _migrations() -> str:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return f"{len(plan)} not applied: run manage.py migrate" if plan else ""


def _broker() -> str:
    try:
        with Connection(settings.CELERY_BROKER_URL, connect_timeout=2) as broker:
            broker.ensure_connection(max_retries=1, timeout=2)
    except Exception as error:  # noqa: BLE001  # each transport has errors of its own
        return f"does not answer: {type(error).__name__}"
    return ""


def _driving() -> str:
    """Accounts that are long overdue: no beat, no worker, or neither."""
    overdue = VendorAccount.objects.filter(is_enabled=True, due_at__lt=timezone.now() - LATE).count()
    return f"{overdue} accounts overdue by more than 2 min: are worker and beat running?" if overdue else ""
