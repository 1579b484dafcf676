"""The examples of docs/templates.md, put into a site as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.urls import reverse
from pytest_django import Settings

import cognito_mfa
from cognito_mfa.local.pool import LocalPool
from tests.manual import template_examples, with_own_templates
from tests.visitor import Visitor

# With the block names that many sites have: what the site puts there must be on our pages, too, and once.
SITES_BASE = """<!DOCTYPE html>
<title>{% block title %}{% endblock %} | Example Ltd</title>
{% block styles %}<link rel="stylesheet" href="/ours.css">{% endblock %}
{% block head %}{% endblock %}
{% block header %}<nav>Our navigation</nav>{% endblock %}
{% block messages %}<p>Our news</p>{% endblock %}
{% block body %}{% block content %}{% endblock %}{% endblock %}
{% block footer %}<p>Our imprint</p>{% endblock %}
{% block scripts %}<script src="/ours.js"></script>{% endblock %}
"""
TEMPLATES = Path(cognito_mfa.__file__).parent / "templates" / "cognito_mfa"
OURS = ("/ours.css", "Our navigation", "Our news", "Our imprint", "/ours.js")


@pytest.fixture
def templates(tmp_path: Path, settings: Settings) -> Path:
    """Return the directory of a site with templates of its own."""
    with_own_templates(settings, tmp_path)
    return tmp_path


def blocks_of(template: str) -> set[str]:
    return set(re.findall(r"{% block (\w+) %}", template))


def put_into_the_sites_frame(place: Path) -> None:
    (path, text), *_rest = template_examples()
    (place / path).write_text(text)
    (place / "templates" / "base.html").write_text(SITES_BASE)


def test_the_pages_fit_into_the_sites_own_frame(
    templates: Path, pool: LocalPool, visitor: Visitor
) -> None:
    put_into_the_sites_frame(templates)
    page = visitor.get(reverse("cognito_mfa:sign_in")).content.decode()
    assert "Our navigation" in page
    assert "Sign in | Example Ltd" in page
    assert "cognito_mfa/cognito_mfa.css" in page
    assert 'name="password"' in page


def test_nothing_of_the_pages_is_lost_in_the_sites_frame(
    templates: Path, pool: LocalPool, visitor: Visitor
) -> None:
    put_into_the_sites_frame(templates)
    visitor.set_up()
    page = visitor.get(reverse("cognito_mfa:device_replace")).content.decode()
    assert "Step 1 of 3" in page
    page = visitor.get(reverse("cognito_mfa:device")).content.decode()
    assert reverse("cognito_mfa:history") in page
    assert reverse("cognito_mfa:sign_out") in page
    visitor.sign_out()
    assert "You’re signed out." in visitor.get(reverse("cognito_mfa:sign_in")).content.decode()


def test_the_sites_own_blocks_stay_the_sites(
    templates: Path, pool: LocalPool, visitor: Visitor
) -> None:
    put_into_the_sites_frame(templates)
    page = visitor.get(reverse("cognito_mfa:sign_in")).content.decode()
    assert {part: page.count(part) for part in OURS} == dict.fromkeys(OURS, 1)


def test_what_pages_fill_is_in_the_sites_frame_and_has_no_common_name() -> None:
    (_path, frame), *_rest = template_examples()
    base = blocks_of((TEMPLATES / "base.html").read_text())
    pages = [path.read_text() for path in TEMPLATES.glob("*.html") if path.stem != "base"]
    filled = base & set().union(*map(blocks_of, pages))
    assert filled <= blocks_of(frame)
    assert not filled & blocks_of(SITES_BASE) - {"title", "content"}


def test_a_drawing_has_a_size_without_the_style_sheet() -> None:
    for path in TEMPLATES.rglob("*.html"):
        for drawing in re.findall(r"<svg [^>]*>", path.read_text()):
            assert re.search(r' width="\d+" height="\d+"', drawing), path.name


def test_colors_logo_and_one_block_are_changed(
    templates: Path, pool: LocalPool, visitor: Visitor
) -> None:
    for path, text in template_examples()[1:]:
        (templates / path).write_text(text)
    visitor.set_up()
    visitor.sign_out()
    page = visitor.get(reverse("cognito_mfa:sign_in")).content.decode()
    assert "mysite/mfa.css" in page
    assert "cognito_mfa/cognito_mfa.css" in page
    assert "mysite/logo.svg" in page
    visitor.sign_in()
    page = visitor.get(reverse("cognito_mfa:challenge")).content.decode()
    assert "extension 100" in page
    assert 'name="code"' in page
