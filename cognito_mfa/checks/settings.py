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

from cognito_mfa.cognito.endpoints import ENDPOINT_VARIABLE, is_aws
from cognito_mfa.conf import NAME, SETTINGS, Conf, get_conf, given_settings, pool_region, problems
from cognito_mfa.enforcement import policy
from cognito_mfa.enforcement.redirects import leads_to_help

CALLABLES = (
    "CLIENT_FACTORY", "REQUIRED", "USER_RESOLVER", "USER_UPDATER", "TOKEN_PROVIDER", "CLIENT_ADDRESS",
    "CLIENT_METADATA", "CLIENT_ENCODED_DATA",
)  # fmt: skip
HOST_LABEL = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")  # as botocore asks of a Region
DAY = 24 * 3600
YEAR = 366 * DAY
REAUTH_LIMIT = 20 * 60  # seconds; ASVS 7.5.1 and NIST SP 800-63B allow no longer re-authentication
# botocore's own; the one for the service wins.
ENDPOINT_VARIABLES = (ENDPOINT_VARIABLE, "AWS_ENDPOINT_URL")


def conf_or_none() -> Conf | None:
    """Return the settings, or None when they cannot be read; ``check_settings`` says why."""
    try:
        return get_conf()
    except ImproperlyConfigured:
        return None


def check_settings() -> Iterator[CheckMessage]:
    """E001: a setting is missing. E002: unknown. E003: unreadable. E004: not a dictionary."""
    if not isinstance(getattr(settings, NAME, {}), dict):
        yield Error(
            f"{NAME} must be a dictionary.", hint=f"Write {NAME} = {{...}}.", id="cognito_mfa.E004"
        )
        return
    for problem in problems(given_settings()):
        kind = "E003" if problem.setting in SETTINGS else "E002"
        kind = "E001" if problem.message == "is missing" else kind
        text = f"{NAME}[{problem.setting!r}] {problem.message}."
        yield Error(text, hint=problem.hint, id=f"cognito_mfa.{kind}")


def check_callables() -> Iterator[CheckMessage]:
    """E005: a dotted path cannot be imported."""
    conf = conf_or_none()
    for name in CALLABLES if conf else ():
        path = getattr(conf, name)
        if isinstance(path, str) and "." in path and (trouble := _import_problem(path)):
            yield Error(
                f"{NAME}[{name!r}] cannot be imported: {trouble}.",
                hint=SETTINGS[name].hint,
                id="cognito_mfa.E005",
            )


def check_rule() -> Iterator[CheckMessage]:
    """E013: REQUIRED is about a column that the site's users do not have."""
    conf = conf_or_none()
    if conf is None:
        return
    if conf.REQUIRED == "staff" and not policy.user_model_has_field("is_staff"):
        yield Error(
            f"{NAME}['REQUIRED'] is 'staff', and the site's users have no is_staff.",
            hint="Write the dotted path of f(request) -> bool that says who must have a second factor.",
            id="cognito_mfa.E013",
        )
    elif isinstance(conf.REQUIRED, dict) and not policy.user_model_has_field("groups"):
        yield Error(
            f"{NAME}['REQUIRED'] names groups, and the site's users have none.",
            hint="Write the dotted path of f(request) -> bool that says who must have a second factor.",
            id="cognito_mfa.E013",
        )


def check_durations() -> Iterator[CheckMessage]:
    """W001, W002, W029: a proof, re-authentication, exemption lasts too long. W027: idle limit."""
    conf = conf_or_none()
    if conf is None:
        return
    if conf.PROOF_MAX_AGE > DAY:
        yield Caution(
            f"{NAME}['PROOF_MAX_AGE'] is more than a day: a stolen session stays proven as long.",
            hint="Write 24 hours or less (NIST SP 800-63B, 2.2.3).",
            id="cognito_mfa.W001",
        )
    if conf.REAUTH_MAX_AGE > REAUTH_LIMIT:
        yield Caution(
            f"{NAME}['REAUTH_MAX_AGE'] is more than twenty minutes: whoever finds an open browser can "
            "change what protects the account.",
            hint="Write 20 minutes or less.",
            id="cognito_mfa.W002",
        )
    if conf.GRANT_MAX_AGE > YEAR:
        yield Caution(
            f"{NAME}['GRANT_MAX_AGE'] is more than a year: nobody remembers why an exemption was granted.",
            hint="Write a year or less; an exemption can be granted again.",
            id="cognito_mfa.W029",
        )
    if conf.SESSION_IDLE is not None and conf.SESSION_IDLE >= conf.PROOF_MAX_AGE:
        yield Caution(
            f"{NAME}['SESSION_IDLE'] is not shorter than PROOF_MAX_AGE, so that it ends nothing.",
            hint="Write a shorter time, or leave it out.",
            id="cognito_mfa.W027",
        )


def check_issuer() -> Iterator[CheckMessage]:
    """W003: no name for the authenticator app. E014: a name that it cannot show."""
    conf = conf_or_none()
    if conf is None:
        return
    if conf.ISSUER is None:
        yield Caution(
            f"{NAME}['ISSUER'] is not set: the authenticator app shows the host name of the request.",
            hint=SETTINGS["ISSUER"].hint,
            id="cognito_mfa.W003",
        )
    elif ":" in conf.ISSUER:
        yield Error(
            f"{NAME}['ISSUER'] contains a colon, which separates it from the account's name in the app.",
            hint="Write the name without a colon.",
            id="cognito_mfa.E014",
        )


def check_support() -> Iterator[CheckMessage]:
    """E027: SUPPORT_URL is not a link that browsers open. W030: emails cannot show it."""
    conf = conf_or_none()
    if conf is None or conf.SUPPORT_URL is None:
        return
    if not leads_to_help(conf.SUPPORT_URL):
        yield Error(
            f"{NAME}['SUPPORT_URL'] is not an address that a link may have; no page and no mail shows it.",
            hint="Write https://…, mailto:…, tel:… or a path that begins with one slash, percent-encoded and "
            "without white space.",
            id="cognito_mfa.E027",
        )
    elif conf.NOTIFY and conf.SUPPORT_URL.startswith("/"):
        yield Caution(
            f"{NAME}['SUPPORT_URL'] is a path: pages show it, and mails, which know no host, do not.",
            hint="Write the whole address, with https://.",
            id="cognito_mfa.W030",
        )


def check_region() -> Iterator[CheckMessage]:
    """E015: the region is not the pool's. E031: it is none. W039: an id that AWS does not give."""
    conf = conf_or_none()
    if conf is None:
        return
    named = pool_region(conf.USER_POOL_ID)
    if not HOST_LABEL.fullmatch(conf.REGION):
        yield Error(
            f"{NAME}['REGION'] is {conf.REGION!r}, which cannot be part of a host name, as each AWS Region is.",
            hint="Write it as AWS does, such as 'eu-west-1'.",
            id="cognito_mfa.E031",
        )
    elif not named:
        yield Caution(
            f"{NAME}['USER_POOL_ID'] is {conf.USER_POOL_ID!r}; the ids that AWS gives begin with the Region.",
            hint="Silence this check where the id is an emulator's.",
            id="cognito_mfa.W039",
        )
    elif named != conf.REGION:
        yield Error(
            f"{NAME}['REGION'] is {conf.REGION!r}, and the user pool {conf.USER_POOL_ID!r} is in another.",
            hint=SETTINGS["REGION"].hint,
            id="cognito_mfa.E015",
        )


def check_endpoint() -> Iterator[CheckMessage]:
    """Outside DEBUG: E011: a local Cognito. E012: an endpoint without TLS. W004: one that is not AWS's."""
    conf = conf_or_none()
    if conf is None or settings.DEBUG:
        return
    if _is_local(conf.CLIENT_FACTORY):
        yield Error(
            "The local Cognito must never run a site: anybody who can read its memory can sign in as anybody.",
            hint=f"Remove 'CLIENT_FACTORY' from {NAME}.",
            id="cognito_mfa.E011",
        )
    name, url = _endpoint(conf)
    if url and not url.startswith("https://"):
        yield Error(
            f"{name} would send passwords and codes without encryption.",
            hint="Leave it out, or use https.",
            id="cognito_mfa.E012",
        )
    elif url and not is_aws(url):
        yield Caution(
            f"{name} sends passwords and codes to {urlsplit(url).hostname!r}, which is not AWS.",
            hint=f"Leave it out. If the host is yours, name it in {NAME}['ENDPOINT_URL'] or {ENDPOINT_VARIABLE} and "
            "silence this check; calls to an address that was not named for Cognito are refused.",
            id="cognito_mfa.W004",
        )


def _is_local(factory: object) -> bool:
    """Return whether ``CLIENT_FACTORY`` is the local Cognito's, whatever the setting calls it."""
    if isinstance(factory, str) and factory.startswith("cognito_mfa.local"):
        return True
    try:
        found: Any = import_string(factory) if isinstance(factory, str) else factory
        return str(inspect.unwrap(found).__module__).startswith("cognito_mfa.local")
    except Exception:  # noqa: BLE001 - E005 says that it cannot be imported
        return False


def _endpoint(conf: Conf) -> tuple[str, str | None]:
    """Return the setting that sends calls elsewhere than to AWS, and where; empty and None without one."""
    if conf.ENDPOINT_URL:
        return f"{NAME}['ENDPOINT_URL']", conf.ENDPOINT_URL
    for name in ENDPOINT_VARIABLES:
        if os.environ.get(name):
            return f"The environment variable {name}", os.environ[name]
    return "", None


def _import_problem(path: str) -> str:
    try:
        found = import_string(path)
    except Exception as error:  # noqa: BLE001 - a site's module may fail in any way
        return f"{type(error).__name__}: {error}"
    return "" if callable(found) else "it is not callable"
