"""The web process. On SIGTERM the open event streams are ended first, so that the server need not wait for them."""

import os
import signal
from types import FrameType

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")

django_application = get_asgi_application()


def _end_streams_first() -> None:
    """Chained in front of the server's own handlers, which are installed by the time of the first request."""
    from dashboard import hub  # noqa: PLC0415  # needs settings

    for number in (signal.SIGTERM, signal.SIGINT):
        servers = signal.getsignal(number)

        def handle(signum: int, frame: FrameType | None, servers: object = servers) -> None:
            hub.close_all()
            if callable(servers):
                servers(signum, frame)

        signal.signal(number, handle)


_is_chained = False


async def application(scope, receive, send):  # type: ignore[no-untyped-def]  # the ASGI signature
    """This will serve Django, having put itself in front of the server's signal handlers once."""
    global _is_chained  # noqa: PLW0603  # once a process
    if not _is_chained:
        _is_chained = True
        _end_streams_first()
    await django_application(scope, receive, send)
