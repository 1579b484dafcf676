"""The pages of failed attempts: also of users who never finished a setup, and so have no identity."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from cognito_mfa.admin import formats
from cognito_mfa.admin.authenticator_actions import ClearFailures
from cognito_mfa.admin.buttons import Button, ButtonsMixin
from cognito_mfa.admin.changelists import FastListMixin, LockedFilter, ReadOnly
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


class CodeFailuresAdmin(ReadOnly, ButtonsMixin, ConfirmedOnePerson, FastListMixin):
    """Failed attempts: also of users who never finished a setup, and so have no identity."""

    change_list_template = "admin/cognito_mfa/change_list.html"
    list_display = ("username", "failures", "total", "last_failed")
    list_filter = (LockedFilter,)
    search_fields = ("^username",)
    search_help_text = _("Searches the start of the username in the user pool.")
    ordering = ("-failures", "-pk")
    actions = ("clear_failures",)
    confirmed_actions: Sequence[ConfirmedAction] = (CLEAR_COUNTER,)
    fields = ("username", "person", "sub", "pool_id", "failures", "total", "last_failed")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[CodeFailures]:
        """Return the counters; the list shows those that count something.

        Each user who ever signed in has one.
        """
        rows = super().get_queryset(request)
        match = request.resolver_match
        is_list = match is not None and str(match.url_name).endswith("_changelist")
        return rows.filter(failures__gt=0) if is_list and request.method == "GET" else rows

    rights = {"clear_failures": permissions.CLEAR}

    def has_clear_failures_permission(self, request: HttpRequest) -> bool:
        return permissions.has_permission(permissions.CLEAR, request.user)

    def buttons(self, request: HttpRequest, row: Any) -> Iterator[Button]:
        """Return the button that unlocks code entry, if that has an effect.

        Args:
            request: the administrator's.
            row: the counter.
        """
        may = permissions.denial_reason(permissions.CLEAR, request.user, row) is None
        if may and not CLEAR_COUNTER.obstacle(row):
            name = f"{self.admin_site.name}:cognito_mfa_codefailures_confirm"
            yield Button(reverse(name, args=[row.pk, CLEAR_COUNTER.name]), _("Unlock code entry…"))

    @admin.display(description=_("last attempt"), ordering="last_at")
    def last_failed(self, counter: CodeFailures) -> str:
        """Return when the last wrong code was entered; a dash if a right one followed."""
        return formats.moment(counter.last_at if counter.total else None)

    @admin.display(description=_("identity"))
    def person(self, counter: CodeFailures) -> SafeString | str:
        """Return a link to the page of the user, which shows any other sign-in problems."""
        identity = CLEAR_COUNTER.identity(counter)
        if identity is None:
            return formats.NONE
        name = f"{self.admin_site.name}:cognito_mfa_cognitoidentity_change"
        try:
            url = reverse(name, args=[identity.pk])
        except NoReverseMatch:  # a site need not show the list
            return str(identity)
        return format_html('<a href="{}">{}</a>', url, identity)

    @admin.action(description=_("Unlock code entry…"), permissions=["clear_failures"])
    def clear_failures(
        self, request: HttpRequest, queryset: QuerySet[CodeFailures]
    ) -> HttpResponse | None:
        return self.confirmed(request, queryset, CLEAR_COUNTER, selected_keys(request))
