"""The one decision about a request: may it go on, or must the person set up or prove first?

Middleware, admin site, marks and the permission class for APIs ask here, with or without a thread
to wait in. It reads the session and rows that are loaded already; it never talks to Cognito, and
when something is missing the answer is "stop".
"""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple

from django.contrib.auth import BACKEND_SESSION_KEY, SESSION_KEY
from django.http import HttpRequest

from cognito_mfa import arrival, policy, proof
from cognito_mfa.conf import get_conf
from cognito_mfa.models import aidentity_of, identity_of
from cognito_mfa.request_user import apeople_of, is_signed_in, people_of


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
    return _worst([Judged(decide(request, user), user) for user in people])


async def ajudge(request: HttpRequest) -> Judged:
    """Async version of ``judge``."""
    people = [user for user in await apeople_of(request) if is_signed_in(user)]
    return _worst([Judged(await adecide(request, user), user) for user in people])


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
    if get_conf().ENFORCEMENT == "off" or is_proven(request, user):
        return Verdict.PASS
    if _lets_providers_do() and arrival.provider(request.session.get(arrival.KEY), user):
        return Verdict.PASS
    return _unproven(required=policy.required(request, user))


async def adecide(request: HttpRequest, user: Any) -> Verdict:
    """Return the same where nothing may block."""
    if get_conf().ENFORCEMENT == "off" or await ais_proven(request, user):
        return Verdict.PASS
    if _lets_providers_do() and arrival.provider(await request.session.aget(arrival.KEY), user):
        return Verdict.PASS
    return _unproven(required=await policy.arequired(request, user))


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
