"""Mixins with the effects of the decorators, for class-based views; list them before Django's classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import classonlymethod
from django.views import View

from cognito_mfa.enforcement import guards
from cognito_mfa.enforcement.guards import Guard
from cognito_mfa.enforcement.view_marks import mark_exempt, mark_required


class MFAExemptMixin(View):
    """Exempts the view from MFA. Only the class that names it is exempt; subclasses are not."""

    @classonlymethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponseBase]:  # noqa: N805 - a class method
        view = super().as_view(**initkwargs)
        if MFAExemptMixin in cls.__bases__:
            mark_exempt(view)
        return view


class _GuardedMixin(View):
    """Asks a guard before anything else of the view runs."""

    mfa_guard: ClassVar[Guard]

    @classonlymethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponseBase]:  # noqa: N805
        view = super().as_view(**initkwargs)
        mark_required(view)
        return view

    def get_mfa_guard(self) -> Guard:
        return self.mfa_guard

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if self.view_is_async:
            return self._adispatch(request, *args, **kwargs)  # type: ignore[return-value]
        stopped = self.get_mfa_guard().check(request)
        return stopped if stopped is not None else super().dispatch(request, *args, **kwargs)

    async def _adispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        stopped = await self.get_mfa_guard().acheck(request)
        if stopped is not None:
            return stopped
        return await super().dispatch(request, *args, **kwargs)  # type: ignore[misc, no-any-return]


class MFARequiredMixin(_GuardedMixin):
    """Requires MFA of every user, regardless of policy, rollout dates, and exemptions."""

    mfa_guard = guards.REQUIRED


class MFARecentMixin(_GuardedMixin):
    """Requires a recent code, for changes that matter.

    Attributes:
        mfa_max_age: seconds; by default ``COGNITO_MFA["REAUTH_MAX_AGE"]``.
    """

    mfa_max_age: float | None = None

    def get_mfa_guard(self) -> Guard:
        return guards.recent(self.mfa_max_age)
