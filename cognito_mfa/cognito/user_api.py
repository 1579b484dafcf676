"""Cognito's operations with a user's own credential: password, Cognito session, or access token.

The functions return values of ``types`` and raise only the family of ``cognito_mfa.exceptions``. With
``AUTH_FLOW = "ADMIN_USER_PASSWORD_AUTH"`` the sign-in is signed with the site's AWS keys as well.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import logging
import time
import unicodedata
from collections.abc import Mapping
from dataclasses import replace

from django.views.decorators.debug import sensitive_variables

from cognito_mfa.cognito import newer_operations, srp
from cognito_mfa.cognito.caller import CallerContext
from cognito_mfa.cognito.claims import providers_in
from cognito_mfa.cognito.replies import (
    Reply,
    bad_reply,
    challenge_or_tokens,
    next_session,
    request_id,
)
from cognito_mfa.cognito.transport import call
from cognito_mfa.cognito.types import (
    CODE_PARAMETERS,
    NOTHING,
    PASSWORD_VERIFIER,
    SELECT_CHALLENGE,
    Association,
    Challenge,
    OwnAccount,
    Tokens,
)
from cognito_mfa.conf import Conf, get_conf
from cognito_mfa.exceptions import (
    BadCode,
    BadCodeReason,
    BadCredentials,
    BadCredentialsReason,
    Misconfigured,
    MisconfiguredReason,
)
from cognito_mfa.values import untrusted
from cognito_mfa.values.secret_text import SecretText

logger = logging.getLogger(__name__)

MAX_USERNAME = 128  # characters
MAX_PASSWORD = 256  # characters
MAX_SECRET = 512  # characters; no TOTP key is as long, and a longer one has no QR code
# The attributes that ``OwnAccount`` keeps, besides those of ``USER_FIELDS``.
TOLD = ("email", "email_verified", "identities")


# ---------------------------------------------------------------------------------------- sign-in


def signs_in_as_administrator(conf: Conf) -> bool:
    """Return whether sign-ins use the operations that the site's AWS keys sign."""
    return conf.AUTH_FLOW == "ADMIN_USER_PASSWORD_AUTH"


def start_sign_in(
    username: str, password: SecretText, *, caller: CallerContext
) -> Challenge | Tokens:
    """Send the password (InitiateAuth or AdminInitiateAuth), or with SRP a proof that it was typed.

    Args:
        username: as typed; may be an alias.
        password: as typed.
        caller: whose browser it is for.

    Returns:
        the next challenge, or tokens when Cognito asks for nothing more.

    Raises:
        BadCredentials: wrong, unknown, disabled or locked; Cognito's reasons are not told apart.
        AccountActionNeeded: unconfirmed, or the password must be reset.
    """
    conf = get_conf()
    operation = "AdminInitiateAuth" if signs_in_as_administrator(conf) else "InitiateAuth"
    password = SecretText(password)  # closes a plain text that a caller hands over
    if not (_is_username(username) and _is_password(password)):
        # No user of any pool has such a name or password.
        raise BadCredentials(operation, reason=BadCredentialsReason.NOT_SENT)
    if conf.AUTH_FLOW == "USER_SRP_AUTH":
        return _start_with_srp(conf, username, password, caller)
    reply = _initiate(conf, operation, username, {"PASSWORD": password}, caller)
    first = challenge_or_tokens(operation, reply, username)
    if isinstance(first, Challenge) and first.name == SELECT_CHALLENGE:
        return _choose_password(first, reply, password, caller)
    return first


def _choose_password(
    challenge: Challenge, reply: Reply, password: SecretText, caller: CallerContext
) -> Challenge | Tokens:
    """Answer SELECT_CHALLENGE with the password, which was typed already, rather than a passkey or a code.

    Cognito asks it in the flow USER_AUTH, which a client factory of the site may use.
    """
    if "PASSWORD" not in (reply.get("AvailableChallenges") or ["PASSWORD"]):
        return challenge
    return _answer(challenge, {"ANSWER": "PASSWORD", "PASSWORD": password}, caller)


def _start_with_srp(
    conf: Conf, username: str, password: SecretText, caller: CallerContext
) -> Challenge | Tokens:
    """Answer PASSWORD_VERIFIER: with SRP a wrong password shows first there."""
    exchange = srp.begin()
    reply = _initiate(conf, "InitiateAuth", username, {"SRP_A": exchange.srp_a}, caller)
    parameters = reply.get("ChallengeParameters") or {}
    if reply.get("ChallengeName") != PASSWORD_VERIFIER or reply.get("AuthenticationResult"):
        raise bad_reply("InitiateAuth", reply)
    if not untrusted.is_username(parameters.get("USER_ID_FOR_SRP")):
        raise bad_reply("InitiateAuth", reply)
    claim = _password_claim(exchange, parameters, conf.USER_POOL_ID, password)
    if claim is None:
        raise bad_reply("InitiateAuth", reply)
    # The claim is signed for this name, so the secret hash must be over it too.
    challenge = Challenge(PASSWORD_VERIFIER, NOTHING, parameters["USER_ID_FOR_SRP"])
    return _answer(challenge, claim, caller)


def _password_claim(
    exchange: srp.Exchange, parameters: Mapping[str, str], pool_id: str, password: SecretText
) -> dict[str, str | SecretText] | None:
    """Return the answer to PASSWORD_VERIFIER; None for a challenge that must not be answered."""
    try:
        return srp.answer(exchange, parameters, pool_id=pool_id, password=password, now=time.time())
    except srp.BadChallenge:
        return None


def _initiate(
    conf: Conf,
    operation: str,
    username: str,
    given: Mapping[str, str | SecretText],
    caller: CallerContext,
) -> Reply:
    return _call_for(
        caller,
        operation,
        {
            "UserPoolId": conf.USER_POOL_ID if signs_in_as_administrator(conf) else None,
            "ClientId": conf.CLIENT_ID,
            "AuthFlow": conf.AUTH_FLOW,
            "AuthParameters": {"USERNAME": username, **given, **_secret_hash(conf, username)},
        },
    )


def _call_for(caller: CallerContext, operation: str, parameters: Mapping[str, object]) -> Reply:
    """Call ``operation`` with what is known of the browser; without it where Cognito does not take that.

    What Cognito refuses for its form was not executed, so nothing happens twice.
    """
    try:
        return call(operation, {**parameters, **caller.parameters(operation)})
    except Misconfigured as error:
        if error.reason is not MisconfiguredReason.CONTEXT:
            raise
        logger.warning("client_context_refused: %s %s", error, error.hint)
    return call(operation, parameters)


def answer_code(
    challenge: Challenge, code: SecretText, *, caller: CallerContext
) -> Challenge | Tokens:
    """Answer SOFTWARE_TOKEN_MFA, SMS_MFA or EMAIL_OTP with ``code``.

    Args:
        challenge: as Cognito gave it.
        code: as typed.
        caller: whose browser it is for.

    Raises:
        BadCode: wrong or already used; the same challenge may be answered again.
        ChallengeLost: the sign-in must start again.
    """
    return _answer(challenge, {CODE_PARAMETERS[challenge.name]: code}, caller)


def choose_factor(
    challenge: Challenge, factor: str, *, caller: CallerContext
) -> Challenge | Tokens:
    """Answer SELECT_MFA_TYPE with a factor.

    Args:
        challenge: as Cognito gave it.
        factor: one of ``challenge.factors``.
        caller: whose browser it is for.

    Raises:
        ChallengeLost: the sign-in must start again.
    """
    return _answer(challenge, {"ANSWER": factor}, caller)


def set_new_password(
    challenge: Challenge,
    password: SecretText,
    attributes: Mapping[str, str],
    *,
    caller: CallerContext,
) -> Challenge | Tokens:
    """Answer NEW_PASSWORD_REQUIRED.

    Args:
        challenge: as Cognito gave it.
        password: the new password, as typed.
        attributes: values for ``challenge.required_attributes``, by name.
        caller: whose browser it is for.

    Raises:
        PasswordRejected: the pool's policy refuses it; the same challenge may be answered again.
        AttributesRejected: a value or an attribute is refused; likewise.
        ChallengeLost: the sign-in must start again.
    """
    wanted = {f"userAttributes.{name}": value for name, value in attributes.items()}
    return _answer(challenge, {"NEW_PASSWORD": password, **wanted}, caller)


def finish_setup(challenge: Challenge, *, caller: CallerContext) -> Challenge | Tokens:
    """Answer MFA_SETUP with the session string that ``verify_software_token`` returned.

    Args:
        challenge: with that string.
        caller: whose browser it is for.
    """
    return _answer(challenge, {}, caller)


def _answer(
    challenge: Challenge, answer: Mapping[str, str | SecretText], caller: CallerContext
) -> Challenge | Tokens:
    conf, username = get_conf(), challenge.username
    signed = signs_in_as_administrator(conf)
    operation = "AdminRespondToAuthChallenge" if signed else "RespondToAuthChallenge"
    reply = _call_for(
        caller,
        operation,
        {
            "UserPoolId": conf.USER_POOL_ID if signed else None,
            "ClientId": conf.CLIENT_ID,
            "ChallengeName": challenge.name,
            "Session": challenge.cognito_session or None,
            "ChallengeResponses": {
                "USERNAME": username,
                **answer,
                **_secret_hash(conf, username),
            },
        },
    )
    following = challenge_or_tokens(operation, reply, username)
    if isinstance(following, Challenge) and challenge.names_user and not following.names_user:
        return replace(following, names_user=True)  # an earlier one told it
    return following


def _secret_hash(conf: Conf, username: str) -> dict[str, SecretText]:
    """Return SECRET_HASH; Cognito computes it over the username exactly as it is sent."""
    secret = conf.client_secret()
    if secret is None:
        return {}
    message = (username + conf.CLIENT_ID).encode()
    digest = hmac.new(secret.reveal().encode(), message, hashlib.sha256).digest()
    return {"SECRET_HASH": SecretText(base64.b64encode(digest).decode())}


# --------------------------------------------------------------------------------------- passwords


def send_reset_code(username: str, *, caller: CallerContext) -> None:
    """Have a code sent to the user's verified address, to choose another password with (ForgotPassword).

    SECURITY: nothing of the answer is returned. It says where the code went, and in some pools who exists.

    Args:
        username: as typed; may be an alias.
        caller: whose browser it is for.

    Raises:
        BadCredentials: nothing was sent: no such user, or none whose password can be reset by a code.
        Busy: there were too many requests.
    """
    if not _is_username(username):
        raise BadCredentials("ForgotPassword", reason=BadCredentialsReason.NOT_SENT)
    _call_for(caller, "ForgotPassword", _for_client(username))


def reset_password(
    username: str, code: SecretText, password: SecretText, *, caller: CallerContext
) -> None:
    """Set a password with the code that was sent (ConfirmForgotPassword).

    Args:
        username: the same as for the code.
        code: digits only.
        password: the new one, as typed.
        caller: whose browser it is for.

    Raises:
        BadCode: wrong or expired, or no such user.
        PasswordRejected: the pool's policy refuses it; the same code may be used again.
        Busy: there were too many attempts.
    """
    if not _is_username(username):
        raise BadCode("ConfirmForgotPassword")
    given = {"ConfirmationCode": code, "Password": password}
    _call_for(caller, "ConfirmForgotPassword", {**_for_client(username), **given})


def change_password(access_token: SecretText, previous: SecretText, proposed: SecretText) -> None:
    """Set another password with the present one (ChangePassword).

    Args:
        access_token: of the user.
        previous: the present password, as typed.
        proposed: the new one, as typed.

    Raises:
        BadCredentials: the present password is wrong.
        PasswordRejected: the pool's policy refuses the new one.
        TokenRejected: the user must sign in again first.
        Busy: there were too many wrong passwords.
    """
    if not _is_password(previous):
        raise BadCredentials("ChangePassword", reason=BadCredentialsReason.NOT_SENT)
    call(
        "ChangePassword",
        {
            "AccessToken": access_token,
            "PreviousPassword": previous,
            "ProposedPassword": proposed,
        },
    )


def _for_client(username: str) -> dict[str, str | SecretText]:
    """Return the members of an operation that names the user and the app client itself."""
    conf = get_conf()
    hashed = _secret_hash(conf, username).get("SECRET_HASH")
    named: dict[str, str | SecretText] = {"ClientId": conf.CLIENT_ID, "Username": username}
    return {**named, "SecretHash": hashed} if hashed else named


# ----------------------------------------------------------------------------------- software token


def associate_software_token(
    *, cognito_session: SecretText = NOTHING, access_token: SecretText = NOTHING
) -> Association:
    """Ask for a secret (AssociateSoftwareToken), with exactly one of the two credentials.

    Args:
        cognito_session: of an MFA_SETUP challenge.
        access_token: of a user who is signed in.

    Raises:
        ChallengeLost: the session or the token is no longer accepted.
        Misconfigured: the pool does not allow authenticator apps.
    """
    credential = _one_credential(cognito_session, access_token)
    reply = call("AssociateSoftwareToken", credential)
    secret = reply.get("SecretCode")
    if not isinstance(secret, SecretText) or not _is_base32(secret):
        raise bad_reply("AssociateSoftwareToken", reply)
    session = next_session("AssociateSoftwareToken", reply) if cognito_session else NOTHING
    return Association(secret, session)


def verify_software_token(
    code: SecretText,
    *,
    friendly_name: str = "",
    cognito_session: SecretText = NOTHING,
    access_token: SecretText = NOTHING,
) -> SecretText:
    """Confirm the secret with a code (VerifySoftwareToken); success registers it.

    Args:
        code: six ASCII digits.
        friendly_name: the device name; may be empty.
        cognito_session: from ``associate_software_token``; exactly one of this and
        access_token: of the user who is signed in.

    Returns:
        the session string that answers MFA_SETUP; empty with an access token.

    Raises:
        BadCode: the code is wrong; the same secret may be tried again.
    """
    credential = _one_credential(cognito_session, access_token)
    reply = call(
        "VerifySoftwareToken",
        {"UserCode": code, "FriendlyDeviceName": friendly_name or None, **credential},
    )
    if reply.get("Status") == "ERROR":  # documented, but no report of it is known
        raise BadCode(
            "VerifySoftwareToken", reason=BadCodeReason.STATUS_ERROR, request_id=request_id(reply)
        )
    if reply.get("Status") != "SUCCESS":
        raise bad_reply("VerifySoftwareToken", reply)
    return next_session("VerifySoftwareToken", reply) if cognito_session else NOTHING


def prefer_software_token(access_token: SecretText) -> bool:
    """Enable the authenticator app and make it preferred (SetUserMFAPreference).

    Only this block is sent, because one for SMS fails for users without a phone number.

    Returns:
        False when this user has no verified software token.
    """
    try:
        _set_preference(access_token, on=True)
    except Misconfigured as error:
        if error.error != "InvalidParameterException":
            raise
        return False
    return True


def turn_off_software_token(access_token: SecretText) -> None:
    """Disable the authenticator app (SetUserMFAPreference); the registration itself stays.

    In a pool that requires MFA, Cognito answers with success and changes nothing.
    """
    _set_preference(access_token, on=False)


def _set_preference(access_token: SecretText, *, on: bool) -> None:
    settings = {"Enabled": on, "PreferredMfa": on}
    call(
        "SetUserMFAPreference", {"AccessToken": access_token, "SoftwareTokenMfaSettings": settings}
    )


# -------------------------------------------------------------------------------------- own account


def sign_out_everywhere(access_token: SecretText) -> None:
    """Revoke all tokens of the user (GlobalSignOut), this one among them.

    Raises:
        TokenRejected: expired or revoked already.
    """
    call("GlobalSignOut", {"AccessToken": access_token})


@sensitive_variables()
def own_account(access_token: SecretText) -> OwnAccount:
    """Ask whose the access token is (GetUser). Cognito checks the token, so callers need not.

    Raises:
        TokenRejected: expired, revoked, or of a deleted user.
        ScopeMissing: the token lacks the scope for self-service.
    """
    reply = call("GetUser", {"AccessToken": access_token})
    attributes = {
        pair["Name"]: pair.get("Value")
        for pair in reply.get("UserAttributes") or []
        if isinstance(pair.get("Name"), str)
    }
    username, sub = reply.get("Username"), attributes.get("sub")
    if not (untrusted.is_username(username) and untrusted.is_sub(sub)):
        raise bad_reply("GetUser", reply)
    factors = tuple(untrusted.words(reply.get("UserMFASettingList")))
    asked = [name for claim in get_conf().USER_FIELDS for name in (claim, f"{claim}_verified")]
    names = [name for name in (*TOLD, *asked) if attributes.get(name) is not None]
    told = {name: str(attributes[name]) for name in names}
    return OwnAccount(str(sub), str(username), factors, providers_in(told.get("identities")), told)


def has_own_software_token(access_token: SecretText) -> bool:
    """Ask whether the user has a verified software token (GetUserAuthFactors).

    Unlike GetUser, it includes one that was never made preferred. False where the operation is missing.
    """
    operation = "GetUserAuthFactors"
    reply = newer_operations.call_or_fall_back(
        operation, lambda: call(operation, {"AccessToken": access_token}), lambda _refused: {}
    )
    return "SOFTWARE_TOKEN" in (reply.get("ConfiguredUserAuthFactors") or [])


# ------------------------------------------------------------------------------------ what is sent


def _one_credential(cognito_session: SecretText, access_token: SecretText) -> dict[str, SecretText]:
    if bool(cognito_session) == bool(access_token):
        raise ValueError("give a Cognito session or an access token, never both, never neither")
    return {"Session": cognito_session} if cognito_session else {"AccessToken": access_token}


def _is_username(text: str) -> bool:
    """Return whether ``text`` can be sent at all. Only Cognito knows which names exist."""
    return 0 < len(text) <= MAX_USERNAME and untrusted.is_storable(text)


def _is_password(password: SecretText) -> bool:
    """Return whether ``password`` can be sent; half a surrogate pair cannot.

    The service model's pattern allows no space at all, but Cognito accepts spaces that are neither first nor
    last: "Limits of input" in ``docs/cognito-behavior.md``. Whatever can be sent is left to Cognito.
    """
    return 0 < len(password.reveal()) <= MAX_PASSWORD and not any(
        unicodedata.category(char) == "Cs" for char in password.reveal()
    )


def _is_base32(secret: SecretText) -> bool:
    """Return whether an authenticator app can use ``secret``, in any case, and a QR code can show it."""
    padding = "=" * (-len(secret.reveal()) % 8)
    try:
        key = base64.b32decode(secret.reveal().upper() + padding)
    except (binascii.Error, ValueError):
        return False
    return bool(key) and len(secret.reveal()) <= MAX_SECRET
