"""A failure of ours at another package's sign-in takes none of its variables into a report."""

from __future__ import annotations

from typing import Any

from django.db import DatabaseError, connection
from pytest_django import Settings

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.wire.messages import Answer
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
