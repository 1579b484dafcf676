"""The guards behind the decorators and mixins for single views. They also work without the middleware."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from cognito_mfa.conf import get_conf
from cognito_mfa.enforcement import gate
from cognito_mfa.enforcement.block_log import record_block
from cognito_mfa.enforcement.request_user import ausers_of, is_signed_in, users_of
from cognito_mfa.enforcement.responses import (
    MFA_REQUIRED_BY_VIEW,
    MFA_TOO_OLD,
    SIGN_IN_REQUIRED,
    Denial,
    adeny,
    deny,
)
from cognito_mfa.values.setting_readers import MAX_SECONDS


def require_recent(proof_age: float | None, max_age: float | None = None) -> Denial | None:
    """Return why a proof of this age is not enough for a change that matters; None if it is.

    Args:
        proof_age: seconds since the code was entered, from ``gate.proof_age``; None without a proof.
        max_age: seconds; by default ``COGNITO_MFA["REAUTH_MAX_AGE"]``.
    """
    if proof_age is None:
        # To be asked for the code "again", by a sign-in that asks for none, would lead back here for ever.
        return MFA_REQUIRED_BY_VIEW
    limit = get_conf().REAUTH_MAX_AGE if max_age is None else max_age
    return None if proof_age <= limit else MFA_TOO_OLD


class Guard:
    """Decides about every request to one view."""

    def check(self, request: HttpRequest) -> HttpResponse | None:
        """Return the response for a request that must not reach the view; None for any other."""
        raise NotImplementedError

    async def acheck(self, request: HttpRequest) -> HttpResponse | None:
        """Async version of ``check``."""
        raise NotImplementedError


class _Required(Guard):
    """Requires MFA of every user."""

    def check(self, request: HttpRequest) -> HttpResponse | None:
        for user in users_of(request):
            proven = is_signed_in(user) and gate.is_proven(request, user)
            if not proven:
                denial = self._denial(user)
                record_block(request, user, denial.code)
                return deny(request, denial)
        return None

    async def acheck(self, request: HttpRequest) -> HttpResponse | None:
        for user in await ausers_of(request):
            proven = is_signed_in(user) and await gate.ais_proven(request, user)
            if not proven:
                denial = self._denial(user)
                record_block(request, user, denial.code)
                return await adeny(request, denial)
        return None

    @staticmethod
    def _denial(user: Any) -> Denial:
        return MFA_REQUIRED_BY_VIEW if is_signed_in(user) else SIGN_IN_REQUIRED


class _Recent(Guard):
    """Requires a code that was entered at most ``max_age`` seconds ago."""

    def __init__(self, max_age: float | None) -> None:
        self.max_age = max_age

    def check(self, request: HttpRequest) -> HttpResponse | None:
        for user in users_of(request):
            age = gate.proof_age(request, user) if is_signed_in(user) else None
            denial = self._denial(user, age)
            if denial is not None:
                record_block(request, user, denial.code)
                return deny(request, denial)
        return None

    async def acheck(self, request: HttpRequest) -> HttpResponse | None:
        for user in await ausers_of(request):
            age = await gate.aproof_age(request, user) if is_signed_in(user) else None
            denial = self._denial(user, age)
            if denial is not None:
                record_block(request, user, denial.code)
                return await adeny(request, denial)
        return None

    def _denial(self, user: Any, age: float | None) -> Denial | None:
        return require_recent(age, self.max_age) if is_signed_in(user) else SIGN_IN_REQUIRED


REQUIRED: Guard = _Required()


def recent(max_age: float | None) -> Guard:
    """Return the guard that requires a code entered at most ``max_age`` seconds ago.

    Args:
        max_age: by default ``COGNITO_MFA["REAUTH_MAX_AGE"]``, read at each request.

    Raises:
        ValueError: ``max_age`` is not a number from 0 to a hundred years.
    """
    if max_age is not None and not 0 <= max_age <= MAX_SECONDS:  # "not a number" is not either
        raise ValueError("max_age must be a number of seconds, at most a hundred years")
    return _Recent(max_age)
