"""A failure of ours at another package's sign-in takes none of its variables into a report."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.db import DatabaseError, connection
from pytest_django import Settings

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.wire.messages import Answer
from tests.local.browser import Browser
from tests.other_sign_ins.person import Person
from tests.security.collector import Secrets, collecting
from tests.visitor import PASSWORD


def no_identities(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    """Let the database fail where people of the pool are looked for."""
    if "cognito_mfa_cognitoidentity" in sql:
        raise DatabaseError("unforeseen")
    return run(sql, params, many, context)


def test_mozillas_callback_shows_no_token(
    person: Person, cognito: LocalCognito, mozilla: Settings
) -> None:
    """``CognitoOIDCBackend.get_or_create_user`` keeps the error for ``authenticate``, past the package."""
    person.client.raise_request_exception = False
    tokens = person.pool.issue_tokens("newcomer", mozilla.OIDC_RP_CLIENT_ID, scopes=["openid"])
    # The package's own attribute, the client's secret, is as it was.
    secrets = Secrets(cognito, {"a token": ".eyJ"})
    secrets("", Answer(tokens))
    browser = person.at_cognito()
    browser.fill_in(username="newcomer", password=PASSWORD)
    with collecting(secrets) as collector, connection.execute_wrapper(no_identities):
        assert person.come_back(browser).status_code == 500
    assert collector.failures == 1
    assert "links.py" in collector.everything  # the report still says where it failed
    assert collector.where(secrets) == []


def at_callback(person: Person, **changes: str) -> Any:
    """Come back with what Cognito's answer would be, and other values in it; the state is the browser's own."""
    sent = person.get(person.begin)
    state = parse_qs(urlsplit(sent.url).query)["state"][0]
    return person.get(
        f"/oidc/callback/?{urlencode({'code': 'invented', 'state': state, **changes})}"
    )


def no_code(_person: Person, _settings: Settings) -> None:
    """Anyone who can open a page can do this."""


def no_token_endpoint(_person: Person, settings: Settings) -> None:
    settings.OIDC_OP_TOKEN_ENDPOINT = "http://127.0.0.1:9/oauth2/token"


def no_keys(person: Person, settings: Settings) -> None:
    settings.OIDC_OP_JWKS_ENDPOINT = "http://127.0.0.1:9/keys"


def a_page_instead_of_tokens(person: Person, settings: Settings) -> None:
    settings.OIDC_OP_TOKEN_ENDPOINT = settings.OIDC_OP_JWKS_ENDPOINT.partition("/us-east")[0]


def another_nonce(_person: Person, _settings: Settings) -> None:
    """The tokens are of another browser's sign-in; the address below says so."""


@pytest.mark.parametrize(
    "fail", [no_code, no_token_endpoint, no_keys, a_page_instead_of_tokens, another_nonce]
)
def test_what_fails_in_mozillas_part_is_no_server_error_and_shows_nothing(
    fail: Any, person: Person, cognito: LocalCognito, mozilla: Settings
) -> None:
    """``CognitoOIDCBackend.authenticate``: the package's frames hold the client secret, the code, and the tokens."""
    person.client.raise_request_exception = False
    fail(person, mozilla)
    canary = mozilla.OIDC_RP_CLIENT_SECRET
    secrets = Secrets(cognito, {"a token": ".eyJ", "the client secret": canary})
    with collecting(secrets) as collector:
        if fail is no_code:
            answer = at_callback(person)
        else:
            sent = person.get(person.begin).url
            nonce = parse_qs(urlsplit(sent).query)["nonce"][0]
            browser = Browser(sent.replace(nonce, "x" * 32) if fail is another_nonce else sent)
            browser.fill_in(username="newcomer", password=PASSWORD)
            answer = person.come_back(browser)
    assert answer.status_code == 302
    assert not person.is_in()
    assert collector.where(secrets) == []
