"""Turns Cognito's replies into values of ``types``, or raises ``BadReply``."""

from __future__ import annotations

from typing import Any

from cognito_mfa.cognito.types import NOTHING, Challenge, Tokens
from cognito_mfa.exceptions import BadReply, BadReplyReason
from cognito_mfa.values import untrusted
from cognito_mfa.values.secret_text import SecretText

MIN_SESSION = 20  # characters, by the service model; the upper bound moved once and is not checked

Reply = dict[str, Any]


def challenge_or_tokens(operation: str, reply: Reply, username: str) -> Challenge | Tokens:
    """Return the challenge or the tokens of an answer to a sign-in.

    An answer that has neither, or both, is not believed.

    Args:
        operation: that was called.
        reply: its answer.
        username: as it was sent, in case that the challenge does not name the user.

    Raises:
        BadReply: the answer breaks Cognito's contract.
    """
    result = reply.get("AuthenticationResult") or {}
    if bool(reply.get("ChallengeName")) == bool(result):
        raise bad_reply(operation, reply)
    if not result:
        return _challenge(operation, reply, username)
    access, identity, refresh = (
        _closed(operation, reply, result.get(name))
        for name in ("AccessToken", "IdToken", "RefreshToken")
    )
    if not access:
        raise bad_reply(operation, reply)
    return Tokens(access, identity, refresh)


def _challenge(operation: str, reply: Reply, username: str) -> Challenge:
    parameters = reply.get("ChallengeParameters") or {}
    told = parameters.get("USER_ID_FOR_SRP") or parameters.get("USERNAME")
    known_as = told or username
    if not untrusted.is_username(known_as):
        raise bad_reply(operation, reply)
    return Challenge(
        untrusted.word(reply["ChallengeName"]),
        next_session(operation, reply),
        known_as,
        parameters,
        names_user=bool(told),
    )


def next_session(operation: str, reply: Reply) -> SecretText:
    """Return the session string of ``reply``.

    Args:
        operation: that was called.
        reply: its answer.

    Raises:
        BadReply: it has none, or one that is too short.
    """
    session = _closed(operation, reply, reply.get("Session"))
    if len(session.reveal()) < MIN_SESSION:
        raise bad_reply(operation, reply)
    return session


def _closed(operation: str, reply: Reply, value: object) -> SecretText:
    """Return a secret of ``reply``, which the transport closed."""
    if value is None:
        return NOTHING
    if not isinstance(value, SecretText):
        raise bad_reply(operation, reply)
    return value


def bad_reply(operation: str, reply: Reply) -> BadReply:
    """Return (not raise) the error for an answer that breaks Cognito's contract.

    Args:
        operation: that was called.
        reply: its answer; only its request id is kept.
    """
    return BadReply(
        operation, reason=BadReplyReason.UNEXPECTED_ANSWER, request_id=request_id(reply)
    )


def request_id(reply: Reply) -> str:
    """Return the id that AWS gave the request; empty when there is none."""
    return untrusted.word(reply.get("ResponseMetadata", {}).get("RequestId"))
