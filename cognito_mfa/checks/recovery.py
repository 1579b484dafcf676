"""Checks of recovery codes: whether a used one could do anything."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as Caution

from cognito_mfa.checks.settings import conf_or_none
from cognito_mfa.cognito import admin_api, clients
from cognito_mfa.conf import NAME, Conf
from cognito_mfa.exceptions import Misconfigured

SWITCH_OFF = f"Or remove 'RECOVERY_CODES' from {NAME}."


def check_recovery_codes() -> Iterator[CheckMessage]:
    """E035: boto3 cannot reset an authenticator. W051: users sign in at Cognito's own pages."""
    conf = _conf_with_codes()
    if conf is None:
        return
    if conf.TOKEN_PROVIDER is not None:
        yield Caution(
            f"{NAME}['RECOVERY_CODES'] has no effect beside 'TOKEN_PROVIDER': Cognito's own pages accept no "
            "recovery code.",
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
            f"{NAME}['RECOVERY_CODES'] is on, but the installed boto3 does not know AdminDeleteSoftwareToken, so "
            "no recovery code can reset an authenticator.",
            hint=f"Install a newer boto3. {SWITCH_OFF}",
            id="cognito_mfa.E035",
        )


def check_credentials() -> Iterator[CheckMessage]:
    """W050: there are no AWS credentials to reset an authenticator with."""
    conf = _conf_with_codes()
    if conf is None or conf.TOKEN_PROVIDER is not None:
        return
    try:
        found = clients.has_credentials()
    except Misconfigured as error:
        yield _no_credentials(f" ({error.error})")
        return
    if not found:
        yield _no_credentials("")


def _no_credentials(why: str) -> Caution:
    return Caution(
        f"{NAME}['RECOVERY_CODES'] is on, but no AWS credentials were found{why}, so the sign-in offers no recovery.",
        hint=f"Give the site AWS credentials with the policy of cognito_mfa_doctor --iam-policy. {SWITCH_OFF}",
        id="cognito_mfa.W050",
    )


def _conf_with_codes() -> Conf | None:
    conf = conf_or_none()
    return conf if conf is not None and conf.RECOVERY_CODES else None
