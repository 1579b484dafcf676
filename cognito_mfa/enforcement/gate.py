"""Decides about a request: it passes, or the user must set up MFA or enter a code first.

Middleware, admin site, decorators, and the permission class for APIs all use this decision. The async functions only
load differently. The rules are written once, in functions that wait for nothing. They read the session and loaded rows,
never call Cognito, and block the request if something is missing.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple

from asgiref.sync import sync_to_async
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest

from cognito_mfa.conf import get_conf
from cognito_mfa.enforcement import impersonation, policy, proof
from cognito_mfa.enforcement.account_state import (
    EndReason,
    access_lost,
    asign_in_of,
    came_from_cognito,
    is_check_overdue,
    is_cognito_backend,
    sign_in_of,
)
from cognito_mfa.enforcement.identity_state import astate_of, state_of
from cognito_mfa.enforcement.impersonation import Records
from cognito_mfa.enforcement.request_user import ausers_of, is_signed_in, users_of
from cognito_mfa.models import CognitoIdentity, key_of


class Verdict(Enum):
    """The gate's answer to a request."""

    PASS = "pass"  # noqa: S105 - a word
    BLOCK = "block"
    WOULD_BLOCK = "would block"  # where the site only observes


class Decision(NamedTuple):
    """What becomes of a request.

    Attributes:
        verdict: whether it passes.
        user: because of whom; during an impersonation, the user who impersonates. None for a session whose
            user is no longer loaded, and where the request passes.
    """

    verdict: Verdict
    user: Any


PASSES = Decision(Verdict.PASS, None)


class Subject(NamedTuple):
    """Who answers for a request.

    Attributes:
        user: whose proof is read; None if no user's proof would be accepted.
        records: what the session says about their sign-in.
        acts_as: during an impersonation, the user who is impersonated; otherwise None.
    """

    user: Any
    records: Records
    acts_as: Any = None


def decide(request: HttpRequest) -> Decision:
    """Return the decision about ``request``, for the user that the site says it is from. Visitors pass."""
    users, decision = users_of(request), None
    for user in users:
        if is_signed_in(user):
            one = decide_for_user(request, user)
            decision = one if decision is None else _stricter(decision, one)
    if decision is None:
        ended = _end_reason_without_user(request)
        return PASSES if ended is None else Decision(Verdict.BLOCK, None)
    if get_conf().SESSION_IDLE is not None:
        _record_activity(request, users)
    return decision


async def adecide(request: HttpRequest) -> Decision:
    """Async version of ``decide``."""
    users, decision = await ausers_of(request), None
    for user in users:
        if is_signed_in(user):
            one = await adecide_for_user(request, user)
            decision = one if decision is None else _stricter(decision, one)
    if decision is None:
        ended = await _aend_reason_without_user(request)
        return PASSES if ended is None else Decision(Verdict.BLOCK, None)
    if get_conf().SESSION_IDLE is not None:
        await sync_to_async(_record_activity)(request, users)
    return decision


def _stricter(first: Decision, second: Decision) -> Decision:
    """Return the stricter of two decisions; the first if both are as strict."""
    if first.verdict is Verdict.PASS:
        return second
    is_blocked_by_second = first.verdict is Verdict.WOULD_BLOCK and second.verdict is Verdict.BLOCK
    return second if is_blocked_by_second else first


def decide_for_user(request: HttpRequest, user: Any) -> Decision:
    """Return what becomes of ``request`` as one from ``user``.

    The policy is asked last: it may cost a query, which users with a proof need not pay.

    Args:
        request: with its session, if it has one.
        user: signed in; not necessarily the session's.
    """
    off = get_conf().ENFORCEMENT == "off"
    if not off and _has_own_proof(request, user):
        return PASSES
    subject = _subject(request, user)
    known = _decide_without_policy(subject, user, off=off)
    if known is not None:
        return known
    required = policy.is_required(request, subject.user, acts_as=subject.acts_as)
    return _decide_unproven(subject.user, required=required)


async def adecide_for_user(request: HttpRequest, user: Any) -> Decision:
    """Async version of ``decide_for_user``."""
    off = get_conf().ENFORCEMENT == "off"
    if not off and await _ahas_own_proof(request, user):
        return PASSES
    subject = await _asubject(request, user)
    if not off or _came_from_cognito(subject):
        await astate_of(subject.user)
    known = _decide_without_policy(subject, user, off=off)
    if known is not None:
        return known
    required = await policy.ais_required(request, subject.user, acts_as=subject.acts_as)
    return _decide_unproven(subject.user, required=required)


def end_reason(request: HttpRequest, user: Any) -> EndReason | None:
    """Return why a blocked user's session ends; None if they only lack MFA.

    Args:
        request: which was blocked.
        user: who was blocked; None for a session whose user is no longer loaded.
    """
    if user is None:
        return _end_reason_without_user(request)
    session = getattr(request, "session", None)
    if session is None:  # a token named the user
        return None
    if _is_signed_out(_subject(request, user)):
        return EndReason.SIGNED_OUT
    return _end_reason_of(session, user)


def _end_reason_of(session: Any, user: Any) -> EndReason | None:
    """Return why ``session`` of ``user`` ends, apart from a sign-out elsewhere."""
    identity = state_of(user)
    if came_from_cognito(user, *sign_in_of(session)):
        shut = access_lost(identity)
        if shut is not None:
            return shut
        if proof.link_ended(session.get(proof.LINK_KEY), identity):
            return EndReason.UNLINKED
        if is_check_overdue(identity):
            return EndReason.UNCHECKED
    return EndReason.IDLE if proof.is_only_idle(session.get(proof.KEY), identity) else None


def _end_reason_without_user(request: HttpRequest) -> EndReason | None:
    """Return why the session's user is no longer loaded; None for an ordinary visitor."""
    session = getattr(request, "session", None)
    signed_in, backend = sign_in_of(session) if session is not None else (None, None)
    if signed_in is None or not is_cognito_backend(backend):
        return None
    return access_lost(CognitoIdentity.objects.filter(user_id=str(signed_in)).first())


async def _aend_reason_without_user(request: HttpRequest) -> EndReason | None:
    """Async version of ``_end_reason_without_user``."""
    session = getattr(request, "session", None)
    signed_in, backend = await asign_in_of(session) if session is not None else (None, None)
    if signed_in is None or not is_cognito_backend(backend):
        return None
    return access_lost(await CognitoIdentity.objects.filter(user_id=str(signed_in)).afirst())


def blocks(request: HttpRequest, user: Any) -> bool:
    """Return whether ``user`` is blocked. Nothing is recorded.

    Args:
        request: with its session, if it has one.
        user: signed in.
    """
    return decide_for_user(request, user).verdict is Verdict.BLOCK


def is_proven(request: HttpRequest, user: Any) -> bool:
    """Return whether this session has a valid proof of ``user``, or needs none because of its backend.

    Args:
        request: with its session, if it has one.
        user: signed in.
    """
    return _is_proven(_subject(request, user))


async def ais_proven(request: HttpRequest, user: Any) -> bool:
    """Async version of ``is_proven``."""
    return _is_proven(await _asubject_with_identity(request, user))


def is_trusted(request: HttpRequest, user: Any) -> bool:
    """Return whether the backend of this sign-in requires MFA of everyone by its own means.

    Args:
        request: with its session, if it has one.
        user: signed in.
    """
    return _is_trusted(_subject(request, user))


def proof_age(request: HttpRequest, user: Any) -> float | None:
    """Return how many seconds ago ``user`` entered a code; None without a valid proof.

    Args:
        request: with its session, if it has one.
        user: signed in.
    """
    return _proof_age(_subject(request, user))


async def aproof_age(request: HttpRequest, user: Any) -> float | None:
    """Async version of ``proof_age``."""
    return _proof_age(await _asubject_with_identity(request, user))


# ------------------------------------------------------------------ what is read, with and without a thread


def _has_own_proof(request: HttpRequest, user: Any) -> bool:
    """Return whether the session has a valid proof of ``user``, and no impersonation.

    Most requests do, and nothing else is checked for them.
    """
    session = getattr(request, "session", None)
    if session is None or impersonation.is_possible(request):
        return False
    return proof.age(session.get(proof.KEY), state_of(user)) is not None


async def _ahas_own_proof(request: HttpRequest, user: Any) -> bool:
    """Async version of ``_has_own_proof``."""
    session = getattr(request, "session", None)
    if session is None:
        return False
    record = await session.aget(proof.KEY)  # loads all of the session
    if impersonation.is_possible(request):
        return False
    return proof.age(record, await astate_of(user)) is not None


def _subject(request: HttpRequest, user: Any) -> Subject:
    """Return who answers for a request of ``user``, with what is known of them loaded."""
    session = getattr(request, "session", None)
    found = impersonation.find(request, user)
    if found is None:
        subject = Subject(user, Records() if session is None else impersonation.records_of(session))
    else:
        subject = Subject(found.person, found.records, user)
    return subject


async def _asubject(request: HttpRequest, user: Any) -> Subject:
    """Async version of ``_subject``."""
    session = getattr(request, "session", None)
    if session is not None:
        await session.aget(SESSION_KEY)  # loads all of it
    if impersonation.is_possible(request):
        return await sync_to_async(_subject)(request, user)
    return _subject(request, user)


async def _asubject_with_identity(request: HttpRequest, user: Any) -> Subject:
    """Return who answers for a request of ``user``, with their identity."""
    subject = await _asubject(request, user)
    await astate_of(subject.user)
    return subject


def _record_activity(request: HttpRequest, users: tuple[Any, ...]) -> None:
    """Record activity for each user who answers for the request."""
    if getattr(request, "session", None) is None:
        return
    for user in filter(is_signed_in, users):
        subject = _subject(request, user)
        if subject.acts_as is not None:
            impersonation.touch(request, state_of(subject.user))
        proof.touch(request.session, state_of(subject.user))


# --------------------------------------------------------------- the decision, which waits for nothing


def _decide_without_policy(subject: Subject, user: Any, *, off: bool) -> Decision | None:
    """Return the decision that needs no look at the policy; None if the policy has to decide."""
    # A proof is of this generation, so the user has not signed out everywhere since it was made.
    if not off and _proof_age(subject) is not None:
        return PASSES
    if _sign_in_ended(subject, off=off):  # also where nothing else is enforced
        return Decision(Verdict.BLOCK, subject.user)
    if off or _is_trusted(subject):
        return PASSES
    cognito = _came_from_cognito(subject)
    if subject.user is None or (cognito and is_check_overdue(state_of(subject.user))):
        return _decide_unproven(subject.user or user, required=True)
    lets_providers_do = get_conf().FEDERATED == "exempt"
    if lets_providers_do and proof.federated_provider(subject.records.federated, subject.user):
        return PASSES
    return None


def _sign_in_ended(subject: Subject, *, off: bool) -> bool:
    """Return whether the user pool, an administrator or the user ended what the session was signed in by.

    Args:
        subject: who answers for the request.
        off: nothing is enforced, so that the identity of a user from another backend is not loaded.
    """
    if not _came_from_cognito(subject):
        return not off and _is_signed_out(subject)
    identity = state_of(subject.user)
    shut = access_lost(identity) is not None or proof.link_ended(subject.records.link, identity)
    return shut or _is_signed_out(subject)


def _is_signed_out(subject: Subject) -> bool:
    """Return whether the user ended this session from another one, however it was signed in."""
    if subject.user is None or str(subject.records.signed_in) != key_of(subject.user):
        return False  # an API's Authorization header named them, and no session
    return proof.signed_out_since(subject.records.sign_outs, state_of(subject.user))


def _came_from_cognito(subject: Subject) -> bool:
    given = subject.records
    return subject.user is not None and came_from_cognito(
        subject.user, given.signed_in, given.backend
    )


def _decide_unproven(user: Any, *, required: bool) -> Decision:
    if not required:
        return PASSES
    return Decision(Verdict.BLOCK if policy.is_enforced() else Verdict.WOULD_BLOCK, user)


def _is_proven(subject: Subject) -> bool:
    return _proof_age(subject) is not None or _is_trusted(subject)


def _proof_age(subject: Subject) -> float | None:
    return proof.age(subject.records.proof, state_of(subject.user))


def _is_trusted(subject: Subject) -> bool:
    # SECURITY: how the session's own user signed in says nothing about another user, whom an API's
    # Authorization header named.
    # What a sign-in at Cognito's own pages proves is a proof like any other; see ``managed_login.judgment``.
    if subject.user is None or not get_conf().TRUSTED_BACKENDS:
        return False
    theirs = str(subject.records.signed_in) == key_of(subject.user)
    trusted = theirs and get_conf().trust_in(subject.records.backend) == "elsewhere"
    return trusted and not _is_signed_out(subject)
