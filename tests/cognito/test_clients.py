"""The boto3 clients: how many there are, what they are configured with, and when they are dropped."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from pytest_django import Settings

from cognito_mfa.cognito import clients
from cognito_mfa.cognito.clients import CONSUMING, client_for, forget_clients
from cognito_mfa.cognito.transport import call
from cognito_mfa.exceptions import CognitoMFAError, Misconfigured
from cognito_mfa.local import LocalCognito
from cognito_mfa.values.secret_text import SecretText
from tests.visitor import CLIENT_ID, POOL_ID

pytestmark = pytest.mark.usefixtures("pool")


def test_each_process_has_two_clients_made_when_first_needed(cognito: LocalCognito) -> None:
    forget_clients()
    assert clients._clients == {}
    first = client_for("InitiateAuth")
    assert client_for("VerifySoftwareToken") is first
    assert client_for("AdminGetUser") is not first
    assert len(clients._clients) == 2


def test_many_threads_make_one_client(cognito: LocalCognito) -> None:
    forget_clients()
    found: list[Any] = []
    start = threading.Barrier(8)

    def get() -> None:
        start.wait()
        found.append(client_for("InitiateAuth"))

    threads = [threading.Thread(target=get) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, found))) == 1


@pytest.mark.parametrize("operation", sorted(CONSUMING))
def test_our_numbers_hold_whatever_botocores_defaults_become(
    cognito: LocalCognito, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "9")
    monkeypatch.setenv("AWS_RETRY_MODE", "legacy")
    forget_clients()
    config = client_for(operation).meta.config
    assert config.retries["total_max_attempts"] == 1
    assert (config.connect_timeout, config.read_timeout) == (3, 8)
    assert config.max_pool_connections >= 50
    forget_clients()


def test_cognito_itself_judges_the_input(cognito: LocalCognito) -> None:
    """botocore would refuse so short a session, with a text of its own."""
    given = {"ClientId": CLIENT_ID, "ChallengeName": "MFA_SETUP", "Session": SecretText("short")}
    with pytest.raises(CognitoMFAError) as refused:
        call("RespondToAuthChallenge", given)
    assert refused.value.error == "InvalidParameterException"
    assert cognito.calls[-1].error == "InvalidParameterException"


def test_a_settings_change_drops_the_clients(settings: Settings, cognito: LocalCognito) -> None:
    before = client_for("InitiateAuth")
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REGION": "eu-west-1"}
    assert client_for("InitiateAuth") is not before


def test_a_factory_that_fails_is_the_operators_problem(
    settings: Settings, cognito: LocalCognito
) -> None:
    def broken(**_kwargs: object) -> None:
        raise RuntimeError("no vault")

    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "CLIENT_FACTORY": broken}
    with pytest.raises(Misconfigured):
        call("GetUserPoolMfaConfig", {"UserPoolId": POOL_ID})


def test_missing_credentials_are_the_operators_problem(
    settings: Settings, cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    factory = "cognito_mfa.cognito.make_client"
    with cognito.serve() as server:
        settings.COGNITO_MFA = {
            **settings.COGNITO_MFA,
            "CLIENT_FACTORY": factory,
            "ENDPOINT_URL": server.url,
        }
        with pytest.raises(Misconfigured) as raised:
            call("GetUserPoolMfaConfig", {"UserPoolId": POOL_ID})
        assert "credentials" in raised.value.hint
        assert cognito.operations() == []
        # Signing in needs no AWS credentials: these operations are sent unsigned.
        parameters = {"USERNAME": "x", "PASSWORD": "y"}
        with pytest.raises(Exception, match="bad_credentials"):
            call(
                "InitiateAuth",
                {
                    "AuthFlow": "USER_PASSWORD_AUTH",
                    "ClientId": CLIENT_ID,
                    "AuthParameters": parameters,
                },
            )
        for client in clients._clients.values():
            client.close()


def sent_user_agent(make: Callable[..., Any]) -> str:
    """Return the User-Agent of a call by the client that ``make`` makes, which is not sent."""
    from botocore.config import Config

    seen: list[str] = []

    def keep(request: Any, **_kwargs: object) -> None:
        seen.append(str(request.headers["User-Agent"], "ascii"))
        raise KeyboardInterrupt  # before it is sent

    client = make(region_name="us-east-1", config=Config(retries={"mode": "standard"}))
    client.meta.events.register("before-send", keep)
    with pytest.raises(KeyboardInterrupt):
        client.get_user(AccessToken="x")
    return re.sub(r" m/\S+", "", seen[0])  # features of botocore


@pytest.mark.parametrize("app", ["", "billing"])
def test_aws_learns_the_same_of_the_client_as_from_any_boto3(
    app: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SDK_UA_APP_ID", app)
    monkeypatch.setenv("AWS_EXECUTION_ENV", "AWS_Lambda_python3.11")
    import boto3

    ours = sent_user_agent(clients.make_client)
    assert ours == sent_user_agent(partial(boto3.session.Session().client, "cognito-idp"))
    assert "exec-env/AWS_Lambda_python3.11" in ours
    assert ("app/billing" in ours) is bool(app)
