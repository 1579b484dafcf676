"""InitiateAuth and AdminInitiateAuth, which start a sign-in with one of the flows.

The client must be allowed to use the flow before a password is checked.

See "Authentication flows" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cognito_mfa.local.errors import (
    InvalidParameterException,
    NotAuthorizedException,
    UserNotFoundException,
)
from cognito_mfa.local.operations import (
    choice_sign_in,
    custom_sign_in,
    migration,
    password_attempts,
    refreshing,
    srp_sign_in,
)
from cognito_mfa.local.operations.context import (
    Context,
    Parameters,
    Payload,
    hides_existence,
    required,
)
from cognito_mfa.local.operations.password_attempts import WRONG
from cognito_mfa.local.operations.secret_hash import check_secret_hash
from cognito_mfa.local.rules import directory
from cognito_mfa.local.rules.state import AppClient, UserPool

REFRESH_FLOWS = ("REFRESH_TOKEN_AUTH", "REFRESH_TOKEN")
PASSWORD_FLOWS = {
    "USER_PASSWORD_AUTH": frozenset({"ALLOW_USER_PASSWORD_AUTH", "USER_PASSWORD_AUTH"}),
    "ADMIN_USER_PASSWORD_AUTH": frozenset({"ALLOW_ADMIN_USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH"}),
    "ADMIN_NO_SRP_AUTH": frozenset({"ALLOW_ADMIN_USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH"}),
}
PUBLIC_FLOWS = frozenset(
    {"USER_PASSWORD_AUTH", "USER_SRP_AUTH", "USER_AUTH", "CUSTOM_AUTH", *REFRESH_FLOWS}
)
ADMIN_FLOWS = frozenset(
    {
        "ADMIN_USER_PASSWORD_AUTH",
        "ADMIN_NO_SRP_AUTH",
        "USER_SRP_AUTH",
        "USER_AUTH",
        "CUSTOM_AUTH",
        *REFRESH_FLOWS,
    }
)
Flow = Callable[[UserPool, AppClient, Mapping[str, str]], Payload]


def initiate_auth(context: Context, parameters: Parameters) -> Payload:
    """Begin a sign-in, or refresh the tokens of one."""
    pool, client = context.client(parameters)
    _check_offered(parameters["AuthFlow"], PUBLIC_FLOWS)
    return _begin(context, pool, client, parameters, admin=False)


def admin_initiate_auth(context: Context, parameters: Parameters) -> Payload:
    """Begin a sign-in on a server, or refresh the tokens of one."""
    pool, client = context.client_of_pool(parameters)
    _check_offered(parameters["AuthFlow"], ADMIN_FLOWS)
    return _begin(context, pool, client, parameters, admin=True)


def _begin(
    context: Context, pool: UserPool, client: AppClient, parameters: Parameters, *, admin: bool
) -> Payload:
    flow = parameters["AuthFlow"]
    values = parameters.get("AuthParameters", {})
    if flow in REFRESH_FLOWS:
        return refreshing.refresh_token_auth(context, pool, client, values)
    if flow == "USER_SRP_AUTH":
        _check_allows_srp(client)
        return _srp(context, pool, client, values, admin=admin)
    if flow == "USER_AUTH":
        _check_allows_choice(client)
        return choice_sign_in.begin_choice(context, pool, client, parameters, admin=admin)
    if flow == "CUSTOM_AUTH":
        return custom_sign_in.begin_custom(context, pool, client, parameters, admin=admin)
    _check_enabled(client, flow)
    return begin_with_password(context, pool, client, values, admin=admin)


def _srp(
    context: Context, pool: UserPool, client: AppClient, values: Mapping[str, str], *, admin: bool
) -> Payload:
    username = required(values, "USERNAME")
    check_secret_hash(client, values, username)
    user = directory.user_named(pool, username)
    if user is None and not hides_existence(pool, client, admin=admin):
        raise UserNotFoundException("User does not exist.")
    user = password_attempts.ask_function(context, pool, client, user, username)
    return srp_sign_in.begin_srp(context, pool, client, user, values, admin=admin)


def begin_with_password(
    context: Context, pool: UserPool, client: AppClient, values: Mapping[str, str], *, admin: bool
) -> Payload:
    """Begin a sign-in with a password in the request.

    Args:
        context: The account, its clock, and its unfinished sign-ins.
        pool: The user pool.
        client: The app client.
        values: The values of the request, as a map of strings.
        admin: Whether an Admin operation asks.

    Returns:
        The next challenge, or the end of the sign-in.

    Raises:
        NotAuthorizedException: The password is wrong, or the user cannot sign in.
        UserNotFoundException: The user does not exist, and the client may learn it.
    """
    username, password = required(values, "USERNAME"), required(values, "PASSWORD")
    check_secret_hash(client, values, username)
    user = directory.user_named(pool, username)
    if user is None:
        user = migration.migrate(context, pool, client, username, password, admin=admin)
    if user is None:
        raise _unknown(context, pool, client, username, admin=admin)
    user = password_attempts.may_try(context, pool, client, user, username)
    if user.password is None or not user.password.matches(pool.id, user.username, password):
        raise password_attempts.wrong_password(context, pool, user)
    device_key = values.get("DEVICE_KEY", "")
    return password_attempts.after_password(
        context, pool, client, user, admin=admin, device_key=device_key
    )


def _check_offered(flow: str, flows: frozenset[str]) -> None:
    if flow not in flows:
        raise InvalidParameterException("Initiate Auth method not supported.")


def _check_enabled(client: AppClient, flow: str) -> None:
    if PASSWORD_FLOWS[flow].isdisjoint(client.explicit_auth_flows):
        admin = flow.startswith("ADMIN_")
        subject = "Auth flow" if admin else f"{flow} flow"
        raise InvalidParameterException(f"{subject} not enabled for this client")


def _check_allows_srp(client: AppClient) -> None:
    """Check that a client may use SRP. Clients with legacy flow names may, unless they exclude it."""
    flows = client.explicit_auth_flows
    modern = any(flow.startswith("ALLOW_") for flow in flows)
    if "ALLOW_USER_SRP_AUTH" not in flows and (modern or "CUSTOM_AUTH_FLOW_ONLY" in flows):
        raise InvalidParameterException("USER_SRP_AUTH is not enabled for the client.")


def _check_allows_choice(client: AppClient) -> None:
    if "ALLOW_USER_AUTH" not in client.explicit_auth_flows:
        raise InvalidParameterException("USER_AUTH is not enabled for the client.")


def _unknown(
    context: Context, pool: UserPool, client: AppClient, username: str, *, admin: bool
) -> Exception:
    if hides_existence(pool, client, admin=admin):
        password_attempts.ask_function(context, pool, client, None, username)
        return NotAuthorizedException(WRONG)
    return UserNotFoundException("User does not exist.")
