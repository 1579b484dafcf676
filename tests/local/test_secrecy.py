"""No representation, log or reading shows a secret: password, code, seed, session, token, key."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.rules.keys import keys_of
from tests.local import newer
from tests.local.caller import PASSWORD, POOL_ID, Caller, members
from tests.local.conftest import populated

CLIENT_SECRET = "verysecretclientsecret0000000"


@pytest.fixture
def secrets(cognito: LocalCognito) -> set[str]:
    """Everything secret that a busy Cognito has seen or made."""
    pool = populated(cognito, mfa="ON", email=True)
    pool.create_client("confidential", secret=CLIENT_SECRET)
    caller = Caller(cognito.client())
    second = caller.associate(_setup_session(caller, pool))
    code = pool.pending_code_for("third")
    third = caller.verify(second["Session"], code)
    done = caller.respond("MFA_SETUP", third["Session"], "third")["AuthenticationResult"]
    caller.password("newcomer")
    pair = keys_of(pool.state)
    return {
        PASSWORD,
        CLIENT_SECRET,
        second["SecretCode"],
        second["Session"],
        code,
        third["Session"],
        done["AccessToken"],
        done["RefreshToken"],
        cognito.outbox[-1].code,
        pair.id.pem,
        str(pool.user("third").password.x),  # type: ignore[union-attr]
    }


def _setup_session(caller: Caller, pool: LocalPool) -> str:
    pool.create_user("third", password=PASSWORD)
    session: str = caller.password("third")["Session"]
    return session


def shown(text: str, secrets: set[str]) -> list[str]:
    return [secret for secret in secrets if secret in text]


def test_no_representation_shows_one(cognito: LocalCognito, secrets: set[str]) -> None:
    pool = cognito.pool(POOL_ID)
    everything: list[Any] = [
        cognito,
        cognito.calls,
        cognito.outbox,
        cognito.account,
        pool,
        pool.state,
        *pool.state.clients.values(),
        *pool.state.users.values(),
        *cognito.account.sessions.values(),
        keys_of(pool.state),
    ]
    assert shown(repr(everything), secrets) == []


def test_no_log_of_ours_shows_one(
    caplog: pytest.LogCaptureFixture, cognito: LocalCognito, secrets: set[str]
) -> None:
    ours = [r.getMessage() for r in caplog.records if r.name.startswith("cognito_mfa")]
    assert shown("\n".join(ours), secrets) == []


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


@newer.shows_factors
def test_no_reading_operation_shows_one(cognito: LocalCognito, secrets: set[str]) -> None:
    boto: Any = cognito.client()
    who = {"UserPoolId": POOL_ID, "Username": "third"}
    answers = [
        boto.admin_get_user(**who),
        boto.admin_get_user_auth_factors(**who),
        boto.list_users(UserPoolId=POOL_ID),
        boto.describe_user_pool(UserPoolId=POOL_ID),
        boto.list_user_pool_clients(UserPoolId=POOL_ID, MaxResults=60),
        boto.get_user_pool_mfa_config(UserPoolId=POOL_ID),
    ]
    assert shown(str([members(answer) for answer in answers]), secrets) == []


def test_a_session_string_says_nothing(cognito: LocalCognito, secrets: set[str]) -> None:
    """It carries a random id and filler; the record behind it stays with us."""
    strings = [secret for secret in secrets if secret.startswith("AYABe")]
    assert len(strings) == 2
    for session in cognito.account.sessions.values():
        assert session.sub not in "".join(strings)
