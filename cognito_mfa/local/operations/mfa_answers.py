"""The responses to MFA challenges, one function each.

See "Challenge responses" and "Wrong codes and used codes" in docs/cognito-behavior.md.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from cognito_mfa.local.errors import (
    ExpiredCodeException,
    InvalidParameterException,
    NotAuthorizedException,
    SoftwareTokenMFANotFoundException,
)
from cognito_mfa.local.operations import challenge_response
from cognito_mfa.local.operations.challenge_response import ChallengeResponse
from cognito_mfa.local.operations.context import Context, Payload, required
from cognito_mfa.local.rules import directory, totp
from cognito_mfa.local.rules.attribute_values import Write
from cognito_mfa.local.rules.sessions import INVALID
from cognito_mfa.local.rules.state import EMAIL_OTP, SoftwareToken, Stage, UserPool

REUSED = "Your software token has already been used once."
CODE_KEYS = {
    Stage.SMS_MFA: ("SMS_MFA_CODE", "sms"),
    Stage.SMS_OTP: ("SMS_OTP_CODE", "sms"),
    Stage.EMAIL_OTP: ("EMAIL_OTP_CODE", "email_otp"),
}


def answer_setup(context: Context, given: ChallengeResponse) -> Payload:
    """Handle the response to MFA_SETUP. A code in it is ignored, because the session is enough.

    Args:
        context: The account, its clock, and its unfinished sign-ins.
        given: The response to a challenge, and its user.

    Returns:
        The end of the sign-in, or another challenge if the pool's behavior says so.

    Raises:
        NotAuthorizedException: The software token is not the one of this session.
    """
    token = given.user.software_token
    if token is None or token.secret != given.session.secret:
        raise NotAuthorizedException(INVALID)
    if given.pool.behavior.code_after_setup:
        return challenge_response.ask(context, given, Stage.SOFTWARE_TOKEN_MFA)
    return challenge_response.finish_with(context, given, "otp")


def answer_setup_by_email(context: Context, given: ChallengeResponse) -> Payload:
    """Handle the response to MFA_SETUP with an address that becomes a factor.

    Args:
        context: The account, its clock, and its unfinished sign-ins.
        given: The response to a challenge, and its user.

    Returns:
        EMAIL_OTP.
    """
    email = {"email": given.values[email_key(given.pool)]}
    directory.set_attributes(
        given.pool,
        given.user,
        email,
        write=Write.UPDATE,
        now=context.clock.now(),
        client=given.client,
    )
    return challenge_response.ask(context, given, Stage.EMAIL_OTP)


def answer_software_token(context: Context, given: ChallengeResponse) -> Payload:
    """Handle the response to SOFTWARE_TOKEN_MFA.

    Args:
        context: The account, its clock, and its unfinished sign-ins.
        given: The response to a challenge, and its user.

    Returns:
        The end of the sign-in.

    Raises:
        CodeMismatchException: The code is wrong.
        ExpiredCodeException: The code was used already.
        NotAuthorizedException: The user is locked after wrong codes.
        SoftwareTokenMFANotFoundException: The user has no authenticator app any more.
    """
    code = required(given.values, "SOFTWARE_TOKEN_MFA_CODE")
    challenge_response.check_code_lock(context, given.user)
    token = given.user.software_token
    if token is None:
        raise SoftwareTokenMFANotFoundException("Software Token MFA does not exist for the user.")
    steps = totp.matching_steps(token.secret, code, context.clock.now())
    if not steps:
        raise challenge_response.wrong_code(context, given, "Invalid code received for user")
    token.accept(_unused(given.pool, token, steps))
    return challenge_response.finish_with(context, given, "otp")


def answer_sent_code(context: Context, given: ChallengeResponse) -> Payload:
    """Handle the response to SMS_MFA, SMS_OTP or EMAIL_OTP.

    Args:
        context: The account, its clock, and its unfinished sign-ins.
        given: The response to a challenge, and its user.

    Returns:
        The end of the sign-in.

    Raises:
        CodeMismatchException: The code is wrong.
        NotAuthorizedException: The user is locked after wrong codes.
    """
    key, factor = CODE_KEYS[given.session.stage]
    code = required(given.values, key)
    challenge_response.check_code_lock(context, given.user)
    if not hmac.compare_digest(code.encode(), given.session.code.encode()):
        raise challenge_response.wrong_code(
            context, given, "Invalid code or auth state for the user."
        )
    return challenge_response.finish_with(context, given, factor)


def answer_choice(context: Context, given: ChallengeResponse) -> Payload:
    """Handle the response to SELECT_MFA_TYPE.

    Args:
        context: The account, its clock, and its unfinished sign-ins.
        given: The response to a challenge, and its user.

    Returns:
        The challenge that was chosen.

    Raises:
        InvalidParameterException: It was not among the choices.
    """
    choice = required(given.values, "ANSWER")
    if given.pool.behavior.documented_spellings and choice == "EMAIL_MFA":
        choice = EMAIL_OTP
    if choice not in given.session.choices:
        raise InvalidParameterException(f"{choice} is not an MFA type to choose from")
    return challenge_response.ask(context, given, Stage(choice))


def email_key(pool: UserPool) -> str:
    """Return the name of the value in a response to MFA_SETUP that has the address."""
    return "email" if pool.behavior.documented_spellings else "EMAIL"


def _unused(pool: UserPool, token: SoftwareToken, steps: Sequence[int]) -> int:
    """Return the newest step that may still be used. Raises ExpiredCodeException if there is none.

    By default, every step up to the last accepted one is used up.
    """
    older_ok = pool.behavior.older_unused_codes_accepted
    last = max(token.used_steps, default=-1)
    fresh = [s for s in steps if (s not in token.used_steps if older_ok else s > last)]
    if not fresh:
        raise ExpiredCodeException(REUSED)
    return fresh[-1]
