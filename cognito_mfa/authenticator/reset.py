"""A reset of a user's authenticator, for a lost phone: by an administrator, or with a recovery code.

Proofs end before Cognito is asked, so that sessions have ended whatever happens next. Each step that
Cognito confirmed is recorded. What is not done is shown as not done, and the next run continues there.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from django.utils import timezone

from cognito_mfa import signals
from cognito_mfa.authenticator import (
    code_attempts,
    emails,
    permissions,
    recovery_codes,
    username_reuse,
)
from cognito_mfa.cognito import admin_api
from cognito_mfa.databases import atomic_for
from cognito_mfa.exceptions import CognitoMFAError, UserGone
from cognito_mfa.models import CognitoIdentity, MFAEvent, MFAReset, SoftwareToken
from cognito_mfa.monitoring import log_events

Kind = MFAEvent.Kind
Status = CognitoIdentity.Status

# Kept in MFAReset.trouble, shown to staff: why a reset in a pool that requires MFA cannot be done.
TOO_OLD = "AdminDeleteSoftwareToken is missing in the installed boto3"


def request(identity: CognitoIdentity, *, actor: Any, reason: str) -> MFAReset:
    """Record the reset and end all proofs of the user here; Cognito is not asked yet.

    An unfinished reset is continued instead of a second one; proofs of newer sessions end as well.

    Args:
        identity: the user's.
        actor: the user who resets; None for a command.
        reason: the reason, stored with the event.

    Returns:
        The reset for ``run``.

    Raises:
        ActionDenied: ``actor`` may not reset ``identity``.
    """
    permissions.require(permissions.RESET, actor, identity)
    # Durable: inside a caller's transaction it would be lost when the process is killed.
    with atomic_for(MFAReset, durable=True):
        CognitoIdentity.objects.select_for_update().get(pk=identity.pk)
        unfinished = identity.resets.unfinished().first()
        identity.invalidate_proofs(Kind.RESET_REQUESTED, actor=actor, reason=reason)
        if unfinished is not None:
            return unfinished
        return MFAReset.objects.create(identity=identity, actor=actor, reason=reason)


def run(reset: MFAReset) -> MFAReset:
    """Do what is left of ``reset`` in Cognito.

    Returns:
        The reset: finished, or with its ``trouble`` in words for staff.
    """
    try:
        complete(reset)
    except CognitoMFAError as error:
        record_trouble(reset, error)
    return reset


def complete(reset: MFAReset) -> None:
    """Do what is left of ``reset`` in Cognito; it is unfinished still where it has ``trouble``.

    Raises:
        CognitoMFAError: Cognito refused, or did not answer; ``record_trouble`` records it.
    """
    reset.trouble = ""  # of the last run
    try:
        _delete_token(reset)
        if not reset.trouble:
            _sign_out(reset)
            _read_back(reset)
    except UserGone:
        username_reuse.retire(reset.identity)
        _finish(reset)


def record_trouble(reset: MFAReset, error: CognitoMFAError) -> None:
    """Record why ``reset`` is not finished, in words for staff.

    Args:
        reset: an unfinished one.
        error: what ``complete`` raised.
    """
    _save(reset, trouble=f"{error}. {error.hint}"[:500].strip(". "))
    user_id = reset.identity.user_id
    text = f"user {user_id}, {reset.trouble}"
    level = logging.WARNING
    log_events.write("mfa_reset_interrupted", text, cause=error, level=level, user=user_id)


def run_again(reset: MFAReset, *, actor: Any) -> MFAReset:
    """Do what is left of a reset that was started before.

    Args:
        reset: an unfinished one.
        actor: the user who continues it; None for a command.

    Raises:
        ActionDenied: ``actor`` may not; nothing was done.
    """
    permissions.require(permissions.FINISH, actor, reset)
    return run(reset)


def _delete_token(reset: MFAReset) -> None:
    """Delete the registration; with an old boto3 turn it off instead, where that has an effect."""
    if reset.token_deleted_at is not None:
        return
    sub = reset.identity.sub
    old = reset.identity.software_token
    if not admin_api.remove_software_token(sub):
        _save(reset, trouble=TOO_OLD)
        return
    with atomic_for(MFAReset):
        # The one that was there before Cognito was asked; one that was set up since stays.
        if old is not None:
            SoftwareToken.objects.filter(pk=old.pk).retire(_because(reset))
        _save(reset, token_deleted_at=timezone.now())


def _sign_out(reset: MFAReset) -> None:
    """Revoke the user's tokens: "What a reset leaves valid" in docs/cognito-behavior.md."""
    if reset.signed_out_at is None:
        admin_api.sign_out_everywhere(reset.identity.sub)
        _save(reset, signed_out_at=timezone.now())


def _read_back(reset: MFAReset) -> None:
    """Finish only when Cognito no longer lists the authenticator, or lists one that is new."""
    identity, new = reset.identity, _is_set_up_anew(reset)
    factors = admin_api.read_factors(identity.sub)
    if not (new or admin_api.can_delete_software_token()):
        # It was turned off. The registration stays, and Cognito asks for no code of it.
        factors = replace(factors, software_token=factors.listed)
    if factors.software_token and not new:
        # Deleted, or so it said, and listed still: begin again at the next run.
        _save(reset, token_deleted_at=None, trouble="Cognito still lists the authenticator")
        return
    without = Status.UNKNOWN if new else Status.NOT_SET_UP
    status = Status.ENABLED if factors.software_token else without
    identity.record_status(status, preferred_factor=factors.preferred)
    _finish(reset)


def _is_set_up_anew(reset: MFAReset) -> bool:
    """Return whether the user has set up another one since Cognito confirmed that the old one is gone.

    The old one was retired then, so that no clock has to decide which of the two this is.
    """
    return reset.token_deleted_at is not None and reset.identity.software_token is not None


def _finish(reset: MFAReset) -> None:
    identity = reset.identity
    now = timezone.now()
    with atomic_for(MFAReset):
        unfinished = MFAReset.objects.unfinished().filter(pk=reset.pk)
        first = unfinished.update(finished_at=now, trouble="")
        reset.finished_at, reset.trouble = now, ""
        if not first:  # another run was faster, and has sent the email and the signal
            return
        if not _is_set_up_anew(reset):
            identity.retire_token(_because(reset))
        # Again: a sign-in with the old app may have succeeded since the reset was requested.
        identity.invalidate_proofs(Kind.MFA_RESET, actor=reset.actor, reason=reset.reason)
        code_attempts.clear(identity.username, sub=identity.sub)
        if identity.status != Status.GONE:  # the address may belong to someone else by now
            _notify(reset)
    signals.send(
        signals.mfa_reset,
        identity=identity,
        actor=reset.actor,
        reason=reset.reason,
    )


def _notify(reset: MFAReset) -> None:
    if reset.by_recovery_code:
        recovery_codes.notify_of_use(reset.identity, finished=True)
    else:
        emails.send("mfa_reset", reset.identity)


def _because(reset: MFAReset) -> SoftwareToken.Retired:
    retired = SoftwareToken.Retired
    return retired.RECOVERED if reset.by_recovery_code else retired.RESET


def _save(reset: MFAReset, **changes: Any) -> None:
    """Save ``changes`` at once: the process may end before the next step."""
    for name, value in changes.items():
        setattr(reset, name, value)
    reset.save(update_fields=list(changes))
