"""What the product is measured against: the least that a signed-in page and an event stream can do on this server."""

import asyncio
import time
from collections.abc import AsyncIterator

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template import engines

from connectors.models import Connector

PAGE = engines["django"].from_string(
    "<!doctype html><title>Bare</title><p>{{ request.user.username }}</p><table>"
    "{% for pk, name, state, word in rows %}<tr><td>{{ pk }}<td>{{ name }}<td>{{ state }}<td>{{ word }}{% endfor %}"
    "</table>"
)


@login_required
def page(request: HttpRequest) -> HttpResponse:
    """This will show 50 plain rows from one indexed query."""
    rows = Connector.objects.order_by("urgency", "name", "id").values_list("pk", "name", "state", "vendor_state")[:50]
    return HttpResponse(PAGE.render({"rows": rows}, request))


async def events(request: HttpRequest) -> StreamingHttpResponse:
    """This will send so many bytes so many times a second."""
    size, rate = int(request.GET["bytes"]), float(request.GET["rate"])
    return StreamingHttpResponse(
        _ticks(b"data: " + b"x" * (size - 8) + b"\n\n", rate), content_type="text/event-stream"
    )


async def _ticks(message: bytes, rate: float) -> AsyncIterator[bytes]:
    while True:
        now = time.time()
        await asyncio.sleep(1 / rate - now % (1 / rate))  # all streams at the same moments, as a change reaches them
        yield message
