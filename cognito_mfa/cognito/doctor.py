"""Whether pool, app client, AWS permissions and clock are as the site needs them.

``manage.py check`` looks only at the settings; this asks Cognito, and changes nothing there. Where a call
must name a user, it names a random one that does not exist.
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
SKEW = 30  # seconds: a step of a code
TOO_MUCH_SKEW = 300  # seconds, after which AWS refuses signed calls
REFUSALS = frozenset({"AccessDeniedException", "NotAuthorizedException"})


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
        about: what was checked, in a word or two that stay the same for scripts.
        text: what was found.
        hint: what to do about it; empty when there is nothing to do.
    """

    level: Level
    about: str
    text: str
    hint: str = ""


class _Unusable(Exception):
    """Every further check would fail for the same reason: the AWS credentials, or the pool."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.text)
        self.finding = finding


def examine() -> Iterator[Finding]:
    """Yield the findings, each as soon as it is made.

    Raises:
        ServiceError: Cognito did not answer, or not as it should; ``Misconfigured`` is a finding.
        Busy: Cognito throttles the calls.
    """
    yielded: set[Finding] = set()
    try:
        for finding in _examine(get_conf()):
            if finding not in yielded:  # two checks may find that usernames are disclosed
                yielded.add(finding)
                yield finding
    except _Unusable as stop:
        yield stop.finding


def _examine(conf: Conf) -> Iterator[Finding]:
    # The clock first: when it is wrong, AWS refuses signed calls and hardly says why.
    yield from _check_sign_in(conf)
    yield from _check_answers(conf)
    yield from _check_pool(conf)
    yield from _check_app_client(conf)
    yield from _check_permissions(conf)


def iam_policy() -> dict[str, Any]:
    """Return the least permissions that the site's AWS credentials need, as an IAM policy document.

    Raises:
        Misconfigured: boto3 cannot be set up on this machine.
    """
    conf = get_conf()
    deletes = admin_api.can_delete_software_token()
    site = [
        *dict.fromkeys(
            (admin_api.reading_operation(), "AdminGetUser")
        ),  # the second for cognito_mfa_link
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
    text = f"Cognito went on by {flow} with somebody who does not exist."
    yield Finding(Level.NOTE, "sign-in", text, "Is there a Lambda trigger that makes users?")


def _sign_in_findings(error: CognitoMFAError, conf: Conf) -> Iterator[Finding]:
    flow = conf.AUTH_FLOW
    if isinstance(error, BadCredentials):
        yield Finding(Level.OK, "sign-in", f"The app client takes sign-ins by {flow}.")
        if error.error == "UserNotFoundException" and not user_api.signs_in_as_administrator(conf):
            yield _username_enumeration()  # not only to holders of AWS credentials
    elif isinstance(error, Misconfigured):
        # A site with managed login may have closed this flow on purpose.
        closed = conf.TOKEN_PROVIDER and error.error == "InvalidParameterException"
        text = f"Sign-ins by {flow} do not work: {error}."
        yield Finding(Level.NOTE if closed else Level.ERROR, "sign-in", text, error.hint)
        if user_api.signs_in_as_administrator(conf):
            _stop_if_unusable(error)
    elif isinstance(error, UserFacingError):  # a Lambda function was asked first
        text = f"Cognito says neither that sign-ins work nor that they do not: {error}."
        yield Finding(Level.NOTE, "sign-in", text, error.hint or "Is it a Lambda trigger?")
    else:
        raise error


def _check_answers(conf: Conf) -> Iterator[Finding]:
    """Answer an invented challenge: for administrators' sign-ins, answering is a permission of its own."""
    if not user_api.signs_in_as_administrator(conf):
        return
    challenge = Challenge(
        SOFTWARE_TOKEN_MFA, SecretText(secrets.token_urlsafe(48)), _random_username()
    )
    try:
        user_api.answer_code(challenge, SecretText("000000"), caller=NO_CALLER)
    except UserFacingError:
        yield Finding(Level.OK, "codes", "The AWS credentials allow answering challenges.")
    except Misconfigured as error:
        _stop_if_unusable(error)
        text = f"Nobody can answer a code or set up: {error}."
        yield Finding(Level.ERROR, "codes", text, error.hint)
    else:
        raise BadReply("AdminRespondToAuthChallenge", reason=BadReplyReason.UNKNOWN_USER_EXISTS)


# ---------------------------------------------------------------------------- pool and client


def _check_pool(conf: Conf) -> Iterator[Finding]:
    try:
        factors = admin_api.pool_factors()
    except Misconfigured as error:
        _stop_if_unusable(error)
        text = f"The AWS credentials do not allow looking at the pool's MFA: {error}. Who has no app in Cognito's list may stay “unknown”."
        if conf.TOKEN_PROVIDER:
            text += " Sign-ins at managed login prove nothing unless their tokens carry amr."
        yield Finding(Level.WARNING, "MFA", text, "See --iam-policy.")
    else:
        yield from _pool_findings(factors)
        if factors.mode == "OFF":
            return
    try:
        spared = admin_api.remembered_devices_skip_mfa()
    except Misconfigured as error:
        yield _not_checked(error)
        return
    if spared:
        text = "The pool spares devices that it remembers the second factor. At other applications of the pool that counts."
        hint = "This app never remembers devices. Turn it off, unless another application wants it."
        yield Finding(Level.WARNING, "remembered devices", text, hint)
    else:
        yield Finding(Level.OK, "remembered devices", "None is spared the second factor.")
    yield from _password_findings(conf)


def _password_findings(conf: Conf) -> Iterator[Finding]:
    """Yield what makes the pages about passwords say something untrue."""
    if conf.PASSWORD_PAGES and not admin_api.sends_reset_codes():
        text = "The pool lets only administrators recover accounts, so no codes are sent for forgotten passwords."
        hint = "Set PASSWORD_PAGES to False, or allow recovery by email or phone in the pool."
        yield Finding(Level.WARNING, "forgotten passwords", text, hint)
    if conf.PASSWORD_RULES is None:
        return
    rules = admin_api.password_rules()
    if rules != conf.PASSWORD_RULES:
        text = "PASSWORD_RULES differs from the pool's password policy, so pages show wrong rules."
        yield Finding(Level.WARNING, "password rules", text, f"Write {rules.as_dict()!r}.")


def _pool_findings(factors: PoolFactors) -> Iterator[Finding]:
    if factors.mode == "OFF":
        text = "MFA is off in the pool: nobody can set up or be asked for a second factor."
        yield Finding(Level.ERROR, "MFA", text, "Make it optional or required.")
        return
    who = (
        "everybody with a password in the pool" if factors.mode == "ON" else "those who have set up"
    )
    yield Finding(Level.OK, "MFA", f"MFA is {factors.mode} in the pool: Cognito asks {who}.")
    if factors.software_token:
        yield Finding(Level.OK, "authenticator apps", "They are switched on in the pool.")
    else:
        text = "Authenticator apps are not switched on in the pool: nobody can set one up."
        hint = "Switch them on, under Sign-in, Multi-factor authentication."
        yield Finding(Level.ERROR, "authenticator apps", text, hint)
    if factors.others:
        text = f"The pool also takes {' and '.join(factors.others)}, which this app answers and never sets up."
        yield Finding(Level.NOTE, "other factors", text)


def _check_app_client(conf: Conf) -> Iterator[Finding]:
    try:
        client = admin_api.app_client()
    except Misconfigured as error:
        if error.error == "ResourceNotFoundException":
            text = f"The pool has no such app client: {error}."
            yield Finding(Level.ERROR, "app client", text, error.hint)
        else:
            yield _not_checked(error)
        return
    minutes = client.session_minutes
    text = f"People have {minutes} minutes for each step, such as to find their phone and scan."
    if minutes < ENOUGH_MINUTES:
        yield Finding(Level.WARNING, "time", text, "Set AuthSessionValidity to 15.")
    else:
        yield Finding(Level.OK, "time", text)
    if client.hides_usernames:
        yield Finding(Level.OK, "names", "Sign-ins do not tell which names exist in the pool.")
    else:
        yield _username_enumeration()
    yield _address_finding(client.writable, conf)
    if conf.USER_FIELDS:
        yield _field_finding(client.writable, conf)
    if conf.TOKEN_PROVIDER:
        yield _scope_finding(client.scopes)


def _field_finding(writable: tuple[str, ...] | None, conf: Conf) -> Finding:
    """Return which attributes USER_FIELDS copies although users can write them."""
    about = "user fields"
    unverified = [claim for claim in conf.USER_FIELDS if claim not in ("email", "phone_number")]
    # Without a list, an app client may write all standard attributes, and no custom ones.
    own = [
        claim
        for claim in unverified
        if (not claim.startswith("custom:") if writable is None else claim in writable)
    ]
    if not own:
        return Finding(Level.OK, about, "USER_FIELDS copies no attribute that users can write.")
    text = f"USER_FIELDS copies what users can write themselves: {', '.join(own)}."
    hint = "Use these fields for nothing that decides rights, or take them out of the app client's WriteAttributes."
    return Finding(Level.NOTE, about, text, hint)


def _address_finding(writable: tuple[str, ...] | None, conf: Conf) -> Finding:
    """Return whether users can write their own email address, and what depends on it here."""
    about = "addresses"
    if writable is not None and "email_verified" in writable:
        text = (
            "People can call their own address verified: whatever address they write is believed."
        )
        hint = "Take email_verified out of the app client's WriteAttributes."
        return Finding(Level.ERROR, about, text, hint)
    if writable is not None and "email" not in writable:
        text = "People cannot write their own address through this app client; look at the pool's others as well."
        return Finding(Level.OK, about, text)
    hint = "Name WriteAttributes without email on each app client of the pool"
    if conf.TRUST_POOL_EMAIL:
        text = "TRUST_POOL_EMAIL believes every address, and people can write their own: anybody can be anybody."
        return Finding(Level.ERROR, about, text, f"Turn TRUST_POOL_EMAIL off. Or: {hint}.")
    if _dotted(conf.USER_RESOLVER) in BY_EMAIL:
        text = "Users are linked by address, and people can write their own. Only a verified one counts, and only as far as the pool verifies."
        hint += ", or see to it that Django's addresses were verified too"
        return Finding(Level.WARNING, about, text, f"{hint}.")
    text = (
        "People can write their own address; it counts for nothing before the pool has verified it."
    )
    return Finding(Level.OK, about, text)


def _scope_finding(scopes: tuple[str, ...] | None) -> Finding:
    if scopes is None:
        text = "The app client takes no sign-ins at managed login. Do TOKEN_PROVIDER's tokens come from elsewhere?"
        return Finding(Level.NOTE, "scope", text)
    if SELF_SERVICE_SCOPE in scopes:
        return Finding(Level.OK, "scope", f"Managed login may be asked for {SELF_SERVICE_SCOPE}.")
    text = f"Managed login cannot be asked for {SELF_SERVICE_SCOPE}; without it nobody from there can set up."
    return Finding(Level.ERROR, "scope", text, "Allow it on the app client, and ask for it.")


# -------------------------------------------------------------------------------- permissions


def _check_permissions(conf: Conf) -> Iterator[Finding]:
    """Call each admin operation for a nonexistent user: AWS checks the permission before it looks for the user."""
    if admin_api.can_delete_software_token():
        removes = admin_api.delete_software_token
    else:
        text = "The installed boto3 does not know AdminDeleteSoftwareToken: a reset only turns the app off, which does nothing where MFA is required."
        yield Finding(Level.WARNING, "boto3", text, "Install a newer boto3.")
        removes = admin_api.turn_off_software_token
    tries: dict[str, Callable[[str], object]] = {
        "reading somebody's status": admin_api.try_reading,
        "resetting an authenticator app": removes,
        "signing somebody out everywhere": admin_api.sign_out_everywhere,
    }
    findings = [_check_permission(purpose, attempt) for purpose, attempt in tries.items()]
    yield from findings
    if conf.RECOVERY_CODES:
        yield _recovery_finding(all(finding.level is Level.OK for finding in findings))
    yield _check_disabled_users()


def _recovery_finding(permitted: bool) -> Finding:
    """Return whether a used recovery code would reset the authenticator."""
    about = "recovery codes"
    if permitted and admin_api.can_delete_software_token():
        return Finding(Level.OK, about, "A recovery code can reset an authenticator app.")
    text = "RECOVERY_CODES is on, and a recovery code cannot reset an authenticator app."
    hint = "Add the permissions above to the AWS credentials, install a newer boto3, or turn RECOVERY_CODES off."
    return Finding(Level.ERROR, about, text, hint)


def _check_disabled_users() -> Finding:
    """Look for a nonexistent ``sub``: the permission is enough for an empty list."""
    purpose = "seeing who is disabled in the pool"
    try:
        admin_api.is_enabled(_random_username())
    except Misconfigured as error:
        text = f"The AWS credentials do not allow {purpose}: {error}. No status can be refreshed."
        return Finding(Level.WARNING, "permission", text, error.hint or "See --iam-policy.")
    return Finding(Level.OK, "permission", f"The AWS credentials allow {purpose}.")


def _check_permission(purpose: str, attempt: Callable[[str], object]) -> Finding:
    try:
        attempt(_random_username())
    except UserGone:
        return Finding(Level.OK, "permission", f"The AWS credentials allow {purpose}.")
    except Misconfigured as error:
        if error.error in REFUSALS:
            text = f"The AWS credentials do not allow {purpose}: {error}."
            return Finding(Level.WARNING, "permission", text, "See --iam-policy.")
        text = f"{purpose.capitalize()} does not work: {error}."
        return Finding(Level.WARNING, "permission", text, error.hint)
    raise BadReply(reason=BadReplyReason.UNKNOWN_USER_EXISTS)  # an answer about a nonexistent user


# ------------------------------------------------------------------------------------ helpers


def _clock_finding(theirs: float, ours: float) -> Finding:
    apart = abs(ours - theirs)
    if apart <= SKEW:
        return Finding(Level.OK, "clock", "This machine's clock agrees with Cognito's.")
    level = Level.ERROR if apart >= TOO_MUCH_SKEW else Level.WARNING
    text = f"This machine's clock is {apart:.0f} seconds {'ahead' if ours > theirs else 'behind'}."
    return Finding(level, "clock", text, "Let the operating system set it (NTP).")


def _stop_if_unusable(error: Misconfigured) -> None:
    """End the examination, unless the error concerns only one operation."""
    if error.error in REFUSALS:
        return
    if error.error == "NoCredentialsError":
        text = "There are no AWS credentials: staff can neither read a status nor reset, and the rest is not seen here."
        level = (
            Level.ERROR if get_conf().RECOVERY_CODES else Level.WARNING
        )  # which nobody can use then
        raise _Unusable(Finding(level, "AWS credentials", text, "See --iam-policy."))
    if error.error == "ResourceNotFoundException":
        text = f"There is no such user pool: {error}."
        raise _Unusable(Finding(Level.ERROR, "user pool", text, error.hint))
    if error.error != "InvalidParameterException":
        text = f"Nothing can be asked with the AWS credentials: {error}."
        raise _Unusable(Finding(Level.ERROR, "AWS credentials", text, error.hint))


def _not_checked(error: Misconfigured) -> Finding:
    return Finding(Level.NOTE, error.operation, f"Not seen: {error}.", "See --iam-policy.")


def _username_enumeration() -> Finding:
    text = "A stranger can find out which names exist in the pool."
    hint = "Set PreventUserExistenceErrors to ENABLED on the app client."
    return Finding(Level.WARNING, "names", text, hint)


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
    """Return the dotted path of a setting's callable, given as a path or as itself; None for None."""
    return (
        named
        if isinstance(named, str) or named is None
        else f"{named.__module__}.{named.__qualname__}"
    )
