"""Limits: attempts per hour for a user, and requests per second for the account.

``lockout`` counts wrong passwords and codes.

See "Rate limits" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from cognito_mfa.local.errors import LimitExceededException, TooManyRequestsException
from cognito_mfa.local.rules.state import UserPool

HOUR = 3600.0
#: Per user and hour. If the documentation gives a range, this is its lower end.
HOURLY: Mapping[str, int] = {
    "ForgotPassword": 5,
    "ConfirmForgotPassword": 5,
    "ResendConfirmationCode": 5,
    "ConfirmSignUp": 15,
}

#: Requests per second and account.
RATES: Mapping[str, int] = {
    "UserAuthentication": 120,
    "ChallengeAnswers": 360,
    "UserCreation": 50,
    "UserAccountRecovery": 30,
    "UserRead": 120,
    "UserUpdate": 25,
    "UserToken": 120,
    "UserResourceUpdate": 25,
    "UserList": 30,
    "UserPoolRead": 15,
    "UserPoolClientRead": 15,
    "UserPoolResourceRead": 20,
    "UserPoolResourceUpdate": 15,
}
CATEGORIES: Mapping[str, str] = {
    "InitiateAuth": "UserAuthentication",
    "AdminInitiateAuth": "UserAuthentication",
    "GetTokensFromRefreshToken": "UserAuthentication",
    "RespondToAuthChallenge": "ChallengeAnswers",
    "AdminRespondToAuthChallenge": "ChallengeAnswers",
    "SignUp": "UserCreation",
    "ConfirmSignUp": "UserCreation",
    "AdminCreateUser": "UserCreation",
    "AdminConfirmSignUp": "UserCreation",
    "ForgotPassword": "UserAccountRecovery",
    "ConfirmForgotPassword": "UserAccountRecovery",
    "ChangePassword": "UserAccountRecovery",
    "AdminResetUserPassword": "UserAccountRecovery",
    "AdminSetUserPassword": "UserAccountRecovery",
    "GetUser": "UserRead",
    "AdminGetUser": "UserRead",
    "AdminGetUserAuthFactors": "UserRead",
    "GlobalSignOut": "UserUpdate",
    "AdminUserGlobalSignOut": "UserUpdate",
    "AdminUpdateUserAttributes": "UserUpdate",
    "AdminEnableUser": "UserUpdate",
    "AdminDisableUser": "UserUpdate",
    "RevokeToken": "UserToken",
    "AssociateSoftwareToken": "UserResourceUpdate",
    "VerifySoftwareToken": "UserResourceUpdate",
    "SetUserMFAPreference": "UserResourceUpdate",
    "AdminSetUserMFAPreference": "UserResourceUpdate",
    "AdminDeleteSoftwareToken": "UserResourceUpdate",
    "ListUsers": "UserList",
    "DescribeUserPool": "UserPoolRead",
    "DescribeUserPoolClient": "UserPoolClientRead",
    "GetUserPoolMfaConfig": "UserPoolResourceRead",
    "SetUserPoolMfaConfig": "UserPoolResourceUpdate",
}


def count_hourly(pool: UserPool, operation: str, username: str, now: float) -> None:
    """Count an attempt of a user.

    Args:
        pool: The user pool.
        operation: The name of the operation.
        username: The name of the user, who need not exist.
        now: The time in Unix seconds.

    Raises:
        LimitExceededException: There were too many within an hour.
    """
    if not pool.behavior.hourly_limits:
        return
    _forget(pool, now)
    key = f"{operation} {username}"
    recent = [at for at in pool.attempts.get(key, []) if now - at < HOUR]
    if len(recent) >= HOURLY[operation]:
        raise LimitExceededException("Attempt limit exceeded, please try after some time.")
    pool.attempts.pop(key, None)  # moves the newest to the end
    pool.attempts[key] = [*recent, now]


def _forget(pool: UserPool, now: float) -> None:
    """Forget users whose last attempt was long ago, the oldest first."""
    while pool.attempts:
        key, times = next(iter(pool.attempts.items()))
        if now - times[-1] < HOUR:
            return
        del pool.attempts[key]


class RequestQuotas:
    """Counts the requests of the last second by category. It is not kept in the state file."""

    def __init__(self) -> None:
        self._recent: dict[str, deque[float]] = {}

    def count(self, operation: str, now: float) -> None:
        """Count a request.

        Args:
            operation: The name of the operation.
            now: The time in Unix seconds.

        Raises:
            TooManyRequestsException: There were too many of its category within a second.
        """
        category = CATEGORIES.get(operation)
        if category is None:
            return
        recent = self._recent.setdefault(category, deque())
        while recent and now - recent[0] >= 1:
            recent.popleft()
        if len(recent) >= RATES[category]:
            raise TooManyRequestsException("Too many requests")
        recent.append(now)
