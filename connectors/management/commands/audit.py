"""`manage.py audit verify | checkpoint | rotate-key | prune | fingerprint | seal | sinks | tell-again`"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from connectors import verifier
from connectors.actor import COMMAND
from connectors.queries import proof
from connectors.services import checkpoints, retention, sealing, sinks, verifying


class Command(BaseCommand):
    """Check, sign and prune the audit record."""

    help = "Check, sign and prune the audit record."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """This will ask what to do."""
        steps = parser.add_subparsers(dest="step", required=True)
        verify = steps.add_parser("verify", help="is the record whole? Exits with 1 if it is not")
        verify.add_argument("--key", action="append", default=[], help="fingerprint of a key you know")
        verify.add_argument("--columns", action="store_true", help="also hold the searchable columns to the text")
        steps.add_parser("seal", help="seal what waits, also what lost its mark")
        steps.add_parser("checkpoint", help="sign the head of the chain now")
        steps.add_parser("fingerprint", help="of the key in use")
        steps.add_parser("rotate-key", help="sign with a new key from now on; the old one vouches for it")
        prune = steps.add_parser("prune", help="remove what is old, behind a checkpoint")
        prune.add_argument("--days", type=int, help="keep so many; default AUDIT_RETENTION_DAYS")
        steps.add_parser("sinks", help="how far each place outside has been told")
        again = steps.add_parser("tell-again", help="tell a place outside once more")
        again.add_argument("name", help="as `audit sinks` names it")
        again.add_argument("--after", type=int, default=0, help="the last position (or checkpoint) that it has")

    def handle(self, *args: Any, **options: Any) -> None:
        """This will do it, and say what came of it."""
        step = {
            "verify": self.verify,
            "seal": self.seal,
            "checkpoint": self.checkpoint,
            "fingerprint": self.fingerprint,
            "rotate-key": self.rotate,
            "prune": self.prune,
            "sinks": self.sinks,
            "tell-again": self.tell_again,
        }[options["step"]]
        try:
            step(options)
        except (checkpoints.NoKey, retention.NothingToPrune, retention.KeepsEverything, sinks.Unknown) as error:
            raise CommandError(str(error)) from error

    def verify(self, options: dict[str, Any]) -> None:
        """This will say whether the record is whole, and exit with 1 if not."""
        report = verifying.verify(options["key"])
        for line in verifier.tell(report, is_excerpt=False, is_key_known=bool(options["key"])):
            self.stdout.write(line)
        if waiting := proof.unsealed():
            self.stdout.write(f"{waiting} events wait for their seal.")
        wrong = [f"event id {pk}: column {name} differs" for pk, name in verifying.compare_columns()] if (
            options["columns"]
        ) else []  # fmt: skip
        for line in wrong:
            self.stdout.write(line)
        if wrong or not report.is_whole:
            raise CommandError("the record is not whole", returncode=1)

    def seal(self, options: dict[str, Any]) -> None:
        """This will seal everything that waits."""
        found, total = sealing.find_forgotten(), 0
        while sealed := sealing.seal():
            total += sealed
        self.stdout.write(f"{total} sealed; {found} of them had lost their mark")

    def checkpoint(self, options: dict[str, Any]) -> None:
        """This will sign now."""
        self.stdout.write(checkpoints.line(checkpoints.make()))

    def fingerprint(self, options: dict[str, Any]) -> None:
        """This will name the key in use."""
        self.stdout.write(checkpoints.fingerprint())

    def rotate(self, options: dict[str, Any]) -> None:
        """This will change the key."""
        self.stdout.write(f"new key {checkpoints.rotate(actor=COMMAND)}; note this fingerprint where the server is not")

    def prune(self, options: dict[str, Any]) -> None:
        """This will remove what is old."""
        made = retention.prune(actor=COMMAND, days=options["days"])
        self.stdout.write(f"pruned up to position {made.position}; tombstone {made.number}")

    def sinks(self, options: dict[str, Any]) -> None:
        """This will list the places outside."""
        for one in sinks.standings():
            told = f"{one.told_at:%Y-%m-%d %H:%M:%S} UTC" if one.told_at else "never"
            trouble = f"; failed {one.failures} times: {one.error}" if one.failures else ""
            self.stdout.write(f"{one.name}: told up to {one.position}, {one.behind} behind, last {told}{trouble}")

    def tell_again(self, options: dict[str, Any]) -> None:
        """This will tell a place once more."""
        sinks.tell_again(options["name"], options["after"])
        self.stdout.write(f"{options['name']} is told again from behind {options['after']}")
