"""The one decision about a request: may it go on, or must the person set up or prove first?

Middleware, admin site, marks and the permission class for APIs ask here, with or without a thread
to wait in. It reads the session and rows that are loaded already; it never talks to Cognito, and
when something is missing the answer is "stop".
"""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple

from asgiref.sync import sync_to_async
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest

from cognito_mfa.conf import get_conf
from cognito_mfa.enforcement import arrival, impersonation, policy, proof
from cognito_mfa.enforcement.impersonation import Records
from cognito_mfa.enforcement.request_user import apeople_of, is_signed_in, people_of
from cognito_mfa.enforcement.standing import (
    Ending,
    aof_session,
    came_from_cognito,
    is_cognitos,
    is_unchecked,
    of_session,
    shut_out,
)
from cognito_mfa.models import CognitoIdentity, aidentity_of, identity_of, key_of


class Verdict(Enum):
    """What becomes of a request."""

    PASS = "pass"  # noqa: S105 - a word
    STOP = "stop"
    WOULD_STOP = "would stop"  # where the site only observes


class Judged(NamedTuple):
    """What becomes of a request, and because of whom: of somebody who acts as another user, it is they."""

    verdict: Verdict
    user: Any


class Subject(NamedTuple):
    """Who answers for a request.

    Attributes:
        user: whose second factor is asked for; None where nobody's counts.
        records: what the session says about their sign-in.
        acts_as: whom the request is from, where they act as somebody else; else None.
    """

    user: Any
    records: Records
    acts_as: Any = None


def judge(request: HttpRequest) -> Judged:
    """Return what becomes of ``request``, whoever the site says it is from; visitors pass."""
    people = [user for user in people_of(request) if is_signed_in(user)]
    if not people and _shut_out_visitor(request) is not None:
        return Judged(Verdict.STOP, None)
    judged = [judge_user(request, user) for user in people]
    if get_conf().SESSION_IDLE is not None and people:
        _touch(request, people)
    return _worst(judged)


async def ajudge(request: HttpRequest) -> Judged:
    """Async version of ``judge``."""
    people = [user for user in await apeople_of(request) if is_signed_in(user)]
    if not people and await _ashut_out_visitor(request) is not None:
        return Judged(Verdict.STOP, None)
    judged = [await ajudge_user(request, user) for user in people]
    if get_conf().SESSION_IDLE is not None and people:
        await sync_to_async(_touch)(request, people)
    return _worst(judged)


def _worst(judged: list[Judged]) -> Judged:
    for verdict in (Verdict.STOP, Verdict.WOULD_STOP):
        for one in judged:
            if one.verdict is verdict:
                return one
    return Judged(Verdict.PASS, None)


def judge_user(request: HttpRequest, user: Any) -> Judged:
    """Return what becomes of ``request`` as one of ``user``, who is signed in.

    The policy is asked last: it may cost a query, and people with a proof need not pay for it.
    """
    off = get_conf().ENFORCEMENT == "off"
    subject = _subject(request, user)
    known = _without_policy(subject, user, off=off)
    if known is not None:
        return known
    required = policy.required(request, subject.user, acts_as=subject.acts_as)
    return _unproven(subject.user, required=required)


async def ajudge_user(request: HttpRequest, user: Any) -> Judged:
    """Async version of ``judge_user``."""
    off = get_conf().ENFORCEMENT == "off"
    subject = await _asubject(request, user)
    if not off or _came_from_cognito(subject):
        await aidentity_of(subject.user)
    known = _without_policy(subject, user, off=off)
    if known is not None:
        return known
    required = await policy.arequired(request, subject.user, acts_as=subject.acts_as)
    return _unproven(subject.user, required=required)


def decide(request: HttpRequest, user: Any) -> Verdict:
    """Return whether ``user``, who is signed in, may go on."""
    return judge_user(request, user).verdict


async def adecide(request: HttpRequest, user: Any) -> Verdict:
    """Async version of ``decide``."""
    return (await ajudge_user(request, user)).verdict


def ending(request: HttpRequest, user: Any) -> Ending | None:
    """Return why the session of ``user``, who was stopped, ends; None where they lack a second factor.

    Args:
        user: None for a session whose user is no longer loaded.
    """
    if user is None:
        return _shut_out_visitor(request)
    identity = identity_of(user)
    if came_from_cognito(user, *of_session(request.session)):
        shut = shut_out(identity)
        if shut is not None:
            return shut
        if is_unchecked(identity):
            return Ending.UNCHECKED
    return Ending.IDLE if proof.is_left(request.session.get(proof.KEY), identity) else None


def _shut_out_visitor(request: HttpRequest) -> Ending | None:
    """Return why the backend no longer loads the session's user; None for an ordinary visitor."""
    session = getattr(request, "session", None)
    signed_in, backend = of_session(session) if session is not None else (None, None)
    if signed_in is None or not is_cognitos(backend):
        return None
    return shut_out(CognitoIdentity.objects.filter(user_id=str(signed_in)).first())


async def _ashut_out_visitor(request: HttpRequest) -> Ending | None:
    """Async version of ``_shut_out_visitor``."""
    session = getattr(request, "session", None)
    signed_in, backend = await aof_session(session) if session is not None else (None, None)
    if signed_in is None or not is_cognitos(backend):
        return None
    return shut_out(await CognitoIdentity.objects.filter(user_id=str(signed_in)).afirst())


def stops(request: HttpRequest, user: Any) -> bool:
    """Tell whether ``user``, who is signed in, must not go on."""
    return decide(request, user) is Verdict.STOP


def is_proven(request: HttpRequest, user: Any) -> bool:
    """Tell whether this session has a proof that is good for ``user``, or needs none by its backend."""
    return _is_proven(_subject(request, user))


async def ais_proven(request: HttpRequest, user: Any) -> bool:
    """Async version of ``is_proven``."""
    return _is_proven(await _aloaded(request, user))


def is_trusted(request: HttpRequest, user: Any) -> bool:
    """Tell whether the backend of this sign-in asks everybody for a second factor of its own."""
    return _is_trusted(_subject(request, user))


def proof_age(request: HttpRequest, user: Any) -> float | None:
    """Return how many seconds ago ``user`` answered a second factor, or None without a good proof."""
    return _proof_age(_subject(request, user))


async def aproof_age(request: HttpRequest, user: Any) -> float | None:
    """Async version of ``proof_age``."""
    return _proof_age(await _aloaded(request, user))


# ------------------------------------------------------------------ what is read, with and without a thread


def _subject(request: HttpRequest, user: Any) -> Subject:
    """Return who answers for a request of ``user``, with what is known of them loaded."""
    session = getattr(request, "session", None)
    found = impersonation.of(request, user)
    if found is None:
        subject = Subject(user, Records() if session is None else impersonation.records(session))
    else:
        subject = Subject(found.person, found.records, user)
    return subject


async def _asubject(request: HttpRequest, user: Any) -> Subject:
    """Async version of ``_subject``."""
    session = getattr(request, "session", None)
    if session is not None:
        await session.aget(SESSION_KEY)  # loads all of it
    if impersonation.may_be(request):
        return await sync_to_async(_subject)(request, user)
    return _subject(request, user)


async def _aloaded(request: HttpRequest, user: Any) -> Subject:
    """Return who answers for a request of ``user``, with their identity."""
    subject = await _asubject(request, user)
    await aidentity_of(subject.user)
    return subject


def _touch(request: HttpRequest, people: list[Any]) -> None:
    """Note that whoever answers for the request is still there."""
    for user in people:
        subject = _subject(request, user)
        if subject.acts_as is not None:
            impersonation.touch(request, identity_of(subject.user))
        proof.touch(request.session, identity_of(subject.user))


# --------------------------------------------------------------- the decision, which waits for nothing


def _without_policy(subject: Subject, user: Any, *, off: bool) -> Judged | None:
    """Return what is known before anybody asks the policy."""
    if not off and _is_proven(subject):
        return Judged(Verdict.PASS, user)
    cognito = _came_from_cognito(subject)
    if cognito and shut_out(identity_of(subject.user)):  # also where nothing else is enforced
        return Judged(Verdict.STOP, subject.user)
    if off:
        return Judged(Verdict.PASS, user)
    if subject.user is None or (cognito and is_unchecked(identity_of(subject.user))):
        return _unproven(subject.user or user, required=True)
    lets_providers_do = get_conf().FEDERATED == "exempt"
    if lets_providers_do and arrival.provider(subject.records.arrival, subject.user):
        return Judged(Verdict.PASS, user)
    return None


def _came_from_cognito(subject: Subject) -> bool:
    given = subject.records
    return subject.user is not None and came_from_cognito(
        subject.user, given.signed_in, given.backend
    )


def _unproven(user: Any, *, required: bool) -> Judged:
    if not required:
        return Judged(Verdict.PASS, user)
    return Judged(Verdict.STOP if policy.enforced() else Verdict.WOULD_STOP, user)


def _is_proven(subject: Subject) -> bool:
    return _proof_age(subject) is not None or _is_trusted(subject)


def _proof_age(subject: Subject) -> float | None:
    return proof.age(subject.records.proof, identity_of(subject.user))


def _is_trusted(subject: Subject) -> bool:
    # SECURITY: how the session's own user signed in says nothing about somebody else, whom an API's
    # Authorization header named.
    # What a sign-in at Cognito's own pages proves is a proof like any other; see ``other_sign_in``.
    if subject.user is None or not get_conf().TRUSTED_BACKENDS:
        return False
    theirs = str(subject.records.signed_in) == key_of(subject.user)
    return theirs and get_conf().trust_in(subject.records.backend) == "elsewhere"
