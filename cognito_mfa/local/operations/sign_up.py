"""SignUp, ConfirmSignUp, ResendConfirmationCode, and AdminConfirmSignUp.

Users who sign up cannot set attributes that only Cognito may write.

See "Sign-up and forgotten passwords" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from cognito_mfa.local.errors import (
    ExpiredCodeException,
    InvalidLambdaResponseException,
    InvalidParameterException,
    NotAuthorizedException,
    UsernameExistsException,
)
from cognito_mfa.local.operations import sent_codes, triggers, unauthenticated
from cognito_mfa.local.operations.context import (
    Context,
    Parameters,
    Payload,
    attributes_in,
)
from cognito_mfa.local.operations.secret_hash import check_secret_hash_member
from cognito_mfa.local.operations.sent_codes import (
    EXPIRED,
    SIGN_UP,
    Purpose,
    pretended_delivery,
)
from cognito_mfa.local.operations.triggers import About
from cognito_mfa.local.rules import auth_events, credentials, directory
from cognito_mfa.local.rules.attribute_values import Write
from cognito_mfa.local.rules.sessions import INVALID, session_string
from cognito_mfa.local.rules.state import AppClient, SignInSession, Stage, User, UserPool

PRE_SIGN_UP = "PreSignUp_SignUp"
CONFIRMED = "PostConfirmation_ConfirmSignUp"
VERIFYING = {"autoVerifyEmail": "email", "autoVerifyPhone": "phone_number"}
PASSWORDLESS = {"EMAIL_OTP", "SMS_OTP", "WEB_AUTHN"}


def sign_up(context: Context, parameters: Parameters) -> Payload:
    """Add a user, who must confirm an address."""
    pool, client = context.client(parameters)
    check_secret_hash_member(client, parameters)
    if pool.sign_up_closed:
        raise NotAuthorizedException("SignUp is not permitted for this user pool")
    password = parameters.get("Password")
    _check_password(pool, password)
    sent_codes.check_link(pool)
    user, confirmed = _add(context, pool, client, parameters)
    if password is not None:
        credentials.give(pool, user, password, context.clock.now())
    auth_events.note(pool, user, "SignUp", context.clock.now())
    answer: Payload = {"UserConfirmed": confirmed, "UserSub": user.sub}
    attribute = _attribute_to_prove(pool, user)
    if confirmed:
        _confirm(context, user)
        triggers.post_confirmation(context, About(pool, client, user), CONFIRMED)
    elif attribute is not None:
        purpose = Purpose(SIGN_UP, attribute, "CustomMessage_SignUp")
        answer["CodeDeliveryDetails"] = sent_codes.send_code(
            context, About(pool, client, user), purpose
        )
    return {**answer, **_session_member(context, pool, client, user)}


def confirm_sign_up(context: Context, parameters: Parameters) -> Payload:
    """Confirm a user with the code that was sent."""
    pool, client, user = unauthenticated.find_user(context, parameters, "ConfirmSignUp")
    if user is None:
        raise ExpiredCodeException(EXPIRED)
    _check_unconfirmed(user)
    sent = sent_codes.check_sent_code(context, user, SIGN_UP, parameters["ConfirmationCode"])
    session = _sign_up_session(context, parameters, client, user)
    directory.set_attributes(
        pool,
        user,
        {directory.VERIFIED_FLAG[sent.attribute]: "true"},
        write=Write.COGNITO,
        now=context.clock.now(),
        force_alias=parameters.get("ForceAliasCreation", False),
    )
    _confirm(context, user)
    if session is not None:
        context.sessions.spend(session)
    triggers.post_confirmation(context, About(pool, client, user), CONFIRMED)
    if session is None:
        return {}
    following = context.sessions.advance(session, Stage.SIGNED_UP, client)
    return {"Session": session_string(following)}


def resend_confirmation_code(context: Context, parameters: Parameters) -> Payload:
    """Send another code that confirms a user."""
    pool, client, user = unauthenticated.find_user(context, parameters, "ResendConfirmationCode")
    if user is None:
        pretended = pretended_delivery(pool, parameters["Username"])
        return {"CodeDeliveryDetails": pretended}
    if user.status != "UNCONFIRMED":
        raise InvalidParameterException("User is already confirmed.")
    sent_codes.check_link(pool)
    attribute = _attribute_to_prove(pool, user)
    if attribute is None:
        raise InvalidParameterException("Auto verification not turned on.")
    purpose = Purpose(SIGN_UP, attribute, "CustomMessage_ResendCode")
    details = sent_codes.send_code(context, About(pool, client, user), purpose)
    auth_events.note(pool, user, "ResendCode", context.clock.now())
    return {"CodeDeliveryDetails": details}


def admin_confirm_sign_up(context: Context, parameters: Parameters) -> Payload:
    """Confirm a user. That verifies no address, so email_verified stays the same."""
    pool, user = context.user(parameters)
    _check_unconfirmed(user)
    _confirm(context, user)
    triggers.post_confirmation(context, About(pool, None, user), CONFIRMED)
    return {}


def _add(
    context: Context, pool: UserPool, client: AppClient, parameters: Parameters
) -> tuple[User, bool]:
    """Return the new user, and whether the pool's function confirms the user at once."""
    now = context.clock.now()
    tried = _added(context, pool, client, parameters)
    directory.remove_user(pool, tried)  # not a user until the pool's function agrees
    response = triggers.pre_sign_up(
        context, About(pool, client, tried), PRE_SIGN_UP, _validation_data(parameters)
    )
    verified = _verified(response, tried)
    user = _added(context, pool, client, parameters, sub=tried.sub)
    directory.set_attributes(
        pool, user, verified, write=Write.COGNITO, now=now, force_alias=bool(verified)
    )
    user.signed_up = True
    return user, triggers.flag(response, "autoConfirmUser")


def _added(
    context: Context,
    pool: UserPool,
    client: AppClient,
    parameters: Parameters,
    *,
    sub: str | None = None,
) -> User:
    try:
        return directory.add_user(
            pool,
            parameters["Username"],
            attributes_in(parameters.get("UserAttributes", [])),
            status="UNCONFIRMED",
            now=context.clock.now(),
            client=client,
            sub=sub,
        )
    except UsernameExistsException:
        raise UsernameExistsException("User already exists") from None


def _verified(response: triggers.Response, user: User) -> dict[str, str]:
    """Return the verified flags that the pool's function sets. Raises an error for a missing address."""
    flags: dict[str, str] = {}
    for name, attribute in VERIFYING.items():
        if not triggers.flag(response, name):
            continue
        if attribute not in user.attributes:
            raise InvalidLambdaResponseException(triggers.UNRECOGNIZABLE)
        flags[directory.VERIFIED_FLAG[attribute]] = "true"
    return flags


def _validation_data(parameters: Parameters) -> dict[str, str]:
    return attributes_in(parameters.get("ValidationData", []))


def _confirm(context: Context, user: User) -> None:
    user.sent_codes.pop(SIGN_UP, None)
    user.status = "CONFIRMED"
    user.modified_at = context.clock.now()


def _session_member(
    context: Context, pool: UserPool, client: AppClient, user: User
) -> dict[str, str]:
    """Return a session for clients that continue with USER_AUTH after the confirmation."""
    if "ALLOW_USER_AUTH" not in client.explicit_auth_flows:
        return {}
    session = context.sessions.begin(Stage.SIGN_UP, pool, client, user, admin=False)
    return {"Session": session_string(session)}


def _sign_up_session(
    context: Context, parameters: Parameters, client: AppClient, user: User
) -> SignInSession | None:
    if "Session" not in parameters:
        return None
    session = context.sessions.find(parameters["Session"])
    context.sessions.require(session, "ConfirmSignUp")
    if (session.client_id, session.sub) != (client.id, user.sub):
        raise NotAuthorizedException(INVALID)
    return session


def _check_password(pool: UserPool, password: str | None) -> None:
    if password is not None:
        credentials.check_new(pool, None, password)
    elif PASSWORDLESS.isdisjoint(pool.first_factors):
        raise InvalidParameterException("User is required to have a password")


def _check_unconfirmed(user: User) -> None:
    if user.status != "UNCONFIRMED":
        raise NotAuthorizedException(f"User cannot be confirmed. Current status is {user.status}")


def _attribute_to_prove(pool: UserPool, user: User) -> str | None:
    """Return the address to verify. A phone number comes before an email address."""
    for name in ("phone_number", "email"):
        if name in pool.auto_verified and name in user.attributes:
            return name
    return None
