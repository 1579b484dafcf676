"""The clients and what counts as an answer: attempts, deadline, log lines, fork."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from pytest_django import Settings

from cognito_mfa.cognito import clients, deadline, documents
from cognito_mfa.cognito.clients import CONSUMING, client_for, forget_clients
from cognito_mfa.cognito.transport import call
from cognito_mfa.exceptions import BadReply, Misconfigured, Unavailable
from cognito_mfa.local import LocalCognito, faults
from cognito_mfa.local.wire.client import make_client
from tests.visitor import CLIENT_ID, POOL_ID


@pytest.fixture(autouse=True)
def pool(cognito: LocalCognito) -> None:
    cognito.create_pool(POOL_ID, mfa="ON").create_client(CLIENT_ID)


def test_what_consumes_is_sent_once_and_reads_are_tried_again(cognito: LocalCognito) -> None:
    lost = faults.Timeout(executed=True)
    cognito.faults.on("*", lost)
    with pytest.raises(Unavailable):
        call("InitiateAuth", {"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": CLIENT_ID})
    assert cognito.operations() == ["InitiateAuth"]

    cognito.forget_calls()
    with pytest.raises(Unavailable):
        call("GetUserPoolMfaConfig", {"UserPoolId": POOL_ID})
    assert cognito.operations() == ["GetUserPoolMfaConfig"] * 3


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


def test_a_settings_change_drops_the_clients(settings: Settings, cognito: LocalCognito) -> None:
    before = client_for("InitiateAuth")
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REGION": "eu-west-1"}
    assert client_for("InitiateAuth") is not before


def test_a_reply_that_drips_is_cut_at_the_deadline(
    cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The number only: waiting twelve seconds in a test would prove no more.
    monkeypatch.setattr(deadline, "DEADLINE", 0.2)
    cognito.faults.on("GetUserPoolMfaConfig", faults.Delay(2))
    start = time.monotonic()
    with pytest.raises(Unavailable) as raised:
        call("GetUserPoolMfaConfig", {"UserPoolId": POOL_ID})
    assert time.monotonic() - start < 1
    assert (raised.value.sent, raised.value.reason) == ("unknown", "deadline_exceeded")


@pytest.mark.parametrize(
    "fault",
    [
        faults.Truncated(),
        faults.Body(b"<html>", 200),
        faults.Body(b"[1]"),
        faults.Body(b"{}", headers={"x-amzn-RequestId": ""}),
        faults.Body(b"x" * 1_000_001),
    ],
    ids=["truncated", "html", "list", "no request id", "too long"],
)
def test_an_empty_success_cannot_be_faked(cognito: LocalCognito, fault: faults.Fault) -> None:
    """SetUserMFAPreference answers `{}`, so any parseable body would look like success."""
    cognito.faults.on("AdminSetUserMFAPreference", fault)
    enabled = {"Enabled": True, "PreferredMfa": True}
    parameters = {"UserPoolId": POOL_ID, "Username": "x", "SoftwareTokenMfaSettings": enabled}
    with pytest.raises((BadReply, Unavailable)):
        call("AdminSetUserMFAPreference", parameters)


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


def test_nothing_listening_is_told_as_not_sent(settings: Settings, cognito: LocalCognito) -> None:
    settings.COGNITO_MFA = {
        **settings.COGNITO_MFA,
        "CLIENT_FACTORY": "cognito_mfa.cognito.make_client",
        "ENDPOINT_URL": "http://127.0.0.1:9",
    }
    with pytest.raises(Unavailable) as raised:
        call("InitiateAuth", {"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": CLIENT_ID})
    assert raised.value.sent == "no"


def test_calls_made_together_take_no_longer_than_they_may(cognito: LocalCognito) -> None:
    """Nothing is waited for once the time is over."""
    with deadline.within(0.0), pytest.raises(Unavailable) as caught:
        call("GetUserPoolMfaConfig", {"UserPoolId": POOL_ID})
    assert caught.value.reason == "deadline_exceeded"
    assert call("GetUserPoolMfaConfig", {"UserPoolId": POOL_ID})["MfaConfiguration"] == "ON"


def test_a_document_comes_from_where_cognito_answers(cognito: LocalCognito) -> None:
    found = documents.fetch_document(f"{POOL_ID}/.well-known/jwks.json")
    assert b'"RS256"' in found.body
    assert cognito.operations() == []
    with pytest.raises(BadReply):
        documents.fetch_document("us-east-1_Nowhere0/.well-known/jwks.json")
    with deadline.within(0.0), pytest.raises(Unavailable):
        documents.fetch_document(f"{POOL_ID}/.well-known/jwks.json")


def test_documents_of_aws_come_from_its_own_host_whatever_the_calls_go_to(
    settings: Settings, cognito: LocalCognito
) -> None:
    """Endpoints for FIPS and of a private network take calls alone."""
    asked: list[str] = []

    def factory(**kwargs: Any) -> Any:
        client: Any = make_client(**kwargs)
        client.meta.events.register_first(
            "before-send.cognito-identity-provider", lambda request, **_: asked.append(request.url)
        )
        return client

    for endpoint in ("https://vpce-1.cognito-idp.us-east-1.vpce.amazonaws.com", None):
        more = {"CLIENT_FACTORY": factory, "ENDPOINT_URL": endpoint}
        settings.COGNITO_MFA = {**settings.COGNITO_MFA, **more}
        documents.fetch_document(f"{POOL_ID}/.well-known/jwks.json")
    address = f"https://cognito-idp.us-east-1.amazonaws.com/{POOL_ID}/.well-known/jwks.json"
    assert asked == [address] * 2
