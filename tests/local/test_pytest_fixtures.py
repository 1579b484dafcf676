"""What the plug-in's fixtures promise, each in a test that uses them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from cognito_mfa.local import Clock, LocalCognito, make_client
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.pytest import CognitoUser, TotpCode
from cognito_mfa.local.rules.totp import step_at
from cognito_mfa.local.wire.server import HttpServer
from tests.local.caller import CLIENT_ID, POOL_ID, Caller, refused


@pytest.fixture
def caller(local_cognito: LocalCognito) -> Caller:
    return Caller(local_cognito.client())


def test_a_code_is_one_that_cognito_takes_again_and_again(
    caller: Caller, cognito_user: CognitoUser, totp_code: TotpCode, cognito_clock: Clock
) -> None:
    """Three sign-ins on end: the clock moves on where a code was spent, and only there."""
    cognito_user.register_software_token()
    begun = step_at(cognito_clock.now())
    for sign_in in range(3):
        session = caller.password(cognito_user.username, cognito_user.password)["Session"]
        assert caller.enter_code(session, totp_code(), cognito_user.username)
        assert step_at(cognito_clock.now()) == begun + sign_in


def test_set_up_and_then_sign_in(
    caller: Caller, cognito_user: CognitoUser, totp_code: TotpCode
) -> None:
    session = caller.password(cognito_user.username, cognito_user.password)["Session"]
    session = caller.associate(session)["Session"]
    with refused("EnableSoftwareTokenMFAException"):
        caller.verify(session, totp_code.wrong())
    session = caller.verify(session, totp_code())["Session"]
    assert caller.respond("MFA_SETUP", session, cognito_user.username)["AuthenticationResult"]
    session = caller.password(cognito_user.username, cognito_user.password)["Session"]
    with refused("CodeMismatchException"):
        caller.enter_code(session, totp_code.wrong(), cognito_user.username)
    assert caller.enter_code(session, totp_code(), cognito_user.username)


def test_replacing_one_names_both(
    local_cognito: LocalCognito,
    cognito_pool: LocalPool,
    cognito_user: CognitoUser,
    totp_code: TotpCode,
) -> None:
    cognito_user.register_software_token()
    tokens = cognito_pool.issue_tokens(
        cognito_user.username, CLIENT_ID, scopes=["aws.cognito.signin.user.admin"]
    )
    boto = local_cognito.client()
    boto.associate_software_token(AccessToken=tokens["AccessToken"])
    assert totp_code() != totp_code.pending()
    assert totp_code() == cognito_pool.code_for(cognito_user.username)
    code = totp_code.pending()
    answer = boto.verify_software_token(AccessToken=tokens["AccessToken"], UserCode=code)
    assert answer["Status"] == "SUCCESS"


def test_no_one_has_a_code_without_a_secret(totp_code: TotpCode) -> None:
    with pytest.raises(LookupError):
        totp_code()
    with pytest.raises(LookupError):
        totp_code("nobody")


def test_a_code_of_another_user(cognito_pool: LocalPool, totp_code: TotpCode) -> None:
    cognito_pool.create_user("grace", password="Correct-Horse-7")
    cognito_pool.register_software_token("grace")
    assert totp_code("grace") == cognito_pool.code_for("grace")


def test_the_password_is_in_no_representation(cognito_user: CognitoUser) -> None:
    assert cognito_user.password not in repr(cognito_user)


def test_the_clock_stands_still(cognito_clock: Clock, local_cognito: LocalCognito) -> None:
    now = cognito_clock.now()
    assert local_cognito.clock is cognito_clock
    cognito_clock.advance(3600)
    assert cognito_clock.now() == now + 3600


def test_clients_of_make_client_reach_it(cognito_pool: LocalPool) -> None:
    boto = make_client(region_name="us-east-1")
    assert boto.list_user_pools(MaxResults=1)["UserPools"][0]["Id"] == cognito_pool.id


@pytest.mark.cognito_pool(mfa="OPTIONAL", client_secret="s" * 30)
def test_a_marker_makes_another_pool(cognito_pool: LocalPool) -> None:
    assert cognito_pool.state.mfa == "OPTIONAL"
    assert cognito_pool.state.clients[CLIENT_ID].secret == "s" * 30


@pytest.mark.cognito_pool(mfa="OPTIONAL")
class TestMarkers:
    @pytest.mark.cognito_pool(sms=True)
    def test_the_nearest_is_added_last(self, cognito_pool: LocalPool) -> None:
        assert (cognito_pool.state.mfa, cognito_pool.state.sms) == ("OPTIONAL", True)

    @pytest.mark.cognito_pool(mfa="OFF")
    def test_the_nearest_wins(self, cognito_pool: LocalPool) -> None:
        assert cognito_pool.state.mfa == "OFF"


class TestProject:
    """A project's own settings."""

    @pytest.fixture
    def cognito_pool_settings(self) -> Mapping[str, Any]:
        return {"pool_id": "eu-west-1_Mine00000", "username_attributes": ["email"]}

    def test_its_pool_and_a_person_who_signs_in_with_an_address(
        self, caller: Caller, cognito_pool: LocalPool, cognito_user: CognitoUser
    ) -> None:
        assert cognito_pool.id == "eu-west-1_Mine00000"
        assert cognito_user.username == cognito_user.email
        assert caller.password(cognito_user.username, cognito_user.password)["Session"]


def test_other_processes_find_it(
    cognito_user: CognitoUser, cognito_live_server: HttpServer
) -> None:
    """The environment is all that they are told."""
    assert os.environ["AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER"] == cognito_live_server.url
    program = (
        "import boto3, json\n"
        "boto = boto3.client('cognito-idp')\n"
        f"found = boto.admin_get_user(UserPoolId={POOL_ID!r}, Username='ada')\n"
        "print(json.dumps([found['Username'], boto.meta.endpoint_url]))"
    )
    answer = subprocess.run(  # noqa: S603 - a program of ours
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert json.loads(answer.stdout) == [cognito_user.username, cognito_live_server.url]


def test_the_environment_is_given_back() -> None:
    assert "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER" not in os.environ
