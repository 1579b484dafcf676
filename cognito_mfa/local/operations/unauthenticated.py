"""Who is meant by a request that carries no sign-in, such as ConfirmSignUp or ForgotPassword."""

from __future__ import annotations

from cognito_mfa.local.errors import UserNotFoundException
from cognito_mfa.local.operations.context import (
    Context,
    Parameters,
    check_secret_hash_member,
    hides_existence,
)
from cognito_mfa.local.rules import directory, limits
from cognito_mfa.local.rules.state import AppClient, User, UserPool

NOT_FOUND = "Username/client id combination not found."


def find_user(
    context: Context, parameters: Parameters, operation: str
) -> tuple[UserPool, AppClient, User | None]:
    """Whom a request without a sign-in is about; None where that must not be told."""
    pool, client = context.client(parameters)
    check_secret_hash_member(client, parameters)
    name = parameters["Username"]
    user = directory.user_named(pool, name)
    if user is None and not hides_existence(pool, client):
        raise UserNotFoundException(NOT_FOUND)
    counted = user.username if user is not None else name
    limits.count_hourly(pool, operation, counted, context.clock.now())
    return pool, client, user
