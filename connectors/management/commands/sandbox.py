"""`manage.py sandbox VENDOR`"""

import asyncio
import contextlib
import json
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from connectors.vendors import certificates, registry, sandbox


class Command(BaseCommand):
    """Serve one vendor's sandbox on loopback."""

    help = "Serve one vendor's sandbox on loopback, and say how to point an account at it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """This will ask which vendor, and what its world is to be like."""
        parser.add_argument("vendor", help="slug, such as kafka-connect")
        parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
        parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same world")
        parser.add_argument("--connectors", type=int, help="a made-up estate of so many, instead of the demo's")
        parser.add_argument("--pipelines", type=int, help="spread over so many, where the vendor has several")
        parser.add_argument("--speed", type=float, default=1.0, help="2 is twice as fast as the vendor")
        parser.add_argument("--tls", action="store_true", help="with a certificate nobody trusts yet")

    def handle(self, *args: Any, **options: Any) -> None:
        """This will serve until interrupted."""
        if options["speed"] <= 0:
            raise CommandError("--speed must be above 0")
        try:
            app = sandbox.bench(options["vendor"], seed=options["seed"], tempo=1 / options["speed"])
            if options["connectors"] is not None:
                app.populate(options["connectors"], options["pipelines"])
        except (registry.UnknownVendor, ValueError) as error:
            raise CommandError(str(error)) from error
        with tempfile.TemporaryDirectory() as folder, contextlib.suppress(KeyboardInterrupt):
            file = Path(folder) / "sandbox.pem" if options["tls"] else None
            authority = certificates.throwaway(file) if file else ""
            asyncio.run(
                sandbox.serve_one(
                    app, port=options["port"], certificate=file, told=lambda url: self.say(app.sandbox, url, authority)
                )
            )

    def say(self, served: sandbox.Sandbox, url: str, authority: str) -> None:
        """This will print the address, and what to put into the form of an account."""
        demo = served.accounts[0]
        settings = {k: v.replace("{url}", url) if isinstance(v, str) else v for k, v in demo.settings.items()}
        self.stdout.write(url)
        self.stdout.write(f"Control: {url}/_sandbox/ (record, truth, faults, estate, nudge, tempo)")
        self.stdout.write("To point an account at it:")
        self.stdout.write(f"  address      {url}{demo.path}")
        for name, value in {**settings, **demo.credentials}.items():
            self.stdout.write(f"  {name:<12} {value if isinstance(value, str) else json.dumps(value)}")
        if authority:
            self.stdout.write(f"  ca_bundle\n{authority}")
        self.stdout.flush()
