"""Whether what lies outside the site is as it must be: pool, app client, AWS permissions, clock.

``manage.py check`` looks at the settings alone; this asks Cognito, and changes nothing there. Where it
must name a user, it names one that nobody has.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from cognito_mfa.conf import Conf, get_conf
from cognito_mfa.exceptions import (
    BadCredentials,
    Misconfigured,
    ServiceError,
    UserFacingError,
    UserGone,
)
from cognito_mfa.gateway import CognitoGateway, PoolFactors, get_gateway

SELF_SERVICE = "aws.cognito.signin.user.admin"  # facts §7.1
ENOUGH_MINUTES = 10  # to find the phone, install an app and scan (facts §3.3)
SKEW = 30  # seconds: a step of a code
TOO_MUCH_SKEW = 300  # seconds, after which AWS refuses signed calls


class Level(IntEnum):
    """How bad a finding is."""

    OK = 0
    NOTE = 1
    WARNING = 2
    ERROR = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        about: what, in a word or two that stay the same.
        text: what was found.
        hint: what to do about it; empty where nothing is to be done.
    """

    level: Level
    about: str
    text: str
    hint: str = ""


def examine() -> Iterator[Finding]:
    """Yield what is found, one after another.

    Raises:
        ServiceError: Cognito does not answer, or not as it should; ``Misconfigured`` is a finding.
        Busy: it is asked too much.
    """
    told: set[Finding] = set()
    for finding in _examine(get_gateway()):
        if finding not in told:  # that names are told shows in two ways
            told.add(finding)
            yield finding


def _examine(gateway: CognitoGateway) -> Iterator[Finding]:
    yield from _sign_in(gateway)
    try:
        factors = gateway.pool_factors()
    except Misconfigured as error:
        yield from _not_seen(error)
        if error.error == "NoCredentialsError":
            return
    else:
        yield from _pool(factors)
        yield _clock(factors.answered_at, time.time())
    yield from _devices(gateway)
    yield from _app_client(gateway)
    yield from _permissions(gateway)


def iam_policy() -> dict[str, Any]:
    """Return the least that the site's AWS credentials must be allowed, as an IAM policy document."""
    conf, gateway = get_conf(), get_gateway()
    deletes = gateway.can_delete_software_token()
    site = [
        gateway.reading_operation(),
        "AdminDeleteSoftwareToken" if deletes else "AdminSetUserMFAPreference",
        "AdminUserGlobalSignOut",
        "GetUserPoolMfaConfig",
    ]
    if conf.AUTH_FLOW == "ADMIN_USER_PASSWORD_AUTH":
        site += ["AdminInitiateAuth", "AdminRespondToAuthChallenge"]
    return {
        "Version": "2012-10-17",
        "Statement": [
            _allow("CognitoMFA", site, conf),
            _allow("CognitoMFADoctor", ["DescribeUserPool", "DescribeUserPoolClient"], conf),
        ],
    }


# ---------------------------------------------------------------------------------- each thing


def _sign_in(gateway: CognitoGateway) -> Iterator[Finding]:
    """Sign nobody in: what Cognito refuses first tells whether client, secret and flow fit."""
    flow = gateway.conf.AUTH_FLOW
    try:
        gateway.start_sign_in(_nobody(), secrets.token_urlsafe(24))
    except BadCredentials as error:
        yield Finding(Level.OK, "sign-in", f"Sign-ins by {flow} work.")
        if error.error == "UserNotFoundException" and not flow.startswith("ADMIN_"):
            yield _tells_names()  # and not only to whoever has AWS credentials
        return
    except Misconfigured as error:
        # Whoever signs people in elsewhere may have closed this way on purpose.
        level = Level.NOTE if gateway.conf.TOKEN_PROVIDER else Level.ERROR
        text = f"Sign-ins by {flow} do not work: {error}."
        yield Finding(level, "sign-in", text, error.hint)
        return
    except UserFacingError as error:  # a firewall, or a Lambda function, was asked first
        text = f"Cognito says neither that sign-ins work nor that they do not: {error}."
        yield Finding(Level.NOTE, "sign-in", text, "Is it a firewall rule or a Lambda trigger?")
        return
    text = "Cognito went on with somebody who does not exist."
    yield Finding(Level.NOTE, "sign-in", text, "Is there a Lambda trigger that makes users?")


def _pool(factors: PoolFactors) -> Iterator[Finding]:
    if factors.mode == "OFF":
        text = "MFA is off in the pool: nobody can set up or be asked for a second factor."
        yield Finding(Level.ERROR, "MFA", text, "Make it optional or required.")
        return
    who = "asks everybody" if factors.mode == "ON" else "asks those who have set up"
    text = f"MFA is {factors.mode} in the pool: Cognito {who}."
    yield Finding(Level.OK, "MFA", text)
    if factors.software_token:
        yield Finding(Level.OK, "authenticator apps", "They are switched on in the pool.")
    else:
        text = "Authenticator apps are not switched on in the pool: nobody can set one up."
        hint = "Switch them on, under Sign-in, Multi-factor authentication."
        yield Finding(Level.ERROR, "authenticator apps", text, hint)
    if factors.others:
        text = f"The pool also takes {' and '.join(factors.others)}, which this app answers and never sets up."
        yield Finding(Level.NOTE, "other factors", text)


def _devices(gateway: CognitoGateway) -> Iterator[Finding]:
    try:
        spared = gateway.remembered_devices_skip_mfa()
    except Misconfigured as error:
        yield from _not_seen(error)
        return
    if spared:
        text = "The pool spares devices that it remembers the second factor. At other applications of the pool that counts."
        hint = "This app never remembers devices. Turn it off, unless another application wants it."
        yield Finding(Level.WARNING, "remembered devices", text, hint)
    else:
        text = "The pool asks for the second factor on every device."
        yield Finding(Level.OK, "remembered devices", text)


def _app_client(gateway: CognitoGateway) -> Iterator[Finding]:
    try:
        client = gateway.app_client()
    except Misconfigured as error:
        yield from _not_seen(error)
        return
    minutes = client.session_minutes
    text = f"People have {minutes} minutes for each step, such as to find their phone and scan."
    if minutes < ENOUGH_MINUTES:
        yield Finding(Level.WARNING, "time", text, "Set AuthSessionValidity to 15.")
    else:
        yield Finding(Level.OK, "time", text)
    if client.hides_names:
        yield Finding(Level.OK, "names", "Nobody learns which names exist in the pool.")
    else:
        yield _tells_names()
    if gateway.conf.TOKEN_PROVIDER:
        yield _scope(client.scopes)


def _scope(scopes: tuple[str, ...]) -> Finding:
    if SELF_SERVICE in scopes:
        return Finding(Level.OK, "scope", f"Sign-ins elsewhere may ask for {SELF_SERVICE}.")
    text = (
        f"Sign-ins elsewhere cannot get the scope {SELF_SERVICE}, and without it nobody can set up."
    )
    return Finding(Level.ERROR, "scope", text, "Allow it on the app client, and ask for it.")


def _permissions(gateway: CognitoGateway) -> Iterator[Finding]:
    """Try each thing that staff can do on somebody whom nobody has: IAM is asked before the pool is."""
    if gateway.can_delete_software_token():
        removes = gateway.delete_software_token
    else:
        text = "The installed boto3 does not know AdminDeleteSoftwareToken: a reset only turns the app off, which does nothing where MFA is required."
        yield Finding(Level.WARNING, "boto3", text, "Install a newer boto3.")
        removes = gateway.turn_off_software_token_of
    tries: dict[str, Callable[[str], object]] = {
        "reading somebody's status": gateway.read_factors,
        "resetting an authenticator app": removes,
        "signing somebody out everywhere": gateway.sign_out_everywhere,
    }
    for purpose, attempt in tries.items():
        yield _permission(purpose, attempt)


def _permission(purpose: str, attempt: Callable[[str], object]) -> Finding:
    try:
        attempt(_nobody())
    except UserGone:
        return Finding(Level.OK, "permission", f"The AWS credentials allow {purpose}.")
    except Misconfigured as error:
        text = f"The AWS credentials do not allow {purpose}: {error}."
        return Finding(Level.WARNING, "permission", text, "See --iam-policy.")
    raise ServiceError("doctor", "NobodyExists")  # an answer about a user that there cannot be


def _clock(theirs: float | None, ours: float) -> Finding:
    if theirs is None:
        return Finding(Level.NOTE, "clock", "Cognito's answer did not say what time it is.")
    apart = abs(ours - theirs)
    if apart <= SKEW:
        return Finding(Level.OK, "clock", "This machine's clock agrees with Cognito's.")
    level = Level.ERROR if apart >= TOO_MUCH_SKEW else Level.WARNING
    text = f"This machine's clock is {apart:.0f} seconds {'ahead' if ours > theirs else 'behind'}."
    return Finding(level, "clock", text, "Let the operating system set it (NTP).")


# ------------------------------------------------------------------------------------ helpers


def _not_seen(error: Misconfigured) -> Iterator[Finding]:
    if error.error == "NoCredentialsError":
        text = "There are no AWS credentials. People can sign in and set up; staff can neither read a status nor reset, and the rest is not seen here."
        yield Finding(Level.WARNING, "AWS credentials", text, "See --iam-policy.")
    elif error.error == "ResourceNotFoundException":
        yield Finding(Level.ERROR, error.operation, f"There is no such thing: {error}.", error.hint)
    else:
        hint = " ".join(filter(None, (error.hint, "See --iam-policy.")))
        yield Finding(Level.NOTE, error.operation, f"Not seen: {error}.", hint)


def _tells_names() -> Finding:
    text = "A stranger can find out which names exist in the pool."
    hint = "Set PreventUserExistenceErrors to ENABLED on the app client."
    return Finding(Level.WARNING, "names", text, hint)


def _nobody() -> str:
    return f"cognito-mfa-doctor-{secrets.token_hex(12)}"


def _allow(sid: str, operations: list[str], conf: Conf) -> dict[str, Any]:
    partition = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
    name = next((name for start, name in partition.items() if conf.REGION.startswith(start)), "aws")
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Action": [f"cognito-idp:{operation}" for operation in operations],
        "Resource": f"arn:{name}:cognito-idp:{conf.REGION}:*:userpool/{conf.USER_POOL_ID}",
    }
