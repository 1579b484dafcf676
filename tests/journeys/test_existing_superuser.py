"""A site that has no user but the superuser: README's steps, followed to the letter, lead into the admin."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from django.core.management import call_command
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity
from tests.visitor import PASSWORD, Visitor

README = Path(__file__).resolve().parents[2] / "README.md"


def commands() -> list[list[str]]:
    """Return the commands of the step in README that links the superuser, without ``python manage.py``."""
    step = README.read_text().split("Link your superuser**", 1)[1].split("\nFrom now on", 1)[0]
    lines = re.findall(r"^ *python manage\.py (.+)$", step, re.MULTILINE)
    return [shlex.split(line) for line in lines]


@pytest.fixture
def as_in_readme(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.AUTHENTICATION_BACKENDS = ["cognito_mfa.backends.CognitoBackend"]
    monkeypatch.setenv("DJANGO_SUPERUSER_EMAIL", "admin@example.com")
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "never asked for")


@pytest.mark.usefixtures("as_in_readme")
def test_the_superuser_of_the_readme_signs_in_to_the_admin(
    pool: LocalPool, visitor: Visitor
) -> None:
    pool.create_user("admin", password=PASSWORD)
    create, link = commands()
    call_command(*create, "--noinput")
    call_command(*link)

    assert visitor.get("/admin/").status_code == 302
    visitor.sign_in("admin", next_url="/admin/")
    visitor.scan()
    done = visitor.confirm_setup(friendly_name="Phone")
    assert done.url.startswith(reverse("cognito_mfa:setup_done"))
    page = visitor.text(visitor.get("/admin/"))
    assert "Site administration" in page
    assert "Cognito identities" in page


@pytest.mark.usefixtures("as_in_readme")
def test_without_the_link_the_superuser_is_not_the_pools_user(
    pool: LocalPool, visitor: Visitor
) -> None:
    """Anyone who can create a user of this name in the pool must not become the superuser by it."""
    pool.create_user("admin", password=PASSWORD)
    create, _link = commands()
    call_command(*create, "--noinput")
    visitor.sign_in("admin")
    visitor.scan()
    visitor.confirm_setup()
    assert not CognitoIdentity.objects.filter(user__is_superuser=True).exists()
    assert "Site administration" not in visitor.text(visitor.get("/admin/", follow=True))
