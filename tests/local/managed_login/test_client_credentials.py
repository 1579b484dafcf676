"""Tokens for a program without a user: "Resource servers" in docs/cognito-behavior.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jwt  # noqa: TID253
import pytest

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from tests.local.caller import CLIENT_ID, POOL_ID, refused
from tests.local.raw import Response
from tests.local.web_client import Site

SECRET = "clientsecretclientsecretclientsecret"
READ, WRITE = "photos/read", "photos/write"
MACHINE = {
    "AllowedOAuthFlows": ["client_credentials"],
    "AllowedOAuthFlowsUserPoolClient": True,
    "AllowedOAuthScopes": [READ, WRITE],
}


@pytest.fixture
def site(cognito: LocalCognito) -> Iterator[Site]:
    with cognito.serve() as server:
        yield Site(server.url)


@pytest.fixture(autouse=True)
def machine(cognito: LocalCognito, boto: Any) -> LocalPool:
    pool = cognito.create_pool(POOL_ID)
    scopes = [{"ScopeName": name, "ScopeDescription": name} for name in ("read", "write", "own")]
    boto.create_resource_server(
        UserPoolId=POOL_ID, Identifier="photos", Name="Photos", Scopes=scopes
    )
    pool.create_client(CLIENT_ID, secret=SECRET, settings=MACHINE, access_token_seconds=600)
    return pool


def asked(site: Site, scope: str = "", **more: str) -> Response:
    values = {"grant_type": "client_credentials", "client_secret": SECRET, **more}
    return site.exchange("", **({"scope": scope} if scope else {}), **values)


def scopes(response: Response) -> list[str]:
    said = jwt.decode(response.json()["access_token"], options={"verify_signature": False})
    return str(said["scope"]).split()


@pytest.mark.parametrize("way", ["in the body", "in the header"])
def test_a_client_gets_an_access_token_and_no_other(site: Site, way: str) -> None:
    if way == "in the body":
        response = asked(site, READ)
    else:
        response = site.exchange("", basic=SECRET, grant_type="client_credentials", scope=READ)
    assert response.status == 200
    answer = response.json()
    assert set(answer) == {"access_token", "expires_in", "token_type"}
    assert (answer["expires_in"], answer["token_type"]) == (600, "Bearer")
    assert scopes(response) == [READ]


def test_the_token_is_the_clients_own(site: Site, cognito: LocalCognito) -> None:
    token = asked(site).json()["access_token"]
    document = cognito.document(f"/{POOL_ID}/.well-known/jwks.json", "")
    assert document is not None
    keys = {key["kid"]: jwt.PyJWK(key) for key in document["keys"]}
    key = keys[jwt.get_unverified_header(token)["kid"]]
    said = jwt.decode(
        token, key, algorithms=["RS256"], options={"verify_exp": False, "verify_iat": False}
    )
    assert (said["sub"], said["client_id"], said["token_use"]) == (CLIENT_ID, CLIENT_ID, "access")
    assert said["exp"] - said["iat"] == 600
    assert not {"username", "event_id", "cognito:groups"} & set(said)


def test_without_a_scope_all_custom_scopes_of_the_client_are_given(
    site: Site, machine: LocalPool
) -> None:
    machine.state.clients[CLIENT_ID].settings["AllowedOAuthScopes"] = ["openid", READ, WRITE]
    assert scopes(asked(site)) == [READ, WRITE]
    assert scopes(asked(site, "photos/read photos/own")) == [READ]


@pytest.mark.parametrize("scope", ["openid", "photos/none", "photos/own", "read"])
def test_a_scope_that_the_client_cannot_have(site: Site, scope: str) -> None:
    response = asked(site, scope)
    assert (response.status, response.json()) == (400, {"error": "invalid_scope"})


def test_a_deleted_scope_is_given_no_more(site: Site, boto: Any) -> None:
    boto.update_resource_server(
        UserPoolId=POOL_ID,
        Identifier="photos",
        Name="Photos",
        Scopes=[{"ScopeName": "read", "ScopeDescription": "read"}],
    )
    assert scopes(asked(site)) == [READ]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"secret": "wrong"}, "invalid_client"),
        ({"public": "yes"}, "invalid_client"),
        ({"AllowedOAuthFlows": ["code"]}, "unauthorized_client"),
        ({"AllowedOAuthFlowsUserPoolClient": False}, "unauthorized_client"),
    ],
)
def test_who_gets_none(site: Site, machine: LocalPool, change: dict[str, Any], error: str) -> None:
    client = machine.state.clients[CLIENT_ID]
    if "public" in change:
        client.secret = None
    client.settings.update(change)
    response = asked(site, client_secret=change.get("secret", SECRET))
    assert (response.status, response.json()) == (400, {"error": error})


def test_the_token_signs_in_no_one(site: Site, boto: Any) -> None:
    token = asked(site).json()["access_token"]
    with refused("NotAuthorizedException", "Access Token does not have required scopes"):
        boto.get_user(AccessToken=token)
    assert site.user_info(token).status == 401
