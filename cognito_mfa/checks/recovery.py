"""Checks of whether recovery codes can work."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as Caution

from cognito_mfa.checks.settings import conf_or_none
from cognito_mfa.cognito import admin_api, clients
from cognito_mfa.conf import NAME, Conf
from cognito_mfa.exceptions import Misconfigured

# Why no client can be made, where E012 or E005 says so.
SAID_ELSEWHERE = ("EndpointRefused", "ImportError", "ModuleNotFoundError")
REMOVE = f"remove 'RECOVERY_CODES' from {NAME}"


def check_recovery_codes() -> Iterator[CheckMessage]:
    """Check that boto3 can reset authenticator apps (E035) and that users sign in on our pages (W051)."""
    conf = _conf_with_codes()
    if conf is None:
        return
    if conf.TOKEN_PROVIDER is not None:
        yield Caution(
            f"{NAME}['RECOVERY_CODES'] has no effect when TOKEN_PROVIDER is set, because Cognito's managed login does "
            "not accept recovery codes.",
            hint=f"Remove 'RECOVERY_CODES' from {NAME}.",
            id="cognito_mfa.W051",
        )
        return
    try:
        can_delete = admin_api.can_delete_software_token()
    except Misconfigured:  # no client can be made on this machine; W050 and the doctor say so
        return
    if not can_delete:
        yield Error(
            f"{NAME}['RECOVERY_CODES'] is True, but the installed boto3 does not support AdminDeleteSoftwareToken, so "
            "recovery codes cannot reset an authenticator app.",
            hint=f"Upgrade boto3, or {REMOVE}.",
            id="cognito_mfa.E035",
        )


def check_credentials() -> Iterator[CheckMessage]:
    """Check that there are AWS credentials for resetting an authenticator app (W050)."""
    conf = _conf_with_codes()
    if conf is None or conf.TOKEN_PROVIDER is not None:
        return
    try:
        found = clients.has_credentials()
    except Misconfigured as error:
        if error.error not in SAID_ELSEWHERE:
            yield _no_credentials(f" ({error.error})")
        return
    if not found:
        yield _no_credentials("")


def _no_credentials(why: str) -> Caution:
    return Caution(
        f"{NAME}['RECOVERY_CODES'] is True, but no AWS credentials were found{why}, so recovery codes are not offered.",
        hint=f"Give the site AWS credentials with the policy that cognito_mfa_doctor --iam-policy prints, or {REMOVE}.",
        id="cognito_mfa.W050",
    )


def _conf_with_codes() -> Conf | None:
    conf = conf_or_none()
    return conf if conf is not None and conf.RECOVERY_CODES else None
