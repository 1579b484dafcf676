"""A pool whose tokens name the local Cognito's own address as their issuer (Behavior.issuer)."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django import Settings

from cognito_mfa.cognito import clients
from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity
from cognito_mfa.signals import signed_in
from tests.visitor import POOL_ID, Visitor


def claims_of(token: str) -> dict[str, Any]:
    middle = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(middle + "=="))
    return claims


@pytest.fixture
def url(
    cognito: LocalCognito, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Where the site's calls go, over HTTP."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with cognito.serve() as server:
        factory = "cognito_mfa.cognito.make_client"
        conf = {"CLIENT_FACTORY": factory, "ENDPOINT_URL": server.url}
        settings.COGNITO_MFA = {**settings.COGNITO_MFA, **conf}
        yield server.url
        for client in clients._clients.values():
            client.close()


def test_a_site_that_calls_this_address_takes_its_tokens(
    cognito: LocalCognito, pool: LocalPool, url: str, visitor: Visitor
) -> None:
    cognito.behave(issuer=url)
    issued: list[str] = []

    def seen(sender: object, *, tokens: Any, **_: object) -> None:
        issued.append(claims_of(tokens.access)["iss"])

    signed_in.connect(seen)
    try:
        visitor.sign_in()
        visitor.scan()
        visitor.confirm_setup()
    finally:
        signed_in.disconnect(seen)
    assert visitor.is_in()
    assert issued == [f"{url}/{POOL_ID}"]


def test_a_site_that_calls_another_address_does_not(
    cognito: LocalCognito, pool: LocalPool, url: str, visitor: Visitor
) -> None:
    """The pool id alone is no proof of where a token comes from."""
    cognito.behave(issuer=url.replace("127.0.0.1", "localhost"))
    pool.register_software_token("newcomer")
    visitor.sign_in()
    visitor.enter_code(pool.code_for("newcomer"))
    assert not visitor.is_in()
    assert not CognitoIdentity.objects.exists()
