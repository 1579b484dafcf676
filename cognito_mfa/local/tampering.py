"""Faults that make Cognito lie: well-formed answers that must not be believed.

They contain real tokens of other users, and tokens with another subject and a real signature, so
that only a comparison detects them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cognito_mfa.local.faults import Edit
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.rules.claims import issuer
from cognito_mfa.local.rules.keys import keys_of, signed
from cognito_mfa.local.rules.scopes import SELF_SERVICE

TOKENS = ("AccessToken", "IdToken")
RESULT = "AuthenticationResult"


def tokens_and_challenge(pool: LocalPool, username: str, client_id: str) -> Edit:
    """Return a fault that answers with a challenge and a user's tokens.

    Args:
        pool: The user pool.
        username: The user's name.
        client_id: The id of the app client.

    Returns:
        The fault.
    """
    tokens = pool.issue_tokens(username, client_id, scopes=[SELF_SERVICE])

    def both(answer: dict[str, Any]) -> dict[str, Any]:
        challenge = {"ChallengeName": "SOFTWARE_TOKEN_MFA", "Session": "x" * 20}
        return {**challenge, **answer, RESULT: answer.get(RESULT, tokens)}

    return Edit(both)


def tokens_of(pool: LocalPool, username: str, client_id: str) -> Edit:
    """Return a fault that gives everyone the tokens of one user.

    Args:
        pool: The pool of that user, which may be another one.
        username: The user's name.
        client_id: The id of the app client.

    Returns:
        The fault.
    """
    tokens = pool.issue_tokens(username, client_id, scopes=[SELF_SERVICE])
    return _change_result(lambda result: {**result, **tokens})


def claims_changed(
    pool: LocalPool, changes: Mapping[str, Any], *, tokens: tuple[str, ...] = TOKENS
) -> Edit:
    """Return a fault that changes claims; the pool's own keys sign them all the same.

    Args:
        pool: The pool whose keys sign.
        changes: Claims by name, such as another ``sub``; None takes one away.
        tokens: Which tokens of the result are changed.

    Returns:
        The fault.
    """

    def change(result: dict[str, Any]) -> dict[str, Any]:
        return {**result, **{name: _signed_anew(pool, result[name], changes) for name in tokens}}

    return _change_result(change)


def _change_result(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Edit:
    def edit(answer: dict[str, Any]) -> dict[str, Any]:
        if RESULT not in answer:
            return answer
        return {**answer, RESULT: change(answer[RESULT])}

    return Edit(edit)


def _signed_anew(pool: LocalPool, token: str, changes: Mapping[str, Any]) -> str:
    import jwt

    claims = jwt.decode(token, options={"verify_signature": False})
    pair = keys_of(pool.state)
    key = {"id": pair.id, "access": pair.access}[claims["token_use"]]
    changed = {**claims, "iss": issuer(pool.state), **changes}
    return signed(key, {name: value for name, value in changed.items() if value is not None})
