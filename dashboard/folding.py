"""
Templates as they are loaded: what is the same on every rendering is rendered then, once.

A page of ours holds some hundred icons, addresses and paths of static files that depend on nothing, and between them
text in small pieces; each took as long as what does depend on something. Text of a page is held in ASCII (`plain`),
and what a template includes by name is laid into it, where that is plain text as text.
"""

from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.template import Context, Node, NodeList, Origin, Template, TemplateDoesNotExist
from django.template.backends import django
from django.template.backends.django import DjangoTemplates
from django.template.base import FilterExpression, TextNode
from django.template.context import make_context
from django.template.defaulttags import CommentNode, CycleNode, IfChangedNode, IfNode, LoadNode, URLNode
from django.template.library import SimpleNode
from django.template.loader_tags import (
    BLOCK_CONTEXT_KEY,
    BlockContext,
    BlockNode,
    ExtendsNode,
    IncludeNode,
    construct_relative_path,
)
from django.template.loaders import base, cached
from django.templatetags.static import StaticNode
from django.urls import NoReverseMatch
from django.utils.safestring import SafeString

from connectors.templatetags.plain import plain

SILENT = (LoadNode, CommentNode)
APART = (ExtendsNode, BlockNode, CycleNode, IfChangedNode)
"""What would mean something else among the nodes of another template."""
_loading: ContextVar[frozenset[str]] = ContextVar("loading", default=frozenset())


class Templates(DjangoTemplates):
    """Django's engine; its templates let go of what they were given."""

    def from_string(self, template_code: str) -> "Rendered":
        """This will make a template of its text."""
        return Rendered(super().from_string(template_code).template, self)

    def get_template(self, template_name: str) -> "Rendered":
        """This will find a template; raises what Django's own does."""
        return Rendered(super().get_template(template_name).template, self)


class Rendered(django.Template):
    """
    One whose context holds nothing once it is rendered.

    A context and its layers know each other, so that everything a page was made of, a thousand objects, would stay
    until somebody looks for garbage: every fifteenth page took half as long again. `ContextDict.context`, Django 5.2
    """

    def render(self, context: dict[str, Any] | None = None, request: HttpRequest | None = None) -> SafeString:
        """This will render it."""
        made = make_context(context, request, autoescape=self.backend.engine.autoescape)
        try:
            return self.template.render(made)
        except TemplateDoesNotExist as missing:
            django.reraise(missing, self.backend)
        finally:
            made.dicts.clear()


class _Folded(base.Loader):
    """Stands below the loader that keeps templates, so that nobody meets one that is being folded."""

    def get_template(self, template_name: str, skip: list[Origin] | None = None) -> Template:
        """This will load and fold."""
        template = super().get_template(template_name, skip)
        before = _loading.set(_loading.get() | {template_name})
        try:
            fold(template.nodelist, template)
        finally:
            _loading.reset(before)
        if template_name.endswith(".html"):
            for node in template.nodelist.get_nodes_by_type(TextNode):
                assert isinstance(node, TextNode)  # noqa: S101  # asked for by type
                node.s = plain(node.s)
        return template


class Loader(cached.Loader, _Folded):
    """Django's loader that keeps what it loaded, folded."""


class Laid(Node):
    """An included template in its place: with names of its own, as if it were rendered by itself."""

    def __init__(self, include: IncludeNode, nodelist: NodeList) -> None:
        self.extra_context, self.isolated_context = include.extra_context, include.isolated_context
        self.nodelist = nodelist

    def render(self, context: Context) -> SafeString:
        """This will render it."""
        values = {name: expression.resolve(context) for name, expression in self.extra_context.items()}
        if self.isolated_context:
            return self.nodelist.render(context.new(values))
        with context.push(**values):
            return self.nodelist.render(context)


class Extends(ExtendsNode):
    """A template that extends one which extends none: that one's blocks are looked for once, not on each rendering."""

    def __init__(self, node: ExtendsNode, parent: Template) -> None:
        self.nodelist, self.parent_name, self.blocks = node.nodelist, node.parent_name, node.blocks
        self.parent: Any = parent
        found = parent.nodelist.get_nodes_by_type(BlockNode)
        self.below = {block.name: block for block in found if isinstance(block, BlockNode)}

    def render(self, context: Context) -> SafeString:
        """This will render the other template with these blocks."""
        state: Any = context.render_context
        blocks = state.setdefault(BLOCK_CONTEXT_KEY, BlockContext())
        blocks.add_blocks(self.blocks)
        blocks.add_blocks(self.below)
        with state.push_state(self.parent, isolated_context=False):
            return SafeString(self.parent._render(context))


def fold(nodes: NodeList, template: Template | None = None) -> None:
    """
    This will render what is constant among some nodes and all within them, and join texts that meet.

    :param template: theirs, if they are to have laid into them what they include
    """
    nodes[:] = list(_joined(_folded(node, template) for node in nodes))
    for node in nodes:
        for inner in _within(node):
            fold(inner, template)


def _within(node: Node) -> Iterator[NodeList]:
    if isinstance(node, IfNode):
        yield from (nodelist for _, nodelist in node.conditions_nodelists)
        return
    for name in node.child_nodelists:
        nodelist = getattr(node, name, None)
        if isinstance(nodelist, NodeList):
            yield nodelist


def _folded(node: Node, template: Template | None) -> Node:
    if isinstance(node, SILENT):
        return TextNode("")
    if isinstance(node, IncludeNode):
        return _laid(node, template) if template else node
    if isinstance(node, ExtendsNode) and template:
        return _extending(node, template)
    if not _is_constant(node):
        return node
    try:
        return TextNode(str(node.render(Context())))
    except (NoReverseMatch, ImproperlyConfigured, ValueError):  # whoever renders it is told
        return node


def _named(expression: FilterExpression | Node, template: Template) -> Template | None:
    """None where it is not named by a constant, where it is not there, as whoever renders it is told, or is itself."""
    if not isinstance(expression, FilterExpression) or not _are_constant([expression]):
        return None
    name = construct_relative_path(template.name, expression.resolve(Context()))
    if name in _loading.get():
        return None
    try:
        return template.engine.get_template(name)
    except TemplateDoesNotExist:
        return None


def _extending(node: ExtendsNode, template: Template) -> Node:
    parent = _named(node.parent_name, template)
    return Extends(node, parent) if parent and not parent.nodelist.get_nodes_by_type(ExtendsNode) else node


def _laid(node: IncludeNode, template: Template) -> Node:
    included = _named(node.template, template)
    if included is None:
        return node
    if any(included.nodelist.get_nodes_by_type(kind) for kind in APART):
        return node
    if all(isinstance(inner, TextNode) for inner in included.nodelist) and not node.extra_context:
        return TextNode("".join(inner.s for inner in included.nodelist if isinstance(inner, TextNode)))
    return Laid(node, included.nodelist)


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
