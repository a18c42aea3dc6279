"""What is the same on every rendering is rendered once, and nothing else."""

import gc
import re
import weakref
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.template import Context, Engine, NodeList, Template, TemplateDoesNotExist, engines
from django.template.base import TextNode
from django.template.exceptions import TemplateSyntaxError
from django.template.loader_tags import IncludeNode
from django.test import RequestFactory
from django.urls import NoReverseMatch

from dashboard.folding import Loader, fold

LOAD = "{% load switchyard static %}"


def folded(source: str) -> Template:
    """This will compile a text and fold it."""
    made = Template(LOAD + source)
    fold(made.nodelist)
    return made


def shown(made: Template, **names: Any) -> str:
    return made.render(Context(names))


def plainly(source: str, **names: Any) -> str:
    return shown(Template(LOAD + source), **names)


@pytest.mark.parametrize(
    "source",
    [
        "plain",
        "{% url 'board' %}?page=2",
        "<a href=\"{% url 'accounts' %}\">{% icon 'search' %}Find</a>",
        "{% icon name='down' classes='' %}",
        "a{% comment %}no{% endcomment %}b{# nor this #}c",
    ],
)
def test_what_depends_on_nothing_becomes_text(source: str) -> None:
    made = folded(source)

    assert [type(node) for node in made.nodelist] == [TextNode]
    assert shown(made) == plainly(source)


@pytest.mark.parametrize(
    "source",
    [
        "{% url 'connector' pk %}",
        "{% url name %}",
        "{% url 'board' as where %}{{ where }}",
        "{% icon shape %}",
        "{% icon 'down' as mark %}{{ mark }}",
        "{{ number|rate }}{% icon shape '' %}",
        "{% if pk %}{% icon 'down' %}{% elif name %}{% url 'board' %}{% else %}{% url 'accounts' %}{% endif %}",
        "{% for one in many %}{% icon 'down' %}{{ one }}{% empty %}{% icon 'cross' %}{% endfor %}",
        "{% with x=pk %}{% url 'board' %}{{ x }}{% endwith %}",
        "{% autoescape off %}{{ name }}{% url 'board' %}{% endautoescape %}",
    ],
)
def test_what_depends_on_something_is_rendered_each_time(source: str) -> None:
    made = folded(source)

    for names in ({"pk": 7, "name": "board", "shape": "down", "many": [1, 2], "number": 3},
                  {"pk": 8, "name": "accounts", "shape": "cross", "many": []},
                  {"pk": 0, "name": "teams", "shape": "search", "many": [3]}):  # fmt: skip
        try:
            expected = plainly(source, **names)
        except NoReverseMatch:
            continue
        assert shown(made, **names) == expected


def test_texts_that_meet_are_one_also_within_a_condition() -> None:
    made = folded("{% if yes %}<b>{% icon 'down' %}</b>{% url 'board' %}{% endif %}{% icon 'cross' %}!")

    condition, end = made.nodelist
    ((_, inner),) = condition.conditions_nodelists  # type: ignore[attr-defined]  # an IfNode
    assert [type(node) for node in inner] == [TextNode]
    assert isinstance(end, TextNode)


def test_an_address_that_does_not_exist_is_told_to_whoever_renders_it() -> None:
    made = folded("{% url 'no-such-page' %}")

    with pytest.raises(NoReverseMatch):
        shown(made)


def test_pages_are_loaded_folded_and_once() -> None:
    engine = engines["django"].engine  # type: ignore[attr-defined]  # Django's own backend
    (loader,) = engine.template_loaders
    loader.reset()

    first, second = (engine.get_template("components/_styles.html") for _ in range(2))

    assert isinstance(loader, Loader)
    assert first is second
    assert [type(node) for node in first.nodelist] == [TextNode]


def test_a_page_fills_the_blocks_of_what_it_extends(tmp_path: Any) -> None:
    (tmp_path / "base.html").write_text("<{% block a %}base{% endblock %}|{% block b %}b{% endblock %}>")
    (tmp_path / "page.html").write_text(
        "{% extends 'base.html' %}{% block a %}{{ block.super }}{% if x %}, x{% endif %}{% endblock %}"
    )
    engine = Engine(loaders=[("dashboard.folding.Loader", [("django.template.loaders.filesystem.Loader", [tmp_path])])])

    assert engine.render_to_string("page.html", {"x": True}) == "<base, x|b>"
    assert engine.render_to_string("page.html", {"x": False}) == "<base|b>"


def test_a_page_may_extend_what_extends_another(tmp_path: Any) -> None:
    (tmp_path / "base.html").write_text(
        "<{% block a %}a{% endblock %}{% if y %}{% block b %}b{% endblock %}{% endif %}>"
    )
    (tmp_path / "middle.html").write_text("{% extends 'base.html' %}{% block a %}m{{ block.super }}{% endblock %}")
    (tmp_path / "page.html").write_text("{% extends 'middle.html' %}{% block a %}p{{ block.super }}{% endblock %}")
    (tmp_path / "named.html").write_text("{% extends name %}{% block b %}n{% endblock %}")
    engine = Engine(loaders=[("dashboard.folding.Loader", [("django.template.loaders.filesystem.Loader", [tmp_path])])])

    for _ in range(2):
        assert engine.render_to_string("page.html", {"y": True}) == "<pmab>"
        assert engine.render_to_string("middle.html") == "<ma>"
        assert engine.render_to_string("named.html", {"name": "middle.html", "y": True}) == "<man>"
        assert engine.render_to_string("base.html", {"y": True}) == "<ab>"


def test_what_extends_nothing_that_is_there_is_told_to_whoever_renders_it(tmp_path: Any) -> None:
    (tmp_path / "page.html").write_text("{% extends 'no-such.html' %}{% block a %}{% endblock %}")
    engine = Engine(loaders=[("dashboard.folding.Loader", [("django.template.loaders.filesystem.Loader", [tmp_path])])])
    page = engine.get_template("page.html")

    with pytest.raises(TemplateDoesNotExist, match="no-such"):
        page.render(Context())


def test_a_template_that_is_wrong_is_still_wrong(tmp_path: Any) -> None:
    (tmp_path / "wrong.html").write_text("{% if %}")
    engine = Engine(loaders=[("dashboard.folding.Loader", [("django.template.loaders.filesystem.Loader", [tmp_path])])])

    with pytest.raises(TemplateSyntaxError):
        engine.get_template("wrong.html")


def test_nothing_is_folded_of_nothing() -> None:
    nodes = NodeList()

    fold(nodes)

    assert nodes == []


def engine_of(folder: Path, **files: str) -> Engine:
    """This will make an engine of ours with these templates; a name stands for `name.html`."""
    for name, text in files.items():
        (folder / f"{name}.html").write_text(text)
    below = [("django.template.loaders.filesystem.Loader", [folder])]
    return Engine(loaders=[("dashboard.folding.Loader", below)])


def test_what_is_included_by_name_is_laid_in(tmp_path: Path) -> None:
    engine = engine_of(
        tmp_path,
        page="<{% include 'part.html' %}|{% include 'part.html' with x=y %}|"
        "{% include 'part.html' with y=x only %}|{{ z }}>",
        part="{% load switchyard %}{% include 'word.html' %}{{ x }}{{ y }}{% look 'failed' as z %}",
        word="a {% comment %}no{% endcomment %}word ",
    )
    engine.template_libraries = engine.get_template_libraries({"switchyard": "connectors.templatetags.switchyard"})

    page = engine.get_template("page.html")

    assert not page.nodelist.get_nodes_by_type(IncludeNode)
    assert page.render(Context({"x": 1, "y": 2})) == "<a word 12|a word 22|a word 1|>"


def test_an_included_text_becomes_part_of_the_text(tmp_path: Path) -> None:
    engine = engine_of(tmp_path, page="<{% include 'part.html' %}>", part="{# nothing #}only text")

    (node,) = engine.get_template("page.html").nodelist

    assert isinstance(node, TextNode)
    assert node.s == "<only text>"


@pytest.mark.parametrize(
    ("included", "shown"),
    [
        ("{% for n in many %}{% cycle 'a' 'b' %}{% endfor %}", "<aba|aba>"),
        ("{% for n in many %}{% ifchanged %}{{ n }}{% endifchanged %}{% endfor %}", "<12|12>"),
        ("{% block a %}own{% endblock %}", "<own|own>"),
    ],
)
def test_what_would_mean_something_else_is_left_apart(tmp_path: Path, included: str, shown: str) -> None:
    engine = engine_of(
        tmp_path, base="<{% block a %}{% endblock %}|{% include 'part.html' %}>",
        page="{% extends 'base.html' %}{% block a %}{% include 'part.html' %}{% endblock %}", part=included,
    )  # fmt: skip

    assert engine.render_to_string("page.html", {"many": [1, 2, 2]}) == shown


def test_a_template_may_include_itself_and_one_of_another_folder(tmp_path: Path) -> None:
    tree = "{{ node.name }}{% for node in node.below %}({% include './page.html' %}){% endfor %}{% include word %}"
    engine = engine_of(tmp_path, page=tree, word="!")
    leaf = {"name": "b", "below": []}

    assert engine.render_to_string(
        "page.html", {"node": {"name": "a", "below": [leaf, leaf]}, "word": "word.html"}
    ) == ("a(b!)(b!)!")


def test_one_that_is_not_there_is_told_to_whoever_renders_it(tmp_path: Path) -> None:
    engine = engine_of(tmp_path, page="{% if x %}{% include 'no-such.html' %}{% endif %}")
    page = engine.get_template("page.html")

    assert page.render(Context()) == ""
    with pytest.raises(TemplateDoesNotExist):
        page.render(Context({"x": True}))


def test_text_of_a_page_is_held_in_ascii_and_read_as_the_same(tmp_path: Path) -> None:
    engine = engine_of(tmp_path, page="<p title='“a”'>Pause… {{ x }}{% if x %}·{% endif %}</p>")
    (tmp_path / "mail.txt").write_text("Pause… {{ x }}")

    shown = engine.render_to_string("page.html", {"x": "ü"})

    assert unescape(shown) == "<p title='“a”'>Pause… ü·</p>"
    assert {letter for letter in shown if not letter.isascii()} == {"ü"}
    assert engine.render_to_string("mail.txt", {"x": "ü"}) == "Pause… ü"


def test_no_template_has_other_letters_where_a_reference_means_nothing() -> None:
    for found in Path(settings.BASE_DIR, "templates").rglob("*.html"):
        for inner in re.findall(r"<(?:script|style)\b.*?</(?:script|style)>", found.read_text(), re.DOTALL):
            assert inner.isascii(), found


class Shown:
    """Something that a page shows."""


@pytest.mark.parametrize("text", ["{{ shown }}", '{% extends "base.html" %}{% block main %}{{ shown }}{% endblock %}'])
def test_what_a_page_was_made_of_is_let_go_of_with_it(rf: RequestFactory, text: str) -> None:
    request, shown = rf.get("/"), Shown()
    request.user = AnonymousUser()
    is_there = weakref.ref(shown)
    template = engines["django"].from_string(text)
    gc.disable()  # nobody looks for garbage
    try:
        assert "Shown object" in template.render({"shown": shown}, request)
        del shown
        assert is_there() is None
    finally:
        gc.enable()


def test_a_template_that_is_missing_is_named_with_the_engine_that_looked_for_it() -> None:
    template = engines["django"].from_string("{% include name %}")

    with pytest.raises(TemplateDoesNotExist, match=r"missing\.html") as failed:
        template.render({"name": "missing.html"})

    assert failed.value.backend is engines["django"]
