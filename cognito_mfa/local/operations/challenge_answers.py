"""RespondToAuthChallenge and its Admin twin: from a challenge's name to the method that knows it
(facts sections 2.5 and 3.2). The user is the session's, never the request's."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cognito_mfa.local.errors import InvalidParameterException, NotAuthorizedException
from cognito_mfa.local.operations.answering import Answered, Values
from cognito_mfa.local.operations.choice_sign_in import ChoiceSignIn, nobody_answered
from cognito_mfa.local.operations.context import (
    Parameters,
    Payload,
    check_secret_hash,
    required,
)
from cognito_mfa.local.operations.device_sign_in import DeviceSignIn
from cognito_mfa.local.operations.mfa_answers import MFAAnswers, email_key
from cognito_mfa.local.operations.new_password import NewPassword
from cognito_mfa.local.rules import challenges, directory
from cognito_mfa.local.rules.sessions import INVALID, SETUP_BY_EMAIL
from cognito_mfa.local.rules.state import (
    EMAIL_OTP,
    SMS_MFA,
    SMS_OTP,
    SOFTWARE_TOKEN_MFA,
    AppClient,
    SignInSession,
    User,
    UserPool,
)

PASSWORD_VERIFIER = "PASSWORD_VERIFIER"  # noqa: S105 - the name of a challenge
DEVICE_SRP_AUTH = "DEVICE_SRP_AUTH"
DEVICE_PASSWORD_VERIFIER = "DEVICE_PASSWORD_VERIFIER"  # noqa: S105 - the name of a challenge

Answer = Callable[[Answered], Payload]


class ChallengeAnswers(MFAAnswers, NewPassword, ChoiceSignIn, DeviceSignIn):
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
        # A secret block does a session's work here.
        if purpose == PASSWORD_VERIFIER:
            return self.verify_password_claim(pool, client, values, admin=admin)
        if purpose == DEVICE_PASSWORD_VERIFIER:
            return self.verify_device_claim(pool, client, values, admin=admin)
        answer = self._answers().get(purpose)
        if answer is None:
            raise _not_played(purpose, self._answers())
        username = required(values, "USERNAME")
        check_secret_hash(client, values, username)
        session = self._session(pool, client, parameters, purpose)
        user = _bound_user(session, pool, client, username, admin=admin)
        self.sessions.require(session, purpose)
        return answer(Answered(pool, client, user, session, values))

    def _session(
        self, pool: UserPool, client: AppClient, parameters: Parameters, purpose: str
    ) -> SignInSession:
        """The one that the answer names; only DEVICE_SRP_AUTH may leave it out, as clients do."""
        if purpose == DEVICE_SRP_AUTH and "Session" not in parameters:
            return self.open_device_session(pool, client, parameters["ChallengeResponses"])
        return self.sessions.find(required(parameters, "Session"))

    def _answers(self) -> Mapping[str, Answer]:
        return {
            "NEW_PASSWORD_REQUIRED": self.answer_new_password,
            "MFA_SETUP": self.answer_setup,
            SETUP_BY_EMAIL: self.answer_setup_by_email,
            SOFTWARE_TOKEN_MFA: self.answer_software_token,
            SMS_MFA: self.answer_sent_code,
            SMS_OTP: self.answer_sent_code,
            EMAIL_OTP: self.answer_sent_code,
            "SELECT_MFA_TYPE": self.answer_choice,
            "SELECT_CHALLENGE": self.answer_selection,
            "PASSWORD": self.answer_password,
            DEVICE_SRP_AUTH: self.answer_device_srp,
        }


def _purpose(pool: UserPool, challenge: str, values: Values) -> str:
    """The challenge's name, except that an address makes MFA_SETUP another thing."""
    by_email = challenge == "MFA_SETUP" and values.get(email_key(pool))
    if by_email and EMAIL_OTP in challenges.can_set_up(pool):
        return SETUP_BY_EMAIL
    return challenge


def _bound_user(
    session: SignInSession, pool: UserPool, client: AppClient, username: str, *, admin: bool
) -> User:
    """The session's user, once everything that a session is bound to agrees."""
    bound = (session.pool_id, session.client_id) == (pool.id, client.id)
    same_door = session.admin is admin or pool.behavior.admin_and_public_calls_mix
    user = directory.user_named(pool, username)
    if bound and same_door and user is None and not session.sub:
        raise nobody_answered(session)
    if not bound or not same_door or user is None or user.sub != session.sub:
        raise NotAuthorizedException(INVALID)
    by_username = directory.folded(pool, username) == directory.folded(pool, user.username)
    if not by_username and not pool.behavior.alias_answers_challenges:
        raise NotAuthorizedException(INVALID)
    if not user.enabled:
        raise NotAuthorizedException("User is disabled.")
    return user


def _not_played(challenge: str, answers: Mapping[str, Answer]) -> InvalidParameterException:
    played = {*answers, PASSWORD_VERIFIER, DEVICE_PASSWORD_VERIFIER} - {SETUP_BY_EMAIL}
    return InvalidParameterException(
        f"The local Cognito does not play the challenge {challenge}. "
        f"It plays: {', '.join(sorted(played))}."
    )
