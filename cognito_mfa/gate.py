"""The one decision about a request: may it go on, or must the person set up or prove first?

Middleware, admin site, marks and the permission class for APIs ask here, with or without a thread
to wait in. It reads the session and rows that are loaded already; it never talks to Cognito, and
when something is missing the answer is "stop".
"""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple

from asgiref.sync import sync_to_async
from django.contrib.auth import BACKEND_SESSION_KEY, SESSION_KEY
from django.http import HttpRequest

from cognito_mfa import arrival, policy, proof
from cognito_mfa.conf import get_conf
from cognito_mfa.models import CognitoIdentity, aidentity_of, identity_of
from cognito_mfa.request_user import apeople_of, is_signed_in, people_of
from cognito_mfa.standing import (
    Ending,
    aof_session,
    came_from_cognito,
    is_ours,
    is_unchecked,
    of_session,
    shut_out,
)


class Verdict(Enum):
    """What becomes of a request."""

    PASS = "pass"  # noqa: S105 - a word
    STOP = "stop"
    WOULD_STOP = "would stop"  # where the site only observes


class Judged(NamedTuple):
    """What becomes of a request, and because of whom."""

    verdict: Verdict
    user: Any


def judge(request: HttpRequest) -> Judged:
    """Return what becomes of ``request``, whoever the site says it is from; visitors pass."""
    people = [user for user in people_of(request) if is_signed_in(user)]
    if not people and _shut_out_visitor(request) is not None:
        return Judged(Verdict.STOP, None)
    judged = [Judged(decide(request, user), user) for user in people]
    if get_conf().SESSION_IDLE is not None:
        for user in people:
            proof.touch(request.session, identity_of(user))
    return _worst(judged)


async def ajudge(request: HttpRequest) -> Judged:
    """Async version of ``judge``."""
    people = [user for user in await apeople_of(request) if is_signed_in(user)]
    if not people and await _ashut_out_visitor(request) is not None:
        return Judged(Verdict.STOP, None)
    judged = [Judged(await adecide(request, user), user) for user in people]
    if get_conf().SESSION_IDLE is not None:
        for user in people:
            await sync_to_async(proof.touch)(request.session, await aidentity_of(user))
    return _worst(judged)


def _worst(judged: list[Judged]) -> Judged:
    for verdict in (Verdict.STOP, Verdict.WOULD_STOP):
        for one in judged:
            if one.verdict is verdict:
                return one
    return Judged(Verdict.PASS, None)


def decide(request: HttpRequest, user: Any) -> Verdict:
    """Return whether ``user``, who is signed in, may go on.

    The policy is asked last: it may cost a query, and people with a proof need not pay for it.
    """
    off = get_conf().ENFORCEMENT == "off"
    if not off and is_proven(request, user):
        return Verdict.PASS
    cognito = came_from_cognito(user, *of_session(request.session))
    if cognito and shut_out(identity_of(user)):  # also where nothing else is enforced
        return Verdict.STOP
    if off:
        return Verdict.PASS
    if cognito and is_unchecked(identity_of(user)):
        return _unproven(required=True)
    if _lets_providers_do() and arrival.provider(request.session.get(arrival.KEY), user):
        return Verdict.PASS
    return _unproven(required=policy.required(request, user))


async def adecide(request: HttpRequest, user: Any) -> Verdict:
    """Return the same where nothing may block."""
    off = get_conf().ENFORCEMENT == "off"
    if not off and await ais_proven(request, user):
        return Verdict.PASS
    cognito = came_from_cognito(user, *await aof_session(request.session))
    if cognito and shut_out(await aidentity_of(user)):
        return Verdict.STOP
    if off:
        return Verdict.PASS
    if cognito and is_unchecked(await aidentity_of(user)):
        return _unproven(required=True)
    if _lets_providers_do() and arrival.provider(await request.session.aget(arrival.KEY), user):
        return Verdict.PASS
    return _unproven(required=await policy.arequired(request, user))


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
    """Return why our backend no longer loads the session's user; None for an ordinary visitor."""
    session = getattr(request, "session", None)
    signed_in, backend = of_session(session) if session is not None else (None, None)
    if signed_in is None or not is_ours(backend):
        return None
    return shut_out(CognitoIdentity.objects.filter(user_id=str(signed_in)).first())


async def _ashut_out_visitor(request: HttpRequest) -> Ending | None:
    """Async version of ``_shut_out_visitor``."""
    session = getattr(request, "session", None)
    signed_in, backend = await aof_session(session) if session is not None else (None, None)
    if signed_in is None or not is_ours(backend):
        return None
    return shut_out(await CognitoIdentity.objects.filter(user_id=str(signed_in)).afirst())


def _lets_providers_do() -> bool:
    """Tell whether people whom an identity provider signs in may do without a second factor here."""
    return get_conf().FEDERATED == "exempt"


def _unproven(*, required: bool) -> Verdict:
    if not required:
        return Verdict.PASS
    return Verdict.STOP if policy.enforced() else Verdict.WOULD_STOP


def stops(request: HttpRequest, user: Any) -> bool:
    """Tell whether ``user``, who is signed in, must not go on."""
    return decide(request, user) is Verdict.STOP


def is_proven(request: HttpRequest, user: Any) -> bool:
    """Tell whether this session has a proof that is good for ``user``, or needs none by its backend."""
    if proof.holds(request.session.get(proof.KEY), identity_of(user)):
        return True
    return bool(get_conf().TRUSTED_BACKENDS) and is_trusted(request, user)


async def ais_proven(request: HttpRequest, user: Any) -> bool:
    """Tell the same where nothing may block."""
    if proof.holds(await request.session.aget(proof.KEY), await aidentity_of(user)):
        return True
    return bool(get_conf().TRUSTED_BACKENDS) and await ais_trusted(request, user)


def is_trusted(request: HttpRequest, user: Any) -> bool:
    """Tell whether the backend of this sign-in asks everybody for a second factor of its own."""
    session = request.session
    return _is_trusted(user, session.get(SESSION_KEY), session.get(BACKEND_SESSION_KEY))


async def ais_trusted(request: HttpRequest, user: Any) -> bool:
    """Tell the same where nothing may block."""
    session = request.session
    signed_in, backend = await session.aget(SESSION_KEY), await session.aget(BACKEND_SESSION_KEY)
    return _is_trusted(user, signed_in, backend)


def _is_trusted(user: Any, signed_in: object, backend: object) -> bool:
    # SECURITY: how the session's own user signed in says nothing about somebody else, whom an API's
    # Authorization header named.
    # What a sign-in at Cognito's own pages proves is a proof like any other; see ``other_sign_in``.
    return get_conf().trust_in(backend) == "elsewhere" and str(signed_in) == str(user.pk)


def proof_age(request: HttpRequest, user: Any) -> float | None:
    """Return how many seconds ago ``user`` answered a second factor, or None without a good proof."""
    return proof.age(request.session.get(proof.KEY), identity_of(user))


async def aproof_age(request: HttpRequest, user: Any) -> float | None:
    """Return the same where nothing may block."""
    return proof.age(await request.session.aget(proof.KEY), await aidentity_of(user))
