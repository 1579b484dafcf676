"""Records that a user has another password: the event, the email, the signal, and the end of sessions."""

from __future__ import annotations

from django.db.models import F
from django.http import HttpRequest

from cognito_mfa import signals
from cognito_mfa.authenticator import emails
from cognito_mfa.cognito.types import Person
from cognito_mfa.databases import atomic_for
from cognito_mfa.enforcement import proof
from cognito_mfa.models import CognitoIdentity, MFAEvent, identity_of

Kind = MFAEvent.Kind

IN_DOUBT = "password"  # detail of the event if the outcome is unknown


def record_reset(request: HttpRequest, identity: CognitoIdentity) -> None:
    """Record that the password was set with a code that was sent; every session of the user ends.

    Args:
        request: the one that carried the code.
        identity: the user's.
    """
    _end_sessions(identity, Kind.PASSWORD_RESET)
    _tell(request, identity, reset=True)


def record_doubt_about_stranger(username: str) -> None:
    """Record that a user with this name who never signed in here may have another password.

    Args:
        username: as typed; only the pool's own one ends what began with the old password.
    """
    MFAEvent.objects.record(Kind.STATUS_CHANGED, None, username=username, detail=IN_DOUBT)


def record_reset_of_stranger(person: Person) -> None:
    """End pending sign-ins with the old password of a user who has never signed in here."""
    MFAEvent.objects.record(Kind.PASSWORD_RESET, None, sub=person.sub, username=person.username)


def record_change(request: HttpRequest, identity: CognitoIdentity) -> None:
    """Record that the user chose another password; all other sessions end, and this one stays verified.

    Args:
        request: of the signed-in user.
        identity: the user's.
    """
    _end_other_sessions(request, identity, Kind.PASSWORD_CHANGED)
    # SECURITY: a stolen cookie is of this very session. It must not be good for the session that stays.
    request.session.cycle_key()
    _tell(request, identity, reset=False)


def record_doubt(request: HttpRequest, identity: CognitoIdentity) -> None:
    """End all other sessions where the password may have been changed or not.

    Args:
        request: of the signed-in user who asked Cognito.
        identity: the user's.
    """
    # With the answer, a server error, Django sends no cookie: the session keeps its key.
    _end_other_sessions(request, identity, Kind.STATUS_CHANGED, detail=IN_DOUBT)


def end_sessions(identity: CognitoIdentity) -> None:
    """End every session of a user who may be the one whose password was reset."""
    _end_sessions(identity, Kind.STATUS_CHANGED, detail=IN_DOUBT)


def _end_other_sessions(
    request: HttpRequest, identity: CognitoIdentity, kind: MFAEvent.Kind, *, detail: str = ""
) -> None:
    own = identity_of(request.user)
    record = request.session.get(proof.KEY)
    proven = own is not None and own.pk == identity.pk and proof.holds(record, own)
    before = _end_sessions(identity, kind, detail=detail)
    if proven:
        proof.carry_over(request.session, identity, since=before)
    proof.record_sign_outs(request.session, identity.sign_outs)


def _end_sessions(identity: CognitoIdentity, kind: MFAEvent.Kind, *, detail: str = "") -> int:
    """End every session, whether it had passed MFA or not, and return the generation before."""
    with atomic_for(CognitoIdentity):
        before = identity.invalidate_proofs(kind, detail=detail)
        rows = CognitoIdentity.objects.filter(pk=identity.pk)
        rows.update(sign_outs=F("sign_outs") + 1)
        identity.sign_outs = rows.values_list("sign_outs", flat=True).get()
    return before


def _tell(request: HttpRequest, identity: CognitoIdentity, *, reset: bool) -> None:
    emails.send("password_changed", identity, reset=reset)
    signals.send(signals.password_changed, request=request, identity=identity, reset=reset)
