"""The parts of an open page that follow what happens, each under an id of its own; the rest of the page stays."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

CONNECTOR = {
    "connector-live": "connectors/connector/_live.html",
    "connector-tasks": "connectors/connector/_tasks.html",
    "connector-acts": "connectors/connector/_acts.html",
    "connector-past": "connectors/connector/_past.html",
}
PIPELINE = {
    "pipeline-live": "connectors/pipeline/_live.html",
    "pipeline-acts": "connectors/pipeline/_acts.html",
}


def connector(context: Mapping[str, Any], *, is_whole: bool = True) -> Iterator[SafeString]:
    """This will render the parts of a connector's page, from `pages.connector`; only its head where that will do."""
    return _rendered(CONNECTOR, context["connector"].pk, context, is_whole=is_whole)


def pipeline(context: Mapping[str, Any], *, is_whole: bool = True) -> Iterator[SafeString]:
    """This will render the parts of a pipeline's page, from `pages.pipeline`; only its head where that will do."""
    return _rendered(PIPELINE, context["pipeline"].pk, context, is_whole=is_whole)


def partial(target: str, swap: str, html: str) -> SafeString:
    """This will wrap what is rendered already, for htmx to put in its place."""
    return format_html('<hx-partial hx-target="{}" hx-swap="{}">{}</hx-partial>', target, swap, mark_safe(html))  # noqa: S308  # rendered by us


def _rendered(
    templates: Mapping[str, str], pk: int, context: Mapping[str, Any], *, is_whole: bool
) -> Iterator[SafeString]:
    for name, template in templates.items() if is_whole else [next(iter(templates.items()))]:
        yield partial(f"#{name}-{pk}", "outerMorph", render_to_string(template, dict(context)))
