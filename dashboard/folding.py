"""
Templates as they are loaded: what is the same on every rendering is rendered then, once.

A page of ours holds some hundred icons, addresses and paths of static files that depend on nothing, and between them
text in small pieces; each took as long as what does depend on something.
"""

from collections.abc import Iterable, Iterator

from django.core.exceptions import ImproperlyConfigured
from django.template import Context, Node, NodeList, Origin, Template
from django.template.base import FilterExpression, TextNode
from django.template.defaulttags import CommentNode, IfNode, LoadNode, URLNode
from django.template.library import SimpleNode
from django.template.loaders import base, cached
from django.templatetags.static import StaticNode
from django.urls import NoReverseMatch

SILENT = (LoadNode, CommentNode)


class _Folded(base.Loader):
    """Stands below the loader that keeps templates, so that nobody meets one that is being folded."""

    def get_template(self, template_name: str, skip: list[Origin] | None = None) -> Template:
        """This will load and fold."""
        template = super().get_template(template_name, skip)
        fold(template.nodelist)
        return template


class Loader(cached.Loader, _Folded):
    """Django's loader that keeps what it loaded, folded."""


def fold(nodes: NodeList) -> None:
    """This will render what is constant among some nodes and all within them, and join texts that meet."""
    nodes[:] = list(_joined(_folded(node) for node in nodes))
    for node in nodes:
        for inner in _within(node):
            fold(inner)


def _within(node: Node) -> Iterator[NodeList]:
    if isinstance(node, IfNode):
        yield from (nodelist for _, nodelist in node.conditions_nodelists)
        return
    for name in node.child_nodelists:
        nodelist = getattr(node, name, None)
        if isinstance(nodelist, NodeList):
            yield nodelist


def _folded(node: Node) -> Node:
    if isinstance(node, SILENT):
        return TextNode("")
    if not _is_constant(node):
        return node
    try:
        return TextNode(str(node.render(Context())))
    except (NoReverseMatch, ImproperlyConfigured, ValueError):  # whoever renders it is told
        return node


def _is_constant(node: Node) -> bool:
    if isinstance(node, StaticNode):
        return not node.varname and _are_constant([node.path])
    if isinstance(node, URLNode):
        is_ours = not node.asvar and _are_constant([node.view_name]) and ":" not in node.view_name.var
        return is_ours and _are_constant([*node.args, *node.kwargs.values()])
    if isinstance(node, SimpleNode):
        is_pure = hasattr(node.func, "cache_info") and not node.takes_context and not node.target_var
        return is_pure and _are_constant([*node.args, *node.kwargs.values()])
    return False


def _are_constant(expressions: Iterable[FilterExpression]) -> bool:
    return not any(expression.is_var or expression.filters for expression in expressions)


def _joined(nodes: Iterable[Node]) -> Iterator[Node]:
    texts: list[str] = []
    for node in nodes:
        if isinstance(node, TextNode):
            texts.append(node.s)
            continue
        if text := "".join(texts):
            yield TextNode(text)
        texts = []
        yield node
    if text := "".join(texts):
        yield TextNode(text)
