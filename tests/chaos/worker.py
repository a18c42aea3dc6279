"""A worker that may die at any stage of a drive. `python -m tests.chaos.worker FILE CHANCE`"""

import logging
import os
import random
import signal
import sys
import time
from pathlib import Path

from dashboard.celery import app


class Death(logging.Handler):
    """Hears at which stage the driver is and, now and then, kills the process there, as SIGKILL does."""

    def __init__(self, file: Path, chance: float) -> None:
        super().__init__(logging.DEBUG)
        self._file = file
        self._chance = chance
        self._random = random.SystemRandom()

    def emit(self, record: logging.LogRecord) -> None:
        """This will roll the dice at each stage."""
        event = record.msg if isinstance(record.msg, dict) else {}
        stage = event.get("event")
        if stage not in {"claiming", "claimed", "replied", "recorded"} or self._random.random() > self._chance:
            return
        with self._file.open("a") as file:
            file.write(f"{time.time()} {os.getpid()} {stage}\n")
        os.kill(os.getpid(), signal.SIGKILL)


def main(file: str, chance: str) -> None:
    """This will run a Celery worker with the reaper beside it."""
    import django

    django.setup()
    heard = logging.getLogger("connectors.services.driver")
    heard.setLevel(logging.DEBUG)
    heard.addHandler(Death(Path(file), float(chance)))
    app.worker_main(["-q", "worker", "--without-gossip", "--without-mingle", "-l", "WARNING"])


if __name__ == "__main__":
    main(*sys.argv[1:])
