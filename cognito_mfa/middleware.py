"""``RequireMFAMiddleware``, which blocks users before any view until they set up MFA or enter a code.

It decides by the view that Django resolved, never by a path, and in the same way for every HTTP method. Responses
without a view are checked on their way out. Nothing here calls Cognito, and exempt views cost nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from cognito_mfa.enforcement import (
    ended_sessions,
    gate,
    impersonation,
    rollout,
    session_engines,
    unrouted_responses,
)
from cognito_mfa.enforcement.block_log import record_block
from cognito_mfa.enforcement.gate import PASSES, Decision, Verdict
from cognito_mfa.enforcement.unrouted_responses import VIEW_DECIDED
from cognito_mfa.enforcement.view_marks import VIEW_GAVE_404, answer_to_outage, why_exempt

GetResponse = (
    Callable[[HttpRequest], HttpResponseBase] | Callable[[HttpRequest], Awaitable[HttpResponseBase]]
)

HIJACK_RELEASE = "hijack's own"  # how ``why_exempt`` names django-hijack's way back


class RequireMFAMiddleware:
    """Enforces MFA, under WSGI and ASGI. Its place is after Django's ``AuthenticationMiddleware``.

    The sync and the async methods differ only in how they wait: ``gate`` decides for both.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        session_engines.refuse_cookies()
        self.get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        self._records_impersonation = impersonation.is_recorded()
        is_own = type(self).process_view is RequireMFAMiddleware.process_view
        if self._is_async:
            markcoroutinefunction(self)
        if not is_own:
            # SECURITY: a stricter rule of a subclass applies under both servers; Django gives it a thread.
            self.process_view = _recording_that_it_ran(self.process_view)  # type: ignore[method-assign]
        elif self._is_async:
            self.process_view = self.aprocess_view  # type: ignore[method-assign,assignment]

    def __call__(self, request: HttpRequest) -> Any:
        if self._is_async:
            return self._acall(request)
        response: Any = self.get_response(request)
        if not unrouted_responses.needs_decision(request, response):
            return response
        if not _blocks(request, gate.decide(request)):
            return response
        return unrouted_responses.replacement_for(request, response)

    async def _acall(self, request: HttpRequest) -> Any:
        response: Any = await self.get_response(request)  # type: ignore[misc]
        if not unrouted_responses.needs_decision(request, response):
            return response
        if not await _ablocks(request, await gate.adecide(request)):
            return response
        if impersonation.is_possible(request):  # then a page may be rendered
            return await sync_to_async(unrouted_responses.replacement_for)(request, response)
        return unrouted_responses.replacement_for(request, response)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], _args: Any, _kwargs: Any
    ) -> HttpResponse | None:
        """Return the response for a request that must not reach ``view``; None for any other.

        Args:
            request: with session and user, from the middleware before this one.
            view: which Django resolved.
            _args: of the view; never read.
            _kwargs: of the view; never read.
        """
        vars(request)[VIEW_DECIDED] = True
        exempt = why_exempt(view)
        if not exempt:
            try:
                decision = gate.decide(request)
            except Exception as error:  # noqa: BLE001 - raised again where the view has no answer to it
                return _answer_to_outage(view, request, error)
            if decision is not PASSES and _blocks(request, decision):
                return ended_sessions.deny(request, decision.user)
            if self._records_impersonation:
                impersonation.record_before_view(request)
        elif exempt == HIJACK_RELEASE:
            impersonation.record_before_view(request)
        return None

    async def aprocess_view(
        self, request: HttpRequest, view: Callable[..., Any], _args: Any, _kwargs: Any
    ) -> HttpResponse | None:
        """Async version of ``process_view``."""
        vars(request)[VIEW_DECIDED] = True
        exempt = why_exempt(view)
        if not exempt:
            try:
                decision = await gate.adecide(request)
            except Exception as error:  # noqa: BLE001 - raised again where the view has no answer to it
                return _answer_to_outage(view, request, error)
            if decision is not PASSES and await _ablocks(request, decision):
                return await sync_to_async(ended_sessions.deny)(request, decision.user)
            if self._records_impersonation:
                impersonation.record_before_view(request)
        elif exempt == HIJACK_RELEASE:
            await sync_to_async(impersonation.record_before_view)(request)  # loads the session
        return None

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Record that the view raised ``Http404``, because other middleware may respond instead.

        Args:
            request: whose view raised.
            exception: any; only ``Http404`` matters.
        """
        if isinstance(exception, Http404):
            vars(request)[VIEW_GAVE_404] = True


def _answer_to_outage(
    view: Callable[..., Any], request: HttpRequest, error: Exception
) -> HttpResponse:
    """Return the answer of a view that has one for a database that is down; else raise ``error`` again."""
    answer = answer_to_outage(view, request, error)
    if answer is None:
        raise error
    return answer


def _blocks(request: HttpRequest, decision: Decision) -> bool:
    """Return whether the request is blocked; in observe mode, only record it."""
    if decision.verdict is Verdict.WOULD_BLOCK:
        rollout.record_would_block(request, decision.user)
    elif decision.verdict is Verdict.BLOCK:
        record_block(request, decision.user)
    return decision.verdict is Verdict.BLOCK


async def _ablocks(request: HttpRequest, decision: Decision) -> bool:
    """Async version of ``_blocks``."""
    if decision.verdict is Verdict.WOULD_BLOCK:
        await sync_to_async(rollout.record_would_block)(request, decision.user)
    elif decision.verdict is Verdict.BLOCK:
        record_block(request, decision.user)
    return decision.verdict is Verdict.BLOCK


def _recording_that_it_ran(hook: Any) -> Callable[..., Any]:
    """Return ``process_view``, a subclass's own included, so that responses without it are known."""
    if iscoroutinefunction(hook):

        async def awaited(request: HttpRequest, *view: Any) -> Any:
            vars(request)[VIEW_DECIDED] = True
            return await hook(request, *view)

        return awaited

    def called(request: HttpRequest, *view: Any) -> Any:
        vars(request)[VIEW_DECIDED] = True
        return hook(request, *view)

    return called
