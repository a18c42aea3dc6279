"""`manage.py first_admin --base-url URL`"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from connectors.services import first_admin


class Command(BaseCommand):
    """Print a one-time link that makes the first admin, unless there is one."""

    help = "Print a one-time link that makes the first admin, unless there is one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """This will ask where the product can be reached."""
        parser.add_argument("--base-url", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        """This will print the link, or nothing."""
        if not first_admin.has_admin():
            self.stdout.write(f"first admin: {options['base_url'].rstrip('/')}/first-admin/{first_admin.make_link()}/")
