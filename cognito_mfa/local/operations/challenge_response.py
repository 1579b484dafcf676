"""What all responses to challenges share: the user, the next step, and the count of wrong ones.

Nothing here is about a particular challenge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cognito_mfa.local.errors import CodeMismatchException, NotAuthorizedException
from cognito_mfa.local.operations import completion, custom_challenges, next_step
from cognito_mfa.local.operations.completion import AUTHENTICATION, DEVICE
from cognito_mfa.local.operations.context import Context, Payload
from cognito_mfa.local.rules import auth_events
from cognito_mfa.local.rules.state import AppClient, SignInSession, Stage, User, UserPool

LOCKED = (
    "Too many invalid credentials attempts. User temporarily locked. "
    "Please try again after few seconds."
)

Values = Mapping[str, str]
#: The name of a remembered device in ``amr``.
BY_DEVICE = "swk"


@dataclass(frozen=True, slots=True)
class ChallengeResponse:
    """A response to a challenge that came with a valid session, and its user."""

    pool: UserPool
    client: AppClient
    user: User
    session: SignInSession
    values: Values


def ask(context: Context, given: ChallengeResponse, stage: Stage) -> Payload:
    """Return the next challenge, with a new session that replaces this one.

    Args:
        context: The account, its clock, and its unfinished sign-ins.
        given: The response to a challenge, and its user.
        stage: The stage of the next challenge.

    Returns:
        The answer with the challenge.
    """
    context.sessions.spend(given.session)
    session = context.sessions.advance(given.session, stage, given.client)
    return next_step.challenge(context, given.pool, given.user, session)


def finish_with(context: Context, given: ChallengeResponse, factor: str) -> Payload:
    """End a sign-in whose last challenge was answered.

    Args:
        context: The account, its clock, and its unfinished sign-ins.
        given: The response to a challenge, and its user.
        factor: The answered factor, as ``amr`` names it.

    Returns:
        The tokens, or what the context returns instead.
    """
    session = given.session
    context.sessions.spend(session)
    given.user.code_attempts.succeeded()
    if session.custom:
        return _go_on_with_custom(context, given, factor)
    return completion.finish(
        context,
        given.pool,
        given.client,
        given.user,
        factors=[*session.factors, factor],
        device_key=session.device_key,
        source=DEVICE if factor == BY_DEVICE else AUTHENTICATION,
    )


def _go_on_with_custom(context: Context, given: ChallengeResponse, factor: str) -> Payload:
    """Continue a custom sign-in, in which the pool's function defines what follows a second factor."""
    session = given.session
    session.factors = [*session.factors, factor]
    name = "DEVICE_PASSWORD_VERIFIER" if factor == BY_DEVICE else session.stage.challenge
    custom_challenges.add_result(session, name, result=True)
    return custom_challenges.take_next_step(context, given.pool, given.client, given.user, session)


def check_code_lock(context: Context, user: User) -> None:
    """Refuse a user who is locked after too many wrong codes.

    Args:
        context: The account, its clock, and its unfinished sign-ins.
        user: The user.

    Raises:
        NotAuthorizedException: The user is locked.
    """
    if user.code_attempts.locked(context.clock.now()):
        raise NotAuthorizedException(LOCKED)


def wrong_code(context: Context, given: ChallengeResponse, text: str) -> CodeMismatchException:
    """Count a wrong code. The session stays open.

    Args:
        context: The account, its clock, and its unfinished sign-ins.
        given: The response to a challenge, and its user.
        text: Cognito's text.

    Returns:
        The error to raise.
    """
    behavior = given.pool.behavior
    auth_events.code_failed(given.user)
    if given.session.stage is not Stage.EMAIL_OTP or behavior.email_code_failures_lock:
        given.user.code_attempts.failed(
            context.clock.now(), threshold=behavior.code_failures_before_lock
        )
    return CodeMismatchException(text)
