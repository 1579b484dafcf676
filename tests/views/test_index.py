"""The address at which our pages are included, without anything after it."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from tests.visitor import Visitor

INDEX = "/account/"
pytestmark = pytest.mark.django_db


def test_a_visitor_is_led_to_the_sign_in(client: Client) -> None:
    assert reverse("cognito_mfa:index") == INDEX
    answer = client.get(INDEX)
    assert (answer.status_code, answer["Location"]) == (
        302,
        "/account/sign-in/?next=/account/device/",
    )
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.usefixtures("pool")
def test_a_person_is_led_to_their_own_page(visitor: Visitor) -> None:
    visitor.set_up()
    answer = visitor.get(INDEX, follow=True)
    assert answer.redirect_chain == [("/account/device/", 302)]
    assert answer.status_code == 200


def test_who_has_no_proof_is_led_to_the_set_up(client: Client) -> None:
    client.force_login(User.objects.create_user("ada"))
    answer = client.get(INDEX)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/account/setup/")


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_it_answers_nothing_else(method: str, client: Client) -> None:
    assert getattr(client, method)(INDEX).status_code == 405
