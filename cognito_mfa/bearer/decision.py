"""Decides about requests with an access token: the gate's rules for a sign-in without a session."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.http import HttpRequest

from cognito_mfa.bearer.authentication import BearerSignIn
from cognito_mfa.conf import get_conf
from cognito_mfa.enforcement import policy
from cognito_mfa.enforcement.gate import Verdict


def decide(request: HttpRequest, sign_in: BearerSignIn) -> Verdict:
    """Return whether the request passes.

    A remembered result comes first, because the policy may cost a query. Cognito comes last, and is not called for users
    who do not have to use MFA.

    Args:
        request: that has the token.
        sign_in: what ``authenticate`` returned for it.
    """
    if get_conf().ENFORCEMENT == "off" or sign_in.is_remembered():
        return Verdict.PASS
    if not policy.is_required(request, sign_in.user) or sign_in.suffices():
        return Verdict.PASS
    return Verdict.BLOCK if policy.is_enforced() else Verdict.WOULD_BLOCK


async def adecide(request: HttpRequest, sign_in: BearerSignIn) -> Verdict:
    """Async version of ``decide``.

    Args:
        request: that has the token.
        sign_in: what ``aauthenticate`` returned for it.
    """
    return await sync_to_async(decide)(request, sign_in)
