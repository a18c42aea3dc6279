"""Where rows are measured: the stack, and an estate of each size that a row asks for."""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import IO, Any, cast

import psycopg

from bench.estate import plan
from bench.stack import Sandboxes, Stack, Web


class Reader:
    """A process that drives accounts or fetches plainly when told; see `bench.reader`."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.reader"], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.commands = cast("IO[str]", self.process.stdin)
        self.answers = cast("IO[str]", self.process.stdout)

    def do(self, *words: str) -> dict[str, Any]:
        """This will give a command and wait for its answer; RuntimeError when it ends instead."""
        self.commands.write(" ".join(words) + "\n")
        self.commands.flush()
        if not (line := self.answers.readline()):
            raise RuntimeError(f"the reader ended at {' '.join(words)!r}; what it said stands above")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def end(self) -> None:
        """This will end it, whatever it waits for."""
        self.process.terminate()
        self.commands.close()
        self.process.wait()


class Place:
    """An estate of one size: worlds, a database that knows them, and people who are signed in."""

    def __init__(self, stack: Stack, connectors: int, accounts: int | None) -> None:
        self.connectors = connectors
        self.estate = plan(connectors, accounts)
        self.sandboxes: Sandboxes = stack.sandboxes(self.estate)
        self.env = stack.database(f"of_{connectors}_at_{len(self.estate)}")
        self._stack = stack
        self._web: Web | None = None
        self.reader = Reader(self.env)
        size = (str(connectors), str(len(self.estate)))
        self.sessions: list[str] = self.reader.do("settle", *size, self.sandboxes.address)["sessions"]
        self.drive()
        self.reader.do("fold")
        self.sql("VACUUM ANALYZE")

    def rest(self) -> None:
        """This will make the counters look as they do when nothing has moved for six minutes."""
        flow = json.dumps([0.0] * 24)
        still = json.dumps({"records_per_s": 0.0})
        self.sql(
            "UPDATE connectors_connector SET flow = %s, metrics = metrics || %s WHERE metrics <> '{}'", flow, still
        )

    def drive(self) -> dict[str, Any]:
        """This will read the whole estate once."""
        done = self.reader.do("drive")
        if done["trouble"]:
            raise RuntimeError(f"accounts could not be read: {done['trouble']}")
        return done

    @property
    def web(self) -> Web:
        """A web process on this estate's database."""
        if self._web is None:
            self._web = self._stack.web(f"web-{self.connectors}", self.env)
        return self._web

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """This will ask this estate's database something directly."""
        with psycopg.connect(self.env["DATABASE_URL"], autocommit=True) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []


class Lab:
    """What rows are handed: sizes, rounds, and places made when they are first asked for."""

    def __init__(self, stack: Stack, *, connectors: int, accounts: int | None, rounds: int) -> None:
        self.stack = stack
        self.connectors = connectors
        self.accounts = accounts
        self.rounds = rounds
        self._places: dict[tuple[int, int | None], Place] = {}

    def place(self, connectors: int | None = None, accounts: int | None = None) -> Place:
        """This will give the estate of a size; normally the whole one, spread as it usually is."""
        size = connectors or self.connectors
        spread = accounts or (self.accounts if size == self.connectors else None)
        if (size, spread) not in self._places:
            say(f"an estate of {size} connectors")
            self._places[size, spread] = Place(self.stack, size, spread)
        return self._places[size, spread]

    def end(self) -> None:
        """This will let the readers go."""
        for place in self._places.values():
            place.reader.end()


def say(words: str) -> None:
    """This will say on the terminal what is being done."""
    print(f"bench | {words}", file=sys.stderr, flush=True)
