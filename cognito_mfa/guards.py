"""What stands directly in front of one view, behind marks and mixins; it holds without the middleware."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from cognito_mfa import gate
from cognito_mfa.answers import CONFIRM_AGAIN, SET_UP_ANYWAY, SIGN_IN, Demand, answer
from cognito_mfa.conf import get_conf


class Guard:
    """Gives the answer for those who may not go on, and None for those who may."""

    def stopped(self, request: HttpRequest) -> HttpResponse | None:
        raise NotImplementedError

    async def astopped(self, request: HttpRequest) -> HttpResponse | None:
        raise NotImplementedError


class _Required(Guard):
    """Wants a second factor of everybody."""

    def stopped(self, request: HttpRequest) -> HttpResponse | None:
        user = request.user
        proven = user.is_authenticated and gate.is_proven(request, user)
        return None if proven else self._answer(request, user)

    async def astopped(self, request: HttpRequest) -> HttpResponse | None:
        user = await gate.auser_of(request)
        proven = user.is_authenticated and await gate.ais_proven(request, user)
        return None if proven else self._answer(request, user)

    @staticmethod
    def _answer(request: HttpRequest, user: Any) -> HttpResponse:
        return answer(request, SET_UP_ANYWAY if user.is_authenticated else SIGN_IN)


class _Recent(Guard):
    """Wants a second factor that was answered at most ``max_age`` seconds ago."""

    def __init__(self, max_age: float | None) -> None:
        self.max_age = max_age

    def stopped(self, request: HttpRequest) -> HttpResponse | None:
        user = request.user
        seconds = gate.proof_age(request, user) if user.is_authenticated else None
        return self._answer(request, user, seconds)

    async def astopped(self, request: HttpRequest) -> HttpResponse | None:
        user = await gate.auser_of(request)
        seconds = await gate.aproof_age(request, user) if user.is_authenticated else None
        return self._answer(request, user, seconds)

    def _answer(
        self, request: HttpRequest, user: Any, seconds: float | None
    ) -> HttpResponse | None:
        limit = get_conf().REAUTH_MAX_AGE if self.max_age is None else self.max_age
        if seconds is not None and seconds <= limit:
            return None
        return answer(request, self._demand(user, seconds))

    @staticmethod
    def _demand(user: Any, seconds: float | None) -> Demand:
        if not user.is_authenticated:
            return SIGN_IN
        # Without any proof, a sign-in that asks for no code would lead here again.
        return CONFIRM_AGAIN if seconds is not None else SET_UP_ANYWAY


REQUIRED: Guard = _Required()


def recent(max_age: float | None) -> Guard:
    """Return the guard that wants a second factor not older than ``max_age`` seconds.

    Args:
        max_age: by default ``COGNITO_MFA["REAUTH_MAX_AGE"]``, read at each request.
    """
    return _Recent(max_age)
