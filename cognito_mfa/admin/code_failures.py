"""The pages of failed attempts: also of users who never finished a setup, and so have no identity."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from cognito_mfa.admin import formats
from cognito_mfa.admin.authenticator_actions import ClearFailures
from cognito_mfa.admin.changelists import FastListMixin, ReadOnly, StoppedFilter
from cognito_mfa.admin.confirmation import (
    ConfirmedAction,
    ConfirmedOnePerson,
    selected_keys,
)
from cognito_mfa.authenticator import identity_lookup, permissions
from cognito_mfa.models import CodeFailures, CognitoIdentity


class ClearCounter(ClearFailures):
    """The same for one counter, whose user need not have an identity."""

    columns = (
        (_("User"), str),
        (_("Failed attempts in a row"), lambda counter: counter.failures),
        (_("Wrong codes since the last right one"), lambda counter: counter.total),
        (_("Last attempt"), lambda counter: formats.moment(counter.last_at)),
    )

    def identity(self, row: CodeFailures) -> CognitoIdentity | None:
        return identity_lookup.by_sub(row.sub) if row.sub else None


CLEAR_COUNTER = ClearCounter()


class CodeFailuresAdmin(ReadOnly, ConfirmedOnePerson, FastListMixin):
    """Failed attempts: also of users who never finished a setup, and so have no identity."""

    change_list_template = "admin/cognito_mfa/change_list.html"
    list_display = ("username", "failures", "total", "last_at")
    list_filter = (StoppedFilter,)
    search_fields = ("^username",)
    search_help_text = _("Searches the start of the username in the user pool.")
    ordering = ("-failures", "-pk")
    actions = ("clear_failures",)
    confirmed_actions: Sequence[ConfirmedAction] = (CLEAR_COUNTER,)
    fields = ("username", "sub", "pool_id", "failures", "total", "last_at")
    readonly_fields = fields

    rights = {"clear_failures": permissions.CLEAR}

    def has_clear_failures_permission(self, request: HttpRequest) -> bool:
        return permissions.has_permission(permissions.CLEAR, request.user)

    @admin.action(description=_("Unlock code entry…"), permissions=["clear_failures"])
    def clear_failures(
        self, request: HttpRequest, queryset: QuerySet[CodeFailures]
    ) -> HttpResponse | None:
        return self.confirmed(request, queryset, CLEAR_COUNTER, selected_keys(request))
