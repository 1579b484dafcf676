"""The steps of a custom sign-in, which functions of the pool define, create, and verify.

A session is consumed before a function runs, regardless of the function's response.

See "Custom authentication" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from collections.abc import Callable

from cognito_mfa.local.errors import InvalidLambdaResponseException, NotAuthorizedException
from cognito_mfa.local.operations import completion, triggers
from cognito_mfa.local.operations.context import Context, Payload
from cognito_mfa.local.rules import directory
from cognito_mfa.local.rules.sessions import session_string
from cognito_mfa.local.rules.state import (
    AppClient,
    ChallengeResult,
    SignInSession,
    Stage,
    User,
    UserPool,
)

FAILED = "Incorrect username or password."
CUSTOM_CHALLENGE = "CUSTOM_CHALLENGE"
PASSWORD_VERIFIER = "PASSWORD_VERIFIER"  # noqa: S105 - the name of a challenge

#: Begins SRP instead of a custom challenge, for a user and the session that continues after it.
BeginSrp = Callable[[User | None, SignInSession], Payload]


def take_next_step(
    context: Context,
    pool: UserPool,
    client: AppClient,
    user: User | None,
    session: SignInSession,
    *,
    begin_srp: BeginSrp | None = None,
) -> Payload:
    """Take the next step that the pool's function defines.

    Args:
        context: The account, and the request.
        pool: The user pool.
        client: The app client.
        user: The user; None if there is none with the name.
        session: The sign-in session with its challenges so far.
        begin_srp: Begins SRP; None if a password cannot come next.

    Returns:
        The next challenge, or the end of the sign-in.

    Raises:
        NotAuthorizedException: The function ends the sign-in.
        InvalidLambdaResponseException: It names no challenge that can come next.
    """
    context.sessions.spend(session)
    about = triggers.About(pool, client, user, session.typed)
    response = triggers.define_auth_challenge(context, about, session.history)
    user = still_there(pool, session)
    if triggers.flag(response, "failAuthentication"):
        raise NotAuthorizedException(FAILED)
    if triggers.flag(response, "issueTokens"):
        return _issue(context, pool, client, user, session)
    name = triggers.text(response, "challengeName")
    if name == CUSTOM_CHALLENGE:
        return _ask(context, pool, client, user, session)
    if name == PASSWORD_VERIFIER and begin_srp is not None:
        return begin_srp(user, context.sessions.advance(session, Stage.CUSTOM_AUTH, client))
    raise InvalidLambdaResponseException(triggers.UNRECOGNIZABLE)


def add_result(session: SignInSession, name: str, *, result: bool) -> None:
    """Record how a challenge of a custom sign-in was answered.

    Args:
        session: The sign-in session.
        name: The name of the challenge.
        result: Whether the answer was correct.
    """
    metadata = session.challenge_metadata if name == CUSTOM_CHALLENGE else ""
    session.history = [*session.history, ChallengeResult(name, result, metadata)]


def still_there(pool: UserPool, session: SignInSession) -> User | None:
    """Return the user of a session again after a function ran, because it may have changed anything.

    Args:
        pool: The user pool.
        session: The sign-in session.

    Returns:
        The user; None for a session without one.

    Raises:
        NotAuthorizedException: The user was deleted or disabled.
    """
    if not session.sub:
        return None
    user = directory.user_with_sub(pool, session.sub)
    if user is None:
        raise NotAuthorizedException(FAILED)
    if not user.enabled:
        raise NotAuthorizedException("User is disabled.")
    return user


def _issue(
    context: Context, pool: UserPool, client: AppClient, user: User | None, session: SignInSession
) -> Payload:
    if user is None:
        raise NotAuthorizedException(FAILED)
    return completion.finish(
        context, pool, client, user, factors=session.factors, device_key=session.device_key
    )


def _ask(
    context: Context, pool: UserPool, client: AppClient, user: User | None, session: SignInSession
) -> Payload:
    about = triggers.About(pool, client, user, session.typed)
    response = triggers.create_auth_challenge(context, about, session.history)
    user = still_there(pool, session)
    following = context.sessions.advance(session, Stage.CUSTOM_CHALLENGE, client)
    following.private_parameters = triggers.texts(response, "privateChallengeParameters")
    following.challenge_metadata = triggers.text(response, "challengeMetadata") or ""
    public = triggers.texts(response, "publicChallengeParameters")
    name = user.username if user is not None else session.typed
    return {
        "ChallengeName": CUSTOM_CHALLENGE,
        "Session": session_string(following),
        "ChallengeParameters": {"USERNAME": name, **public},
    }
