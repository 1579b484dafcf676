"""A first, a returning and an existing person, and a superuser: the same on each site."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, MFAEvent
from tests.factories import reset_in_admin
from tests.visitor import PASSWORD, Visitor


def address(name: str) -> str:
    return f"{name}@example.com"


def make_user(name: str, **values: Any) -> Any:
    """Make one of the site's users, as it had them before ours came."""
    model = get_user_model()
    user = model(email=address(name), **values)
    if model.USERNAME_FIELD != "email":
        setattr(user, model.USERNAME_FIELD, name)
    user.set_unusable_password() if not values.get("password") else None
    user.save()
    return user


def in_pool(pool: LocalPool, name: str) -> None:
    attributes = {"email": address(name), "email_verified": "true"}
    pool.create_user(name, password=PASSWORD, attributes=attributes)


def signed_in_again(visitor: Visitor, name: str) -> bool:
    visitor.sign_out()
    assert not visitor.is_in()
    assert visitor.sign_in(name).url == reverse("cognito_mfa:challenge")
    assert not visitor.is_in()
    visitor.cognito.clock.advance(30)
    visitor.enter_code()
    return visitor.is_in()


class Forms(HTMLParser):
    """Looks for a form inside another, which browsers drop: its button would send the outer one."""

    depth = deepest = 0

    def handle_starttag(self, tag: str, _attrs: object) -> None:
        self.depth += tag == "form"
        self.deepest = max(self.deepest, self.depth)

    def handle_endtag(self, tag: str) -> None:
        self.depth -= tag == "form"


def nests_forms(page: str) -> bool:
    """Return whether a form of ``page`` is inside another one."""
    parser = Forms()
    parser.feed(page)
    assert parser.deepest, "there is no form"
    return parser.deepest > 1


def test_a_first_and_returning_person(pool: LocalPool, visitor: Visitor) -> None:
    assert "sign-in" in visitor.get("/private/").url
    visitor.sign_in()
    assert not visitor.is_in()
    visitor.set_up()
    assert visitor.is_in()
    user = CognitoIdentity.objects.select_related("user").get().user
    assert (user.email, user.has_usable_password()) == (address("newcomer"), False)
    assert signed_in_again(visitor, "newcomer")


def test_a_person_who_was_here_before(pool: LocalPool, visitor: Visitor) -> None:
    user = make_user("ada")
    in_pool(pool, "ada")
    visitor.set_up("ada")
    assert visitor.is_in()
    assert CognitoIdentity.objects.get().user_id == user.pk
    assert get_user_model()._default_manager.count() == 1
    assert signed_in_again(visitor, "ada")


def test_a_superuser_who_was_here_before(pool: LocalPool, visitor: Visitor) -> None:
    """Refused until a user with a shell links them, and then at home in the admin."""
    root = make_user("root", is_staff=True, is_superuser=True)
    in_pool(pool, "root")
    pool.register_software_token("newcomer")
    visitor.secret = pool.register_software_token("root")
    visitor.sign_in("root")
    assert visitor.enter_code().answered == 403
    assert MFAEvent.objects.get(kind="LINK_REFUSED").reason == "staff"

    call_command("cognito_mfa_link", root.get_username(), username="root", reason="Ticket 7")
    visitor.cognito.clock.advance(30)
    visitor.sign_in("root")
    assert visitor.get(reverse("admin:index")).status_code == 302
    visitor.enter_code()
    assert visitor.get(reverse("admin:index")).status_code == 200
    assert signed_in_again(visitor, "root")

    person = Visitor(Client(), visitor.cognito)
    person.secret = pool.register_software_token("newcomer")
    person.sign_in()
    person.enter_code()
    assert person.is_in()
    newcomer = CognitoIdentity.objects.get(username="newcomer")
    page = visitor.get(reverse("admin:cognito_mfa_cognitoidentity_change", args=[newcomer.pk]))
    assert '<li class="cognito-mfa-action">' in visitor.text(page)
    assert "cognito_mfa/admin.css" in visitor.text(page)
    assert not nests_forms(visitor.text(page))
    assert "Reset the authenticator app of newcomer." in reset_in_admin(visitor, newcomer)
    assert not person.is_in()


@pytest.mark.parametrize(
    "name",
    [
        "cognito_mfa_cognitoidentity_changelist",
        "cognito_mfa_overviewsnapshot_changelist",
        "cognito_mfa_mfaevent_export",
        "cognito_mfa_cognitoidentity_link",
    ],
)
def test_the_pages_of_the_admin_open(pool: LocalPool, visitor: Visitor, name: str) -> None:
    """With a heading and a button that the site's theme does not hide."""
    root = make_user("root", is_staff=True, is_superuser=True)
    in_pool(pool, "root")
    call_command("cognito_mfa_link", root.get_username(), username="root", reason="Ticket 7")
    visitor.come_with_app("root")
    url = reverse(f"admin:{name}")
    response = visitor.get(url)
    assert response.status_code == 200
    page = visitor.text(response)
    assert "cognito_mfa/admin.css" in page
    if not name.endswith("identity_changelist"):
        assert 'class="cognito-mfa-page"' in page
        assert "<h1>" in page
    model = get_user_model()._meta
    users = reverse(f"admin:{model.app_label}_{model.model_name}_changelist")
    assert visitor.get(users).status_code == 200


def test_djangos_own_pages_open_no_way_past_the_code(pool: LocalPool, visitor: Visitor) -> None:
    """``django.contrib.auth.urls`` beside ours: a password of the site's own leads to the setup."""
    user = make_user("local")
    user.set_password(PASSWORD)
    user.save()
    data = {"username": user.get_username(), "password": PASSWORD}
    visitor.post(reverse("login"), {**data, "next": "/private/"})
    assert not visitor.is_in()
    for name in ("password_change", "password_change_done"):
        assert visitor.get(reverse(name)).status_code == 302
    for name in ("password_reset", "password_reset_done", "logout"):
        assert visitor.client.post(reverse(name)).status_code in {200, 302, 405}
