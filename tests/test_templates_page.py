"""The examples of docs/templates.md, put into a site as they stand there."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.local.pool import LocalPool
from tests.manual import template_examples, with_own_templates
from tests.visitor import Visitor

SITES_BASE = """<!DOCTYPE html>
<title>{% block title %}{% endblock %} | Example Ltd</title>
{% block head %}{% endblock %}
<nav>Our navigation</nav>
{% block body %}{% endblock %}
"""


@pytest.fixture
def templates(tmp_path: Path, settings: Settings) -> Path:
    """Return the directory of a site with templates of its own."""
    with_own_templates(settings, tmp_path)
    return tmp_path


def test_the_pages_fit_into_the_sites_own_frame(
    templates: Path, pool: LocalPool, visitor: Visitor
) -> None:
    (path, text), *_rest = template_examples()
    (templates / path).write_text(text)
    (templates / "templates" / "base.html").write_text(SITES_BASE)
    page = visitor.get(reverse("cognito_mfa:sign_in")).content.decode()
    assert "Our navigation" in page
    assert "Sign in | Example Ltd" in page
    assert "cognito_mfa/cognito_mfa.css" in page
    assert 'name="password"' in page


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
