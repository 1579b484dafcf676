"""The site with Wagtail: its admin is behind MFA, and its form for passwords is out of the way."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from wagtail.models import Locale, Page

from cognito_mfa.local.pool import LocalPool
from tests.factories import make
from tests.visitor import PASSWORD, Visitor

HOME = "/cms/"


@pytest.fixture
def editor(pool: LocalPool, visitor: Visitor) -> Visitor:
    Locale.objects.get_or_create(language_code="en")  # what Wagtail's migrations put in
    if not Page.objects.exists():
        Page.add_root(title="Root", slug="root")
    make(pool, "root", is_staff=True, is_superuser=True)
    visitor.secret = pool.register_software_token("root")
    return visitor


def test_a_visitor_comes_to_our_sign_in_and_back(editor: Visitor) -> None:
    """`labd/wagtail-2fa#5`: not only Wagtail's own form, but every way into its admin."""
    way = editor.get(HOME).url
    assert way.startswith(reverse("cognito_mfa:sign_in"))
    assert "next=/cms/" in way
    editor.sign_in("root", next_url=HOME)
    assert editor.get(HOME).status_code == 302
    assert editor.enter_code().url == HOME
    page = editor.get(HOME)
    assert page.status_code == 200
    assert "Example" in editor.text(page)


@pytest.mark.parametrize("method", ["get", "post"])
def test_wagtails_own_form_is_never_shown(editor: Visitor, method: str) -> None:
    data = {"username": "root", "password": PASSWORD, "next": HOME}
    response = getattr(editor.client, method)("/cms/login/?next=/cms/", data)
    assert response.status_code in {302, 307}
    assert response.url.startswith(reverse("cognito_mfa:sign_in"))
    assert editor.get(HOME).status_code == 302


def test_a_password_of_the_sites_own_opens_nothing(db: None, client: Client) -> None:
    """Also where the form is Django's: the session has no proof."""
    User.objects.create_superuser("local", password=PASSWORD)
    client.post(reverse("login"), {"username": "local", "password": PASSWORD})
    for url in (HOME, "/cms/account/", "/cms/users/"):
        response = client.get(url)
        assert response.status_code == 302
        assert response["Location"].startswith("/account/"), url


def test_its_pages_for_passwords_are_off(editor: Visitor) -> None:
    editor.sign_in("root")
    editor.enter_code()
    assert 'name="password-' not in editor.text(editor.get("/cms/account/"))
    assert 'name="password1"' not in editor.text(editor.get("/cms/users/new/"))
    assert editor.get("/cms/password_reset/").status_code == 404


def test_signing_out_of_wagtail_ends_the_session(editor: Visitor) -> None:
    editor.sign_in("root")
    editor.enter_code()
    assert editor.is_in()
    editor.post("/cms/logout/")
    assert not editor.is_in()
    assert editor.get(HOME).status_code == 302
