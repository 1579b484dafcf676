"""The pages in the frame of a site, as docs/templates.md has it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings

from cognito_mfa.local.pool import LocalPool
from tests.browser.conftest import NewPerson
from tests.browser.person import Person
from tests.manual import template_examples, with_own_templates

pytestmark = pytest.mark.browser

SITES_BASE = """<!DOCTYPE html><title>{% block title %}{% endblock %}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">{% block head %}{% endblock %}
<nav>Our navigation</nav><div id="ours">{% block body %}{% endblock %}</div>"""
WHITE = "rgb(255, 255, 255)"


@pytest.fixture(params=["cognito-mfa-embedded", "cognito-mfa-embedded cognito-mfa-light"])
def classes(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> str:
    """The classes of the frame; the site's own templates are in use."""
    with_own_templates(settings, tmp_path)
    (path, text), *_rest = template_examples()
    assert 'class="cognito-mfa cognito-mfa-embedded"' in text
    (tmp_path / path).write_text(text.replace("cognito-mfa-embedded", str(request.param)))
    (tmp_path / "templates" / "base.html").write_text(SITES_BASE)
    return str(request.param)


def seen(person: Person, selector: str, name: str) -> str:
    """Return what the browser computed for the property ``name`` of the first element of ``selector``."""
    place = person.page.locator(selector).first
    return str(place.evaluate("(element, name) => getComputedStyle(element)[name]", name))


@pytest.mark.parametrize("width", [1280, 360])
def test_the_page_is_no_higher_than_its_card_and_dark_only_where_the_site_is(
    pool: LocalPool, new_person: NewPerson, classes: str, width: int
) -> None:
    person = new_person(viewport={"width": width, "height": 900}, color_scheme="dark")
    person.open("/account/sign-in/")
    assert person.page.locator("#ours").bounding_box()["height"] < 600  # type: ignore[index]
    assert seen(person, ".cognito-mfa", "backgroundColor") == "rgba(0, 0, 0, 0)"
    assert (seen(person, "main", "backgroundColor") == WHITE) is ("light" in classes)
    assert person.overflow() == 0
