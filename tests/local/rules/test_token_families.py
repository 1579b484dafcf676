"""How many sign-ins are kept, and what a call does however many there are."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from itertools import count
from types import FrameType
from typing import Any

import pytest

from cognito_mfa.local import Behavior, LocalCognito
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.rules import token_families
from cognito_mfa.local.wire.messages import WireRequest
from tests.local.caller import CLIENT_ID, PASSWORD, POOL_ID, Caller, access_token, refused


def test_the_newest_sign_ins_of_a_user_are_kept(
    caller: Caller, optional_pool: LocalPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_families, "MOST_SIGN_INS", 2)
    optional_pool.create_user("other", password=PASSWORD)
    apart = caller.password("other")
    results = [caller.password() for _ in range(3)]
    with refused("NotAuthorizedException", "Access Token has been revoked"):
        caller.boto.get_user(AccessToken=access_token(results[0]))
    with refused("NotAuthorizedException", "Invalid Refresh Token."):
        caller.refresh(results[0]["AuthenticationResult"]["RefreshToken"])
    for one in (apart, *results[1:]):
        assert caller.boto.get_user(AccessToken=access_token(one))
    assert caller.refresh(results[1]["AuthenticationResult"]["RefreshToken"])


def test_the_newest_refresh_tokens_of_a_sign_in_are_kept(
    caller: Caller, optional_pool: LocalPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_families, "MOST_REFRESH_TOKENS", 2)
    optional_pool.create_client("rotating", rotation_grace=0)
    tokens = [Caller(caller.boto, "rotating").password()["AuthenticationResult"]["RefreshToken"]]

    def refresh(token: str) -> Any:
        return caller.boto.get_tokens_from_refresh_token(RefreshToken=token, ClientId="rotating")

    for _ in range(2):
        tokens.append(refresh(tokens[-1])["AuthenticationResult"]["RefreshToken"])
    with refused("NotAuthorizedException", "Invalid Refresh Token."):
        refresh(tokens[0])
    with refused("RefreshTokenReuseException"):
        refresh(tokens[1])
    assert refresh(tokens[2])


def test_a_sign_out_ends_sign_ins_with_all_clients(
    caller: Caller, optional_pool: LocalPool
) -> None:
    optional_pool.create_client("another")
    results = [caller.password(), Caller(caller.boto, "another").password()]
    optional_pool.create_user("other", password=PASSWORD)
    other = caller.password("other")
    caller.boto.admin_user_global_sign_out(UserPoolId=POOL_ID, Username="newcomer")
    for one in results:
        with refused("NotAuthorizedException", "Access Token has been revoked"):
            caller.boto.get_user(AccessToken=access_token(one))
    assert caller.boto.get_user(AccessToken=access_token(other))


def work_of(call: Callable[[], Any]) -> int:
    """How many instructions of Python a call executes, those of loops included."""
    instructions = 0

    def look(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal instructions
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        instructions += event == "opcode"
        return look

    before = sys.gettrace()
    sys.settrace(look)
    try:
        call()
    finally:
        sys.settrace(before)
    return instructions


def test_what_a_call_costs_does_not_depend_on_what_was_before(
    cognito: LocalCognito, optional_pool: LocalPool
) -> None:
    """Each is measured with 20 users, sign-ins, and so on, and again with four times as many."""
    plain = LocalCognito(cognito.clock, account=cognito.account)  # which no test compares
    pool = plain.pool(POOL_ID)
    pool.state.behavior = Behavior(hourly_limits=True)
    number = 0

    def ask(operation: str, **parameters: Any) -> None:
        target = f"AWSCognitoIdentityProviderService.{operation}"
        body = json.dumps(parameters).encode()
        assert plain.answer(WireRequest(target, body, signed=True)).status == 200

    def sign_in(name: str, flow: str = "USER_PASSWORD_AUTH", **proof: str) -> None:
        ask(
            "InitiateAuth",
            ClientId=CLIENT_ID,
            AuthFlow=flow,
            AuthParameters={"USERNAME": name, **proof},
        )

    def grow(times: int) -> str:
        nonlocal number
        for _ in range(times):
            number += 1
            name = f"user{number}"
            attributes = {"email": f"{name}@example.com", "email_verified": "true"}
            pool.create_user(name, password=PASSWORD, attributes=attributes)
            for call in growing:
                call(name)
        return name

    names = count()

    def new_user(name: str) -> None:
        ask(
            "AdminCreateUser",
            UserPoolId=POOL_ID,
            Username=f"new{next(names)}",
            MessageAction="SUPPRESS",
            TemporaryPassword=PASSWORD,  # one that is made up takes its time
        )

    calls: dict[str, Callable[[str], Any]] = {
        "a sign-in": lambda name: sign_in(name, PASSWORD=PASSWORD),
        "a challenge": lambda name: sign_in("regular", PASSWORD=PASSWORD),
        "an SRP sign-in": lambda name: sign_in(name, "USER_SRP_AUTH", SRP_A="5"),
        "a forgotten password": lambda name: ask(
            "ForgotPassword", ClientId=CLIENT_ID, Username=name
        ),
        "a new user": new_user,
        "a page of users": lambda name: ask("ListUsers", UserPoolId=POOL_ID, Limit=10),
        "a sign-out": lambda name: ask("AdminUserGlobalSignOut", UserPoolId=POOL_ID, Username=name),
        "a deletion": lambda name: ask("AdminDeleteUser", UserPoolId=POOL_ID, Username=name),
    }
    growing = list(calls.values())[:-2]
    measured: list[dict[str, int]] = []
    for times in (1, 20, 60):  # the first fills caches
        latest = grow(times)
        measured.append({name: work_of(partial(call, latest)) for name, call in calls.items()})
    _, first, later = measured
    assert {name: later[name] - first[name] > 120 for name in calls} == dict.fromkeys(calls, False)
