"""Resource servers: "Resource servers" in docs/cognito-behavior.md."""

from __future__ import annotations

from typing import Any

import pytest

from cognito_mfa.local import LocalCognito
from tests.local.caller import POOL_ID, members, refused

POOL = {"UserPoolId": POOL_ID}
PHOTOS = "https://photos.example.com"
READ = {"ScopeName": "read", "ScopeDescription": "See photos"}
WRITE = {"ScopeName": "write", "ScopeDescription": "Change photos"}


@pytest.fixture(autouse=True)
def plain(cognito: LocalCognito) -> None:
    cognito.create_pool(POOL_ID)


def create(boto: Any, identifier: str = PHOTOS, **more: Any) -> Any:
    answer = boto.create_resource_server(**POOL, Identifier=identifier, Name="Photos", **more)
    return answer["ResourceServer"]


def test_a_resource_server_is_described_as_it_was_made(either_boto: Any) -> None:
    made = create(either_boto, Scopes=[WRITE, READ])
    assert made == {**POOL, "Identifier": PHOTOS, "Name": "Photos", "Scopes": [WRITE, READ]}
    answer = either_boto.describe_resource_server(**POOL, Identifier=PHOTOS)
    assert answer["ResourceServer"] == made
    assert "Scopes" not in create(either_boto, "plain")


def test_a_scope_is_given_once(boto: Any) -> None:
    twice = [READ, {**READ, "ScopeDescription": "See all photos"}]
    with refused("InvalidParameterException", "Scope read is given more than once."):
        create(boto, Scopes=twice)
    create(boto, Scopes=[READ])
    with refused("InvalidParameterException", "Scope read is given more than once."):
        boto.update_resource_server(**POOL, Identifier=PHOTOS, Name="Other", Scopes=twice)
    kept = boto.describe_resource_server(**POOL, Identifier=PHOTOS)["ResourceServer"]
    assert (kept["Name"], kept["Scopes"]) == ("Photos", [READ])


def test_an_update_replaces_all_scopes(boto: Any) -> None:
    create(boto, Scopes=[READ, WRITE])
    boto.update_resource_server(**POOL, Identifier=PHOTOS, Name="Pictures", Scopes=[WRITE])
    changed = boto.describe_resource_server(**POOL, Identifier=PHOTOS)["ResourceServer"]
    assert (changed["Name"], changed["Scopes"]) == ("Pictures", [WRITE])
    boto.update_resource_server(**POOL, Identifier=PHOTOS, Name="Pictures")
    assert "Scopes" not in boto.list_resource_servers(**POOL)["ResourceServers"][0]


def test_an_identifier_is_taken_once_in_a_pool(boto: Any) -> None:
    create(boto, Scopes=[READ])
    text = f"{PHOTOS} already exists in user pool {POOL_ID}."
    with refused("InvalidParameterException", text):
        create(boto, Scopes=[WRITE])
    other = boto.create_user_pool(PoolName="other")["UserPool"]["Id"]
    boto.create_resource_server(UserPoolId=other, Identifier=PHOTOS, Name="Photos")
    assert boto.list_resource_servers(**POOL)["ResourceServers"][0]["Scopes"] == [READ]


def test_a_deleted_resource_server_is_gone(boto: Any) -> None:
    create(boto)
    assert members(boto.delete_resource_server(**POOL, Identifier=PHOTOS)) == {}
    text = f"Resource server {PHOTOS} does not exist."
    for call, more in (
        (boto.delete_resource_server, {}),
        (boto.describe_resource_server, {}),
        (boto.update_resource_server, {"Name": "Photos"}),
    ):
        with refused("ResourceNotFoundException", text):
            call(**POOL, Identifier=PHOTOS, **more)


def test_they_are_listed_in_pages(boto: Any) -> None:
    for identifier in ("one", "two", "three"):
        create(boto, identifier)
    first = boto.list_resource_servers(**POOL, MaxResults=2)
    second = boto.list_resource_servers(**POOL, MaxResults=2, NextToken=first["NextToken"])
    listed = first["ResourceServers"] + second["ResourceServers"]
    assert [server["Identifier"] for server in listed] == ["one", "two", "three"]
    assert "NextToken" not in second


@pytest.mark.parametrize("scope", ["with/slash", "with space", "s" * 257])
def test_a_scope_has_no_slash(boto: Any, scope: str) -> None:
    with refused("InvalidParameterException"):
        create(boto, Scopes=[{"ScopeName": scope, "ScopeDescription": "Described"}])
    assert boto.list_resource_servers(**POOL)["ResourceServers"] == []


def test_a_client_has_scopes_that_exist(boto: Any) -> None:
    create(boto, Scopes=[READ])
    client = {**POOL, "ClientName": "web"}
    scopes = ["openid", "aws.cognito.signin.user.admin", f"{PHOTOS}/read"]
    made = boto.create_user_pool_client(**client, AllowedOAuthScopes=scopes)["UserPoolClient"]
    assert made["AllowedOAuthScopes"] == scopes
    for unknown in (f"{PHOTOS}/write", "other/read", "read", "Cognito"):
        text = f"Invalid scope requested: {unknown}"
        with refused("ScopeDoesNotExistException", text):
            boto.create_user_pool_client(**client, AllowedOAuthScopes=["openid", unknown])
        with refused("ScopeDoesNotExistException", text):
            boto.update_user_pool_client(
                **POOL, ClientId=made["ClientId"], AllowedOAuthScopes=[unknown]
            )
    assert len(boto.list_user_pool_clients(**POOL)["UserPoolClients"]) == 1


def test_scopes_of_a_deleted_server_stay_in_a_clients_list(boto: Any) -> None:
    create(boto, Scopes=[READ])
    made = boto.create_user_pool_client(
        **POOL, ClientName="web", AllowedOAuthScopes=[f"{PHOTOS}/read"]
    )["UserPoolClient"]
    boto.delete_resource_server(**POOL, Identifier=PHOTOS)
    kept = boto.describe_user_pool_client(**POOL, ClientId=made["ClientId"])["UserPoolClient"]
    assert kept["AllowedOAuthScopes"] == [f"{PHOTOS}/read"]
