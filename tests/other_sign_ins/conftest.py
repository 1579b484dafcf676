"""A site, a pool with its own sign-in pages over HTTP, and a person between them.

These tests run with settings of their own:
``pytest --ds=tests.other_sign_ins.settings tests/other_sign_ins``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as in_force
from django.test import Client
from pytest_django import Settings

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from tests.other_sign_ins import settings as own
from tests.other_sign_ins.person import Person
from tests.visitor import CLIENT_ID, PASSWORD, POOL_ID

HERE = "tests/other_sign_ins"
OWN = "tests.other_sign_ins.settings"
WAYS_BACK = [
    "http://testserver/oidc/callback/",
    "http://testserver/accounts/oidc/cognito/login/callback/",
    "http://testserver/accounts/amazon-cognito/login/callback/",
]
WEB = {
    "CallbackURLs": WAYS_BACK,
    "AllowedOAuthFlows": ["code"],
    "AllowedOAuthFlowsUserPoolClient": True,
    "AllowedOAuthScopes": ["openid", "email", "profile", "aws.cognito.signin.user.admin"],
}


def _reason() -> str:
    """Why nothing here can run; empty when it can."""
    if in_force.SETTINGS_MODULE != OWN:
        return "other sign-ins have settings of their own: run `tox run -e other-sign-ins`"
    missing = ", ".join(own.MISSING)
    return f"{missing} is not installed: pip install --group other-sign-ins" if missing else ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = _reason()
    for item in items:
        if reason and HERE in item.path.as_posix():
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture
def cognito() -> Iterator[LocalCognito]:
    """A local Cognito with the machine's own clock: the packages accept no token from a clock that is ahead."""
    cognito = LocalCognito()
    with cognito.installed():
        yield cognito


@pytest.fixture
def address(cognito: LocalCognito) -> Iterator[str]:
    """Where the pool's own pages are."""
    with cognito.serve() as server:
        yield server.url


def make_pool(cognito: LocalCognito, **options: Any) -> LocalPool:
    pool = cognito.create_pool(POOL_ID, **options)
    pool.create_client(
        CLIENT_ID,
        secret=own.OIDC_RP_CLIENT_SECRET,
        settings=WEB,
        access_token_seconds=86400,  # tests make old sign-ins by a clock that is behind
    )
    for username in ("newcomer", "somebody"):
        attributes = {"email": f"{username}@example.com", "email_verified": "true"}
        pool.create_user(username, password=PASSWORD, attributes=attributes)
    return pool


@pytest.fixture
def pool(cognito: LocalCognito) -> LocalPool:
    """A pool that leaves MFA to the site."""
    return make_pool(cognito, mfa="OPTIONAL")


@pytest.fixture
def person(db: None, cognito: LocalCognito, pool: LocalPool) -> Person:
    return Person(Client(), cognito, pool)


@pytest.fixture
def mozilla(settings: Settings, address: str) -> Settings:
    """The site's settings for mozilla-django-oidc, with our backend for it."""
    settings.OIDC_OP_AUTHORIZATION_ENDPOINT = f"{address}/oauth2/authorize"
    settings.OIDC_OP_TOKEN_ENDPOINT = f"{address}/oauth2/token"
    settings.OIDC_OP_USER_ENDPOINT = f"{address}/oauth2/userInfo"
    settings.OIDC_OP_JWKS_ENDPOINT = f"{address}/{POOL_ID}/.well-known/jwks.json"
    backend = "cognito_mfa.contrib.mozilla_oidc.CognitoOIDCBackend"
    settings.AUTHENTICATION_BACKENDS = [backend, "django.contrib.auth.backends.ModelBackend"]
    settings.COGNITO_MFA = {
        **settings.COGNITO_MFA,
        "TOKEN_PROVIDER": "cognito_mfa.contrib.mozilla_oidc.access_token",
        "TRUSTED_BACKENDS": {backend: "enrolled"},
    }
    return settings
