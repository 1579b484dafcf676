"""Checks that matter only for a deployed site: ``manage.py check --deploy``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from django.conf import settings
from django.core.checks import CheckMessage
from django.core.checks import Warning as Caution
from django.utils import timezone

from cognito_mfa.checks import front_ends
from cognito_mfa.checks.settings import conf_or_none
from cognito_mfa.conf import NAME

LONG = dt.timedelta(days=366)


def check_cookies() -> Iterator[CheckMessage]:
    """Check that the session cookie is only sent over TLS (W012), hidden (W013), and same-site (W014)."""
    if not settings.SESSION_COOKIE_SECURE:
        yield Caution(
            "The session cookie is also sent over plain HTTP, so anyone who listens on the network can steal a verified "
            "session.",
            hint="Set SESSION_COOKIE_SECURE = True.",
            id="cognito_mfa.W012",
        )
    if not settings.SESSION_COOKIE_HTTPONLY:
        yield Caution(
            "JavaScript can read the session cookie, so an injected script can steal a verified session.",
            hint="Set SESSION_COOKIE_HTTPONLY = True.",
            id="cognito_mfa.W013",
        )
    limited = str(settings.SESSION_COOKIE_SAMESITE).lower() in ("lax", "strict")
    if not (limited or front_ends.need_cross_site_cookies()):
        yield Caution(
            "Browsers may send the session cookie with requests from other sites, so only the CSRF protection keeps those "
            "sites from using a verified session.",
            hint="Set SESSION_COOKIE_SAMESITE = 'Lax'.",
            id="cognito_mfa.W014",
        )


def check_enforcement() -> Iterator[CheckMessage]:
    """Check that MFA is enforced for some users (W015)."""
    conf = conf_or_none()
    if conf is None:
        return
    if conf.ENFORCEMENT != "enforce" or conf.REQUIRED is False:
        setting = "REQUIRED" if conf.ENFORCEMENT == "enforce" else "ENFORCEMENT"
        yield Caution(
            f"{NAME}[{setting!r}] is {getattr(conf, setting)!r}, so MFA is not enforced.",
            hint="When the rollout is done, set ENFORCEMENT to 'enforce' and REQUIRED to the users who must use MFA.",
            id="cognito_mfa.W015",
        )


def check_rollout() -> Iterator[CheckMessage]:
    """Check that a rollout enforces MFA within a year (W031)."""
    conf = conf_or_none()
    if conf is None:
        return
    late = conf.REQUIRED_FROM is not None and timezone.now() + LONG < conf.REQUIRED_FROM
    long = conf.GRACE_PERIOD is not None and LONG.total_seconds() < conf.GRACE_PERIOD
    nearer = (
        ("REQUIRED_FROM", late, "a date within a year"),
        ("GRACE_PERIOD", long, "366 days or less"),
    )
    for name, odd, better in nearer:
        if odd:
            yield Caution(
                f"{NAME}[{name!r}] gives users more than a year, so MFA is not enforced until then.",
                hint=f"Set {name} to {better}.",
                id="cognito_mfa.W031",
            )


def check_circuit_breaker() -> Iterator[CheckMessage]:
    """Check that calls end at once while Cognito is down (W056)."""
    conf = conf_or_none()
    if conf is not None and conf.CIRCUIT_BREAKER is None:
        yield Caution(
            f"{NAME}['CIRCUIT_BREAKER'] is None, so while Cognito does not respond, each sign-in keeps a worker waiting "
            "for up to 12 seconds.",
            hint="Set it to 5, or remove it.",
            id="cognito_mfa.W056",
        )


def check_hosts() -> Iterator[CheckMessage]:
    """Check that ALLOWED_HOSTS does not allow every host, which makes every redirect safe (W016)."""
    if "*" in settings.ALLOWED_HOSTS:
        yield Caution(
            "ALLOWED_HOSTS allows any host, so a forged Host header decides where users are sent after they sign in.",
            hint="List the site's own host names in ALLOWED_HOSTS.",
            id="cognito_mfa.W016",
        )


def check_addresses() -> Iterator[CheckMessage]:
    """Check that unverified email addresses are not trusted (W020); only Cognito knows who can write them."""
    conf = conf_or_none()
    if conf is not None and conf.TRUST_POOL_EMAIL:
        yield Caution(
            f"{NAME}['TRUST_POOL_EMAIL'] is True, so users who can write their own address in the user pool can sign "
            "in as another user.",
            hint="Silence this check if cognito_mfa_doctor reports that users cannot write their own email address, or remove "
            "the setting.",
            id="cognito_mfa.W020",
        )
