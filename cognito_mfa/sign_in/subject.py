"""Whose pending sign-in it is, and whether their MFA changed since it began."""

from __future__ import annotations

from dataclasses import replace

from django.http import HttpRequest

from cognito_mfa.authenticator import identity_lookup
from cognito_mfa.exceptions import ChallengeLost, ChallengeLostReason
from cognito_mfa.models import CognitoIdentity
from cognito_mfa.sign_in.pending import PendingSignIn, Step

Status = CognitoIdentity.Status


def subject_of(
    pending: PendingSignIn, rows: list[CognitoIdentity] | None = None
) -> identity_lookup.ChallengedUser:
    """Return whose sign-in ``pending`` is, as far as that is known.

    Args:
        pending: the sign-in.
        rows: the identities that it is about, where they were read just now.
    """
    name = pending.challenge.username if pending.challenge else ""
    if pending.sub:
        found = (row for row in rows or () if row.sub == pending.sub)
        identity = next(found, None) or identity_lookup.by_sub(pending.sub)
        own = identity.username if identity else pending.username
        return identity_lookup.ChallengedUser(name or own, pending.sub, identity)
    if pending.challenge is None:
        return identity_lookup.ChallengedUser("")
    return identity_lookup.challenged_user(name, pending.challenge.friendly_name, rows)


def check_current(
    request: HttpRequest, pending: PendingSignIn, step: Step
) -> list[CognitoIdentity]:
    """Return the identities that ``pending`` is about, none of which has changed since it began.

    Asked before anything is sent, so that Cognito is not told a code in vain.

    Args:
        request: the one that answers the step.
        pending: this browser's pending sign-in.
        step: the one that the request answers.

    Raises:
        ChallengeLost: another step is pending, or one of the identities changed.
    """
    if pending.step is not step:
        raise ChallengeLost(reason=ChallengeLostReason.NOTHING_PENDING)
    # A challenge contains only a name, which may be a former user's.
    name = pending.challenge.username if pending.challenge and not pending.sub else ""
    snapshot = pending.required_snapshot
    rows = snapshot.identities(name)
    # A former user of that name says nothing of who has it now.
    is_new = bool(name) and all(row.status == Status.GONE for row in rows)
    if snapshot.is_outdated(rows) or (is_new and snapshot.is_outdated_for_newcomer(username=name)):
        pending.discard_progress(request)
        raise ChallengeLost(reason=ChallengeLostReason.OVERTAKEN)
    return rows


def expected_identity(pending: PendingSignIn) -> identity_lookup.ExpectedIdentity | None:
    """Return whose code the pending challenge asks for, if nothing changed; None where it must be read.

    Args:
        pending: this browser's pending sign-in.
    """
    if pending.step is not Step.CHALLENGE or pending.challenge is None or pending.snapshot is None:
        return None
    name = "" if pending.sub else pending.challenge.username
    return pending.snapshot.expected(pending.sub or pending.named_sub, name)


def read_expected(
    pending: PendingSignIn, expected: identity_lookup.ExpectedIdentity
) -> identity_lookup.ChallengedUser:
    """Return the user whose code was just sent, with the row as it is now.

    Args:
        pending: the sign-in.
        expected: its identity.
    """
    return subject_of(pending, list(CognitoIdentity.objects.in_pool().filter(pk=expected.key)))


def bind_to_name(
    pending: PendingSignIn, rows: list[CognitoIdentity], username: str
) -> PendingSignIn:
    """Return ``pending``, with what is known of the users whom Cognito's challenge named.

    Args:
        pending: the sign-in.
        rows: the identities that the database finds for ``username``, or for what was typed.
        username: the pool's own name, from the challenge.

    Raises:
        ChallengeLost: one of them was changed since this began.
    """
    named = identity_lookup.newest_of(rows, username)
    return replace(
        pending,
        snapshot=pending.required_snapshot.narrow(rows),
        named_sub=named.sub if named else "",
    )


def bind_to(pending: PendingSignIn, identity: CognitoIdentity) -> PendingSignIn:
    """Return ``pending``, bound to one user.

    Args:
        pending: the sign-in.
        identity: the user's, by the values that were read.
    """
    pending = replace(pending, snapshot=pending.required_snapshot.for_identity(identity))
    if not identity.in_this_pool or identity.status == Status.GONE:
        return pending
    return replace(pending, sub=identity.sub)
