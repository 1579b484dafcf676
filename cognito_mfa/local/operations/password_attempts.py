"""The password as a first factor, in every flow.

This module decides what must be true before a password is checked, how a wrong one is counted, and what
follows a correct one. Nothing here reads a request.

See "Order of checks" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from cognito_mfa.local.errors import (
    NotAuthorizedException,
    PasswordResetRequiredException,
    UserNotConfirmedException,
)
from cognito_mfa.local.operations import next_step, triggers
from cognito_mfa.local.operations.context import Context, Payload
from cognito_mfa.local.rules import auth_events, directory
from cognito_mfa.local.rules.state import AppClient, SignInSession, Stage, User, UserPool

WRONG = "Incorrect username or password."
LOCKED = "Password attempts exceeded"
TEMPORARY_EXPIRED = "Temporary password has expired and must be reset by an administrator."


def check_may_try(context: Context, user: User) -> None:
    """Refuse a user who cannot sign in with any password, in Cognito's order of checks.

    Args:
        context: The account, its clock, and its unfinished sign-ins.
        user: The user.

    Raises:
        NotAuthorizedException: The user is disabled or locked.
        UserNotConfirmedException: The user has not confirmed the sign-up.
    """
    if not user.enabled:
        raise NotAuthorizedException("User is disabled.")
    if user.status == "UNCONFIRMED":
        raise UserNotConfirmedException("User is not confirmed.")
    if user.password_attempts.locked(context.clock.now()):
        raise NotAuthorizedException(LOCKED)


def may_try(context: Context, pool: UserPool, client: AppClient, user: User, typed: str) -> User:
    """Refuse a user who cannot sign in, or whom a function of the pool refuses.

    Args:
        context: The account, and the request.
        pool: The user pool.
        client: The app client.
        user: The user.
        typed: The name that was typed.

    Returns:
        The user as they are after the function.

    Raises:
        NotAuthorizedException: The user is disabled, locked, or was deleted.
        UserNotConfirmedException: The user has not confirmed the sign-up.
    """
    check_may_try(context, user)
    after = ask_function(context, pool, client, user, typed)
    if after is None:
        raise NotAuthorizedException(WRONG)
    check_may_try(context, after)
    return after


def ask_function(
    context: Context, pool: UserPool, client: AppClient, user: User | None, typed: str
) -> User | None:
    """Let the pool's function refuse an attempt to sign in, before a password is checked.

    Args:
        context: The account, and the request.
        pool: The user pool.
        client: The app client.
        user: The user; None if there is none and the client must not learn it.
        typed: The name that was typed.

    Returns:
        The user after the function ran; None if there is none, or no longer.
    """
    triggers.pre_authentication(context, triggers.About(pool, client, user, typed))
    return directory.user_with_sub(pool, user.sub) if user is not None else None


def wrong_password(context: Context, pool: UserPool, user: User) -> NotAuthorizedException:
    """Count a wrong password.

    Args:
        context: The account, its clock, and its unfinished sign-ins.
        pool: The user pool.
        user: The user.

    Returns:
        The error to raise.
    """
    threshold = pool.behavior.password_failures_before_lock
    user.password_attempts.failed(context.clock.now(), threshold=threshold)
    auth_events.password_failed(pool, user, context.clock.now())
    return NotAuthorizedException(WRONG)


def after_password(
    context: Context,
    pool: UserPool,
    client: AppClient,
    user: User,
    *,
    admin: bool,
    device_key: str = "",
    custom: SignInSession | None = None,
) -> Payload:
    """Continue after a correct password.

    Args:
        context: The account, its clock, and its unfinished sign-ins.
        pool: The user pool.
        client: The app client.
        user: The user.
        admin: Whether an Admin operation asks.
        device_key: The key of the device that the client names; "" for none.
        custom: The custom sign-in, if this is a step of one.

    Returns:
        The next challenge, or the end of the sign-in.

    Raises:
        PasswordResetRequiredException: An administrator has reset the password. Only the correct
            password reveals that.
        NotAuthorizedException: The password was temporary and has expired.
    """
    user.password_attempts.succeeded()
    if user.status == "RESET_REQUIRED":
        raise PasswordResetRequiredException("Password reset required for the user")
    until = user.temporary_password_until
    if until is not None and context.clock.now() >= until:
        raise NotAuthorizedException(TEMPORARY_EXPIRED)
    auth_events.password_passed(pool, user, context.clock.now())
    if pool.behavior.sign_in_ends_older_sessions:
        context.sessions.end_all(user)
    if user.status == "FORCE_CHANGE_PASSWORD":
        stage = Stage.NEW_PASSWORD_REQUIRED
        session = context.sessions.begin(stage, pool, client, user, admin=admin)
        session.factors = ["pwd"]
        session.device_key = device_key
        return next_step.challenge(context, pool, user, session)
    return next_step.after_first_factor(
        context, pool, client, user, admin=admin, device_key=device_key, custom=custom
    )
