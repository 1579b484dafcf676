"""RespondToAuthChallenge and AdminRespondToAuthChallenge, which call a function for each challenge.

The user is that of the session, never the one that the request names.

See "Challenge responses" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from collections.abc import Callable

from cognito_mfa.local.errors import NotAuthorizedException
from cognito_mfa.local.operations import (
    choice_sign_in,
    custom_sign_in,
    device_sign_in,
    mfa_answers,
    new_password,
    srp_sign_in,
)
from cognito_mfa.local.operations.challenge_response import ChallengeResponse, Values
from cognito_mfa.local.operations.choice_sign_in import error_without_user
from cognito_mfa.local.operations.context import Context, Parameters, Payload, required
from cognito_mfa.local.operations.custom_challenges import CUSTOM_CHALLENGE
from cognito_mfa.local.operations.mfa_answers import email_key
from cognito_mfa.local.operations.secret_hash import check_secret_hash
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

Answer = Callable[[Context, ChallengeResponse], Payload]

#: By the challenge's name, or the purpose that follows from the answer.
ANSWERS: dict[str, Answer] = {
    "NEW_PASSWORD_REQUIRED": new_password.answer_new_password,
    "MFA_SETUP": mfa_answers.answer_setup,
    SETUP_BY_EMAIL: mfa_answers.answer_setup_by_email,
    SOFTWARE_TOKEN_MFA: mfa_answers.answer_software_token,
    SMS_MFA: mfa_answers.answer_sent_code,
    SMS_OTP: mfa_answers.answer_sent_code,
    EMAIL_OTP: mfa_answers.answer_sent_code,
    "SELECT_MFA_TYPE": mfa_answers.answer_choice,
    "SELECT_CHALLENGE": choice_sign_in.answer_selection,
    "PASSWORD": choice_sign_in.answer_password,
    "WEB_AUTHN": choice_sign_in.answer_passkey,
    DEVICE_SRP_AUTH: device_sign_in.answer_device_srp,
}


def respond_to_auth_challenge(context: Context, parameters: Parameters) -> Payload:
    """Handle the response to a challenge of InitiateAuth."""
    pool, client = context.client(parameters)
    return _respond(context, pool, client, parameters, admin=False)


def admin_respond_to_auth_challenge(context: Context, parameters: Parameters) -> Payload:
    """Handle the response to a challenge of AdminInitiateAuth."""
    pool, client = context.client_of_pool(parameters)
    return _respond(context, pool, client, parameters, admin=True)


def _respond(
    context: Context, pool: UserPool, client: AppClient, parameters: Parameters, *, admin: bool
) -> Payload:
    values = parameters.get("ChallengeResponses", {})
    purpose = _purpose(pool, parameters["ChallengeName"], values)
    # A secret block replaces the session here.
    if purpose == PASSWORD_VERIFIER:
        return srp_sign_in.verify_password_claim(context, pool, client, values, admin=admin)
    if purpose == DEVICE_PASSWORD_VERIFIER:
        return device_sign_in.verify_device_claim(context, pool, client, values, admin=admin)
    if purpose == CUSTOM_CHALLENGE:
        return custom_sign_in.answer_custom_challenge(
            context, pool, client, parameters, admin=admin
        )
    answer = ANSWERS[purpose]
    username = required(values, "USERNAME")
    check_secret_hash(client, values, username)
    session = _session(context, pool, client, parameters, purpose)
    user = _bound_user(session, pool, client, username, admin=admin)
    context.sessions.require(session, purpose)
    return answer(context, ChallengeResponse(pool, client, user, session, values))


def _session(
    context: Context, pool: UserPool, client: AppClient, parameters: Parameters, purpose: str
) -> SignInSession:
    """Return the session that the response names. Clients may leave it out only for DEVICE_SRP_AUTH."""
    if purpose == DEVICE_SRP_AUTH and "Session" not in parameters:
        return device_sign_in.open_device_session(
            context, pool, client, parameters["ChallengeResponses"]
        )
    return context.sessions.find(required(parameters, "Session"))


def _purpose(pool: UserPool, challenge: str, values: Values) -> str:
    """Return the name of the challenge, or the purpose of MFA_SETUP with an address."""
    by_email = challenge == "MFA_SETUP" and values.get(email_key(pool))
    if by_email and EMAIL_OTP in challenges.can_set_up(pool):
        return SETUP_BY_EMAIL
    return challenge


def _bound_user(
    session: SignInSession, pool: UserPool, client: AppClient, username: str, *, admin: bool
) -> User:
    """Return the user of a session, if the request matches everything that the session is bound to."""
    bound = (session.pool_id, session.client_id) == (pool.id, client.id)
    same_kind = session.admin is admin or pool.behavior.admin_and_public_calls_mix
    user = directory.user_named(pool, username)
    if bound and same_kind and user is None and not session.sub:
        raise error_without_user(session)
    if not bound or not same_kind or user is None or user.sub != session.sub:
        raise NotAuthorizedException(INVALID)
    by_username = directory.folded(pool, username) == directory.folded(pool, user.username)
    if not by_username and not pool.behavior.alias_answers_challenges:
        raise NotAuthorizedException(INVALID)
    if not user.enabled:
        raise NotAuthorizedException("User is disabled.")
    return user
