"""Journey 8: sign-out is a POST, and afterwards the old cookie is worthless."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from cognito_mfa.local.pool import LocalPool
from tests.visitor import Visitor

pytestmark = pytest.mark.auth_flows("ADMIN_USER_PASSWORD_AUTH", "USER_SRP_AUTH")


@pytest.mark.over_api
def test_the_old_cookie_is_worthless_afterwards(pool: LocalPool, visitor: Visitor) -> None:
    visitor.set_up()
    thief = Client()
    thief.cookies["sessionid"] = visitor.client.cookies["sessionid"].value
    assert thief.get("/private/").status_code == 200

    assert visitor.get(reverse("cognito_mfa:sign_out")).status_code == 405
    assert visitor.is_in()
    visitor.sign_out()

    assert not visitor.is_in()
    assert thief.get("/private/").status_code == 302
    assert visitor.cognito.operations() == []


def test_it_wants_the_csrf_token(pool: LocalPool, visitor: Visitor) -> None:
    visitor.set_up()
    careful = Client(enforce_csrf_checks=True)
    careful.cookies = visitor.client.cookies

    assert careful.post(reverse("cognito_mfa:sign_out")).status_code == 303
    assert visitor.is_in()


@pytest.mark.over_api
def test_the_key_of_the_session_changes_at_each_promotion(
    pool: LocalPool, visitor: Visitor
) -> None:
    visitor.get(reverse("cognito_mfa:sign_in"))
    keys = []
    visitor.sign_in()
    keys.append(visitor.client.session.session_key)
    visitor.scan()
    visitor.confirm_setup()
    keys.append(visitor.client.session.session_key)
    visitor.cognito.clock.advance(30)
    visitor.sign_in()
    keys.append(visitor.client.session.session_key)
    visitor.enter_code()
    keys.append(visitor.client.session.session_key)

    assert len(set(keys)) == 4


def test_the_page_says_what_ended(pool: LocalPool, visitor: Visitor) -> None:
    """A canceled sign-in signed no one in, so it signs no one out."""
    sign_out = reverse("cognito_mfa:sign_out")
    visitor.sign_in()
    page = visitor.text(visitor.client.post(sign_out, follow=True))
    assert "Sign-in canceled." in page
    assert "signed out" not in page

    visitor.set_up()
    page = visitor.text(visitor.client.post(sign_out, follow=True))
    assert "You’re signed out." in page
    assert "canceled" not in page

    page = visitor.text(visitor.client.post(sign_out, follow=True))
    assert "signed out" not in page
    assert "canceled" not in page


def test_who_cancels_still_gets_to_the_page_they_asked_for(
    pool: LocalPool, visitor: Visitor
) -> None:
    """Such as with the other account, whose username they meant to type."""
    at_the_sign_in = reverse("cognito_mfa:sign_in") + "?next=%2Fprivate%2F"
    visitor.sign_in(next_url="/private/")
    canceled = visitor.client.post(reverse("cognito_mfa:setup_cancel"))
    assert canceled["Location"] == at_the_sign_in

    visitor.set_up()
    visitor.sign_out()
    visitor.sign_in(next_url="/private/")
    canceled = visitor.client.post(reverse("cognito_mfa:sign_out"))
    assert canceled["Location"] == at_the_sign_in
