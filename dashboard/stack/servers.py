"""PostgreSQL and Valkey, unless the environment names others."""

from collections.abc import MutableMapping
from pathlib import Path

from dashboard.stack.postgres import Postgres
from dashboard.stack.processes import Child, wait_until
from dashboard.stack.valkey import Valkey


def start(
    home: Path,
    logs: Path,
    env: MutableMapping[str, str],
    children: list[Child],
    *,
    is_throwaway: bool = False,
) -> None:
    """
    This will start each server that the environment has no address of, and put its address there.

    :param home: the folder for their data; `logs`: the one for what they say
    :param children: what was started is added, also when a later step fails: whoever called has to stop it
    :raises StackError: a server was not found or does not start
    """
    for kind in (Postgres, Valkey):
        if env.get(kind.variable):
            continue
        server = kind(home, is_throwaway=is_throwaway)
        child = server.start(logs)
        children.append(child)
        wait_until(server.name, server.is_ready, child)
        env[kind.variable] = server.url
