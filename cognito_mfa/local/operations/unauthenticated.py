"""Finds the user of a request without a sign-in, such as ConfirmSignUp or ForgotPassword."""

from __future__ import annotations

from cognito_mfa.local.errors import UserNotFoundException
from cognito_mfa.local.operations import migration
from cognito_mfa.local.operations.context import Context, Parameters, hides_existence
from cognito_mfa.local.operations.secret_hash import check_secret_hash_member
from cognito_mfa.local.rules import directory, limits
from cognito_mfa.local.rules.state import AppClient, User, UserPool

NOT_FOUND = "Username/client id combination not found."


def find_user(
    context: Context, parameters: Parameters, operation: str, *, migrating: bool = False
) -> tuple[UserPool, AppClient, User | None]:
    """Find the user of a request without a sign-in, and count the attempt.

    Args:
        context: The account, and the request.
        parameters: The members of the request.
        operation: The name of the operation.
        migrating: Whether the pool's migration function may add the user.

    Returns:
        The pool, the client, and the user; None as the user if the client must not learn that there
        is none.

    Raises:
        UserNotFoundException: The user does not exist, and the client may learn it.
        LimitExceededException: There were too many attempts in an hour.
    """
    pool, client = context.client(parameters)
    check_secret_hash_member(client, parameters)
    name = parameters["Username"]
    user = directory.user_named(pool, name)
    if user is None and migrating:
        user = migration.migrate(context, pool, client, name, None)
    if user is None and not hides_existence(pool, client):
        raise UserNotFoundException(NOT_FOUND)
    counted = user.username if user is not None else name
    limits.count_hourly(pool, operation, counted, context.clock.now())
    return pool, client, user
