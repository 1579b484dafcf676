"""User sessions: "User sessions" in docs/cognito-behavior.md."""

from __future__ import annotations

import re
from typing import Any

import pytest

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from tests.local import newer
from tests.local.caller import CLIENT_ID, PASSWORD, POOL_ID, Caller, access_token, members, refused

pytestmark = newer.lists_sessions

POOL = {"UserPoolId": POOL_ID}
USER = {**POOL, "Username": "newcomer"}


@pytest.fixture(autouse=True)
def plain(cognito: LocalCognito) -> LocalPool:
    pool = cognito.create_pool(POOL_ID)
    pool.create_client(CLIENT_ID)
    for username in ("newcomer", "other"):
        pool.create_user(username, password=PASSWORD)
    return pool


def track(boto: Any, most: int = 20) -> None:
    boto.set_user_pool_session_configuration(
        **POOL, UserSessionTracking="ENABLED", TokenSession={"MaxPerUser": most}
    )


def sessions(boto: Any, username: str = "newcomer") -> Any:
    return boto.admin_list_user_sessions(**POOL, Username=username)["Sessions"]


def test_a_pool_tracks_nothing_unless_it_is_told_to(boto: Any, caller: Caller) -> None:
    configuration = members(boto.get_user_pool_session_configuration(**POOL))
    assert configuration == {
        **POOL,
        "UserSessionTracking": "DISABLED",
        "TokenSession": {"MaxPerUser": 20},
    }
    token = access_token(caller.password())
    with refused("OperationNotEnabledException"):
        boto.list_user_sessions(AccessToken=token)
    with refused("OperationNotEnabledException"):
        sessions(boto)
    track(boto, 3)
    configuration = members(boto.get_user_pool_session_configuration(**POOL))
    assert configuration["TokenSession"] == {"MaxPerUser": 3}
    assert sessions(boto) == []


def test_each_sign_in_is_a_session(either_boto: Any, either: Caller, cognito: LocalCognito) -> None:
    track(either_boto)
    first = either.password()["AuthenticationResult"]
    cognito.clock.advance(60)
    token = access_token(either.password())
    either.password("other")
    old, new = either_boto.list_user_sessions(AccessToken=token)["Sessions"]
    assert [one["IsCurrentSession"] for one in (old, new)] == [False, True]
    assert re.fullmatch("tkn[a-z0-9]{25}", old["SessionId"])
    assert (old["SessionType"], old["ClientId"]) == ("TOKEN", CLIENT_ID)
    assert (new["CreateDate"] - old["CreateDate"]).total_seconds() == 60
    cognito.clock.advance(60)
    either.refresh(first["RefreshToken"])
    seen = sessions(either_boto)
    assert (seen[0]["LastActiveDate"] - seen[0]["CreateDate"]).total_seconds() == 120
    assert not any(one["IsCurrentSession"] for one in seen)


def test_another_session_can_be_ended(boto: Any, caller: Caller) -> None:
    track(boto)
    old = caller.password()["AuthenticationResult"]
    token = access_token(caller.password())
    first, second = boto.list_user_sessions(AccessToken=token)["Sessions"]
    with refused("InvalidParameterException"):
        boto.revoke_user_session(AccessToken=token, SessionId=second["SessionId"])
    answer = boto.revoke_user_session(AccessToken=token, SessionId=first["SessionId"])
    assert members(answer) == {}
    with refused("NotAuthorizedException", "Refresh Token has been revoked"):
        caller.refresh(old["RefreshToken"])
    with refused("NotAuthorizedException", "Access Token has been revoked"):
        boto.get_user(AccessToken=old["AccessToken"])
    assert len(boto.list_user_sessions(AccessToken=token)["Sessions"]) == 1
    with refused("ResourceNotFoundException"):
        boto.revoke_user_session(AccessToken=token, SessionId=first["SessionId"])


def test_no_one_ends_the_session_of_another_user(boto: Any, caller: Caller) -> None:
    track(boto)
    caller.password("other")
    token = access_token(caller.password())
    (theirs,) = sessions(boto, "other")
    with refused("ResourceNotFoundException"):
        boto.revoke_user_session(AccessToken=token, SessionId=theirs["SessionId"])
    with refused("ResourceNotFoundException"):
        boto.admin_revoke_user_session(**USER, SessionId=theirs["SessionId"])
    assert len(sessions(boto, "other")) == 1


def test_an_administrator_ends_any_session(boto: Any, caller: Caller) -> None:
    track(boto)
    token = access_token(caller.password())
    (only,) = sessions(boto)
    boto.admin_revoke_user_session(**USER, SessionId=only["SessionId"])
    with refused("NotAuthorizedException"):
        boto.get_user(AccessToken=token)
    assert sessions(boto) == []


def test_the_session_that_was_used_least_recently_makes_room(
    boto: Any, caller: Caller, cognito: LocalCognito
) -> None:
    track(boto, 2)
    first = caller.password()["AuthenticationResult"]
    cognito.clock.advance(1)
    second = caller.password()["AuthenticationResult"]
    cognito.clock.advance(1)
    caller.refresh(first["RefreshToken"])
    caller.password("other")
    cognito.clock.advance(1)
    caller.password()
    assert len(sessions(boto)) == 2
    caller.refresh(first["RefreshToken"])
    with refused("NotAuthorizedException", "Refresh Token has been revoked"):
        caller.refresh(second["RefreshToken"])
    assert len(sessions(boto, "other")) == 1


def test_a_lower_limit_ends_nothing_until_the_next_sign_in(boto: Any, caller: Caller) -> None:
    track(boto)
    for _again in range(3):
        caller.password()
    track(boto, 1)
    assert len(sessions(boto)) == 3
    caller.password()
    assert len(sessions(boto)) == 1


def test_sessions_that_ended_are_not_listed(
    boto: Any, caller: Caller, cognito: LocalCognito
) -> None:
    track(boto)
    caller.password()
    boto.admin_user_global_sign_out(**USER)
    assert sessions(boto) == []
    caller.password()
    cognito.clock.advance(31 * 86400)
    assert sessions(boto) == []


def test_a_client_keeps_how_long_it_reuses_an_sso_session(boto: Any) -> None:
    client = {**POOL, "ClientId": CLIENT_ID}
    with refused("OperationNotEnabledException"):
        boto.set_user_pool_client_session_configuration(
            **client, SSOSession={"MaxValidityMinutes": 5}
        )
    shown = boto.get_user_pool_client_session_configuration(**client)
    assert shown["SSOSession"] == {"MaxValidityMinutes": 60}
    track(boto)
    boto.set_user_pool_client_session_configuration(**client, SSOSession={"MaxValidityMinutes": 5})
    shown = boto.get_user_pool_client_session_configuration(**client)
    assert shown["SSOSession"] == {"MaxValidityMinutes": 5}


def test_the_lite_plan_has_no_sessions(boto: Any) -> None:
    lite = boto.create_user_pool(PoolName="lite", UserPoolTier="LITE")["UserPool"]["Id"]
    with refused("FeatureUnavailableInTierException"):
        boto.set_user_pool_session_configuration(
            UserPoolId=lite, UserSessionTracking="ENABLED", TokenSession={"MaxPerUser": 5}
        )
