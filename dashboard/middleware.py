"""A request id for everything that happens, and compression that leaves event streams alone."""

import re
import uuid
from collections.abc import Awaitable, Callable

import structlog
from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.middleware import gzip
from django.utils.decorators import sync_and_async_middleware

GIVEN = re.compile(r"[A-Za-z0-9_-]{8,64}")

Answer = Callable[[HttpRequest], HttpResponseBase]
AsyncAnswer = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def request_id(get_response: Answer | AsyncAnswer) -> Answer | AsyncAnswer:
    """This will take `X-Request-Id` from the proxy or make one, and put it on the request, the log and the answer."""
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponseBase:
            _begin(request)
            response: HttpResponseBase = await get_response(request)
            response["X-Request-Id"] = request.request_id  # type: ignore[attr-defined]  # set above
            return response

        return answer_async

    def answer(request: HttpRequest) -> HttpResponseBase:
        _begin(request)
        response: HttpResponseBase = get_response(request)  # type: ignore[assignment]  # it is the sync kind
        response["X-Request-Id"] = request.request_id  # type: ignore[attr-defined]  # set above
        return response

    return answer


def _begin(request: HttpRequest) -> None:
    given = request.headers.get("x-request-id", "")
    request.request_id = given if GIVEN.fullmatch(given) else f"req_{uuid.uuid4().hex[:16]}"  # type: ignore[attr-defined]  # ours
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request.request_id)  # type: ignore[attr-defined]  # set above


class GZipMiddleware(gzip.GZipMiddleware):
    """Django's, but for event streams: each event would become a compressed member of its own, larger than plain."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """This will compress anything but an event stream."""
        if response.get("Content-Type", "").startswith("text/event-stream"):
            return response
        return super().process_response(request, response)
