"""Adds users from the pool's migration function, at a sign-in or for a forgotten password.

See "User migration" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from cognito_mfa.local.errors import (
    CognitoError,
    InvalidLambdaResponseException,
    UserNotFoundException,
)
from cognito_mfa.local.operations import triggers
from cognito_mfa.local.operations.context import Context, hides_existence
from cognito_mfa.local.rules import credentials, directory
from cognito_mfa.local.rules.lambda_config import arn_of
from cognito_mfa.local.rules.state import SMS_MFA, AppClient, User, UserPool

SIGN_IN = "UserMigration_Authentication"
FORGOTTEN_PASSWORD = "UserMigration_ForgotPassword"  # noqa: S105 - the name of a source
WELCOME = "Welcome. Your username is {username}."
ADDRESSES = {"SMS": "phone_number", "EMAIL": "email"}


def migrate(
    context: Context,
    pool: UserPool,
    client: AppClient,
    username: str,
    password: str | None,
    *,
    admin: bool = False,
) -> User | None:
    """Add a user whom the pool's function knows. The password is not checked against the policy.

    Args:
        context: The account, and the request.
        pool: The user pool.
        client: The app client.
        username: The name that was typed.
        password: The password that was typed; None if it was forgotten.
        admin: Whether an Admin operation asks.

    Returns:
        The user; None if the pool has no such function, or if the function does not know the user
        and the client must not learn it.

    Raises:
        UserNotFoundException: The function does not know the user, or the pool does not accept the
            attributes, and the client may learn it.
    """
    if arn_of(pool, "UserMigration") is None:
        return None
    source = SIGN_IN if password is not None else FORGOTTEN_PASSWORD
    about = triggers.About(pool, client, None, username)
    response = triggers.migrate_user(context, about, source, password)
    attributes = triggers.texts(response, "userAttributes")
    there = directory.user_named(pool, username)
    if there is not None:  # the function created the user itself, or another request was faster
        return there
    user = _added(context, pool, username, attributes, response) if attributes else None
    if user is None:
        if hides_existence(pool, client, admin=admin):
            return None
        raise UserNotFoundException(f"Exception migrating user in app client {client.id}")
    if password is not None:
        credentials.give(pool, user, password, context.clock.now())
    _set_sms(user, response)
    _welcome(context, user, response)
    return user


def _added(
    context: Context,
    pool: UserPool,
    username: str,
    attributes: dict[str, str],
    response: triggers.Response,
) -> User | None:
    """Return the new user; None if the pool does not accept the attributes."""
    confirmed = triggers.text(response, "finalUserStatus") == "CONFIRMED"
    attributes.pop("username", None)
    if triggers.flag(response, "enableSMSMFA") and "phone_number" not in attributes:
        return None
    force = triggers.flag(response, "forceAliasCreation")
    try:
        return directory.add_user(
            pool,
            username,
            attributes,
            status="CONFIRMED" if confirmed else "RESET_REQUIRED",
            now=context.clock.now(),
            force_alias=force,
        )
    except CognitoError:  # such as AliasExistsException, which a sign-in does not declare
        return None


def _set_sms(user: User, response: triggers.Response) -> None:
    if triggers.flag(response, "enableSMSMFA"):
        user.enabled_factors, user.preferred_factor = [SMS_MFA], SMS_MFA


def _welcome(context: Context, user: User, response: triggers.Response) -> None:
    """Send a welcome message by SMS, unless the function suppresses it."""
    if triggers.text(response, "messageAction") == "SUPPRESS":
        return
    media = response.get("desiredDeliveryMediums") or ["SMS"]
    if not isinstance(media, list) or not set(media) <= set(ADDRESSES):
        raise InvalidLambdaResponseException(triggers.UNRECOGNIZABLE)
    for medium in media:
        address = user.attributes.get(ADDRESSES[medium])
        if address is not None:
            text = WELCOME.format(username=user.username)
            context.deliver(user, medium, address, "", text)
