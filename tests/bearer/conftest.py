"""A site with APIs, and a user with an authenticator app and a token."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from cognito_mfa.cognito import token_verification
from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, SoftwareToken
from tests.security import forging
from tests.visitor import CLIENT_ID, PASSWORD, POOL_ID

SCOPES = ["aws.cognito.signin.user.admin"]


@pytest.fixture(autouse=True)
def _site(settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.bearer.api"
    cache.clear()
    token_verification.forget_keys()


@pytest.fixture
def pool(optional_pool: LocalPool) -> LocalPool:
    optional_pool.create_user("stranger", password=PASSWORD)
    optional_pool.register_software_token("newcomer")
    return optional_pool


@pytest.fixture
def alice(pool: LocalPool, db: None) -> CognitoIdentity:
    """Linked to the pool's "newcomer", with an authenticator app since long ago."""
    identity = CognitoIdentity.objects.create(
        user=get_user_model().objects.create_user("alice"),
        pool_id=POOL_ID,
        sub=pool.user("newcomer").sub,
        username="newcomer",
        status=CognitoIdentity.Status.ENABLED,
    )
    SoftwareToken.activate(identity, friendly_name="Phone")
    SoftwareToken.objects.update(verified_at="2020-01-01T00:00:00Z")
    return identity


class Caller:
    """A client of the APIs with one access token."""

    def __init__(self, pool: LocalPool, cognito: LocalCognito) -> None:
        self.pool, self.cognito = pool, cognito
        self.token = ""
        self.began = time.time()  # once, so that two tokens of one sign-in say the same second

    def signs_in(self, username: str = "newcomer", **claims: Any) -> Caller:
        """Get a token as a sign-in of now would give it, with other claims."""
        issued = self.pool.issue_tokens(username, CLIENT_ID, scopes=SCOPES)["AccessToken"]
        return self.has(forging.saying(self.pool, issued, **claims) if claims else issued)

    def signed_in_ago(self, seconds: float, **claims: Any) -> Caller:
        """Get a token of a sign-in that was some time ago, as its refresh token brings it."""
        return self.signs_in(auth_time=int(self.began - seconds), **claims)

    def has(self, token: str) -> Caller:
        self.token = token
        return self

    def calls(self, path: str = "/drf/", **headers: str) -> Any:
        given = {"Accept": "application/json", "Authorization": f"Bearer {self.token}", **headers}
        answer: Any = Client().get(path, headers=given)
        return answer

    def is_let_in(self, path: str = "/drf/") -> bool:
        answer = self.calls(path)
        assert answer.status_code in (200, 403), answer.content
        if answer.status_code == 403:
            assert answer.json()["code"] == "mfa_required"
        return bool(answer.status_code == 200)


@pytest.fixture
def caller(pool: LocalPool, cognito: LocalCognito, alice: CognitoIdentity) -> Caller:
    return Caller(pool, cognito)
