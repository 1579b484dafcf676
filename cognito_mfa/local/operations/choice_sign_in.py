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
from cognito_mfa.local.operations import challenge_response, first_factor, srp_sign_in, steps
from cognito_mfa.local.operations.challenge_response import ChallengeResponse, Values
from cognito_mfa.local.operations.context import (
    Context,
    Parameters,
    Payload,
    check_secret_hash,
    hides_existence,
    required,
)
from cognito_mfa.local.operations.first_factor import WRONG
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


def begin_choice(
    context: Context, pool: UserPool, client: AppClient, parameters: Parameters, *, admin: bool
) -> Payload:
    values = parameters.get("AuthParameters", {})
    _check_played(values)
    username = required(values, "USERNAME")
    check_secret_hash(client, values, username)
    user = directory.user_named(pool, username)
    if user is None:
        return _pretend(context, pool, client, values, admin=admin)
    if "Session" in parameters:
        return _after_sign_up(context, pool, client, user, parameters["Session"], admin=admin)
    first_factor.check_may_try(context, user)
    choices = available(pool, user)
    if not choices:
        raise NotAuthorizedException(WRONG)
    session = context.sessions.begin(Stage.SELECT_CHALLENGE, pool, client, user, admin=admin)
    session.choices = choices
    session.device_key = values.get("DEVICE_KEY", "")
    preferred = values.get("PREFERRED_CHALLENGE", "")
    if preferred not in session.choices:
        return _selection(session, username)
    given = ChallengeResponse(pool, client, user, session, values)
    if preferred == "PASSWORD" and "PASSWORD" not in values:
        return challenge_response.ask(context, given, Stage.PASSWORD)
    return _chosen(context, given, preferred)


def answer_selection(context: Context, given: ChallengeResponse) -> Payload:
    choice = required(given.values, "ANSWER")
    if choice not in given.session.choices:
        raise InvalidParameterException(f"{choice} is not an available challenge")
    return _chosen(context, given, choice)


def answer_password(context: Context, given: ChallengeResponse) -> Payload:
    """A wrong password ends the attempt here (facts section 2.3)."""
    pool, user = given.pool, given.user
    password = required(given.values, "PASSWORD")
    first_factor.check_may_try(context, user)
    context.sessions.spend(given.session)
    if user.password is None or not user.password.matches(pool.id, user.username, password):
        raise first_factor.wrong_password(context, pool, user)
    session = given.session
    return first_factor.after_password(
        context, pool, given.client, user, admin=session.admin, device_key=session.device_key
    )


def _chosen(context: Context, given: ChallengeResponse, choice: str) -> Payload:
    if choice == "PASSWORD":
        return answer_password(context, given)
    if choice in SENT:
        return challenge_response.ask(context, given, Stage(choice))
    answer = srp_sign_in.begin_srp(
        context, given.pool, given.client, given.user, given.values, admin=given.session.admin
    )
    context.sessions.spend(given.session)
    return answer


def _after_sign_up(
    context: Context, pool: UserPool, client: AppClient, user: User, token: str, *, admin: bool
) -> Payload:
    """Straight on from ConfirmSignUp: the code that was confirmed is the first factor."""
    session = context.sessions.find(token)
    context.sessions.require(session, "InitiateAuth")
    if (session.client_id, session.sub) != (client.id, user.sub):
        raise NotAuthorizedException(INVALID)
    context.sessions.spend(session)
    return steps.after_first_factor(context, pool, client, user, admin=admin)


def _pretend(
    context: Context, pool: UserPool, client: AppClient, values: Values, *, admin: bool
) -> Payload:
    """The same challenge each time to whoever asks for somebody who is not there."""
    if not hides_existence(pool, client, admin=admin):
        raise UserNotFoundException("User does not exist.")
    username = values["USERNAME"]
    by_mail = pool.mfa != "ON" and EMAIL_OTP in pool.first_factors
    if values.get("PREFERRED_CHALLENGE") == "PASSWORD_SRP" and "SRP_A" in values:
        return srp_sign_in.begin_srp(context, pool, client, None, values, admin=admin)
    stage = Stage.EMAIL_OTP if by_mail else Stage.SELECT_CHALLENGE
    session = context.sessions.begin(stage, pool, client, None, admin=admin)
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
