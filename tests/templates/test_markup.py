"""What holds for every template, whatever it shows."""

import re
from importlib import import_module
from pathlib import Path

import pytest
from django.template.loader import get_template

LIBRARIES = Path(__file__).resolve().parents[2] / "connectors/templatetags"
ROOT = Path(__file__).resolve().parents[2] / "templates"
TEMPLATES = sorted(str(path.relative_to(ROOT)) for path in ROOT.rglob("*.html"))


@pytest.mark.parametrize("name", TEMPLATES)
def test_template_compiles(name: str) -> None:
    get_template(name)


@pytest.mark.parametrize("name", TEMPLATES)
def test_template_holds_nothing_that_the_security_policy_forbids(name: str) -> None:
    text = (ROOT / name).read_text()
    text = re.sub(r'<script [^>]*type="application/json">', "", text)  # data: no browser carries it out

    assert re.findall(r"\sstyle=|\son[a-z]+=|<style|<script(?![^>]*\ssrc=)|javascript:|hx-on", text) == []


@pytest.mark.parametrize("name", TEMPLATES)
def test_template_escapes_what_it_shows(name: str) -> None:
    text = (ROOT / name).read_text()

    assert re.findall(r"\|safe\b|autoescape off", text) == []


@pytest.mark.parametrize("name", ["400.html", "403.html", "403_csrf.html", "404.html", "500.html"])
def test_error_page_needs_nothing_from_the_request(name: str) -> None:
    html = get_template(name).render({})

    assert html.count("<h1>") == 1


def test_no_two_libraries_have_a_tag_of_the_same_name() -> None:
    """A template that loads both would get the one it names last."""
    owners: dict[str, list[str]] = {}
    for path in sorted(LIBRARIES.glob("[a-z]*.py")):
        library = import_module(f"connectors.templatetags.{path.stem}")
        if register := getattr(library, "register", None):
            for name in [*register.tags, *register.filters]:
                owners.setdefault(name, []).append(path.stem)

    assert {name: found for name, found in owners.items() if len(found) > 1} == {}
