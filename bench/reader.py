"""
A process that reads the estate when told, by the product's driver or as a plain floor: `python -m bench.reader`.

One command a line on stdin, one JSON answer a line on stdout:

    settle CONNECTORS ACCOUNTS ADDRESS   make people and accounts
    drive                                drive every account once, as a worker does, 16 at a time
    floor ADDRESS TAKE                   fetch every address of a take and decode it, 16 accounts at a time
    fold                                 fold what was counted, as the clock does
    count SESSION PATH                   the queries and the compressed bytes of a page
    statements VENDOR                    the statements of driving one account of a vendor
    gather NUMBER                        wait until so many workers answer
    keep NUMBER LEAD SECONDS             let so many workers drive, each account again as soon as it was read
    click VENDOR NUMBER                  ask for a pause or resume of a connector and wait for its outcome
    batch ACCOUNT VERB                   ask for a pause or resume of all it can do at an account, wait for its end
"""

import asyncio
import gc
import importlib.util
import json
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import django
import httpx

from bench.estate import plan, settle

if importlib.util.find_spec("sniffio") is None:
    # The floor is fetched with httpx, whose transport looks for it several times a request; looking for what is not
    # installed takes longer than the request. Told so, Python answers at once: a floor twice as slow would flatter us.
    sys.modules["sniffio"] = None  # type: ignore[assignment]  # what the import system itself keeps for "not there"

AT_ONCE = 16
LOOK = 0.1
"""Seconds from one look at what was read to the next: an account's turn comes again after several of them."""
MOST = 200
"""Orders for each worker and each second of a measurement: twice as many as it can follow."""
QUIET = 3
"""Looks at which nobody reads anything, until the workers are taken to be idle."""
WAKE = "UPDATE connectors_vendoraccount SET due_at = NULL "
TRIED = WAKE + "WHERE due_at IS NOT NULL AND lease_owner = '' RETURNING failure = ''"
"""What was tried knows when it is due again, until somebody wakes it; while a worker holds it, another passes it by."""
HELD = "SELECT EXISTS (SELECT FROM connectors_vendoraccount WHERE lease_owner <> '')"
Answer = dict[str, Any]


def main() -> None:
    """This will answer commands until stdin ends."""
    django.setup()
    reader = Reader()
    for line in sys.stdin:
        command, *words = line.split()
        does: Callable[..., Answer] = getattr(reader, command)
        print(json.dumps(does(*words)), flush=True)


class Reader:
    """What it can do."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(AT_ONCE)
        self.plain = asyncio.Runner()
        self.crew: list[str] = []

    def settle(self, connectors: str, accounts: str, address: str) -> Answer:
        """This will make the estate of this size in the database."""
        return {"sessions": settle(plan(int(connectors), int(accounts)), address)}

    def fold(self) -> Answer:
        """This will do what the clock has a worker do every ten seconds."""
        from connectors.services import counting

        return {"fewer": counting.fold()}

    def count(self, session: str, path: str) -> Answer:
        """This will fetch a page in this process."""
        from django.db import connection
        from django.test import Client
        from django.test.utils import CaptureQueriesContext

        client = Client(HTTP_ACCEPT_ENCODING="gzip", HTTP_HOST="127.0.0.1")
        client.cookies["sessionid"] = session
        client.get(path)  # what is made once is made before
        with CaptureQueriesContext(connection) as asked:
            answer = client.get(path)
        if answer.status_code != 200:
            raise RuntimeError(f"{path} answered {answer.status_code}")
        return {"queries": len(asked), "bytes": len(answer.content)}

    def statements(self, vendor: str) -> Answer:
        """This will drive one account in this thread."""
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        from connectors.models import VendorAccount
        from connectors.services import driver

        account = VendorAccount.objects.filter(vendor=vendor).order_by("pk")[0]
        VendorAccount.objects.update(due_at=None)
        with CaptureQueriesContext(connection) as asked:
            driver.drive(account.pk)
        return {"statements": len(asked)}

    def gather(self, number: str) -> Answer:
        """This will wait for workers, which take their time to import everything."""
        from dashboard.celery import app

        while len(found := app.control.ping(timeout=0.5) or []) < int(number):
            pass
        self.crew = sorted(name for answer in found for name in answer)
        return {"workers": len(self.crew)}

    def keep(self, number: str, lead: str, lasts: str) -> Answer:
        """This will keep so many workers as busy as they can be, and count the accounts that they read meanwhile."""
        from django.db import connection

        from connectors.models import VendorAccount
        from connectors.tasks import drive

        ids = list(VendorAccount.objects.order_by("pk").values_list("pk", flat=True))
        orders = int(MOST * int(number) * (float(lead) + float(lasts)))
        with connection.cursor() as cursor:
            self._staff(0)
            for n in range(orders):  # before the clock starts: whoever asks takes no part of a core then
                drive.delay(ids[n % len(ids)])
            cursor.execute(WAKE)
            self._staff(int(number))
            read = 0
            starts = time.monotonic() + float(lead)
            while (now := time.monotonic()) < starts + float(lasts):
                time.sleep(LOOK)
                cursor.execute(TRIED)
                read += sum(was_read for (was_read,) in cursor.fetchall()) if now >= starts else 0
            lasted = time.monotonic() - starts
            left = drive.app.control.purge()
            self._staff(0)
            if not left:
                raise RuntimeError(f"{orders} orders were too few: {read} were read")
            quiet = 0
            while quiet < QUIET:  # what they had fetched before
                time.sleep(LOOK)
                cursor.execute(HELD)
                quiet = 0 if cursor.fetchone()[0] else quiet + 1
        return {"read": read, "seconds": lasted}

    def _staff(self, number: int) -> None:
        """So many of those that were gathered take orders, and the others rest; each must answer."""
        from dashboard.celery import app

        queue, told = app.conf.task_default_queue, app.control
        for tell, names in ((told.add_consumer, self.crew[:number]), (told.cancel_consumer, self.crew[number:])):
            heard = tell(queue, destination=names, reply=True, limit=len(names), timeout=5) if names else []
            if len(heard or []) < len(names):
                raise RuntimeError(f"not all of {names} answered")

    def click(self, vendor: str, number: str) -> Answer:
        """This will ask as the page does; the connectors of a vendor take turns."""
        from connectors.models import Connector
        from connectors.services import operations
        from connectors.states import State, Verb

        actor, viewer = _somebody()
        rows = Connector.objects.filter(account__vendor=vendor, state__in=[State.RUNNING, State.PAUSED]).order_by("pk")
        found = rows.select_related("account__team", "pipeline", "team")
        target = found[int(number) * 7 % found.count()]
        verb = Verb.PAUSE if target.state == State.RUNNING else Verb.RESUME
        operation = operations.request(target=target, verb=verb, actor=actor, viewer=viewer)
        while operation.finished_at is None:
            time.sleep(0.02)
            operation.refresh_from_db()
        if operation.status != "confirmed":
            raise RuntimeError(f"{verb} ended {operation.status}: {operation.error}")
        return {
            "requested_at": operation.requested_at.timestamp(),
            "finished_at": operation.finished_at.timestamp(),
            "account": target.account.name,
        }

    def batch(self, account: str, verb: str) -> Answer:
        """This will ask as the page does, and say how long it took and how its items ended."""
        from django.db.models import Count

        from connectors.queries import connectors as queries
        from connectors.services import batches
        from connectors.services.batches import Terms
        from connectors.states import State, Verb

        actor, viewer = _somebody()
        state = State.RUNNING if verb == Verb.PAUSE else State.PAUSED
        wanted = {"account__name": account, "state": state, "pipeline__state": State.RUNNING}
        rows = queries.visible_to(viewer).filter(**wanted)
        began = time.time()
        made = batches.create(connectors=rows, verb=Verb(verb), terms=Terms(), actor=actor, viewer=viewer)
        while made.finished_at is None:
            time.sleep(0.05)
            made.refresh_from_db()
        ends = dict(made.items.values_list("status").annotate(number=Count("pk")))
        return {"seconds": made.finished_at.timestamp() - began, "ends": ends}

    def drive(self) -> Answer:
        """This will make every account due and drive each once."""
        from django.db.models import F

        from connectors.models import VendorAccount

        usual = timedelta(seconds=15)  # between two readings; figures are due again, too
        VendorAccount.objects.update(due_at=None, metered_at=F("metered_at") - usual)
        ids = list(VendorAccount.objects.values_list("pk", flat=True))
        measured = _measured(lambda: list(self.pool.map(_drive, ids)))
        behind = list(VendorAccount.objects.exclude(failure="").values_list("name", "failure"))
        return {**measured, "trouble": behind[:3]}

    def floor(self, address: str, take: str) -> Answer:
        """This will fetch what the take holds, account by account, and decode it as `json` does."""
        found = httpx.get(f"{address}/_bench/take", params={"name": take}, timeout=60).json()
        accounts = defaultdict(list)
        for path in found:
            accounts["/".join(path.split("/", 3)[:3])].append(path)
        return _measured(lambda: self.plain.run(_fetch(address, list(accounts.values()))))


def _somebody() -> tuple[Any, Any]:
    """An operator of every team: actor and viewer."""
    from django.contrib.auth.models import User

    from connectors import permissions
    from connectors.actor import Actor

    user = User.objects.get(username="person-0")
    return Actor("person", user.username, user_id=user.pk), permissions.viewer_of(user)


def _drive(account_id: int) -> None:
    from django.db import close_old_connections

    from connectors.services import driver

    driver.drive(account_id)
    close_old_connections()  # as at the end of a worker's task


async def _fetch(address: str, accounts: Sequence[Sequence[str]]) -> None:
    gate = asyncio.Semaphore(AT_ONCE)
    async with httpx.AsyncClient(base_url=address, timeout=60) as client:

        async def one(path: str) -> object:
            return json.loads((await client.get(path)).content)

        async def account(paths: Sequence[str]) -> None:
            async with gate:
                await asyncio.gather(*(one(path) for path in paths))

        await asyncio.gather(*(account(paths) for paths in accounts))


def _measured(work: Callable[[], object]) -> Answer:
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


if __name__ == "__main__":
    main()
