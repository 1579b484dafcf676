"""Checks the user pool, app client, AWS permissions, and clock, for ``cognito_mfa_doctor``.

``manage.py check`` only reads the settings. These checks ask Cognito and change nothing there. If a call must
name a user, it names a random one that does not exist.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from cognito_mfa.cognito import admin_api, user_api
from cognito_mfa.cognito.caller import NO_CALLER
from cognito_mfa.cognito.endpoints import partition_of
from cognito_mfa.cognito.types import SOFTWARE_TOKEN_MFA, Challenge, PoolFactors
from cognito_mfa.conf import SELF_SERVICE_SCOPE, Conf, get_conf
from cognito_mfa.exceptions import (
    BadCredentials,
    BadReply,
    BadReplyReason,
    CognitoMFAError,
    Misconfigured,
    UserFacingError,
    UserGone,
)
from cognito_mfa.values.secret_text import SecretText

BY_EMAIL = (
    "cognito_mfa.sign_in.linking.by_verified_email",
    "cognito_mfa.sign_in.linking.resolvers.by_verified_email",  # given as itself
)
ENOUGH_MINUTES = 10  # to find the phone, install an app and scan
SKEW = 30  # seconds; a code changes as often
TOO_MUCH_SKEW = 300  # seconds, after which AWS refuses signed calls
REFUSALS = frozenset({"AccessDeniedException", "NotAuthorizedException"})
SEE_POLICY = "Add the permissions that cognito_mfa_doctor --iam-policy prints."
GIVE_CREDENTIALS = (
    "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give this machine a role. cognito_mfa_doctor --iam-policy prints the "
    "permissions."
)


class Level(IntEnum):
    """The severity of a finding."""

    OK = 0
    NOTE = 1
    WARNING = 2
    ERROR = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    Attributes:
        level: its severity.
        about: what was checked, as a short name that does not change, for scripts.
        text: what was found.
        hint: what to do about it; empty when there is nothing to do.
    """

    level: Level
    about: str
    text: str
    hint: str = ""


class _Unusable(Exception):
    """All remaining checks would fail for the same reason, such as missing AWS credentials."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.text)
        self.finding = finding


def examine() -> Iterator[Finding]:
    """Yield the findings, each as soon as it is made.

    Raises:
        ServiceError: Cognito did not respond, or not as expected; ``Misconfigured`` becomes a finding.
        Busy: Cognito throttles the calls.
    """
    yielded: set[Finding] = set()
    try:
        for finding in _examine(get_conf()):
            if finding not in yielded:  # two checks may find that errors reveal usernames
                yielded.add(finding)
                yield finding
    except _Unusable as stop:
        yield stop.finding


def _examine(conf: Conf) -> Iterator[Finding]:
    # The clock comes first: if it is wrong, AWS rejects signed calls without a clear reason.
    yield from _check_sign_in(conf)
    yield from _check_answers(conf)
    yield from _check_pool(conf)
    yield from _check_app_client(conf)
    yield from _check_permissions(conf)


def iam_policy() -> dict[str, Any]:
    """Return the minimal IAM policy for the site's AWS credentials.

    Raises:
        Misconfigured: boto3 cannot be set up on this machine.
    """
    conf = get_conf()
    deletes = admin_api.can_delete_software_token()
    # cognito_mfa_link needs AdminGetUser, even if another operation reads the factors.
    reading = dict.fromkeys((admin_api.reading_operation(), "AdminGetUser"))
    site = [
        *reading,
        "AdminDeleteSoftwareToken" if deletes else "AdminSetUserMFAPreference",
        "AdminUserGlobalSignOut",
        "GetUserPoolMfaConfig",
        "ListUsers",
    ]
    if user_api.signs_in_as_administrator(conf):
        site += ["AdminInitiateAuth", "AdminRespondToAuthChallenge"]
    return {
        "Version": "2012-10-17",
        "Statement": [
            _statement("CognitoMFA", site, conf),
            _statement("CognitoMFADoctor", ["DescribeUserPool", "DescribeUserPoolClient"], conf),
        ],
    }


# ------------------------------------------------------------------------------------- sign-in


def _check_sign_in(conf: Conf) -> Iterator[Finding]:
    """Try to sign in a random, nonexistent user, and see which error comes first."""
    flow = conf.AUTH_FLOW
    try:
        user_api.start_sign_in(
            _random_username(), SecretText(secrets.token_urlsafe(24)), caller=NO_CALLER
        )
    except CognitoMFAError as error:
        now = time.time()
        if error.answered_at is not None:
            yield _clock_finding(error.answered_at, now)
        yield from _sign_in_findings(error, conf)
        return
    text = f"Cognito accepted a {flow} sign-in for a user that does not exist."
    yield Finding(Level.NOTE, "sign-in", text, "Does a Lambda trigger create users?")


def _sign_in_findings(error: CognitoMFAError, conf: Conf) -> Iterator[Finding]:
    flow = conf.AUTH_FLOW
    if isinstance(error, BadCredentials):
        yield Finding(Level.OK, "sign-in", f"The app client allows {flow}.")
        if error.error == "UserNotFoundException" and not user_api.signs_in_as_administrator(conf):
            yield _username_enumeration()  # to anyone, because this flow needs no AWS credentials
    elif isinstance(error, Misconfigured):
        # A site with managed login may have disabled this flow on purpose.
        closed = conf.TOKEN_PROVIDER and error.error == "InvalidParameterException"
        text = f"{flow} sign-ins do not work: {error}."
        yield Finding(Level.NOTE if closed else Level.ERROR, "sign-in", text, error.hint)
        if user_api.signs_in_as_administrator(conf):
            _stop_if_unusable(error)
    elif isinstance(error, UserFacingError):  # a Lambda function or a firewall answered first
        text = f"Could not tell whether sign-ins work: {error}."
        hint = error.hint or "Check for an AWS WAF rule or a Lambda trigger."
        yield Finding(Level.NOTE, "sign-in", text, hint)
    else:
        raise error


def _check_answers(conf: Conf) -> Iterator[Finding]:
    """Respond to a made-up challenge, because admin sign-ins need a separate permission for responses."""
    if not user_api.signs_in_as_administrator(conf):
        return
    challenge = Challenge(
        SOFTWARE_TOKEN_MFA, SecretText(secrets.token_urlsafe(48)), _random_username()
    )
    try:
        user_api.answer_code(challenge, SecretText("000000"), caller=NO_CALLER)
    except UserFacingError:
        yield Finding(Level.OK, "challenges", "The AWS credentials can respond to challenges.")
    except Misconfigured as error:
        _stop_if_unusable(error)
        text = f"Users cannot enter a code or set up MFA: {error}."
        yield Finding(Level.ERROR, "challenges", text, error.hint)
    else:
        raise BadReply("AdminRespondToAuthChallenge", reason=BadReplyReason.UNKNOWN_USER_EXISTS)


# ---------------------------------------------------------------------------- pool and client


def _check_pool(conf: Conf) -> Iterator[Finding]:
    try:
        factors = admin_api.pool_factors()
    except Misconfigured as error:
        _stop_if_unusable(error)
        text = f'The AWS credentials cannot read the pool\'s MFA configuration: {error}. Users without a listed app may stay "unknown".'
        if conf.TOKEN_PROVIDER:
            text += " Sign-ins at managed login prove nothing unless their tokens contain amr."
        yield Finding(Level.WARNING, "MFA", text, SEE_POLICY)
    else:
        yield from _pool_findings(factors)
        if factors.mode == "OFF":
            return
    try:
        skips = admin_api.remembered_devices_skip_mfa()
    except Misconfigured as error:
        yield _not_checked(error)
        return
    yield _devices_finding(skips=skips)
    yield from _password_findings(conf)


def _devices_finding(*, skips: bool) -> Finding:
    if skips:
        text = "The pool lets remembered devices skip MFA. This affects other applications that use the pool."
        hint = (
            "This app never remembers devices. Turn this off unless another application needs it."
        )
        return Finding(Level.WARNING, "remembered devices", text, hint)
    return Finding(Level.OK, "remembered devices", "Remembered devices are not exempt from MFA.")


def _password_findings(conf: Conf) -> Iterator[Finding]:
    """Yield the settings about passwords that do not match the pool."""
    if conf.PASSWORD_PAGES and not admin_api.sends_reset_codes():
        text = "Only administrators can recover accounts in the pool, so users get no code for a forgotten password."
        hint = (
            "Set PASSWORD_PAGES to False, or allow account recovery by email or phone in the pool."
        )
        yield Finding(Level.WARNING, "forgotten passwords", text, hint)
    if conf.PASSWORD_RULES is None:
        return
    rules = admin_api.password_rules()
    if rules != conf.PASSWORD_RULES:
        text = (
            "PASSWORD_RULES differs from the pool's password policy, so pages show the wrong rules."
        )
        yield Finding(
            Level.WARNING, "password rules", text, f"Set PASSWORD_RULES to {rules.as_dict()!r}."
        )


def _pool_findings(factors: PoolFactors) -> Iterator[Finding]:
    if factors.mode == "OFF":
        text = "MFA is off in the pool, so users cannot set it up or be asked for it."
        yield Finding(Level.ERROR, "MFA", text, "Set MFA to optional or required.")
        return
    if factors.mode == "ON":
        text = "MFA is required in the pool: Cognito asks all users who sign in with a password."
    else:
        text = "MFA is optional in the pool: Cognito asks users who have set it up."
    yield Finding(Level.OK, "MFA", text)
    if factors.software_token:
        yield Finding(Level.OK, "authenticator apps", "Authenticator apps are enabled in the pool.")
    else:
        text = "Authenticator apps are not enabled in the pool, so users cannot set one up."
        hint = "Enable them under Sign-in > Multi-factor authentication."
        yield Finding(Level.ERROR, "authenticator apps", text, hint)
    if factors.others:
        text = f"The pool also allows {' and '.join(factors.others)}. This app accepts them at sign-in but cannot set them up."
        yield Finding(Level.NOTE, "other factors", text)
    if factors.passkeys:
        text = (
            "Passkeys count as MFA in the pool. At managed login and in other apps, users who turned this on sign in with "
            "a passkey alone. This app signs in with the password, and Cognito still asks for the code."
        )
        hint = "Cognito keeps another factor on for such users. They turn off passkeys as MFA before they remove their app here."
        yield Finding(Level.NOTE, "passkeys", text, hint)


def _check_app_client(conf: Conf) -> Iterator[Finding]:
    try:
        client = admin_api.app_client()
    except Misconfigured as error:
        if error.error == "ResourceNotFoundException":
            text = f"The app client does not exist in the pool: {error}."
            yield Finding(Level.ERROR, "app client", text, error.hint)
        else:
            yield _not_checked(error)
        return
    minutes = client.session_minutes
    text = f"Users have {minutes} minutes for each step, such as finding their phone and scanning the QR code."
    if minutes < ENOUGH_MINUTES:
        yield Finding(Level.WARNING, "session validity", text, "Set AuthSessionValidity to 15.")
    else:
        yield Finding(Level.OK, "session validity", text)
    if client.hides_usernames:
        yield Finding(
            Level.OK, "usernames", "Sign-in errors do not reveal which usernames exist in the pool."
        )
    else:
        yield _username_enumeration()
    yield _address_finding(client.writable, conf)
    if conf.USER_FIELDS:
        yield _field_finding(client.writable, conf)
    if conf.TOKEN_PROVIDER:
        yield _scope_finding(client.scopes)


def _field_finding(writable: tuple[str, ...] | None, conf: Conf) -> Finding:
    """Return whether USER_FIELDS copies attributes that users can write themselves."""
    about = "user fields"
    unverified = [claim for claim in conf.USER_FIELDS if claim not in ("email", "phone_number")]
    # Without a list, users can write all standard attributes and no custom ones.
    own = [
        claim
        for claim in unverified
        if (not claim.startswith("custom:") if writable is None else claim in writable)
    ]
    if not own:
        return Finding(Level.OK, about, "USER_FIELDS copies no attribute that users can write.")
    text = f"USER_FIELDS copies attributes that users can write themselves: {', '.join(own)}."
    hint = "Grant no permissions by these fields, or remove the attributes from the app client's WriteAttributes."
    return Finding(Level.NOTE, about, text, hint)


def _address_finding(writable: tuple[str, ...] | None, conf: Conf) -> Finding:
    """Return whether users can write their own email address, and whether this site relies on it."""
    about = "email addresses"
    if writable is not None and "email_verified" in writable:
        text = "Users can mark their own email address as verified, so every address they write is trusted."
        hint = "Remove email_verified from the app client's WriteAttributes."
        return Finding(Level.ERROR, about, text, hint)
    if writable is not None and "email" not in writable:
        text = "Users cannot write their own email address through this app client. Check the pool's other app clients too."
        return Finding(Level.OK, about, text)
    hint = "Set WriteAttributes without email on each app client of the pool"
    if conf.TRUST_POOL_EMAIL:
        text = "TRUST_POOL_EMAIL is True and users can write their own email address, so they can sign in as any user."
        return Finding(Level.ERROR, about, text, f"Set TRUST_POOL_EMAIL to False. Or: {hint}.")
    if _dotted(conf.USER_RESOLVER) in BY_EMAIL:
        text = "Users are linked by email address and can write their own. Only addresses that the pool has verified are used."
        hint += ", or make sure that the addresses on this site were verified too"
        return Finding(Level.WARNING, about, text, f"{hint}.")
    text = (
        "Users can write their own email address, which is not used until the pool has verified it."
    )
    return Finding(Level.OK, about, text)


def _scope_finding(scopes: tuple[str, ...] | None) -> Finding:
    if scopes is None:
        text = "The app client does not allow managed login. Does TOKEN_PROVIDER return tokens from somewhere else?"
        return Finding(Level.NOTE, "scope", text)
    if SELF_SERVICE_SCOPE in scopes:
        return Finding(
            Level.OK, "scope", f"Managed login can issue the scope {SELF_SERVICE_SCOPE}."
        )
    text = f"Managed login cannot issue the scope {SELF_SERVICE_SCOPE}. Without it, users who sign in there cannot set up MFA."
    hint = "Allow the scope on the app client and request it."
    return Finding(Level.ERROR, "scope", text, hint)


# -------------------------------------------------------------------------------- permissions


def _check_permissions(conf: Conf) -> Iterator[Finding]:
    """Call each admin operation for a nonexistent user, because AWS checks permissions first."""
    if admin_api.can_delete_software_token():
        removes = admin_api.delete_software_token
    else:
        text = "The installed boto3 does not support AdminDeleteSoftwareToken. A reset only turns the app off, which has no effect if MFA is required."
        yield Finding(Level.WARNING, "boto3", text, "Upgrade boto3.")
        removes = admin_api.turn_off_software_token
    tries: dict[str, Callable[[str], object]] = {
        "reading a user's status": admin_api.try_reading,
        "resetting an authenticator app": removes,
        "signing a user out everywhere": admin_api.sign_out_everywhere,
    }
    findings = [_check_permission(purpose, attempt) for purpose, attempt in tries.items()]
    yield from findings
    if conf.RECOVERY_CODES:
        yield _recovery_finding(all(finding.level is Level.OK for finding in findings))
    yield _check_disabled_users()


def _recovery_finding(permitted: bool) -> Finding:
    """Return whether recovery codes can reset an authenticator app."""
    about = "recovery codes"
    if permitted and admin_api.can_delete_software_token():
        return Finding(Level.OK, about, "Recovery codes can reset an authenticator app.")
    text = "RECOVERY_CODES is True, but recovery codes cannot reset an authenticator app."
    hint = "Add the permissions above to the AWS credentials, upgrade boto3, or set RECOVERY_CODES to False."
    return Finding(Level.ERROR, about, text, hint)


def _check_disabled_users() -> Finding:
    """Return whether the AWS credentials can list users, by a search for a nonexistent ``sub``."""
    purpose = "reading whether a user is disabled"
    try:
        admin_api.is_enabled(_random_username())
    except Misconfigured as error:
        text = f"The AWS credentials cannot be used for {purpose}: {error}. No status can be refreshed."
        return Finding(Level.WARNING, "permission", text, error.hint or SEE_POLICY)
    return Finding(Level.OK, "permission", f"The AWS credentials can be used for {purpose}.")


def _check_permission(purpose: str, attempt: Callable[[str], object]) -> Finding:
    try:
        attempt(_random_username())
    except UserGone:
        return Finding(Level.OK, "permission", f"The AWS credentials can be used for {purpose}.")
    except Misconfigured as error:
        if error.error in REFUSALS:
            text = f"The AWS credentials cannot be used for {purpose}: {error}."
            return Finding(Level.WARNING, "permission", text, SEE_POLICY)
        text = f"{purpose.capitalize()} does not work: {error}."
        return Finding(Level.WARNING, "permission", text, error.hint)
    raise BadReply(reason=BadReplyReason.UNKNOWN_USER_EXISTS)  # an answer about a nonexistent user


# ------------------------------------------------------------------------------------ helpers


def _clock_finding(theirs: float, ours: float) -> Finding:
    apart = abs(ours - theirs)
    if apart <= SKEW:
        return Finding(Level.OK, "clock", "This machine's clock agrees with Cognito's.")
    level = Level.ERROR if apart >= TOO_MUCH_SKEW else Level.WARNING
    side = "ahead of" if ours > theirs else "behind"
    text = f"This machine's clock is {apart:.0f} seconds {side} Cognito's."
    return Finding(level, "clock", text, "Synchronize the clock with NTP.")


def _stop_if_unusable(error: Misconfigured) -> None:
    """Stop all checks, unless the error concerns only one operation."""
    if error.error in REFUSALS:
        return
    if error.error == "NoCredentialsError":
        text = "No AWS credentials found. Staff cannot refresh a status or reset an authenticator app, and the remaining checks were skipped."
        # Without credentials, recovery codes do not work either.
        level = Level.ERROR if get_conf().RECOVERY_CODES else Level.WARNING
        raise _Unusable(Finding(level, "AWS credentials", text, GIVE_CREDENTIALS))
    if error.error == "ResourceNotFoundException":
        text = f"The user pool does not exist: {error}."
        raise _Unusable(Finding(Level.ERROR, "user pool", text, error.hint))
    if error.error != "InvalidParameterException":
        text = f"The AWS credentials cannot be used: {error}."
        raise _Unusable(Finding(Level.ERROR, "AWS credentials", text, error.hint))


def _not_checked(error: Misconfigured) -> Finding:
    return Finding(Level.NOTE, error.operation, f"Could not check: {error}.", SEE_POLICY)


def _username_enumeration() -> Finding:
    text = "Sign-in errors reveal which usernames exist in the pool."
    hint = "Set PreventUserExistenceErrors to ENABLED on the app client."
    return Finding(Level.WARNING, "usernames", text, hint)


def _random_username() -> str:
    return f"cognito-mfa-doctor-{secrets.token_hex(12)}"


def _statement(sid: str, operations: list[str], conf: Conf) -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Action": [f"cognito-idp:{operation}" for operation in operations],
        "Resource": f"arn:{partition_of(conf.REGION).arn}:cognito-idp:{conf.REGION}:*:userpool/{conf.USER_POOL_ID}",
    }


def _dotted(named: str | Callable[..., Any] | None) -> str | None:
    """Return the dotted path of a callable in a setting, which may be a path itself; None for None."""
    return (
        named
        if isinstance(named, str) or named is None
        else f"{named.__module__}.{named.__qualname__}"
    )
