"""Refreshing at /oauth2/token: "Refresh and rotation" in docs/cognito-behavior.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jwt  # noqa: TID253
import pytest

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.rules.state import DeviceTracking
from tests.local.caller import CLIENT_ID, PASSWORD, POOL_ID, Caller
from tests.local.raw import Response
from tests.local.web_client import WEB, Site

GRACE = 10
INVALID_GRANT = (400, {"error": "invalid_grant"})


@pytest.fixture
def site(cognito: LocalCognito) -> Iterator[Site]:
    with cognito.serve() as server:
        yield Site(server.url)


@pytest.fixture
def web_pool(cognito: LocalCognito) -> LocalPool:
    pool = cognito.create_pool(POOL_ID)
    pool.create_client(CLIENT_ID, settings=WEB)
    pool.create_user("newcomer", password=PASSWORD, attributes={"email": "new@example.com"})
    return pool


@pytest.fixture
def rotating(web_pool: LocalPool) -> LocalPool:
    web_pool.state.clients[CLIENT_ID].rotation_grace = GRACE
    return web_pool


def refresh(site: Site, token: str) -> Response:
    return site.exchange("", grant_type="refresh_token", refresh_token=token)


def answer(response: Response) -> tuple[int, Any]:
    return response.status, response.json()


class TestRotation:
    def test_each_refresh_brings_the_next_token(self, site: Site, rotating: LocalPool) -> None:
        first = site.tokens()["refresh_token"]
        second = refresh(site, first).json()["refresh_token"]
        third = refresh(site, second).json()["refresh_token"]
        assert len({first, second, third}) == 3

    def test_a_token_that_was_replaced_works_for_the_grace(
        self, cognito: LocalCognito, site: Site, rotating: LocalPool
    ) -> None:
        first = site.tokens()["refresh_token"]
        second = refresh(site, first).json()["refresh_token"]
        cognito.clock.advance(GRACE - 1)
        assert refresh(site, first).json()["refresh_token"] not in (first, second)
        cognito.clock.advance(1)
        assert answer(refresh(site, first)) == INVALID_GRANT
        assert refresh(site, second).status == 200

    def test_a_revoked_family_ends(self, site: Site, rotating: LocalPool, boto: Any) -> None:
        first = site.tokens()["refresh_token"]
        second = refresh(site, first).json()["refresh_token"]
        boto.revoke_token(Token=second, ClientId=CLIENT_ID)
        assert answer(refresh(site, first)) == answer(refresh(site, second)) == INVALID_GRANT


def test_tokens_of_the_api_are_refreshed_here_too(
    site: Site, web_pool: LocalPool, boto: Any
) -> None:
    result = Caller(boto).password()["AuthenticationResult"]
    assert refresh(site, result["RefreshToken"]).status == 200


def test_but_not_where_devices_are_tracked(
    cognito: LocalCognito, site: Site, web_pool: LocalPool, boto: Any
) -> None:
    """The endpoint has no parameter for the device. Managed login's own tokens have none."""
    web_pool.state.device_tracking = DeviceTracking()
    result = Caller(boto).password()["AuthenticationResult"]
    assert answer(refresh(site, result["RefreshToken"])) == INVALID_GRANT
    assert refresh(site, site.tokens()["refresh_token"]).status == 200


@pytest.mark.parametrize(
    ("readable", "scope", "status"),
    [
        (["email", "email_verified"], "openid email", 200),
        (["email"], "openid email", 400),
        (["email_verified"], "openid email", 400),
        (["email"], "openid", 200),
    ],
)
def test_a_client_reads_all_that_a_scope_shows(
    site: Site, web_pool: LocalPool, readable: list[str], scope: str, status: int
) -> None:
    web_pool.state.clients[CLIENT_ID].settings["ReadAttributes"] = readable
    response = site.exchange(site.code(scope=scope))
    assert response.status == status
    assert status == 200 or answer(response) == INVALID_GRANT


def test_a_refresh_is_for_the_same_resource(
    site: Site, web_pool: LocalPool, cognito: LocalCognito, tmp_path: Any
) -> None:
    """Also after a restart."""
    token = site.tokens(resource="https://api.example")["refresh_token"]
    cognito.save(tmp_path / "copy.json")
    restarted = LocalCognito.load(tmp_path / "copy.json", clock=cognito.clock)
    result = restarted.client().get_tokens_from_refresh_token(
        ClientId=CLIENT_ID, RefreshToken=token
    )["AuthenticationResult"]
    said = jwt.decode(result["AccessToken"], options={"verify_signature": False})
    assert said["aud"] == "https://api.example"
