"""`manage.py break_glass LOGIN --reason WHY --base-url URL`"""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from connectors.services import break_glass


class Command(BaseCommand):
    """Make somebody admin for a few hours and print a link that signs them in once, without password or factor."""

    help = "Make somebody admin for a few hours and print a link that signs them in once. On record, and reviewed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """This will ask who, why, and for how long."""
        parser.add_argument("login")
        parser.add_argument("--reason", required=True)
        parser.add_argument("--hours", type=int, default=4, help="4 unless told; 24 at most")
        parser.add_argument("--base-url", default="", help="where the product can be reached")

    def handle(self, *args: Any, **options: Any) -> None:
        """This will print the link."""
        lasts = timedelta(hours=options["hours"])
        try:
            secret = break_glass.make_link(login=options["login"], reason=options["reason"], lasts=lasts)
        except break_glass.NoReason as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{options['base_url'].rstrip('/')}/break-glass/{secret}/")
        self.stdout.write("It works once, within 15 minutes. What is done with it is on record and is reviewed.")
