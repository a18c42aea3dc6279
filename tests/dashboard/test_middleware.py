"""A request id for everything, and no compression for event streams."""

import gzip
from collections.abc import AsyncIterator

import pytest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test import RequestFactory

from dashboard.middleware import GZipMiddleware, request_id

LONG = "words that repeat, " * 100


def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(LONG, headers={"X-Seen": request.request_id} if hasattr(request, "request_id") else {})


def answered(given: str) -> HttpResponseBase:
    """This will send a request with an id through the middleware."""
    answer = request_id(page)(RequestFactory().get("/", headers={"X-Request-Id": given}))
    assert isinstance(answer, HttpResponseBase)
    return answer


async def events() -> AsyncIterator[bytes]:
    yield LONG.encode()


def test_gzip_compresses_pages() -> None:
    request = RequestFactory().get("/", headers={"Accept-Encoding": "gzip"})

    answer = GZipMiddleware(page)(request)

    assert isinstance(answer, HttpResponse)
    assert answer["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.content).decode() == LONG


def compressed(content: str, accept: str = "br, gzip", **headers: str) -> HttpResponseBase:
    """This will send a page of this content through the middleware."""
    request = RequestFactory().get("/", headers={"Accept-Encoding": accept})
    answer = GZipMiddleware(lambda _: HttpResponse(content, headers=headers))(request)
    assert isinstance(answer, HttpResponseBase)
    return answer


def test_a_large_page_is_compressed_whole_and_says_so() -> None:
    content = "".join(f"<tr><td>{number}" for number in range(5_000))

    answer = compressed(content)

    assert isinstance(answer, HttpResponse)
    assert gzip.decompress(answer.content).decode() == content
    assert answer["Content-Encoding"] == "gzip"
    assert answer["Content-Length"] == str(len(answer.content))
    assert "Accept-Encoding" in answer["Vary"]


def test_the_size_of_a_large_page_differs_from_time_to_time() -> None:
    assert len({compressed(LONG * 10)["Content-Length"] for _ in range(40)}) > 10


def test_a_large_page_is_left_as_it_is_for_whoever_takes_nothing_else() -> None:
    plain = compressed(LONG * 10, accept="identity")
    done = compressed(LONG * 10, **{"Content-Encoding": "br"})

    assert not plain.has_header("Content-Encoding")
    assert "Accept-Encoding" in plain["Vary"]
    assert isinstance(plain, HttpResponse)
    assert plain.content.decode() == LONG * 10
    assert done["Content-Encoding"] == "br"


def test_a_mark_of_a_large_page_becomes_a_weak_one() -> None:
    answer = compressed(LONG * 10, ETag='"abc"')

    assert answer["ETag"] == 'W/"abc"'
    assert answer["Content-Encoding"] == "gzip"


def test_gzip_leaves_event_streams_alone() -> None:
    stream = StreamingHttpResponse(events(), content_type="text/event-stream; charset=utf-8")
    request = RequestFactory().get("/", headers={"Accept-Encoding": "gzip"})

    answer = GZipMiddleware(page).process_response(request, stream)

    assert answer is stream
    assert not answer.has_header("Content-Encoding")


@pytest.mark.parametrize("given", ["proxy-4711-abc", "0123456789abcdef"])
def test_request_id_of_the_proxy_is_kept(given: str) -> None:
    assert answered(given)["X-Request-Id"] == given


@pytest.mark.parametrize("given", ["", "short", "a" * 65, "with space 1", "line\nbreak-1"])
def test_request_id_is_made_where_none_or_a_strange_one_is_given(given: str) -> None:
    answer = answered(given)

    assert answer["X-Request-Id"].startswith("req_")
    assert answer["X-Request-Id"] == answer["X-Seen"]
