"""`manage.py seed_demo --sandboxes FILE`"""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from connectors.actor import SET_UP
from connectors.models import ApiToken
from connectors.services import demo, tokens


class Command(BaseCommand):
    """Make or refresh the demo estate, and print a token each for operator and admin."""

    help = "Make or refresh the demo estate; prints a token each for operator and admin."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """This will ask for the sandboxes' addresses."""
        parser.add_argument("--sandboxes", type=Path, required=True, help="JSON file: slug to address")

    def handle(self, *args: Any, **options: Any) -> None:
        """This will seed, then replace the demo's tokens: they are shown once, so each start makes new ones."""
        try:
            addresses = json.loads(Path(options["sandboxes"]).read_text())
        except (OSError, ValueError) as error:
            raise CommandError(f"{options['sandboxes']} cannot be read: {error}") from error
        demo.seed(addresses)
        demo.guard()
        for name in ("operator", "admin"):
            user = get_user_model().objects.get(username=name)
            for old in ApiToken.objects.filter(user=user, name="demo", revoked_at__isnull=True):
                tokens.revoke(token=old, actor=SET_UP)
            _, clear = tokens.issue(user=user, name="demo", expires_at=None, actor=SET_UP)
            self.stdout.write(f"{name} token: {clear}")
