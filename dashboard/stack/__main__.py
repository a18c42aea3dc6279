"""`python -m dashboard.stack [reset | with COMMAND …]`"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from dashboard.stack import run
from dashboard.stack.processes import StackError, say
from dashboard.stack.servers import Postgres, Valkey, home_for_servers


def reset() -> int:
    """This will wipe the state folder, unless a run is using it."""
    state = Path(os.environ.get("SWITCHYARD_STATE") or run.ROOT / "var").resolve()
    if not state.exists():
        return 0
    stack = run.Stack(state=state)
    stack._take_lock()  # the same lock, for the same reason
    home = home_for_servers(state)
    for folder in {home, state}:
        shutil.rmtree(folder)
    say("stack", f"wiped {state}")
    return 0


def with_servers(command: list[str]) -> int:
    """This will run a command with a PostgreSQL and a Valkey that are made for it and thrown away."""
    home = Path(tempfile.mkdtemp(prefix="switchyard-", dir="/var/tmp" if os.geteuid() == 0 else None))  # noqa: S108
    home.chmod(0o711)
    env, children = dict(os.environ), []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        for name, server in (
            ("DATABASE_URL", Postgres(home, is_throwaway=True)),
            ("BROKER_URL", Valkey(home)),
        ):
            if not env.get(name):
                child, env[name] = server.start()
                children.append(child)
        return subprocess.run(command, env=env, check=False).returncode
    finally:
        for child in reversed(children):
            child.end()
        shutil.rmtree(home, ignore_errors=True)


def main() -> int:
    """This will run what was asked for; trouble is one clear line and exit code 1."""
    try:
        if sys.argv[1:2] == ["reset"]:
            return reset()
        if sys.argv[1:2] == ["with"]:
            return with_servers(sys.argv[2:])
        return run.main()
    except StackError as error:
        say("stack", str(error))
        return 1


if __name__ == "__main__":
    sys.exit(main())
