"""What stands directly in front of one view, behind marks and mixins; it holds without the middleware."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from cognito_mfa.conf import MAX_SECONDS, get_conf
from cognito_mfa.enforcement import gate
from cognito_mfa.enforcement.request_user import ausers_of, is_signed_in, users_of
from cognito_mfa.enforcement.responses import (
    MFA_REQUIRED_BY_VIEW,
    MFA_TOO_OLD,
    SIGN_IN_REQUIRED,
    Denial,
    adeny,
    deny,
)


class Guard:
    """Gives the answer for those who may not go on, and None for those who may."""

    def check(self, request: HttpRequest) -> HttpResponse | None:
        raise NotImplementedError

    async def acheck(self, request: HttpRequest) -> HttpResponse | None:
        raise NotImplementedError


class _Required(Guard):
    """Wants a second factor of everybody."""

    def check(self, request: HttpRequest) -> HttpResponse | None:
        for user in users_of(request):
            if not (is_signed_in(user) and gate.is_proven(request, user)):
                return deny(request, self._denial(user))
        return None

    async def acheck(self, request: HttpRequest) -> HttpResponse | None:
        for user in await ausers_of(request):
            if not (is_signed_in(user) and await gate.ais_proven(request, user)):
                return await adeny(request, self._denial(user))
        return None

    @staticmethod
    def _denial(user: Any) -> Denial:
        return MFA_REQUIRED_BY_VIEW if is_signed_in(user) else SIGN_IN_REQUIRED


class _Recent(Guard):
    """Wants a second factor that was answered at most ``max_age`` seconds ago."""

    def __init__(self, max_age: float | None) -> None:
        self.max_age = max_age

    def check(self, request: HttpRequest) -> HttpResponse | None:
        for user in users_of(request):
            seconds = gate.proof_age(request, user) if is_signed_in(user) else None
            if not self._is_recent(seconds):
                return deny(request, self._denial(user, seconds))
        return None

    async def acheck(self, request: HttpRequest) -> HttpResponse | None:
        for user in await ausers_of(request):
            seconds = await gate.aproof_age(request, user) if is_signed_in(user) else None
            if not self._is_recent(seconds):
                return await adeny(request, self._denial(user, seconds))
        return None

    def _is_recent(self, seconds: float | None) -> bool:
        limit = get_conf().REAUTH_MAX_AGE if self.max_age is None else self.max_age
        return seconds is not None and seconds <= limit

    @staticmethod
    def _denial(user: Any, seconds: float | None) -> Denial:
        if not is_signed_in(user):
            return SIGN_IN_REQUIRED
        # Without any proof, a sign-in that asks for no code would lead here again.
        return MFA_TOO_OLD if seconds is not None else MFA_REQUIRED_BY_VIEW


REQUIRED: Guard = _Required()


def recent(max_age: float | None) -> Guard:
    """Return the guard that wants a second factor not older than ``max_age`` seconds.

    Args:
        max_age: by default ``COGNITO_MFA["REAUTH_MAX_AGE"]``, read at each request.
    """
    if max_age is not None and not 0 <= max_age <= MAX_SECONDS:  # "not a number" is not either
        raise ValueError("max_age must be a number of seconds, at most a hundred years")
    return _Recent(max_age)
