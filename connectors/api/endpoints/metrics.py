"""Figures for Prometheus."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from connectors.api.base import Endpoint
from connectors.queries.gauges import Gauges


class PlainText(BaseRenderer):
    """Prometheus' text format."""

    media_type = "text/plain"
    format = "txt"
    charset = "utf-8"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        """This will pass on what is ready, and give a problem in one line."""
        return data if isinstance(data, bytes) else f"# {data.get('detail', data)}\n".encode()


class Metrics(Endpoint):
    """`/metrics`: scraped with the same token as the API, and showing as much as its owner may see."""

    renderer_classes = [PlainText]

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        """This will read the figures now."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(Gauges(self.viewer))
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)
