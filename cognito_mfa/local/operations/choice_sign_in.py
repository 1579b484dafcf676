"""USER_AUTH: a sign-in in which the user chooses the first factor.

It has SELECT_CHALLENGE, PASSWORD, and WEB_AUTHN.

See "Choice of the first factor" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cognito_mfa.local.errors import (
    CodeMismatchException,
    InvalidParameterException,
    NotAuthorizedException,
    UserNotFoundException,
)
from cognito_mfa.local.operations import (
    challenge_response,
    completion,
    next_step,
    password_attempts,
    srp_sign_in,
)
from cognito_mfa.local.operations.challenge_response import ChallengeResponse, Values
from cognito_mfa.local.operations.context import (
    Context,
    Parameters,
    Payload,
    hides_existence,
    required,
)
from cognito_mfa.local.operations.password_attempts import WRONG
from cognito_mfa.local.operations.secret_hash import check_secret_hash
from cognito_mfa.local.outbox import masked
from cognito_mfa.local.rules import challenges, directory, passkeys
from cognito_mfa.local.rules.passkeys import WEB_AUTHN
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


def begin_choice(
    context: Context, pool: UserPool, client: AppClient, parameters: Parameters, *, admin: bool
) -> Payload:
    """Begin a USER_AUTH sign-in.

    Args:
        context: The account, its clock, and its unfinished sign-ins.
        pool: The user pool.
        client: The app client.
        parameters: The members of the request.
        admin: Whether an Admin operation asks.

    Returns:
        The choice of factors, or the challenge that was preferred.

    Raises:
        NotAuthorizedException: The user cannot sign in, or has no first factor.
        UserNotFoundException: The user does not exist, and the client may learn it.
    """
    values = parameters.get("AuthParameters", {})
    username = required(values, "USERNAME")
    check_secret_hash(client, values, username)
    user = directory.user_named(pool, username)
    if user is None:
        return _pretend(context, pool, client, values, admin=admin)
    if "Session" in parameters:
        return _after_sign_up(context, pool, client, user, parameters["Session"], admin=admin)
    user = password_attempts.may_try(context, pool, client, user, username)
    choices = available(pool, user)
    if not choices:
        raise NotAuthorizedException(WRONG)
    session = context.sessions.begin(Stage.SELECT_CHALLENGE, pool, client, user, admin=admin)
    session.choices = choices
    session.device_key = values.get("DEVICE_KEY", "")
    preferred = values.get("PREFERRED_CHALLENGE", "")
    if preferred == WEB_AUTHN and user.passkeys and passkeys.is_offered(pool):
        _check_passkey_suffices(session.choices)
    if preferred not in session.choices:
        return _selection(session, username)
    given = ChallengeResponse(pool, client, user, session, values)
    if preferred == "PASSWORD" and "PASSWORD" not in values:
        return challenge_response.ask(context, given, Stage.PASSWORD)
    return _chosen(context, given, preferred)


def answer_selection(context: Context, given: ChallengeResponse) -> Payload:
    """Handle the response to SELECT_CHALLENGE.

    Args:
        context: The account, its clock, and its unfinished sign-ins.
        given: The response to a challenge, and its user.

    Returns:
        The challenge of the factor that was chosen.

    Raises:
        InvalidParameterException: It was not among the choices.
    """
    choice = required(given.values, "ANSWER")
    if choice not in given.session.choices:
        raise InvalidParameterException(f"{choice} is not an available challenge")
    return _chosen(context, given, choice)


def answer_passkey(context: Context, given: ChallengeResponse) -> Payload:
    """Handle the response to WEB_AUTHN. A wrong one ends the sign-in.

    Args:
        context: The account, its clock, and its unfinished sign-ins.
        given: The response to a challenge, and its user.

    Returns:
        The tokens. If a second factor is required, passkeys are only offered if they are both.

    Raises:
        NotAuthorizedException: No passkey of the user signed the challenge.
        InvalidParameterException: It is not an AuthenticationResponseJSON.
    """
    pool, user = given.pool, given.user
    password_attempts.check_may_try(context, user)
    context.sessions.spend(given.session)
    credential = required(given.values, "CREDENTIAL")
    _check_passkey_suffices(available(pool, user))  # a second factor may be required since then
    passkeys.check_assertion(pool, user, given.session.code, credential)
    both = _needs_mfa(pool, user)
    return completion.finish(
        context,
        pool,
        given.client,
        user,
        factors=["swk", "mfa"] if both else ["swk"],
        device_key=given.session.device_key,
    )


def answer_password(context: Context, given: ChallengeResponse) -> Payload:
    """Handle the response to PASSWORD. A wrong password ends the sign-in.

    Args:
        context: The account, its clock, and its unfinished sign-ins.
        given: The response to a challenge, and its user.

    Returns:
        What follows the first factor.

    Raises:
        NotAuthorizedException: The password is wrong, or the user cannot sign in.
    """
    pool, user = given.pool, given.user
    password = required(given.values, "PASSWORD")
    password_attempts.check_may_try(context, user)
    context.sessions.spend(given.session)
    if user.password is None or not user.password.matches(pool.id, user.username, password):
        raise password_attempts.wrong_password(context, pool, user)
    session = given.session
    return password_attempts.after_password(
        context, pool, given.client, user, admin=session.admin, device_key=session.device_key
    )


def _chosen(context: Context, given: ChallengeResponse, choice: str) -> Payload:
    if choice == "PASSWORD":
        return answer_password(context, given)
    if choice in SENT or choice == WEB_AUTHN:
        return challenge_response.ask(context, given, Stage(choice))
    answer = srp_sign_in.begin_srp(
        context, given.pool, given.client, given.user, given.values, admin=given.session.admin
    )
    context.sessions.spend(given.session)
    return answer


def _after_sign_up(
    context: Context, pool: UserPool, client: AppClient, user: User, token: str, *, admin: bool
) -> Payload:
    """Continue after ConfirmSignUp, whose code was the first factor."""
    session = context.sessions.find(token)
    context.sessions.require(session, "InitiateAuth")
    if (session.client_id, session.sub) != (client.id, user.sub):
        raise NotAuthorizedException(INVALID)
    context.sessions.spend(session)
    return next_step.after_first_factor(context, pool, client, user, admin=admin)


def _pretend(
    context: Context, pool: UserPool, client: AppClient, values: Values, *, admin: bool
) -> Payload:
    """Return a challenge for a user who does not exist, the same each time."""
    if not hides_existence(pool, client, admin=admin):
        raise UserNotFoundException("User does not exist.")
    username = values["USERNAME"]
    password_attempts.ask_function(context, pool, client, None, username)
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
    """Return the first factors of a user. With MFA, these are passwords only.

    Args:
        pool: The user pool.
        user: The user.

    Returns:
        Names of challenges, the preferred kind of password first.
    """
    found: list[str] = []
    if "PASSWORD" in pool.first_factors and user.password is not None:
        found += PASSWORDS
    with_mfa = _needs_mfa(pool, user)
    if (
        passkeys.is_offered(pool)
        and user.passkeys
        and (not with_mfa or _passkey_is_both(pool, user))
    ):
        found.append(WEB_AUTHN)
    if not with_mfa:
        found += [
            factor
            for factor, attribute in SENT.items()
            if factor in pool.first_factors and attribute in user.attributes
        ]
    return found


def _needs_mfa(pool: UserPool, user: User) -> bool:
    return pool.mfa == "ON" or bool(challenges.next_factors(pool, user))


def _passkey_is_both(pool: UserPool, user: User) -> bool:
    return passkeys.count_as_mfa(pool) and user.passkey_mfa


def _check_passkey_suffices(choices: Sequence[str]) -> None:
    if WEB_AUTHN not in choices:
        raise NotAuthorizedException("Password Challenge is Required to SignIn")


def error_without_user(session: SignInSession) -> Exception:
    """Return the error for a response in a session of a user who does not exist."""
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


def _address_like(username: str) -> str:
    return username if "@" in username else f"{username}@example.com"
