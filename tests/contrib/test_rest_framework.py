"""Django REST framework: its authentication classes name a user after the gate has decided."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings
from rest_framework.authtoken.models import Token

from cognito_mfa.models import BlockedRequest
from tests.enforcement.people import THEIRS, exempted, linked, proven, signed_in
from tests.enforcement.servers import SERVERS, Ask, Send
from tests.enforcement.site import SECRET

pytestmark = pytest.mark.django_db
servers = pytest.mark.parametrize("send", SERVERS.values(), ids=SERVERS)
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"]


@pytest.fixture(autouse=True)
def _api(settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.enforcement.api"


def basic(username: str) -> dict[str, str]:
    pair = base64.b64encode(f"{username}:local-password-1".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def token(user: Any) -> dict[str, str]:
    return {"Authorization": f"Token {Token.objects.create(user=user).key}"}


@servers
@pytest.mark.parametrize("path", ["/api/", "/api/token-first/"])
def test_neither_a_password_nor_a_token_is_a_second_factor(send: Send, path: str) -> None:
    user = linked(password="local-password-1")
    ways = [token(user), *([basic("someone")] if path == "/api/" else [])]
    asks = [Ask(path, method, headers) for headers in ways for method in METHODS]
    for ask, answer in zip(asks, send(Client(), asks), strict=True):
        assert answer.status_code == 403, ask
        assert SECRET.encode() not in answer.body
        if ask.method != "HEAD":
            problem = answer.json()
            assert problem["code"] == "mfa_required"
            assert problem["setup_url"] == "http://testserver" + reverse("cognito_mfa:setup")


@servers
def test_a_proven_session_is_no_proof_for_another_user(send: Send, settings: Settings) -> None:
    """The header's user is another than the session's; nor does the session's trusted sign-in count."""
    mine, theirs = linked("mine"), linked("theirs", password="local-password-1")
    (answer,) = send(proven(mine), [Ask("/api/token-first/", headers=token(theirs))])
    assert answer.status_code == 403

    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "TRUSTED_BACKENDS": [THEIRS]}
    trusted = signed_in(mine, backend=THEIRS)
    headers = {"Authorization": f"Token {Token.objects.get().key}"}
    own, others = send(trusted, [Ask("/api/"), Ask("/api/token-first/", headers=headers)])
    assert own.json()["user"] == "mine"
    assert others.status_code == 403


@servers
def test_a_proven_session_and_an_exempted_user_get_through(send: Send) -> None:
    (answer,) = send(proven(linked("mine")), [Ask("/api/")])
    assert answer.json() == {"secret": SECRET, "user": "mine"}
    browser = exempted()
    (answer,) = send(browser, [Ask("/api/")])
    assert answer.json()["user"] == "someone"


@servers
def test_visitors_are_refused(send: Send) -> None:
    (answer,) = send(Client(), [Ask("/api/")])
    assert answer.status_code in (401, 403)
    assert SECRET.encode() not in answer.body


def test_while_the_site_observes_a_token_passes_and_is_counted(settings: Settings) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "ENFORCEMENT": "observe"}
    user = linked()
    assert Client().get("/api/", headers=token(user)).status_code == 200
    assert BlockedRequest.objects.get().requests == 1
    assert signed_in(user).get("/api/").status_code == 200  # middleware and permission: one stop
    assert BlockedRequest.objects.get().requests == 2
