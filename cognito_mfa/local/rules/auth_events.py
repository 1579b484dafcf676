"""The history of a user's sign-ins and passwords, if the pool's threat protection records it.

The local Cognito assesses no risks. See "Auth events" in docs/cognito-behavior.md.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from cognito_mfa.local.rules.state import AuthEvent, User, UserPool

SIGN_IN = "SignIn"
PASSED, FAILED, IN_PROGRESS = "Pass", "Fail", "InProgress"
PASSWORD, MFA = "Password", "Mfa"
SUCCESS, FAILURE = "Success", "Failure"
KEPT = 100
MODES = ("AUDIT", "ENFORCED")


def keeps_events(pool: UserPool) -> bool:
    """Return whether a pool records events."""
    return pool.settings.get("UserPoolAddOns", {}).get("AdvancedSecurityMode") in MODES


def note(
    pool: UserPool,
    user: User,
    kind: str,
    now: float,
    *,
    response: str = PASSED,
    challenges: Sequence[Sequence[str]] = (),
) -> None:
    """Add an event to a user's history, if the pool records events.

    Args:
        pool: The user pool.
        user: The user.
        kind: The EventType.
        now: The time in Unix seconds.
        response: The EventResponse.
        challenges: The answered challenges, as pairs of a name and a result.
    """
    if not keeps_events(pool):
        return
    event = AuthEvent(id=str(uuid.uuid4()), type=kind, response=response, created_at=now)
    event.challenges = [list(pair) for pair in challenges]
    user.events = [*user.events[-(KEPT - 1) :], event]


def password_passed(pool: UserPool, user: User, now: float) -> None:
    """Note that a sign-in has begun with the right password.

    Args:
        pool: The user pool.
        user: The user.
        now: The time in Unix seconds.
    """
    challenges = [(PASSWORD, SUCCESS)]
    note(pool, user, SIGN_IN, now, response=IN_PROGRESS, challenges=challenges)


def password_failed(pool: UserPool, user: User, now: float) -> None:
    """Note a wrong password.

    Args:
        pool: The user pool.
        user: The user.
        now: The time in Unix seconds.
    """
    note(pool, user, SIGN_IN, now, response=FAILED, challenges=[(PASSWORD, FAILURE)])


def code_failed(user: User) -> None:
    """Note a wrong code in the event of the sign-in, which continues."""
    event = _open(user)
    if event is not None:
        event.challenges = [*event.challenges, [MFA, FAILURE]]


def signed_in(pool: UserPool, user: User, factors: Sequence[str], now: float) -> None:
    """Note the end of a sign-in.

    Args:
        pool: The user pool.
        user: The user.
        factors: The answered factors, as ``amr`` names them.
        now: The time in Unix seconds.
    """
    if _open(user) is None:
        note(pool, user, SIGN_IN, now, response=IN_PROGRESS)
    event = _open(user)
    if event is not None:
        event.response = PASSED
        if len(factors) > 1:
            event.challenges = [*event.challenges, [MFA, SUCCESS]]


def _open(user: User) -> AuthEvent | None:
    """Return the newest sign-in that has not ended."""
    for event in reversed(user.events):
        if (event.type, event.response) == (SIGN_IN, IN_PROGRESS):
            return event
    return None
