"""`manage.py prepare (--sandboxes FILE | --base-url URL)`"""

from argparse import ArgumentParser
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Bring database and static files up to date, then make the demo estate or a link for the first admin."""

    help = "Everything between an empty database and a start, in one process: each one more costs over a second."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """This will ask which of the two it is to be."""
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--sandboxes", metavar="FILE", help="for a demo: JSON, slug of the vendor to address")
        which.add_argument("--base-url", metavar="URL", help="for an empty product: where it will be reached")

    def handle(self, *args: Any, **options: Any) -> None:
        """This will print what the last step prints: tokens or a link."""
        call_command("migrate", interactive=False, verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=["rest_framework"])
        if options["sandboxes"]:
            call_command("seed_demo", "--sandboxes", options["sandboxes"], stdout=self.stdout)
        else:
            call_command("first_admin", "--base-url", options["base_url"], stdout=self.stdout)
