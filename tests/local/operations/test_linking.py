"""Links between users and providers: "Federated users" in docs/cognito-behavior.md."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from tests.local.caller import CLIENT_ID, PASSWORD, POOL_ID, Caller, members, refused

POOL = {"UserPoolId": POOL_ID}
SUBJECT = "Cognito_Subject"


@pytest.fixture(autouse=True)
def federated(cognito: LocalCognito) -> LocalPool:
    pool = cognito.create_pool(POOL_ID)
    pool.create_client(CLIENT_ID)
    pool.create_user("newcomer", password=PASSWORD)
    pool.create_identity_provider("Google", provider_type="Google")
    pool.create_identity_provider("Corporate", attribute_mapping={"email": "mail"})
    return pool


def user(name: str, value: str, attribute: str = SUBJECT) -> dict[str, str]:
    return {
        "ProviderName": name,
        "ProviderAttributeName": attribute,
        "ProviderAttributeValue": value,
    }


LOCAL = {"ProviderName": "Cognito", "ProviderAttributeValue": "newcomer"}


def link(boto: Any, source: Any, destination: Any = LOCAL) -> Any:
    answer = boto.admin_link_provider_for_user(
        **POOL, SourceUser=source, DestinationUser=destination
    )
    return members(answer)


def disable(boto: Any, whom: Any) -> Any:
    return members(boto.admin_disable_provider_for_user(**POOL, User=whom))


def identities(boto: Any, username: str = "newcomer") -> Any:
    shown = boto.admin_get_user(**POOL, Username=username)["UserAttributes"]
    texts = [one["Value"] for one in shown if one["Name"] == "identities"]
    return json.loads(texts[0]) if texts else []


def test_a_link_shows_in_the_users_identities(either_boto: Any, cognito: LocalCognito) -> None:
    assert link(either_boto, user("Google", "1138")) == {}
    assert identities(either_boto) == [
        {
            "userId": "1138",
            "providerName": "Google",
            "providerType": "Google",
            "issuer": None,
            "primary": False,
            "dateCreated": int(cognito.clock.now() * 1000),
        }
    ]
    (listed,) = either_boto.list_users(**POOL)["Users"]
    assert "identities" in {one["Name"] for one in listed["Attributes"]}
    assert disable(either_boto, user("Google", "1138")) == {}
    assert identities(either_boto) == []


def test_the_tokens_say_it_in_text(boto: Any, caller: Caller) -> None:
    import jwt

    link(boto, user("Google", "1138"))
    token = caller.password()["AuthenticationResult"]["IdToken"]
    (said,) = jwt.decode(token, options={"verify_signature": False})["identities"]
    assert (said["primary"], said["issuer"]) == ("false", None)
    assert said["dateCreated"].isdecimal()


def test_five_providers_can_be_linked(boto: Any) -> None:
    for number in range(5):
        link(boto, user("Corporate", f"subject{number}"))
    with refused("LimitExceededException"):
        link(boto, user("Corporate", "subject5"))
    assert len(identities(boto)) == 5


def test_a_link_is_made_once(boto: Any, federated: LocalPool) -> None:
    federated.create_user("other")
    link(boto, user("Google", "1138"))
    text = "SourceUser is already linked to DestinationUser"
    for destination in (LOCAL, {**LOCAL, "ProviderAttributeValue": "other"}):
        with refused("InvalidParameterException", text):
            link(boto, user("Google", "1138"), destination)
    assert identities(boto, "other") == []


def test_a_user_who_has_signed_in_is_not_merged(boto: Any, federated: LocalPool) -> None:
    from cognito_mfa.local.rules import federation

    pool = federated.state
    google, client = pool.identity_providers["Google"], pool.clients[CLIENT_ID]
    federation.sign_in(pool, client, google, "7", {"email": "a@example.com"}, now=0.0)
    text = (
        "Merging is not currently supported, provide a SourceUser that has not been signed up in "
        "order to link"
    )
    with refused("InvalidParameterException", text):
        link(boto, user("Google", "7"))
    link(boto, user("Corporate", "7"), user("Google", "7"))
    assert [one["primary"] for one in identities(boto, "Google_7")] == [True, False]


def test_a_user_with_a_password_is_no_source(boto: Any) -> None:
    text = (
        "Invalid SourceUser: Cognito users with a username/password may not be passed in as a "
        "SourceUser, only as a DestinationUser"
    )
    with refused("InvalidParameterException", text):
        link(boto, user("Cognito", "newcomer"))


@pytest.mark.parametrize(
    ("source", "destination", "code"),
    [
        (user("Unknown", "7"), LOCAL, "InvalidParameterException"),
        (user("Google", "7", "email"), LOCAL, "InvalidParameterException"),
        (user("Corporate", "7", "name"), LOCAL, "InvalidParameterException"),
        (user("Google", ""), LOCAL, "InvalidParameterException"),
        ({"ProviderName": "Google"}, LOCAL, "InvalidParameterException"),
        (user("Google", "7"), user("Cognito", "unknown"), "UserNotFoundException"),
        (user("Google", "7"), user("Corporate", "unknown"), "UserNotFoundException"),
    ],
)
def test_what_cannot_be_linked(boto: Any, source: Any, destination: Any, code: str) -> None:
    with refused(code):
        link(boto, source, destination)
    assert identities(boto) == []


def test_an_unknown_link_cannot_be_removed(boto: Any) -> None:
    link(boto, user("Google", "1138"))
    with refused("UserNotFoundException"):
        disable(boto, user("Google", "7"))
    with refused("UserNotFoundException"):
        disable(boto, user("Cognito", "unknown"))
    assert len(identities(boto)) == 1


def test_a_disabled_password_signs_no_one_in(boto: Any, caller: Caller) -> None:
    link(boto, user("Google", "1138"))
    disable(boto, user("Cognito", "newcomer"))
    with refused("NotAuthorizedException", "Incorrect username or password."):
        caller.password()
    assert len(identities(boto)) == 1


def test_links_live_through_the_state_file(boto: Any, cognito: LocalCognito, tmp_path: Any) -> None:
    link(boto, user("Corporate", "a@example.com", "email"))
    cognito.save(tmp_path / "pool.json")
    again = LocalCognito.load(tmp_path / "pool.json").client()
    assert identities(again) == identities(boto)
    with refused("InvalidParameterException"):
        link(again, user("Corporate", "a@example.com", "email"))
