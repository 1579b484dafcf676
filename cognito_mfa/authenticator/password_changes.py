"""Records that a user has another password: event, email, signal, and the end of what the old one opened."""

from __future__ import annotations

from django.http import HttpRequest

from cognito_mfa import signals
from cognito_mfa.authenticator import notifications
from cognito_mfa.databases import atomic_for
from cognito_mfa.enforcement import proof
from cognito_mfa.models import CognitoIdentity, MFAEvent, identity_of

Kind = MFAEvent.Kind

IN_DOUBT = "password"  # detail of the event where nobody knows for certain


def record_reset(request: HttpRequest, identity: CognitoIdentity) -> None:
    """Record that the password was set with a code that was sent; every proof ends.

    Args:
        request: the one that carried the code.
        identity: the user's.
    """
    identity.invalidate_proofs(Kind.PASSWORD_RESET)
    _tell(request, identity, reset=True)


def record_change(request: HttpRequest, identity: CognitoIdentity) -> None:
    """Record that the user chose another password; proofs of other sessions end, that of this one stays.

    Args:
        request: of the signed-in user.
        identity: the user's.
    """
    _invalidate_others(request, identity, Kind.PASSWORD_CHANGED)
    _tell(request, identity, reset=False)


def record_doubt(request: HttpRequest, identity: CognitoIdentity) -> None:
    """End the proofs of other sessions where the password may have been changed or not.

    Args:
        request: the one that asked Cognito; its own proof stays.
        identity: the user's.
    """
    _invalidate_others(request, identity, Kind.STATUS_CHANGED, detail=IN_DOUBT)


def _invalidate_others(
    request: HttpRequest, identity: CognitoIdentity, kind: MFAEvent.Kind, *, detail: str = ""
) -> None:
    own = identity_of(request.user)
    record = request.session.get(proof.KEY)
    proven = own is not None and own.pk == identity.pk and proof.holds(record, own)
    with atomic_for(CognitoIdentity):
        before = identity.invalidate_proofs(kind, detail=detail)
    if proven:
        proof.carry_over(request.session, identity, since=before)


def _tell(request: HttpRequest, identity: CognitoIdentity, *, reset: bool) -> None:
    notifications.send("password_changed", identity, reset=reset)
    signals.send(signals.password_changed, request=request, identity=identity, reset=reset)
