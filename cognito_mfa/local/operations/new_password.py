"""The answer to NEW_PASSWORD_REQUIRED.

See "Challenge responses" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from cognito_mfa.local.errors import InvalidParameterException, NotAuthorizedException
from cognito_mfa.local.operations import next_step
from cognito_mfa.local.operations.challenge_response import ChallengeResponse, Values
from cognito_mfa.local.operations.completion import NEW_PASSWORD
from cognito_mfa.local.operations.context import Context, Payload, required
from cognito_mfa.local.rules import challenges, credentials, directory
from cognito_mfa.local.rules.attribute_values import Write
from cognito_mfa.local.rules.sessions import INVALID
from cognito_mfa.local.rules.state import User, UserPool
from cognito_mfa.local.wire.validation import check_password

PREFIX = "userAttributes."


def answer_new_password(context: Context, given: ChallengeResponse) -> Payload:
    """Replace a temporary password, and set the attributes that the pool requires.

    Args:
        context: The account, its clock, and its unfinished sign-ins.
        given: The response to a challenge, and its user.

    Returns:
        What follows the first factor.

    Raises:
        NotAuthorizedException: The user has chosen a password already.
        InvalidPasswordException: The pool's policy refuses it.
        InvalidParameterException: A required attribute is missing, or a value is not in its format.
    """
    pool, user = given.pool, given.user
    # SECURITY: an attacker who knew the temporary password may have a second session like this one, which
    # must not set a password again after the user has chosen one.
    if user.status != "FORCE_CHANGE_PASSWORD":
        raise NotAuthorizedException(INVALID)
    password = required(given.values, "NEW_PASSWORD")
    check_password(password)
    credentials.check_new(pool, user, password)
    now = context.clock.now()
    attributes = _attributes(pool, user, given.values)
    _check_unset(user, attributes)
    directory.set_attributes(
        pool, user, attributes, write=Write.FIRST_PASSWORD, now=now, client=given.client
    )
    credentials.give(pool, user, password, now)
    user.status = "CONFIRMED"
    context.sessions.spend(given.session)
    return next_step.after_first_factor(
        context,
        pool,
        given.client,
        user,
        admin=given.session.admin,
        device_key=given.session.device_key,
        source=NEW_PASSWORD,
    )


def _check_unset(user: User, attributes: dict[str, str]) -> None:
    """Refuse a new address if the user has one, because only UpdateUserAttributes changes it."""
    for name in directory.VERIFIED_FLAG:
        if name in attributes and name in user.attributes:
            raise NotAuthorizedException(f"Cannot modify an already provided {name}")


def _attributes(pool: UserPool, user: User, values: Values) -> dict[str, str]:
    """Return the values of userAttributes.<name> in a response.

    Raises InvalidParameterException if a required one is still missing.
    """
    given = {
        name.removeprefix(PREFIX): value
        for name, value in values.items()
        if name.startswith(PREFIX)
    }
    for name in challenges.missing_attributes(pool, user):
        if not given.get(name):
            raise InvalidParameterException(f"Invalid attributes given, {name} is missing")
    return given
