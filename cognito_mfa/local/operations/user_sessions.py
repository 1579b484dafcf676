"""User sessions: the sign-ins of a user, if the pool tracks them.

A session is one sign-in with all its refreshes. Managed login sets no cookie here that signs users in
again, so there are no SSO sessions.

See "User sessions" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from typing import Any

from cognito_mfa.local.errors import (
    FeatureUnavailableInTierException,
    InvalidParameterException,
    OperationNotEnabledException,
    ResourceNotFoundException,
)
from cognito_mfa.local.operations.context import Context, Parameters, Payload
from cognito_mfa.local.operations.paging import check_only_page
from cognito_mfa.local.rules.state import TokenFamily, User, UserPool

ENABLED, DISABLED = "ENABLED", "DISABLED"


def get_user_pool_session_configuration(context: Context, parameters: Parameters) -> Payload:
    """Return whether a pool tracks sessions, and how many a user can have."""
    return _configuration(context.pool(parameters))


def set_user_pool_session_configuration(context: Context, parameters: Parameters) -> Payload:
    """Set whether a pool tracks sessions, and how many a user can have."""
    pool = context.pool(parameters)
    _check_plan(pool)
    pool.tracks_sessions = parameters["UserSessionTracking"] == ENABLED
    pool.most_sessions = parameters["TokenSession"]["MaxPerUser"]
    return _configuration(pool)


def get_user_pool_client_session_configuration(context: Context, parameters: Parameters) -> Payload:
    """Return how long an app client reuses an SSO session."""
    pool, client = context.client_of_pool(parameters)
    return {
        "UserPoolId": pool.id,
        "ClientId": client.id,
        "SSOSession": {"MaxValidityMinutes": client.sso_minutes},
    }


def set_user_pool_client_session_configuration(context: Context, parameters: Parameters) -> Payload:
    """Set how long an app client reuses an SSO session. The local Cognito has none."""
    pool, client = context.client_of_pool(parameters)
    _check_plan(pool)
    _check_tracks(pool)
    client.sso_minutes = parameters["SSOSession"]["MaxValidityMinutes"]
    return get_user_pool_client_session_configuration(context, parameters)


def list_user_sessions(context: Context, parameters: Parameters) -> Payload:
    """Return the sessions of the caller."""
    pool, user = context.caller(parameters)
    _check_tracks(pool)
    check_only_page(parameters.get("NextToken"))
    return _listed(context, pool, user, context.tokens.session_of(parameters["AccessToken"]))


def admin_list_user_sessions(context: Context, parameters: Parameters) -> Payload:
    """Return the sessions of a user."""
    pool, user = context.user(parameters)
    _check_tracks(pool)
    check_only_page(parameters.get("NextToken"))
    return _listed(context, pool, user, "")


def revoke_user_session(context: Context, parameters: Parameters) -> Payload:
    """End another session of the caller, with all of its tokens."""
    pool, user = context.caller(parameters)
    _check_tracks(pool)
    if parameters["SessionId"] == context.tokens.session_of(parameters["AccessToken"]):
        raise InvalidParameterException("The current session cannot be revoked.")
    return _revoke(context, pool, user, parameters["SessionId"])


def admin_revoke_user_session(context: Context, parameters: Parameters) -> Payload:
    """End a session of a user, with all of its tokens."""
    pool, user = context.user(parameters)
    _check_tracks(pool)
    return _revoke(context, pool, user, parameters["SessionId"])


def _check_plan(pool: UserPool) -> None:
    if pool.settings.get("UserPoolTier") == "LITE":
        raise FeatureUnavailableInTierException(
            "Session tracking is not available in the Lite feature plan."
        )


def _check_tracks(pool: UserPool) -> None:
    if not pool.tracks_sessions:
        raise OperationNotEnabledException("Session tracking is not enabled for the user pool.")


def _configuration(pool: UserPool) -> Payload:
    return {
        "UserPoolId": pool.id,
        "UserSessionTracking": ENABLED if pool.tracks_sessions else DISABLED,
        "TokenSession": {"MaxPerUser": pool.most_sessions},
    }


def _revoke(context: Context, pool: UserPool, user: User, session_id: str) -> Payload:
    for family in context.tokens.sessions_of(pool, user):
        if family.session_id == session_id:
            family.revoked = True
            return {}
    raise ResourceNotFoundException("Session not found.")


def _listed(context: Context, pool: UserPool, user: User, current: str) -> Payload:
    sessions = context.tokens.sessions_of(pool, user)
    return {"Sessions": [_described(family, current) for family in sessions]}


def _described(family: TokenFamily, current: str) -> dict[str, Any]:
    return {
        "SessionId": family.session_id,
        "SessionType": "TOKEN",
        "ClientId": family.client_id,
        "CreateDate": family.created_at,
        "LastActiveDate": family.active_at,
        "DeviceType": "unknown",
        "IsCurrentSession": family.session_id == current,
    }
