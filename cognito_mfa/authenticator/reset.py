"""An administrator's reset of somebody's authenticator, for a lost phone.

The local generation moves before Cognito is asked, so that sessions are dead whatever happens next.
Each step that Cognito confirmed is written down; what is not done is shown as not done, and the next
run goes on where this one stopped.
"""

from __future__ import annotations

import logging
from typing import Any

from django.db import transaction
from django.utils import timezone

from cognito_mfa import signals
from cognito_mfa.authenticator import code_attempts, notifications, permissions, username_reuse
from cognito_mfa.cognito import admin_api
from cognito_mfa.exceptions import CognitoMFAError, UserGone
from cognito_mfa.models import CognitoIdentity, MFAEvent, MFAReset, SoftwareToken

logger = logging.getLogger(__name__)

Kind = MFAEvent.Kind
Status = CognitoIdentity.Status

# Kept in MFAReset.trouble, shown to staff: why a reset in a pool that requires MFA cannot be done.
TOO_OLD = "AdminDeleteSoftwareToken is missing in the installed boto3"


def request(identity: CognitoIdentity, *, actor: Any, reason: str) -> MFAReset:
    """Write the reset down and end all sessions of the person here; Cognito is not asked yet.

    A reset that is not finished is taken up again instead of a second one; sessions that began
    meanwhile end all the same.

    Args:
        actor: who resets; None for a command.
        reason: why; kept for good.

    Raises:
        ActionDenied: ``actor`` may not reset ``identity``.
    """
    permissions.require(permissions.RESET, actor, identity)
    # Durable: inside a transaction of the caller's it would be lost when the process is killed.
    with transaction.atomic(durable=True):
        CognitoIdentity.objects.select_for_update().get(pk=identity.pk)
        unfinished = identity.resets.unfinished().first()
        identity.invalidate_proofs(Kind.RESET_REQUESTED, actor=actor, reason=reason)
        if unfinished is not None:
            return unfinished
        return MFAReset.objects.create(identity=identity, actor=actor, reason=reason)


def run(reset: MFAReset) -> MFAReset:
    """Do what is left of ``reset`` in Cognito.

    Returns:
        the reset; finished, or with its ``trouble`` in words for staff.
    """
    identity = reset.identity
    reset.trouble = ""  # of the last run
    try:
        _delete_token(reset)
        if not reset.trouble:
            _sign_out(reset)
            _read_back(reset)
    except UserGone:
        username_reuse.retire(identity)
        _finish(reset)
    except CognitoMFAError as error:
        hint = error.hint
        _note(reset, trouble=f"{error} {hint}".strip()[:200])
        logger.warning("mfa_reset_stopped: user %s, %s", identity.user_id, reset.trouble)
    return reset


def run_again(reset: MFAReset, *, actor: Any) -> MFAReset:
    """Do what is left of a reset that somebody began.

    Args:
        actor: who goes on with it; None for a command.

    Raises:
        ActionDenied: ``actor`` may not; nothing was done.
    """
    permissions.require(permissions.FINISH, actor, reset)
    return run(reset)


def _delete_token(reset: MFAReset) -> None:
    """Delete the registration; with an old boto3 only turn it off, where that changes anything."""
    if reset.token_deleted_at is not None:
        return
    sub = reset.identity.sub
    old = reset.identity.software_token
    if admin_api.can_delete_software_token():
        admin_api.delete_software_token(sub)
    elif admin_api.pool_requires_mfa():
        # Turning it off would answer 200 and leave the lost phone in charge (facts §6.3).
        _note(reset, trouble=TOO_OLD)
        return
    else:
        admin_api.turn_off_software_token(sub)
    with transaction.atomic():
        # The very one that was there before Cognito was asked; whoever set up another one keeps that.
        if old is not None:
            SoftwareToken.objects.active().filter(pk=old.pk).update(
                retired_at=timezone.now(), retired_because=SoftwareToken.Retired.RESET
            )
        _note(reset, token_deleted_at=timezone.now())


def _sign_out(reset: MFAReset) -> None:
    """Revoke the person's tokens: a reset alone leaves them valid (facts §6.3, §7.3)."""
    if reset.signed_out_at is None:
        admin_api.sign_out_everywhere(reset.identity.sub)
        _note(reset, signed_out_at=timezone.now())


def _read_back(reset: MFAReset) -> None:
    """Finish only when Cognito no longer lists the authenticator, or lists one that is new."""
    identity, new = reset.identity, _is_set_up_anew(reset)
    factors = admin_api.read_factors(identity.sub)
    if factors.software_token and not new:
        # Deleted, or so it said, and listed still: begin again at the next run.
        _note(reset, token_deleted_at=None, trouble="Cognito still lists the authenticator")
        return
    without = Status.UNKNOWN if new else Status.NOT_SET_UP
    status = Status.ENABLED if factors.software_token else without
    identity.record_status(status, preferred_factor=factors.preferred)
    _finish(reset)


def _is_set_up_anew(reset: MFAReset) -> bool:
    """Tell whether the person has set up another one since Cognito confirmed that the old one is gone.

    The old one was retired then, so that no clock has to tell which of the two this is.
    """
    return reset.token_deleted_at is not None and reset.identity.software_token is not None


def _finish(reset: MFAReset) -> None:
    identity = reset.identity
    now = timezone.now()
    with transaction.atomic():
        open_ones = MFAReset.objects.unfinished().filter(pk=reset.pk)
        first = open_ones.update(finished_at=now, trouble="")
        reset.finished_at, reset.trouble = now, ""
        if not first:  # another run was faster: it has told everybody
            return
        if not _is_set_up_anew(reset):
            identity.retire_token(SoftwareToken.Retired.RESET)
        # Once more: somebody may have signed in with the old app meanwhile.
        identity.invalidate_proofs(Kind.MFA_RESET, actor=reset.actor, reason=reset.reason)
        code_attempts.clear(identity.username, sub=identity.sub)
    logger.info("mfa_reset: user %s by %s", identity.user_id, reset.actor_id or "command")
    if identity.status != Status.GONE:  # the address may be somebody else's by now
        notifications.send("mfa_reset", identity)
    signals.send(
        signals.mfa_reset,
        identity=identity,
        actor=reset.actor,
        reason=reset.reason,
    )


def _note(reset: MFAReset, **changes: Any) -> None:
    """Write ``changes`` down at once: the process may end before the next step."""
    for name, value in changes.items():
        setattr(reset, name, value)
    reset.save(update_fields=list(changes))
