"""`manage.py rotate_keys`"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from connectors.services import vault


class Command(BaseCommand):
    """Seal every secret anew with the first of CREDENTIAL_KEYS; the product may work meanwhile."""

    help = "Seal every secret anew with the first of CREDENTIAL_KEYS; the product may work meanwhile."

    def handle(self, *args: Any, **options: Any) -> None:
        """This will say how many there were."""
        try:
            number = vault.rotate()
        except vault.Locked as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{number} sealed anew; older keys can be taken away once every process has the new one.")
