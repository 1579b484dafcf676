"""Checks that matter only for a deployed site: ``manage.py check --deploy``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from django.conf import settings
from django.core.checks import CheckMessage
from django.core.checks import Warning as Caution
from django.utils import timezone

from cognito_mfa.checks.settings import conf_or_none
from cognito_mfa.conf import NAME

LONG = dt.timedelta(days=366)


def check_cookies() -> Iterator[CheckMessage]:
    """Session cookie W012: without TLS. W013: readable by scripts. W014: sent from other sites."""
    if not settings.SESSION_COOKIE_SECURE:
        yield Caution(
            "The session cookie, which is all that proves the second factor, also goes over plain HTTP.",
            hint="Set SESSION_COOKIE_SECURE = True.",
            id="cognito_mfa.W012",
        )
    if not settings.SESSION_COOKIE_HTTPONLY:
        yield Caution(
            "Scripts can read the session cookie: one injected line takes a proven session away.",
            hint="Set SESSION_COOKIE_HTTPONLY = True.",
            id="cognito_mfa.W013",
        )
    if str(settings.SESSION_COOKIE_SAMESITE).lower() not in ("lax", "strict"):
        yield Caution(
            "Browsers send the session cookie along with requests from other sites.",
            hint="Set SESSION_COOKIE_SAMESITE = 'Lax'.",
            id="cognito_mfa.W014",
        )


def check_enforcement() -> Iterator[CheckMessage]:
    """W015: MFA is not enforced for any user."""
    conf = conf_or_none()
    if conf is None:
        return
    if conf.ENFORCEMENT != "enforce" or conf.REQUIRED is False:
        setting = "REQUIRED" if conf.ENFORCEMENT == "enforce" else "ENFORCEMENT"
        yield Caution(
            f"{NAME}[{setting!r}] is {getattr(conf, setting)!r}: the gate stops nobody.",
            hint="Write 'enforce' and who must have a second factor when the roll-out is done.",
            id="cognito_mfa.W015",
        )


def check_roll_out() -> Iterator[CheckMessage]:
    """W031: a rollout that enforces MFA only after more than a year."""
    conf = conf_or_none()
    if conf is None:
        return
    late = conf.REQUIRED_FROM is not None and timezone.now() + LONG < conf.REQUIRED_FROM
    long = conf.GRACE_PERIOD is not None and LONG.total_seconds() < conf.GRACE_PERIOD
    for name, odd in (("REQUIRED_FROM", late), ("GRACE_PERIOD", long)):
        if odd:
            yield Caution(
                f"{NAME}[{name!r}] gives people more than a year: until then the gate stops nobody.",
                hint="Write a day that is nearer.",
                id="cognito_mfa.W031",
            )


def check_hosts() -> Iterator[CheckMessage]:
    """W016: every host is allowed, so every address is a safe redirect."""
    if "*" in settings.ALLOWED_HOSTS:
        yield Caution(
            "ALLOWED_HOSTS takes any host: whoever forges one chooses where people go after signing in.",
            hint="List the site's own host names in ALLOWED_HOSTS.",
            id="cognito_mfa.W016",
        )


def check_addresses() -> Iterator[CheckMessage]:
    """W020: unverified addresses are trusted; a check cannot ask Cognito who may write them."""
    conf = conf_or_none()
    if conf is not None and conf.TRUST_POOL_EMAIL:
        yield Caution(
            f"{NAME}['TRUST_POOL_EMAIL'] promises that administrators alone write addresses in the user pool: "
            "whoever can write their own could be anybody.",
            hint="Run cognito_mfa_doctor, which looks whether the app client lets people write theirs; then silence this.",
            id="cognito_mfa.W020",
        )
