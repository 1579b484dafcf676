"""What the answers to challenges have in common: whom an answer is about, the step that follows a
right one, the price of a wrong one. No challenge is known here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cognito_mfa.local.errors import CodeMismatchException, NotAuthorizedException
from cognito_mfa.local.operations.context import Payload
from cognito_mfa.local.operations.first_factor import FirstFactor
from cognito_mfa.local.rules.state import AppClient, SignInSession, Stage, User, UserPool

LOCKED = (
    "Too many invalid credentials attempts. User temporarily locked. "
    "Please try again after few seconds."
)

Values = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer that came with a live session, and whom it is about."""

    pool: UserPool
    client: AppClient
    user: User
    session: SignInSession
    values: Values


class Answering(FirstFactor):
    """A session is consumed by a right answer only (facts section 3.2)."""

    def ask(self, given: Answered, stage: Stage) -> Payload:
        """The next challenge, in a new session."""
        self.sessions.spend(given.session)
        session = self.sessions.advance(given.session, stage, given.client)
        return self.challenge(given.pool, given.user, session)

    def finish_with(self, given: Answered, factor: str) -> Payload:
        self.sessions.spend(given.session)
        given.user.code_attempts.succeeded()
        return self.finish(
            given.pool,
            given.client,
            given.user,
            factors=[*given.session.factors, factor],
            device_key=given.session.device_key,
        )

    def check_code_lock(self, user: User) -> None:
        if user.code_attempts.locked(self.clock.now()):
            raise NotAuthorizedException(LOCKED)

    def wrong_code(self, given: Answered, text: str) -> CodeMismatchException:
        """Counts the wrong code; the session stays as it is."""
        behavior = given.pool.behavior
        if given.session.stage is not Stage.EMAIL_OTP or behavior.email_code_failures_lock:
            given.user.code_attempts.failed(
                self.clock.now(), threshold=behavior.code_failures_before_lock
            )
        return CodeMismatchException(text)
