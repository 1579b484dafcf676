"""USER_AUTH: a sign-in that lets the person choose the first factor (facts sections 2.2, 2.3 and
8.2), with SELECT_CHALLENGE and PASSWORD. Passkeys and step-up are not played."""

from __future__ import annotations

from collections.abc import Mapping

from cognito_mfa.local.errors import (
    CodeMismatchException,
    InvalidParameterException,
    NotAuthorizedException,
    UnsupportedOperationException,
    UserNotFoundException,
)
from cognito_mfa.local.operations.answering import Answered, Answering, Values
from cognito_mfa.local.operations.context import (
    Parameters,
    Payload,
    check_secret_hash,
    hides_existence,
    required,
)
from cognito_mfa.local.operations.first_factor import WRONG
from cognito_mfa.local.operations.srp_sign_in import SrpSignIn
from cognito_mfa.local.outbox import masked
from cognito_mfa.local.rules import challenges, directory
from cognito_mfa.local.rules.sessions import INVALID, session_string
from cognito_mfa.local.rules.state import (
    EMAIL_OTP,
    SMS_OTP,
    AppClient,
    SignInSession,
    Stage,
    User,
    UserPool,
)

PASSWORDS = ("PASSWORD_SRP", "PASSWORD")
SENT: Mapping[str, str] = {EMAIL_OTP: "email", SMS_OTP: "phone_number"}
STEP_UP = ("TARGET_ACR_VALUES", "MAX_AGE", "ACCESS_TOKEN")


class ChoiceSignIn(SrpSignIn, Answering):
    """The first factor of one's choice."""

    def begin_choice(
        self, pool: UserPool, client: AppClient, parameters: Parameters, *, admin: bool
    ) -> Payload:
        values = parameters.get("AuthParameters", {})
        _check_played(values)
        username = required(values, "USERNAME")
        check_secret_hash(client, values, username)
        user = directory.user_named(pool, username)
        if user is None:
            return self._pretend(pool, client, values, admin=admin)
        if "Session" in parameters:
            return self._after_sign_up(pool, client, user, parameters["Session"], admin=admin)
        self.check_may_try(user)
        choices = available(pool, user)
        if not choices:
            raise NotAuthorizedException(WRONG)
        session = self.sessions.begin(Stage.SELECT_CHALLENGE, pool, client, user, admin=admin)
        session.choices = choices
        session.device_key = values.get("DEVICE_KEY", "")
        preferred = values.get("PREFERRED_CHALLENGE", "")
        if preferred not in session.choices:
            return _selection(session, username)
        given = Answered(pool, client, user, session, values)
        if preferred == "PASSWORD" and "PASSWORD" not in values:
            return self.ask(given, Stage.PASSWORD)
        return self._chosen(given, preferred)

    def answer_selection(self, given: Answered) -> Payload:
        choice = required(given.values, "ANSWER")
        if choice not in given.session.choices:
            raise InvalidParameterException(f"{choice} is not an available challenge")
        return self._chosen(given, choice)

    def answer_password(self, given: Answered) -> Payload:
        """A wrong password ends the attempt here (facts section 2.3)."""
        pool, user = given.pool, given.user
        password = required(given.values, "PASSWORD")
        self.check_may_try(user)
        self.sessions.spend(given.session)
        if user.password is None or not user.password.matches(pool.id, user.username, password):
            raise self.wrong_password(pool, user)
        session = given.session
        return self.after_password(
            pool, given.client, user, admin=session.admin, device_key=session.device_key
        )

    def _chosen(self, given: Answered, choice: str) -> Payload:
        if choice == "PASSWORD":
            return self.answer_password(given)
        if choice in SENT:
            return self.ask(given, Stage(choice))
        answer = self.begin_srp(
            given.pool, given.client, given.user, given.values, admin=given.session.admin
        )
        self.sessions.spend(given.session)
        return answer

    def _after_sign_up(
        self, pool: UserPool, client: AppClient, user: User, token: str, *, admin: bool
    ) -> Payload:
        """Straight on from ConfirmSignUp: the code that was confirmed is the first factor."""
        session = self.sessions.find(token)
        self.sessions.require(session, "InitiateAuth")
        if (session.client_id, session.sub) != (client.id, user.sub):
            raise NotAuthorizedException(INVALID)
        self.sessions.spend(session)
        return self.after_first_factor(pool, client, user, admin=admin)

    def _pretend(
        self, pool: UserPool, client: AppClient, values: Values, *, admin: bool
    ) -> Payload:
        """The same challenge each time to whoever asks for somebody who is not there."""
        if not hides_existence(pool, client, admin=admin):
            raise UserNotFoundException("User does not exist.")
        username = values["USERNAME"]
        by_mail = pool.mfa != "ON" and EMAIL_OTP in pool.first_factors
        if values.get("PREFERRED_CHALLENGE") == "PASSWORD_SRP" and "SRP_A" in values:
            return self.begin_srp(pool, client, None, values, admin=admin)
        stage = Stage.EMAIL_OTP if by_mail else Stage.SELECT_CHALLENGE
        session = self.sessions.begin(stage, pool, client, None, admin=admin)
        session.choices = list(PASSWORDS)
        if not by_mail:
            return _selection(session, username)
        return {
            "ChallengeName": EMAIL_OTP,
            "Session": session_string(session),
            "ChallengeParameters": {
                "CODE_DELIVERY_DELIVERY_MEDIUM": "EMAIL",
                "CODE_DELIVERY_DESTINATION": masked("EMAIL", _address_like(username)),
                "USER_ID_FOR_SRP": username,
            },
        }


def available(pool: UserPool, user: User) -> list[str]:
    """The first factors that this user has. Where a second one is asked for, only passwords are
    (facts section 2.3)."""
    found: list[str] = []
    if "PASSWORD" in pool.first_factors and user.password is not None:
        found += PASSWORDS
    with_mfa = pool.mfa == "ON" or bool(challenges.next_factors(pool, user))
    if not with_mfa:
        found += [
            factor
            for factor, attribute in SENT.items()
            if factor in pool.first_factors and attribute in user.attributes
        ]
    return found


def nobody_answered(session: SignInSession) -> Exception:
    """What a wrong answer gets, in a session that nobody stands behind."""
    if session.stage is Stage.EMAIL_OTP:
        return CodeMismatchException("Invalid code or auth state for the user.")
    return NotAuthorizedException(WRONG)


def _selection(session: SignInSession, username: str) -> Payload:
    return {
        "ChallengeName": "SELECT_CHALLENGE",
        "Session": session_string(session),
        "ChallengeParameters": {"USERNAME": username},
        "AvailableChallenges": list(session.choices),
    }


def _check_played(values: Values) -> None:
    asked = [name for name in STEP_UP if name in values]
    if values.get("PREFERRED_CHALLENGE") == "WEB_AUTHN":
        asked.append("WEB_AUTHN")
    if asked:
        raise UnsupportedOperationException(
            f"The local Cognito does not play {asked[0]} in USER_AUTH."
        )


def _address_like(username: str) -> str:
    return username if "@" in username else f"{username}@example.com"
