"""AssociateSoftwareToken, VerifySoftwareToken, and AdminDeleteSoftwareToken.

A user can have a pending secret in addition to the active token. Only a correct code replaces the token.

See "Software token: associate and verify" and "Deleting a software token" in
docs/cognito-behavior.md.
"""

from __future__ import annotations

from cognito_mfa.local.errors import (
    EnableSoftwareTokenMFAException,
    InvalidParameterException,
    NotAuthorizedException,
    SoftwareTokenMFANotFoundException,
    UserNotConfirmedException,
)
from cognito_mfa.local.operations.challenge_response import LOCKED
from cognito_mfa.local.operations.context import Context, Parameters, Payload
from cognito_mfa.local.rules import directory, preferences, totp
from cognito_mfa.local.rules.sessions import INVALID, session_string
from cognito_mfa.local.rules.state import (
    SOFTWARE_TOKEN_MFA,
    SignInSession,
    SoftwareToken,
    Stage,
    User,
    UserPool,
)


def associate_software_token(context: Context, parameters: Parameters) -> Payload:
    """Create a new secret for a user, which is pending until a code verifies it."""
    _check_one_credential(parameters)
    if "Session" in parameters:
        return _associate_in_session(context, parameters["Session"])
    pool, user = context.caller(parameters, gone=NotAuthorizedException)
    _check_pool_offers(pool)
    return {"SecretCode": _new_pending_secret(context, pool, user)}


def verify_software_token(context: Context, parameters: Parameters) -> Payload:
    """Make the pending secret the active one, with one of its codes."""
    _check_one_credential(parameters)
    if "Session" in parameters:
        return _verify_in_session(context, parameters["Session"], parameters)
    pool, user = context.caller(parameters)
    _check_pool_offers(pool)
    if user.pending_secret is None:
        raise _nothing_to_verify(pool)
    return _verify(context, pool, user, user.pending_secret, parameters)


def admin_delete_software_token(context: Context, parameters: Parameters) -> Payload:
    """Delete a user's software token and the preference for it."""
    pool, user = context.user(parameters)
    if user.status == "UNCONFIRMED":
        raise UserNotConfirmedException("User is not confirmed.")
    if user.software_token is None and pool.behavior.deleting_absent_token_fails:
        raise InvalidParameterException("Software Token MFA does not exist for the user.")
    user.software_token = None
    user.pending_secret = None
    preferences.forget(user, SOFTWARE_TOKEN_MFA)
    if pool.behavior.deleting_token_ends_sessions:
        context.sessions.end_all(user)
    return {}


def _associate_in_session(context: Context, token: str) -> Payload:
    session, pool, user = _setup_session(context, token, "AssociateSoftwareToken")
    if session.child is not None and pool.behavior.association_once_per_session:
        raise NotAuthorizedException(INVALID)
    # Only the newest secret works, so the session that an earlier use of this one created ends.
    context.sessions.drop_child(session)
    secret = _new_pending_secret(context, pool, user)
    following = _following(context, session, Stage.MFA_SETUP_ASSOCIATED, pool)
    following.secret = secret
    return {"SecretCode": secret, "Session": session_string(following)}


def _verify_in_session(context: Context, token: str, parameters: Parameters) -> Payload:
    session, pool, user = _setup_session(context, token, "VerifySoftwareToken")
    outcome = _verify(context, pool, user, session.secret, parameters)
    if outcome["Status"] != "SUCCESS":
        return outcome
    context.sessions.spend(session)
    context.sessions.spend_parent(session)
    following = _following(context, session, Stage.MFA_SETUP_VERIFIED, pool)
    return {**outcome, "Session": session_string(following)}


def _setup_session(
    context: Context, token: str, purpose: str
) -> tuple[SignInSession, UserPool, User]:
    session = context.sessions.find(token)
    context.sessions.require(session, purpose)
    pool = context.account.pools.get(session.pool_id)
    user = directory.user_with_sub(pool, session.sub) if pool else None
    if pool is None or user is None or not user.enabled:
        raise NotAuthorizedException(INVALID)
    # SECURITY: this session only needs a password. After the user set up an authenticator app, an
    # older session of the same kind must not be able to replace it.
    if user.software_token is not None:
        raise NotAuthorizedException(INVALID)
    _check_pool_offers(pool)
    return session, pool, user


def _following(
    context: Context, session: SignInSession, stage: Stage, pool: UserPool
) -> SignInSession:
    return context.sessions.advance(session, stage, pool.clients[session.client_id])


def _new_pending_secret(context: Context, pool: UserPool, user: User) -> str:
    user.pending_secret = totp.new_secret(pool.behavior.secret_bytes)
    if pool.behavior.association_drops_active_token:
        user.software_token = None
    return user.pending_secret


def _verify(
    context: Context, pool: UserPool, user: User, secret: str, parameters: Parameters
) -> Payload:
    """Register the token, and use up the step of its code, so that the code cannot sign in as well."""
    now = context.clock.now()
    if pool.behavior.setup_failures_lock and user.code_attempts.locked(now):
        raise NotAuthorizedException(LOCKED)
    steps = totp.matching_steps(secret, parameters["UserCode"], now)
    if not steps:
        return _mismatch(context, pool, user, now)
    name = parameters.get("FriendlyDeviceName", "")
    user.software_token = SoftwareToken(secret, name, [steps[-1]])
    user.pending_secret = None
    return {"Status": "SUCCESS"}


def _mismatch(context: Context, pool: UserPool, user: User, now: float) -> Payload:
    behavior = pool.behavior
    if behavior.setup_failures_lock:
        user.code_attempts.failed(now, threshold=behavior.code_failures_before_lock)
    if behavior.wrong_setup_code_is_a_status:
        return {"Status": "ERROR"}
    raise EnableSoftwareTokenMFAException("Code mismatch")


def _check_one_credential(parameters: Parameters) -> None:
    if ("Session" in parameters) == ("AccessToken" in parameters):
        raise InvalidParameterException("Either AccessToken or Session must be given, not both")


def _check_pool_offers(pool: UserPool) -> None:
    if not pool.offers_software_token:
        raise SoftwareTokenMFANotFoundException(
            "Software Token MFA has not been enabled by the userPool"
        )


def _nothing_to_verify(pool: UserPool) -> Exception:
    if pool.behavior.verify_without_association_is_not_found:
        return SoftwareTokenMFANotFoundException("Software Token MFA does not exist for the user.")
    return EnableSoftwareTokenMFAException("Code mismatch")
