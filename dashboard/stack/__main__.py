"""`python -m dashboard.stack [run | reset | with COMMAND …]`"""

import os
import sys

from dashboard.stack import folders
from dashboard.stack.processes import StackError, say
from dashboard.stack.run import Stack
from dashboard.stack.throwaway import run_with_servers

HIGHEST_PORT = 65_535


def main(arguments: list[str]) -> int:
    """This will do what was asked for; trouble is one clear line and exit code 1."""
    try:
        match arguments:
            case [] | ["run"]:
                state, is_demo = folders.state_folder(), os.environ.get("DEMO") != "0"
                return Stack(state=state, port=_port(), is_demo=is_demo).run()
            case ["reset"]:
                state = folders.state_folder()
                folders.wipe(state)
                say(f"wiped {state}")
                return 0
            case ["with", *command] if command:
                return run_with_servers(command)
    except (StackError, OSError) as error:
        say(str(error))
        return 1
    say(str(__doc__))
    return 2


def _port() -> int:
    text = os.environ.get("PORT") or "8000"
    if not text.isdecimal() or not 0 < int(text) <= HIGHEST_PORT:
        raise StackError(f"PORT is {text!r}: set it to a number from 1 to {HIGHEST_PORT}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
