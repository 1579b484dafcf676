"""CUSTOM_AUTH, and the answer to CUSTOM_CHALLENGE.

See "Custom authentication" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from cognito_mfa.local.errors import (
    InvalidParameterException,
    NotAuthorizedException,
    UserNotFoundException,
)
from cognito_mfa.local.operations import (
    custom_challenges,
    password_attempts,
    srp_sign_in,
    triggers,
)
from cognito_mfa.local.operations.context import (
    Context,
    Parameters,
    Payload,
    hides_existence,
    required,
)
from cognito_mfa.local.operations.custom_challenges import CUSTOM_CHALLENGE, FAILED
from cognito_mfa.local.operations.secret_hash import check_secret_hash
from cognito_mfa.local.rules import directory
from cognito_mfa.local.rules.sessions import INVALID, session_string
from cognito_mfa.local.rules.state import AppClient, SignInSession, Stage, User, UserPool

SRP_A = "SRP_A"
ALLOWING = frozenset({"ALLOW_CUSTOM_AUTH", "CUSTOM_AUTH_FLOW_ONLY"})


def begin_custom(
    context: Context, pool: UserPool, client: AppClient, parameters: Parameters, *, admin: bool
) -> Payload:
    """Begin a sign-in whose steps the pool's functions define.

    Args:
        context: The account, and the request.
        pool: The user pool.
        client: The app client.
        parameters: The members of the request.
        admin: Whether an Admin operation asks.

    Returns:
        The first challenge, or the end of the sign-in.

    Raises:
        InvalidParameterException: The client may not use the flow.
        NotAuthorizedException: The user cannot sign in, or a function refuses.
        UserNotFoundException: The user does not exist, and the client may learn it.
    """
    if ALLOWING.isdisjoint(client.explicit_auth_flows):
        raise InvalidParameterException("CUSTOM_AUTH is not enabled for the client.")
    values = parameters.get("AuthParameters", {})
    username = required(values, "USERNAME")
    check_secret_hash(client, values, username)
    user = _user_who_may_try(context, pool, client, username, admin=admin)
    session = context.sessions.begin(Stage.CUSTOM_AUTH, pool, client, user, admin=admin)
    session.custom, session.typed = True, username
    session.device_key = values.get("DEVICE_KEY", "")
    if values.get("CHALLENGE_NAME") != SRP_A:
        return custom_challenges.take_next_step(context, pool, client, user, session)
    srp_sign_in.client_value(required(values, SRP_A))
    custom_challenges.add_result(session, SRP_A, result=True)

    def begin_srp(user: User | None, following: SignInSession) -> Payload:
        answer = srp_sign_in.begin_srp(
            context, pool, client, user, values, admin=admin, session=following
        )
        return {**answer, "Session": session_string(following)}

    return custom_challenges.take_next_step(
        context, pool, client, user, session, begin_srp=begin_srp
    )


def _user_who_may_try(
    context: Context, pool: UserPool, client: AppClient, username: str, *, admin: bool
) -> User | None:
    """Return the user; None if there is none and the client must not learn it."""
    user = directory.user_named(pool, username)
    if user is not None:
        return password_attempts.may_try(context, pool, client, user, username)
    if not hides_existence(pool, client, admin=admin):
        raise UserNotFoundException("User does not exist.")
    password_attempts.ask_function(context, pool, client, None, username)
    return None


def answer_custom_challenge(
    context: Context, pool: UserPool, client: AppClient, parameters: Parameters, *, admin: bool
) -> Payload:
    """Handle the response to CUSTOM_CHALLENGE. The user does not have to exist.

    Args:
        context: The account, and the request.
        pool: The user pool.
        client: The app client.
        parameters: The members of the request.
        admin: Whether an Admin operation asks.

    Returns:
        What the pool's function defines as the next step.

    Raises:
        NotAuthorizedException: The session is invalid, or a function refuses.
    """
    values = parameters.get("ChallengeResponses", {})
    username, answer = required(values, "USERNAME"), required(values, "ANSWER")
    check_secret_hash(client, values, username)
    session = context.sessions.find(required(parameters, "Session"))
    _check_bound(session, pool, client, username, admin=admin)
    context.sessions.require(session, CUSTOM_CHALLENGE)
    user = custom_challenges.still_there(pool, session)
    context.sessions.spend(session)
    about = triggers.About(pool, client, user, session.typed)
    right = triggers.verify_auth_challenge(context, about, session.private_parameters, answer)
    user = custom_challenges.still_there(pool, session)
    custom_challenges.add_result(session, CUSTOM_CHALLENGE, result=right)
    return custom_challenges.take_next_step(context, pool, client, user, session)


def _check_bound(
    session: SignInSession, pool: UserPool, client: AppClient, username: str, *, admin: bool
) -> None:
    """Refuse a session of another pool, client, kind of operation, or user."""
    bound = (session.pool_id, session.client_id) == (pool.id, client.id)
    same_kind = session.admin is admin or pool.behavior.admin_and_public_calls_mix
    user = directory.user_named(pool, username)
    if user is not None:
        same_user = user.sub == session.sub
    else:
        same = directory.folded(pool, username) == directory.folded(pool, session.typed)
        same_user = same and not session.sub
    if not (bound and same_kind and same_user):
        raise NotAuthorizedException(INVALID if not (bound and same_kind) else FAILED)
