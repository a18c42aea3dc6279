"""The audit at a hundred events for each connector: `bench.audit`, on a database of its own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import IO, cast

from bench.figures import Figure
from bench.lab import Lab

EVENTS = 100
"""For each connector: a million at 10 000."""


def figures(lab: Lab) -> Iterator[Figure]:
    """This will fill an empty record, and give what is measured there as it comes."""
    env = lab.stack.database("audit")
    command = [sys.executable, "-m", "bench.audit", str(lab.connectors * EVENTS)]
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
    for line in cast("IO[str]", process.stdout):
        said = json.loads(line)
        spread = tuple(said["spread"]) if said["spread"] else None
        yield Figure(**{name: value for name, value in said.items() if name != "is_met"} | {"spread": spread})
    if process.wait():
        raise RuntimeError("measuring the audit failed; see above")
