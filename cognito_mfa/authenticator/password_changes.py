"""Records that a user has another password: the event, the email, the signal, and the end of sessions."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from cognito_mfa import signals
from cognito_mfa.authenticator import emails
from cognito_mfa.cognito.types import Person
from cognito_mfa.databases import atomic_for
from cognito_mfa.enforcement import proof
from cognito_mfa.exceptions import BadReply, CognitoMFAError, Unavailable
from cognito_mfa.models import CognitoIdentity, MFAEvent, identity_of

Kind = MFAEvent.Kind

IN_DOUBT = "password"  # detail of the event if the outcome is unknown


def record_reset(request: HttpRequest, identity: CognitoIdentity) -> None:
    """Record that the password was set with a code that was sent; every session of the user ends.

    Args:
        request: the one that carried the code.
        identity: the user's.
    """
    _record(identity, Kind.PASSWORD_RESET)
    signals.send(signals.password_changed, request=request, identity=identity, reset=True)


def record_doubt_about_stranger(username: str) -> None:
    """Record that a user with this name who never signed in here may have another password.

    Args:
        username: as typed; only the pool's own one ends what began with the old password.
    """
    MFAEvent.objects.record(Kind.STATUS_CHANGED, None, username=username, detail=IN_DOUBT)


@contextmanager
def sending(identity: CognitoIdentity) -> Generator[None]:
    """Send a new password inside; until its outcome is recorded, the next sign-in takes it for changed.

    Written before Cognito is asked, because the process may end when Cognito has just changed it. Of a refusal, nothing
    is left.

    Args:
        identity: the user's.
    """
    now = timezone.now()
    _rows(identity).filter(password_sent_at=None).update(password_sent_at=now)
    try:
        yield
    except CognitoMFAError as error:
        if not is_in_doubt(error):  # one that was sent by a process that ended stays
            _rows(identity).filter(password_sent_at=now).update(password_sent_at=None)
        raise


def is_in_doubt(error: CognitoMFAError) -> bool:
    """Return whether Cognito may have set a new password although it said ``error``, or nothing."""
    return isinstance(error, (Unavailable, BadReply)) and not error.is_definite


def settle(request: HttpRequest, identity: CognitoIdentity) -> None:
    """End all other sessions if a new password was sent, and nothing recorded what became of it.

    Args:
        request: in which the user has just signed in.
        identity: the user's.
    """
    if identity.password_sent_at is not None:
        record_doubt(request, identity)


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
    signals.send(signals.password_changed, request=request, identity=identity, reset=False)


def record_doubt(request: HttpRequest, identity: CognitoIdentity) -> None:
    """End all other sessions where the password may have been changed or not.

    Args:
        request: of the signed-in user who asked Cognito.
        identity: the user's.
    """
    # With the answer, a server error, Django sends no cookie: the session keeps its key.
    _end_other_sessions(request, identity, Kind.STATUS_CHANGED, detail=IN_DOUBT)


def end_sessions(identity: CognitoIdentity) -> None:
    """End every session of a user whose password may have been changed, or may be another user's."""
    _record(identity, Kind.STATUS_CHANGED, detail=IN_DOUBT)


def _end_other_sessions(
    request: HttpRequest, identity: CognitoIdentity, kind: MFAEvent.Kind, *, detail: str = ""
) -> None:
    own = identity_of(request.user)
    record = request.session.get(proof.KEY)
    proven = own is not None and own.pk == identity.pk and proof.holds(record, own)
    before = _record(identity, kind, detail=detail)
    if proven:
        proof.carry_over(request.session, identity, since=before)
    proof.record_sign_outs(request.session, identity.sign_outs)


def _record(identity: CognitoIdentity, kind: MFAEvent.Kind, *, detail: str = "") -> int:
    """End every session, and tell the user of a change that is certain; return the generation before."""
    with atomic_for(CognitoIdentity):
        before = identity.end_sessions(kind, detail=detail)
        _rows(identity).update(password_sent_at=None)
        identity.password_sent_at = None
        if kind != Kind.STATUS_CHANGED:
            emails.send("password_changed", identity, reset=kind == Kind.PASSWORD_RESET)
    return before


def _rows(identity: CognitoIdentity) -> QuerySet[CognitoIdentity]:
    return CognitoIdentity.objects.filter(pk=identity.pk)
