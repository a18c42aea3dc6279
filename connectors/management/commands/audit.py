"""`manage.py audit verify | checkpoint | rotate-key | prune | fingerprint | seal`"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from connectors import verifier
from connectors.actor import SET_UP
from connectors.queries import proof
from connectors.services import checkpoints, retention, sealing, verifying


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

    def handle(self, *args: Any, **options: Any) -> None:
        """This will do it, and say what came of it."""
        step = {
            "verify": self.verify,
            "seal": self.seal,
            "checkpoint": self.checkpoint,
            "fingerprint": self.fingerprint,
            "rotate-key": self.rotate,
            "prune": self.prune,
        }[options["step"]]
        try:
            step(options)
        except (checkpoints.NoKey, retention.NothingToPrune, retention.KeepsEverything) as error:
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
        self.stdout.write(f"new key {checkpoints.rotate(actor=SET_UP)}; note this fingerprint where the server is not")

    def prune(self, options: dict[str, Any]) -> None:
        """This will remove what is old."""
        made = retention.prune(actor=SET_UP, days=options["days"])
        self.stdout.write(f"pruned up to position {made.position}; tombstone {made.number}")
