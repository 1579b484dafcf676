"""What exceptions say, and that Cognito's words and ours stand in different fields."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

import cognito_mfa
from cognito_mfa import exceptions
from cognito_mfa.exceptions import BadReply, BadReplyReason, CognitoMFAError

PACKAGE = Path(cognito_mfa.__file__).parent
FAMILY = {
    name
    for name, found in vars(exceptions).items()
    if isinstance(found, type) and issubclass(found, CognitoMFAError)
}
# Their first argument is something else than an operation.
OTHER_ARGUMENTS = {"LinkRefused", "SignInRefused", "ChallengeNotSupported", "RemovalNotAllowed"}


def raised() -> list[tuple[str, str, list[str]]]:
    """Return file, class and texts of each exception that this app makes of texts of its own."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        if "local" in path.relative_to(PACKAGE).parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            texts = [str(one.value) for one in node.args if isinstance(one, ast.Constant)]
            if node.func.id in FAMILY - OTHER_ARGUMENTS and texts:
                found.append((path.name, node.func.id, texts))
    return found


def test_only_cognitos_operations_stand_where_an_operation_belongs(cognito_model: Any) -> None:
    places = raised()
    assert len(places) > 5
    operations = set(cognito_model.operation_names)
    assert [place for place in places if len(place[2]) > 1 or place[2][0] not in operations] == []


def test_an_exception_says_operation_reason_and_request() -> None:
    reason = BadReplyReason.ANOTHER_USER
    error = BadReply("GetUser", reason=reason, request_id="0f1e")
    assert str(error) == "bad_reply · GetUser · another_user · request 0f1e"
    assert (error.operation, error.error, error.reason) == ("GetUser", "", reason)


def test_what_is_not_known_is_left_out() -> None:
    assert str(exceptions.Busy()) == "slow_down"
    assert (
        str(exceptions.ChallengeNotSupported("WEB_AUTHN")) == "challenge_not_supported · WEB_AUTHN"
    )
    assert str(exceptions.RemovalNotAllowed("pool")) == "removal_not_allowed · pool"


@pytest.mark.parametrize("name", sorted(FAMILY - OTHER_ARGUMENTS))
def test_every_exception_says_whether_cognito_acted_and_has_a_hint(name: str) -> None:
    error = getattr(exceptions, name)()
    assert (error.sent, error.hint, error.reason, error.answered_at) == ("unknown", "", None, None)


def test_reasons_of_refused_links_are_those_that_exports_have() -> None:
    """Scripts read them out of exported events."""
    assert set(exceptions.LinkRefusedReason) == {
        "not_a_user", "not_saved", "inactive", "staff", "permissions", "linked_to_another", "resolver_failed",
        "signed_in_as_another_user", "declined", "another_user", "sign_in_expired", "email_not_verified",
        "email_differs", "attributes_unknown", "no_user", "username_taken", "user_not_created",
        "linked_in_another_pool", "several_users", "gone", "login_failed", "rights_not_saved", "updater_failed",
        "no_valid_username", "not_in_pool", "several_in_pool", "pool_users_differ", "federated", "user_linked", "overtaken",
        "reset_unfinished",
    }  # fmt: skip
