"""Checks of ``settings.COGNITO_MFA`` itself."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as Caution
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from cognito_mfa.checks.imports import import_problem
from cognito_mfa.cognito.endpoints import ENDPOINT_VARIABLE, is_aws
from cognito_mfa.conf import (
    IS_MISSING,
    IS_UNKNOWN,
    NAME,
    SETTINGS,
    Conf,
    get_conf,
    given_settings,
    pool_region,
    problems,
)
from cognito_mfa.enforcement import policy
from cognito_mfa.enforcement.redirects import leads_to_help

CALLABLES = (
    "CLIENT_FACTORY", "REQUIRED", "USER_RESOLVER", "USER_UPDATER", "TOKEN_PROVIDER", "CLIENT_ADDRESS",
    "CLIENT_METADATA", "CLIENT_ENCODED_DATA",
)  # fmt: skip
HOST_LABEL = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")  # what botocore requires of a Region
HOUR = 3600
DAY = 24 * HOUR
YEAR = 366 * DAY
REAUTH_LIMIT = 20 * 60  # seconds; ASVS 7.5.1 and NIST SP 800-63B allow no longer re-authentication
# Shorter than this is a number that was meant as minutes, hours, or days.
SHORTEST = {
    "GRACE_PERIOD": HOUR,
    "PROOF_MAX_AGE": 5 * 60,
    "REAUTH_MAX_AGE": 30,
    "SESSION_IDLE": 60,
    "STATUS_MAX_AGE": HOUR,
    "GRANT_MAX_AGE": HOUR,
}  # seconds
# botocore's own; the one for the service takes precedence.
ENDPOINT_VARIABLES = (ENDPOINT_VARIABLE, "AWS_ENDPOINT_URL")


def conf_or_none() -> Conf | None:
    """Return the settings, or None if they cannot be read, which ``check_settings`` reports."""
    try:
        return get_conf()
    except ImproperlyConfigured:
        return None


def check_settings() -> Iterator[CheckMessage]:
    """Check that COGNITO_MFA is a dictionary (E004) with all required keys (E001).

    It must have no unknown (E002) and no invalid ones (E003).
    """
    if not isinstance(getattr(settings, NAME, {}), dict):
        yield Error(
            f"{NAME} must be a dictionary.", hint=f"Write {NAME} = {{...}}.", id="cognito_mfa.E004"
        )
        return
    for problem in problems(given_settings()):
        if problem.message == IS_MISSING:
            yield Error(
                f"{NAME}[{problem.setting!r}] is missing.", hint=problem.hint, id="cognito_mfa.E001"
            )
        elif problem.message == IS_UNKNOWN:
            yield Error(
                f"{NAME}[{problem.setting!r}] is not a setting of this app.",
                hint=problem.hint,
                id="cognito_mfa.E002",
            )
        else:
            yield Error(
                f"{NAME}[{problem.setting!r}] {problem.message}.",
                hint=problem.hint,
                id="cognito_mfa.E003",
            )


def check_callables() -> Iterator[CheckMessage]:
    """Check that callables in settings can be imported (E005)."""
    conf = conf_or_none()
    for name in CALLABLES if conf else ():
        path = getattr(conf, name)
        if isinstance(path, str) and "." in path and (trouble := import_problem(path)):
            yield Error(
                f"{NAME}[{name!r}] cannot be imported: {trouble}.",
                hint=SETTINGS[name].hint,
                id="cognito_mfa.E005",
            )


def check_rule() -> Iterator[CheckMessage]:
    """Check that the user model has the fields that REQUIRED needs (E013)."""
    conf = conf_or_none()
    if conf is None:
        return
    if conf.REQUIRED == "staff" and not policy.user_model_has_field("is_staff"):
        yield Error(
            f"{NAME}['REQUIRED'] is 'staff', but the user model has no is_staff field.",
            hint="Set it to the dotted path of a function f(request) -> bool that returns whether the user must use MFA.",
            id="cognito_mfa.E013",
        )
    elif isinstance(conf.REQUIRED, dict) and not policy.user_model_has_field("groups"):
        yield Error(
            f"{NAME}['REQUIRED'] names groups, but the user model has no groups field.",
            hint="Set it to the dotted path of a function f(request) -> bool that returns whether the user must use MFA.",
            id="cognito_mfa.E013",
        )


def check_durations() -> Iterator[CheckMessage]:
    """Check that proofs (W001), re-authentication (W002), and exemptions (W029) are short.

    Idleness must be limited to less than a proof lasts (W027).
    """
    conf = conf_or_none()
    if conf is None:
        return
    if conf.PROOF_MAX_AGE > DAY:
        yield Caution(
            f"{NAME}['PROOF_MAX_AGE'] is longer than 24 hours, so a stolen session stays verified for that long.",
            hint="Set it to 24 hours or less (NIST SP 800-63B, section 2.2.3).",
            id="cognito_mfa.W001",
        )
    if conf.REAUTH_MAX_AGE > REAUTH_LIMIT:
        yield Caution(
            f"{NAME}['REAUTH_MAX_AGE'] is longer than 20 minutes, so anyone who finds an open browser can change "
            "the account's security settings.",
            hint="Set it to 20 minutes or less.",
            id="cognito_mfa.W002",
        )
    if conf.GRANT_MAX_AGE > YEAR:
        yield Caution(
            f"{NAME}['GRANT_MAX_AGE'] is longer than a year, so exemptions may outlive their reason.",
            hint="Set it to a year or less, because an exemption can be granted again.",
            id="cognito_mfa.W029",
        )
    if conf.SESSION_IDLE is not None and conf.SESSION_IDLE >= conf.PROOF_MAX_AGE:
        yield Caution(
            f"{NAME}['SESSION_IDLE'] is not shorter than PROOF_MAX_AGE, so it has no effect.",
            hint="Set it to a shorter time, or remove it.",
            id="cognito_mfa.W027",
        )


def check_short_durations() -> Iterator[CheckMessage]:
    """Check that no duration is so short that seconds were mistaken for another unit (W063)."""
    conf = conf_or_none()
    if conf is None:
        return
    for name, shortest in SHORTEST.items():
        given = getattr(conf, name)
        if given is not None and given < shortest:
            yield Caution(
                f"{NAME}[{name!r}] is {given:g} seconds, which is too short to be useful.",
                hint="Set it to a datetime.timedelta, such as timedelta(days=14), because numbers are seconds, or silence this "
                "check if you meant seconds.",
                id="cognito_mfa.W063",
            )


def check_issuer() -> Iterator[CheckMessage]:
    """Check that ISSUER is set (W003) and contains no colon (E014)."""
    conf = conf_or_none()
    if conf is None:
        return
    if conf.ISSUER is None:
        yield Caution(
            f"{NAME}['ISSUER'] is not set, so authenticator apps show the request's host name.",
            hint=SETTINGS["ISSUER"].hint,
            id="cognito_mfa.W003",
        )
    elif ":" in conf.ISSUER:
        yield Error(
            f"{NAME}['ISSUER'] must not contain a colon: authenticator apps use it to separate the issuer from "
            "the account name.",
            hint="Remove the colon.",
            id="cognito_mfa.E014",
        )


def check_support() -> Iterator[CheckMessage]:
    """Check that pages (E027) and emails (W030) can show SUPPORT_URL."""
    conf = conf_or_none()
    if conf is None or conf.SUPPORT_URL is None:
        return
    if not leads_to_help(conf.SUPPORT_URL):
        yield Error(
            f"{NAME}['SUPPORT_URL'] is not a valid link, so no page and no email shows it.",
            hint="Use https://..., mailto:..., tel:..., or a path that starts with one slash, percent-encoded and without "
            "spaces.",
            id="cognito_mfa.E027",
        )
    elif conf.NOTIFY and conf.SUPPORT_URL.startswith("/"):
        yield Caution(
            f"{NAME}['SUPPORT_URL'] is a path, so pages show it but emails, which have no host name, do not.",
            hint="Set it to the full URL, starting with https://.",
            id="cognito_mfa.W030",
        )


def check_region() -> Iterator[CheckMessage]:
    """Check that REGION is a Region (E031), that of the user pool (E015), whose id is one of AWS (W039)."""
    conf = conf_or_none()
    if conf is None:
        return
    named = pool_region(conf.USER_POOL_ID)
    if not HOST_LABEL.fullmatch(conf.REGION):
        yield Error(
            f"{NAME}['REGION'] is {conf.REGION!r}, which is not an AWS Region and cannot be part of a host name.",
            hint="Use the name of an AWS Region, such as 'eu-west-1'.",
            id="cognito_mfa.E031",
        )
    elif not named:
        yield Caution(
            f"{NAME}['USER_POOL_ID'] is {conf.USER_POOL_ID!r}, which does not start with an AWS Region, so it is "
            "not a user pool at AWS.",
            hint="Copy the id of the user pool, or silence this check if it belongs to an emulator.",
            id="cognito_mfa.W039",
        )
    elif named != conf.REGION:
        yield Error(
            f"{NAME}['REGION'] is {conf.REGION!r}, but the user pool {conf.USER_POOL_ID!r} is in another Region.",
            hint=SETTINGS["REGION"].hint,
            id="cognito_mfa.E015",
        )


def check_endpoint() -> Iterator[CheckMessage]:
    """Check that a site without DEBUG uses no local Cognito (E011).

    It must use TLS (E012), and should use a host of AWS (W004).
    """
    conf = conf_or_none()
    if conf is None or settings.DEBUG:
        return
    if _is_local(conf.CLIENT_FACTORY):
        yield Error(
            "The local Cognito emulator must not be used in production: anyone who can read its memory can sign in as any "
            "user.",
            hint=f"Remove 'CLIENT_FACTORY' from {NAME}.",
            id="cognito_mfa.E011",
        )
    name, url = _endpoint(conf)
    if url and not url.startswith("https://"):
        yield Error(
            f"{name} would send passwords and codes without encryption.",
            hint="Remove it, or use https.",
            id="cognito_mfa.E012",
        )
    elif url and not is_aws(url):
        yield Caution(
            f"{name} sends passwords and codes to {urlsplit(url).hostname!r}, which is not AWS.",
            hint=f"Remove it, or, if the host is yours, set {NAME}['ENDPOINT_URL'] or {ENDPOINT_VARIABLE} to it and silence "
            "this check.",
            id="cognito_mfa.W004",
        )


def _is_local(factory: object) -> bool:
    """Return whether ``CLIENT_FACTORY`` is the local Cognito's, even under another name."""
    if isinstance(factory, str) and factory.startswith("cognito_mfa.local"):
        return True
    try:
        found: Any = import_string(factory) if isinstance(factory, str) else factory
        return str(inspect.unwrap(found).__module__).startswith("cognito_mfa.local")
    except Exception:  # noqa: BLE001 - E005 says that it cannot be imported
        return False


def _endpoint(conf: Conf) -> tuple[str, str | None]:
    """Return the name of the setting that changes the endpoint, and its value; empty and None without one."""
    if conf.ENDPOINT_URL:
        return f"{NAME}['ENDPOINT_URL']", conf.ENDPOINT_URL
    for name in ENDPOINT_VARIABLES:
        if os.environ.get(name):
            return f"The environment variable {name}", os.environ[name]
    return "", None
