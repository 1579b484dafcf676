"""Operations of administrators on users, and ListUsers, which shows nothing about MFA.

A password leaves this module only in an invitation.

See "Operations" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection
from itertools import islice
from typing import Any

from cognito_mfa.local.errors import (
    InvalidParameterException,
    UnsupportedUserStateException,
)
from cognito_mfa.local.operations import messages, triggers
from cognito_mfa.local.operations.context import Context, Parameters, Payload, attributes_in
from cognito_mfa.local.operations.paging import page_start, page_token
from cognito_mfa.local.operations.profile import attributes, description
from cognito_mfa.local.operations.triggers import About
from cognito_mfa.local.outbox import Medium
from cognito_mfa.local.rules import attribute_schema, credentials, directory
from cognito_mfa.local.rules.passwords import made_up
from cognito_mfa.local.rules.state import User, UserPool
from cognito_mfa.local.rules.user_filter import matcher

LARGEST_PAGE = 60
PASSWORDLESS = {"EMAIL_OTP", "SMS_OTP", "WEB_AUTHN"}
INVITATION = "Your username is {username} and temporary password is {####}."
PRE_SIGN_UP = "PreSignUp_AdminCreateUser"
INVITED_BY: dict[str, tuple[Medium, str]] = {
    "SMS": ("SMS", "phone_number"),
    "EMAIL": ("EMAIL", "email"),
}


def list_users(context: Context, parameters: Parameters) -> Payload:
    """Return a page of a pool's users, with an optional filter."""
    pool = context.pool(parameters)
    passes = matcher(parameters.get("Filter", ""))
    size = parameters.get("Limit") or LARGEST_PAGE
    everyone = list(pool.users.values())
    start = page_start(parameters.get("PaginationToken"), "ListUsers", pool.id)
    first = bisect_right(everyone, start, key=lambda user: user.number)
    passing = (user for user in islice(everyone, first, None) if passes(user))
    found = list(islice(passing, size + 1))  # one more, to see whether there is another page
    names = parameters.get("AttributesToGet")
    if not attribute_schema.attributes(pool).keys() >= set(names or ()):
        raise InvalidParameterException("One or more requested attributes do not exist.")
    page: Payload = {"Users": [listed(user, names) for user in found[:size]]}
    if len(found) > size:
        page["PaginationToken"] = page_token(found[size - 1].number, "ListUsers", pool.id)
    return page


def admin_create_user(context: Context, parameters: Parameters) -> Payload:
    """Create a user with a temporary password, and send an invitation."""
    pool = context.pool(parameters)
    if parameters.get("MessageAction") == "RESEND":
        return _invite_again(context, parameters)
    password = _first_password(context, pool, parameters)
    tried = _added(context, pool, parameters, password)
    directory.remove_user(pool, tried)  # not a user until the pool's function agrees
    given = attributes_in(parameters.get("ValidationData", []))
    triggers.pre_sign_up(context, About(pool, None, tried), PRE_SIGN_UP, given)
    user = _added(context, pool, parameters, password, sub=tried.sub)
    if password is not None:
        credentials.give_temporary(pool, user, password, context.clock.now())
        _invite(context, pool, user, password, parameters)
    return {"User": listed(user, None)}


def admin_set_user_password(context: Context, parameters: Parameters) -> Payload:
    """Set a user's password, either permanent or to be changed at the next sign-in."""
    pool, user = context.user(parameters)
    password, now = parameters["Password"], context.clock.now()
    credentials.check_new(pool, user, password)
    if parameters.get("Permanent"):
        credentials.give(pool, user, password, now)
        user.status = "CONFIRMED"
    else:
        credentials.give_temporary(pool, user, password, now)
    return {}


def admin_delete_user(context: Context, parameters: Parameters) -> Payload:
    """Delete a user."""
    pool, user = context.user(parameters)
    context.sessions.end_all(user)
    directory.remove_user(pool, user)
    return {}


def admin_enable_user(context: Context, parameters: Parameters) -> Payload:
    """Let a user sign in again."""
    _, user = context.user(parameters)
    user.enabled = True
    user.modified_at = context.clock.now()
    return {}


def admin_disable_user(context: Context, parameters: Parameters) -> Payload:
    """Prevent a user from signing in, and revoke the user's tokens."""
    pool, user = context.user(parameters)
    user.enabled = False
    user.modified_at = context.clock.now()
    context.tokens.revoke_all(pool, user)
    return {}


def _added(
    context: Context,
    pool: UserPool,
    parameters: Parameters,
    password: str | None,
    *,
    sub: str | None = None,
) -> User:
    return directory.add_user(
        pool,
        parameters["Username"],
        attributes_in(parameters.get("UserAttributes", [])),
        status="CONFIRMED" if password is None else "FORCE_CHANGE_PASSWORD",
        now=context.clock.now(),
        force_alias=parameters.get("ForceAliasCreation", False),
        sub=sub,
    )


def _first_password(context: Context, pool: UserPool, parameters: Parameters) -> str | None:
    """Return the first password; None if users of the pool can sign in without one."""
    given: str | None = parameters.get("TemporaryPassword")
    if given:
        pool.policy.check(given)
        return given
    if PASSWORDLESS.intersection(pool.first_factors):
        return None
    silent = parameters.get("MessageAction") == "SUPPRESS"
    if silent and pool.behavior.silent_invitation_needs_password:
        raise InvalidParameterException("User is required to have a password")
    return made_up(pool.policy.minimum_length)


def _invite_again(context: Context, parameters: Parameters) -> Payload:
    pool, user = context.user(parameters)
    if user.status != "FORCE_CHANGE_PASSWORD":
        raise UnsupportedUserStateException(
            f"Resend not possible. {user.username} status is not FORCE_CHANGE_PASSWORD"
        )
    password = _first_password(context, pool, parameters) or made_up(pool.policy.minimum_length)
    credentials.give_temporary(pool, user, password, context.clock.now())
    _invite(context, pool, user, password, parameters)
    return {"User": listed(user, None)}


def _invite(
    context: Context, pool: UserPool, user: User, password: str, parameters: Parameters
) -> None:
    if parameters.get("MessageAction") == "SUPPRESS":
        return
    wanted = parameters.get("DesiredDeliveryMediums", INVITED_BY)
    for medium, attribute in (INVITED_BY[name] for name in wanted):
        if attribute in user.attributes:
            address = user.attributes[attribute]
            about, source = About(pool, None, user), triggers.INVITATION
            letter = messages.written(context, about, source, medium, INVITATION)
            text = letter.text(password)
            context.deliver(user, medium, address, password, text, subject=letter.subject)


def listed(user: User, names: Collection[str] | None) -> dict[str, Any]:
    """Return a user as lists of users show it.

    Args:
        user: The user.
        names: The attributes to show; None shows all.

    Returns:
        Members of UserType.
    """
    pairs = attributes(user)
    if names is not None:
        pairs = [pair for pair in pairs if pair["Name"] in names]
    return {**description(user), **({"Attributes": pairs} if pairs else {})}
