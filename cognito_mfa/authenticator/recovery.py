"""A user's own reset of their authenticator, with a recovery code, for a lost device.

It is a reset like an administrator's: proofs end before Cognito is asked, each step is recorded, and what is half done
can be run again. If Cognito refused, the code is valid again. If the outcome is unknown, it stays used.
"""

from __future__ import annotations

from typing import NamedTuple

from cognito_mfa.authenticator import recovery_codes, reset
from cognito_mfa.cognito import admin_api
from cognito_mfa.conf import get_conf
from cognito_mfa.databases import atomic_for
from cognito_mfa.exceptions import Busy, CognitoMFAError, Misconfigured, UserFacingError
from cognito_mfa.models import CognitoIdentity, MFAEvent, MFAReset, RecoveryCode

Kind = MFAEvent.Kind
REASON = "Recovery code"  # of the reset, for staff


class Recovery(NamedTuple):
    """A code that was used, and the reset that it asks for.

    Attributes:
        code: which was used.
        reset: new, or one that was left unfinished.
        is_new: whether the code began it.
    """

    code: RecoveryCode
    reset: MFAReset
    is_new: bool


def is_offered() -> bool:
    """Return whether the site gives its users recovery codes.

    Not where they sign in at Cognito's own pages, which know nothing of them.
    """
    return get_conf().RECOVERY_CODES and get_conf().TOKEN_PROVIDER is None


def codes_left(identity: CognitoIdentity | None) -> int | None:
    """Return how many codes the user has left; None for a user or a site without recovery codes.

    They are offered only to a user with an authenticator app, since there is nothing else to reset.
    """
    if identity is None or not is_offered() or identity.software_token is None:
        return None
    return recovery_codes.left(identity)


def is_possible() -> bool:
    """Return whether a recovery code could reset an authenticator on this site. Nothing is sent."""
    return is_offered() and admin_api.may_delete_software_token()


def start(identity: CognitoIdentity, code: RecoveryCode) -> Recovery:
    """Use ``code`` up, end all proofs of the user, and record the reset; Cognito is not asked yet.

    Args:
        identity: the user's, as it was read when the sign-in was checked.
        code: from ``recovery_codes.check``.

    Raises:
        BadCode: another request used the code first.
        ChallengeLost: a reset or another change came first; the code was not used up.
    """
    # Durable: inside a caller's transaction it would be lost when the process is killed.
    with atomic_for(MFAReset, durable=True):
        # Raising the generation locks the row, so of several requests at once each sees what the one before did.
        identity.invalidate_proofs(Kind.RECOVERY_CODE_USED, since=identity.generation)
        recovery_codes.claim(code)
        unfinished = identity.resets.unfinished().first()
        if unfinished is not None:
            return Recovery(code, unfinished, is_new=False)
        made = MFAReset.objects.create(identity=identity, reason=REASON, by_recovery_code=True)
        return Recovery(code, made, is_new=True)


def finish(recovery: Recovery) -> bool:
    """Reset the authenticator in Cognito; return whether Cognito confirmed all of it.

    Where it did not, the user's next sign-in or an administrator finishes it.

    Raises:
        CognitoMFAError: Cognito refused, so that nothing was changed there; the code is valid again.
    """
    row = recovery.reset
    try:
        reset.complete(row)
    except CognitoMFAError as error:
        if row.token_deleted_at is None and _was_refused(error):
            _give_back(recovery)
            if not recovery.is_new:
                reset.record_trouble(row, error)
            raise
        reset.record_trouble(row, error)
    if row.finished_at is None:
        recovery_codes.notify_of_use(row.identity, finished=False)
    return row.finished_at is not None


def finish_interrupted(identity: CognitoIdentity) -> bool:
    """Run what is left of the user's own reset; return whether one was finished just now.

    For a user whose password was right a moment ago. An administrator's reset is left to administrators.
    """
    row = identity.resets.unfinished().filter(by_recovery_code=True).first()
    return row is not None and reset.run(row).finished_at is not None


def _was_refused(error: CognitoMFAError) -> bool:
    """Return whether Cognito certainly did nothing: it named a reason, or was never reached."""
    return error.sent == "no" or isinstance(error, (Busy, Misconfigured, UserFacingError))


def _give_back(recovery: Recovery) -> None:
    row = recovery.reset
    with atomic_for(MFAReset):
        RecoveryCode.objects.filter(pk=recovery.code.pk).update(used_at=None)
        if recovery.is_new:
            MFAReset.objects.unfinished().filter(pk=row.pk).delete()
        MFAEvent.objects.record(Kind.RECOVERY_CODE_RETURNED, row.identity)
