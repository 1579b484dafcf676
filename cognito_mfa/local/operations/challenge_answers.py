"""RespondToAuthChallenge and its Admin twin: one method per challenge (facts sections 2.5, 3.1 and
3.2). A session is consumed by a right answer only, and the user is the session's, never the
request's."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cognito_mfa.local import challenges, directory, totp
from cognito_mfa.local.errors import (
    CodeMismatchException,
    ExpiredCodeException,
    InvalidParameterException,
    NotAuthorizedException,
    SoftwareTokenMFANotFoundException,
)
from cognito_mfa.local.operations.context import (
    Parameters,
    Payload,
    check_secret_hash,
    required,
)
from cognito_mfa.local.operations.srp_sign_in import SrpSignIn
from cognito_mfa.local.passwords import Password
from cognito_mfa.local.sessions import INVALID, SETUP_BY_EMAIL
from cognito_mfa.local.state import (
    EMAIL_OTP,
    SMS_MFA,
    SOFTWARE_TOKEN_MFA,
    AppClient,
    SignInSession,
    SoftwareToken,
    Stage,
    User,
    UserPool,
)
from cognito_mfa.local.validation import check_password

LOCKED = (
    "Too many invalid credentials attempts. User temporarily locked. "
    "Please try again after few seconds."
)
REUSED = "Your software token has already been used once."
CODE_KEYS = {
    Stage.SMS_MFA: ("SMS_MFA_CODE", "sms"),
    Stage.EMAIL_OTP: ("EMAIL_OTP_CODE", "email_otp"),
}

Values = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer that came with a live session, and whom it is about."""

    pool: UserPool
    client: AppClient
    user: User
    session: SignInSession
    values: Values


class ChallengeAnswers(SrpSignIn):
    """What happens to an answer."""

    def respond_to_auth_challenge(self, parameters: Parameters) -> Payload:
        pool, client = self.client(parameters)
        return self._respond(pool, client, parameters, admin=False)

    def admin_respond_to_auth_challenge(self, parameters: Parameters) -> Payload:
        pool, client = self.client_of_pool(parameters)
        return self._respond(pool, client, parameters, admin=True)

    def _respond(
        self, pool: UserPool, client: AppClient, parameters: Parameters, *, admin: bool
    ) -> Payload:
        values = parameters.get("ChallengeResponses", {})
        purpose = _purpose(pool, parameters["ChallengeName"], values)
        if purpose == "PASSWORD_VERIFIER":
            return self.verify_password_claim(pool, client, values, admin=admin)
        answer = self._answers().get(purpose)
        if answer is None:
            raise _not_played(purpose)
        username = required(values, "USERNAME")
        check_secret_hash(client, values, username)
        session = self.sessions.find(required(parameters, "Session"))
        user = _bound_user(session, pool, client, username, admin=admin)
        self.sessions.require(session, purpose)
        return answer(Answered(pool, client, user, session, values))

    def _answers(self) -> Mapping[str, Callable[[Answered], Payload]]:
        return {
            "NEW_PASSWORD_REQUIRED": self._new_password,
            "MFA_SETUP": self._setup,
            SETUP_BY_EMAIL: self._setup_by_email,
            SOFTWARE_TOKEN_MFA: self._software_token,
            SMS_MFA: self._sent_code,
            EMAIL_OTP: self._sent_code,
            "SELECT_MFA_TYPE": self._choice,
        }

    def _new_password(self, given: Answered) -> Payload:
        pool, user = given.pool, given.user
        # SECURITY: whoever knew the temporary password may hold another session like this one. It
        # must not set a password again after the user has chosen one.
        if user.status != "FORCE_CHANGE_PASSWORD":
            raise NotAuthorizedException(INVALID)
        password = required(given.values, "NEW_PASSWORD")
        check_password(password)
        pool.policy.check(password)
        directory.set_attributes(
            pool, user, _attributes_answered(pool, user, given.values), now=self.clock.now()
        )
        user.password = Password.of(pool.id, user.username, password)
        user.temporary_password_until = None
        user.status = "CONFIRMED"
        self.sessions.spend(given.session)
        return self.after_first_factor(pool, given.client, user, admin=given.session.admin)

    def _setup(self, given: Answered) -> Payload:
        """A code sent along is ignored: the session does the work (facts section 2.5)."""
        token = given.user.software_token
        if token is None or token.secret != given.session.secret:
            raise NotAuthorizedException(INVALID)
        if given.pool.behaviour.code_after_setup:
            return self._ask(given, Stage.SOFTWARE_TOKEN_MFA)
        return self._finish(given, "otp")

    def _setup_by_email(self, given: Answered) -> Payload:
        email = {"email": given.values[_email_key(given.pool)]}
        directory.set_attributes(given.pool, given.user, email, now=self.clock.now())
        return self._ask(given, Stage.EMAIL_OTP)

    def _software_token(self, given: Answered) -> Payload:
        code = required(given.values, "SOFTWARE_TOKEN_MFA_CODE")
        self._check_lock(given.user)
        token = given.user.software_token
        if token is None:
            raise SoftwareTokenMFANotFoundException(
                "Software Token MFA does not exist for the user."
            )
        steps = totp.matching_steps(token.secret, code, self.clock.now())
        if not steps:
            raise self._wrong(given, "Invalid code received for user")
        token.accept(_unused(given.pool, token, steps))
        return self._finish(given, "otp")

    def _sent_code(self, given: Answered) -> Payload:
        key, factor = CODE_KEYS[given.session.stage]
        code = required(given.values, key)
        self._check_lock(given.user)
        if not hmac.compare_digest(code.encode(), given.session.code.encode()):
            raise self._wrong(given, "Invalid code or auth state for the user.")
        return self._finish(given, factor)

    def _choice(self, given: Answered) -> Payload:
        choice = required(given.values, "ANSWER")
        if given.pool.behaviour.documented_spellings and choice == "EMAIL_MFA":
            choice = EMAIL_OTP
        if choice not in given.session.choices:
            raise InvalidParameterException(f"{choice} is not an MFA type to choose from")
        return self._ask(given, Stage(choice))

    def _ask(self, given: Answered, stage: Stage) -> Payload:
        self.sessions.spend(given.session)
        session = self.sessions.advance(given.session, stage, given.client)
        return self.challenge(given.pool, given.user, session)

    def _finish(self, given: Answered, factor: str) -> Payload:
        self.sessions.spend(given.session)
        given.user.code_attempts.succeeded()
        factors = [*given.session.factors, factor]
        return self.finish(given.pool, given.client, given.user, factors=factors)

    def _check_lock(self, user: User) -> None:
        if user.code_attempts.locked(self.clock.now()):
            raise NotAuthorizedException(LOCKED)

    def _wrong(self, given: Answered, text: str) -> CodeMismatchException:
        """Counts the wrong code; the session stays as it is."""
        behaviour = given.pool.behaviour
        if given.session.stage is not Stage.EMAIL_OTP or behaviour.email_code_failures_lock:
            given.user.code_attempts.failed(
                self.clock.now(), threshold=behaviour.code_failures_before_lock
            )
        return CodeMismatchException(text)


def _purpose(pool: UserPool, challenge: str, values: Values) -> str:
    """The challenge's name, except that an address makes MFA_SETUP another thing."""
    by_email = challenge == "MFA_SETUP" and values.get(_email_key(pool))
    if by_email and EMAIL_OTP in challenges.can_set_up(pool):
        return SETUP_BY_EMAIL
    return challenge


def _bound_user(
    session: SignInSession, pool: UserPool, client: AppClient, username: str, *, admin: bool
) -> User:
    """The session's user, once everything that a session is bound to agrees."""
    bound = (session.pool_id, session.client_id) == (pool.id, client.id)
    same_door = session.admin is admin or pool.behaviour.admin_and_public_calls_mix
    user = directory.user_named(pool, username)
    if not bound or not same_door or user is None or user.sub != session.sub:
        raise NotAuthorizedException(INVALID)
    by_username = directory.folded(pool, username) == directory.folded(pool, user.username)
    if not by_username and not pool.behaviour.alias_answers_challenges:
        raise NotAuthorizedException(INVALID)
    if not user.enabled:
        raise NotAuthorizedException("User is disabled.")
    return user


def _attributes_answered(pool: UserPool, user: User, values: Values) -> dict[str, str]:
    """The userAttributes.<name> of an answer. Raises InvalidParameterException when one that the
    pool requires is still missing."""
    prefix = "userAttributes."
    given = {
        name.removeprefix(prefix): value
        for name, value in values.items()
        if name.startswith(prefix)
    }
    for name in challenges.missing_attributes(pool, user):
        if not given.get(name):
            raise InvalidParameterException(f"Invalid attributes given, {name} is missing")
    return given


def _unused(pool: UserPool, token: SoftwareToken, steps: Sequence[int]) -> int:
    """The newest step that may still be used. Raises ExpiredCodeException when none may: by
    default a step up to the last accepted one is spent (facts section 4)."""
    older_ok = pool.behaviour.older_unused_codes_accepted
    last = max(token.used_steps, default=-1)
    fresh = [s for s in steps if (s not in token.used_steps if older_ok else s > last)]
    if not fresh:
        raise ExpiredCodeException(REUSED)
    return fresh[-1]


def _email_key(pool: UserPool) -> str:
    return "email" if pool.behaviour.documented_spellings else "EMAIL"


def _not_played(challenge: str) -> InvalidParameterException:
    return InvalidParameterException(
        f"The local Cognito does not play the challenge {challenge}. It plays: "
        "PASSWORD_VERIFIER, NEW_PASSWORD_REQUIRED, MFA_SETUP, SOFTWARE_TOKEN_MFA, SMS_MFA, "
        "EMAIL_OTP and SELECT_MFA_TYPE."
    )
