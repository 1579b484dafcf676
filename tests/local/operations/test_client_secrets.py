"""Replacing the secret of an app client: "App clients" in docs/cognito-behavior.md."""

from __future__ import annotations

from typing import Any

import pytest

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from tests.local import newer
from tests.local.caller import CLIENT_ID, PASSWORD, POOL_ID, Caller, refused, secret_hash

pytestmark = newer.rotates_secrets

CLIENT = {"UserPoolId": POOL_ID, "ClientId": CLIENT_ID}
FIRST = "first" * 6


@pytest.fixture(autouse=True)
def confidential(cognito: LocalCognito) -> LocalPool:
    pool = cognito.create_pool(POOL_ID)
    pool.create_client(CLIENT_ID, secret=FIRST)
    pool.create_user("newcomer", password=PASSWORD)
    return pool


def sign_in(caller: Caller, secret: str) -> Any:
    hashed = secret_hash(secret, "newcomer")
    return caller.password(SECRET_HASH=hashed)["AuthenticationResult"]


def test_both_secrets_work_until_the_first_is_deleted(
    boto: Any, caller: Caller, cognito: LocalCognito
) -> None:
    cognito.clock.advance(60)
    added = boto.add_user_pool_client_secret(**CLIENT)["ClientSecretDescriptor"]
    second = added["ClientSecretValue"]
    tokens = [sign_in(caller, secret)["RefreshToken"] for secret in (FIRST, second)]
    listed = boto.list_user_pool_client_secrets(**CLIENT)["ClientSecrets"]
    assert [one["ClientSecretId"] for one in listed][1] == added["ClientSecretId"]
    assert not any("ClientSecretValue" in one for one in listed)
    old = listed[0]["ClientSecretId"]
    boto.delete_user_pool_client_secret(**CLIENT, ClientSecretId=old)
    with refused(
        "NotAuthorizedException", f"SecretHash does not match for the client: {CLIENT_ID}"
    ):
        sign_in(caller, FIRST)
    sign_in(caller, second)
    described = boto.describe_user_pool_client(**CLIENT)["UserPoolClient"]
    assert described["ClientSecret"] == second
    for token in tokens:
        renewed = {"ClientId": CLIENT_ID, "RefreshToken": token, "ClientSecret": second}
        boto.get_tokens_from_refresh_token(**renewed)


def test_an_id_says_the_client_and_the_time(boto: Any, cognito: LocalCognito) -> None:
    added = boto.add_user_pool_client_secret(**CLIENT, ClientSecret="second" * 5)
    descriptor = added["ClientSecretDescriptor"]
    client_id, _, moment = descriptor["ClientSecretId"].partition("--")
    assert client_id == CLIENT_ID
    assert abs(int(moment) - cognito.clock.now()) <= 1
    assert descriptor["ClientSecretCreateDate"].timestamp() == cognito.clock.now()
    first, second = boto.list_user_pool_client_secrets(**CLIENT)["ClientSecrets"]
    assert first["ClientSecretId"] != second["ClientSecretId"]


def test_a_secret_of_ones_own_is_never_shown_again(boto: Any, caller: Caller) -> None:
    added = boto.add_user_pool_client_secret(**CLIENT, ClientSecret="second" * 5)
    assert "ClientSecretValue" not in added["ClientSecretDescriptor"]
    assert sign_in(caller, "second" * 5)


def test_a_client_has_two_secrets_at_most(boto: Any) -> None:
    boto.add_user_pool_client_secret(**CLIENT)
    with refused("LimitExceededException"):
        boto.add_user_pool_client_secret(**CLIENT)
    assert len(boto.list_user_pool_client_secrets(**CLIENT)["ClientSecrets"]) == 2


def test_the_last_secret_stays(boto: Any) -> None:
    (only,) = boto.list_user_pool_client_secrets(**CLIENT)["ClientSecrets"]
    with refused("InvalidParameterException"):
        boto.delete_user_pool_client_secret(**CLIENT, ClientSecretId=only["ClientSecretId"])
    boto.add_user_pool_client_secret(**CLIENT)
    with refused("ResourceNotFoundException"):
        boto.delete_user_pool_client_secret(**CLIENT, ClientSecretId="other--1780000000")


def test_a_public_client_gets_no_secret(boto: Any, confidential: LocalPool) -> None:
    confidential.create_client("public00000000000000000000")
    public = {"UserPoolId": POOL_ID, "ClientId": "public00000000000000000000"}
    with refused("InvalidParameterException"):
        boto.add_user_pool_client_secret(**public)
    assert boto.list_user_pool_client_secrets(**public)["ClientSecrets"] == []
