"""The gate in front of every view: who must set up a second factor, or answer it, goes there first.

It decides about the view that Django resolved, never about a path, and about every method alike. It
never calls Cognito, touches nothing on exempt views, and runs natively under WSGI and ASGI.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import FunctionType, MethodType
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.functional import SimpleLazyObject

from cognito_mfa import answers, gate, proof
from cognito_mfa.gate import Verdict
from cognito_mfa.marks import EXEMPT_MARK, OTHERS_EXEMPT, why_exempt

GetResponse = (
    Callable[[HttpRequest], HttpResponseBase] | Callable[[HttpRequest], Awaitable[HttpResponseBase]]
)


class RequireMFAMiddleware:
    """Enforces MFA; stands after Django's ``AuthenticationMiddleware``."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)
            # SECURITY: a stricter rule of a subclass holds under both servers; Django gives it a thread.
            if type(self).process_view is RequireMFAMiddleware.process_view:
                # Django awaits this one, without a thread.
                self.process_view = self.aprocess_view  # type: ignore[assignment, method-assign]

    def __call__(self, request: HttpRequest) -> Any:
        return self.get_response(request)

    # Both methods tell the ordinary request first, of somebody with a proof for a view without a mark, and
    # write out what they could call: it is on every request, and a call costs as much as what it does there.

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], _args: Any, _kwargs: Any
    ) -> HttpResponse | None:
        plain = type(view) is FunctionType and EXEMPT_MARK not in view.__dict__
        if not (plain and view.__module__ not in OTHERS_EXEMPT) and why_exempt(view):
            return None
        user: Any = request.user
        if type(user) is SimpleLazyObject:
            user = gate.unwrapped(request, user)
        request.auser = MethodType(gate.ready, user)
        try:
            identity = user._state.fields_cache["cognito_identity"]  # noqa: SLF001 - Django's word to models
        except (AttributeError, KeyError):
            pass  # a visitor, or the user of another backend
        else:
            if proof.age(request.session.get(proof.KEY), identity) is not None:
                return None
        if not user.is_authenticated:
            return None
        verdict = gate.decide(request, user)
        if verdict is Verdict.WOULD_STOP:
            from cognito_mfa import observed  # sites that enforce never need it

            observed.note(request, user)
        return answers.answer(request, answers.SET_UP) if verdict is Verdict.STOP else None

    async def aprocess_view(
        self, request: HttpRequest, view: Callable[..., Any], _args: Any, _kwargs: Any
    ) -> HttpResponse | None:
        plain = type(view) is FunctionType and EXEMPT_MARK not in view.__dict__
        if not (plain and view.__module__ not in OTHERS_EXEMPT) and why_exempt(view):
            return None
        user: Any = request.user
        if type(user) is SimpleLazyObject:
            request.user = user = await request.auser()
        else:  # whom another middleware put there
            request.auser = MethodType(gate.ready, user)
        try:
            identity = user._state.fields_cache["cognito_identity"]  # noqa: SLF001 - as above
        except (AttributeError, KeyError):
            pass
        else:
            if proof.age(await request.session.aget(proof.KEY), identity) is not None:
                return None
        if not user.is_authenticated:
            return None
        verdict = await gate.adecide(request, user)
        if verdict is Verdict.WOULD_STOP:
            from cognito_mfa import observed

            await sync_to_async(observed.note)(request, user)
        return answers.answer(request, answers.SET_UP) if verdict is Verdict.STOP else None
