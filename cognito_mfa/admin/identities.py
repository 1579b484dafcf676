"""The admin's pages about people: identities, resets, counters. They show; flows do; nothing is typed in
by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import TabularInline
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from cognito_mfa.admin.actions import CLEAR, REFUSAL, RESET, SecondFactorActions, clear_counter
from cognito_mfa.admin.changelists import (
    FastListMixin,
    ReadOnly,
    ResetFilter,
    StoppedFilter,
    status_as_icon_and_word,
    with_active_token,
)
from cognito_mfa.admin.confirmation import (
    MOST_AT_ONCE,
    ConfirmedDeeds,
    ConfirmedOnePerson,
    Deed,
    selected_keys,
    way_to_a_code,
)
from cognito_mfa.authenticator import permissions
from cognito_mfa.models import (
    CodeFailures,
    CognitoIdentity,
    MFAEvent,
    MFAReset,
    SoftwareToken,
)


class SoftwareTokenInline(ReadOnly, TabularInline):
    """The authenticators that a person has and had."""

    model = SoftwareToken
    fields = ("friendly_name", "verified_at", "last_used_at", "retired_at", "retired_because")
    verbose_name_plural = _("authenticator apps, now and before")
    extra = 0


class MFAResetInline(ReadOnly, TabularInline):
    """Resets, the unfinished ones too."""

    model = MFAReset
    fields = (
        "requested_at",
        "actor",
        "reason",
        "token_deleted_at",
        "signed_out_at",
        "finished_at",
        "trouble",
    )
    extra = 0


class MFAEventInline(ReadOnly, TabularInline):
    """The latest events of a person."""

    model = MFAEvent
    fields = ("at", "kind", "detail", "reason", "actor")
    extra = 0
    SHOWN = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[MFAEvent]:
        return super().get_queryset(request).select_related("actor")

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset = super().get_formset(request, obj, **kwargs)
        shown = self.SHOWN

        class Latest(formset):  # type: ignore[misc, valid-type]
            def get_queryset(self) -> Any:
                return super().get_queryset()[:shown]

        return Latest


class CognitoIdentityAdmin(ReadOnly, SecondFactorActions, ConfirmedOnePerson, FastListMixin):
    """People and the state of their second factor, as Cognito last said."""

    list_display = (
        "person",
        "shown_status",
        "friendly_name",
        "set_up_since",
        "last_used",
        "checked_at",
    )
    list_filter = ("status", ResetFilter, "preferred_factor", "checked_at")
    search_fields = ("^username", "^email")
    search_help_text = _("Beginning of the name or of the e-mail address")
    ordering = ("-pk",)
    actions = ("refresh_status", "reset_mfa", "clear_failures")
    inlines = (SoftwareTokenInline, MFAResetInline, MFAEventInline)
    deeds = (RESET, CLEAR)
    change_form_template = "admin/cognito_mfa/cognitoidentity/change_form.html"
    change_list_template = "admin/cognito_mfa/cognitoidentity/change_list.html"
    fields = (
        "shown_user",
        "username",
        "email",
        "previous_email",
        "shown_status",
        "friendly_name",
        "set_up_since",
        "last_used",
        "preferred_factor",
        "checked_at",
        "code_failures",
        "pool_id",
        "sub",
        "disabled_at",
        "generation",
        "created_at",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[CognitoIdentity]:
        return with_active_token(super().get_queryset(request))

    def identities_of(self, queryset: QuerySet[Any]) -> QuerySet[CognitoIdentity]:
        return queryset

    @admin.display(description=_("person"), ordering="username")
    def person(self, identity: CognitoIdentity) -> str:
        known_by_name = identity.username != identity.sub
        return identity.username if known_by_name else identity.email or identity.sub

    @admin.display(description=_("user"))
    def shown_user(self, identity: CognitoIdentity) -> SafeString | str:
        meta = type(identity.user)._meta
        name = f"{self.admin_site.name}:{meta.app_label}_{meta.model_name}_change"
        try:
            url = reverse(name, args=[identity.user_id])
        except NoReverseMatch:  # the site's users need not be in its admin
            return str(identity.user)
        return format_html('<a href="{}">{}</a>', url, identity.user)

    @admin.display(description=_("status"), ordering="status")
    def shown_status(self, identity: Any) -> SafeString:
        status = status_as_icon_and_word(identity.status)
        if not identity.reset_unfinished:
            return status
        return format_html("{} · {}", status, _("reset not finished"))

    @admin.display(description=_("friendly name"), empty_value="")
    def friendly_name(self, identity: Any) -> str | None:
        name: str | None = identity.active_name
        return name

    @admin.display(description=_("set up since"))
    def set_up_since(self, identity: Any) -> Any:
        return identity.active_since

    @admin.display(description=_("last used"))
    def last_used(self, identity: Any) -> Any:
        return identity.active_used

    @admin.display(description=_("wrong codes in a row"))
    def code_failures(self, identity: CognitoIdentity) -> int:
        return identity.code_failures


class MFAResetAdmin(ReadOnly, ConfirmedDeeds, FastListMixin):
    """Resets; those that are not finished can be run again."""

    list_display = ("requested_at", "identity", "actor", "reason", "finished_at", "trouble")
    list_filter = (("finished_at", admin.EmptyFieldListFilter),)
    list_select_related = ("identity", "actor")
    search_fields = ("^identity__username",)
    actions = ("finish",)
    fields = MFAResetInline.fields
    readonly_fields = fields

    rights = {"finish": permissions.FINISH}

    def has_reset_mfa_permission(self, request: HttpRequest) -> bool:
        return permissions.has_permission(permissions.FINISH, request.user)

    @admin.action(description=_("Finish in Cognito"), permissions=["reset_mfa"])
    def finish(self, request: HttpRequest, queryset: QuerySet[MFAReset]) -> HttpResponse | None:
        if (way := way_to_a_code(request, permissions.FINISH)) is not None:
            return way
        open_ones = queryset.filter(finished_at=None).select_related("identity__user", "actor")
        chosen = list(open_ones[:MOST_AT_ONCE])
        rows = self.may(request, permissions.FINISH, chosen, tells=True)
        if len(rows) < len(chosen):
            self.message_user(request, str(REFUSAL), messages.ERROR)
        done = sum(self._finish(request, row) for row in rows)
        text = ngettext("Finished %(count)d reset.", "Finished %(count)d resets.", done)
        level = messages.SUCCESS if done else messages.WARNING
        self.message_user(request, text % {"count": done}, level)
        return None

    def _finish(self, request: HttpRequest, row: MFAReset) -> bool:
        """Run what is left of one reset, and tell whether it is done."""
        from cognito_mfa.authenticator import reset

        reset.run_again(row, actor=request.user)
        self.log_change(request, row, "Reset run again")
        if row.trouble:
            self.message_user(request, f"{row.identity}: {row.trouble}", messages.ERROR)
        return row.finished_at is not None


def _clear_counter(request: HttpRequest, counter: CodeFailures, reason: str) -> str:
    return clear_counter(request, counter.username, counter.sub, reason)


CLEAR_COUNTER = CLEAR._replace(
    columns=(
        (_("Person"), lambda counter: counter.username),
        (_("Sub"), lambda counter: counter.sub),
        (_("Wrong codes in a row"), lambda counter: counter.failures),
        (_("Wrong codes since the last right one"), lambda counter: counter.total),
        (_("Last tried"), lambda counter: counter.last_at),
    ),
    do=_clear_counter,
)


class CodeFailuresAdmin(ReadOnly, ConfirmedOnePerson, FastListMixin):
    """Counters of wrong codes: also of people who never finished a set-up, and so have no identity."""

    list_display = ("username", "sub", "failures", "total", "last_at")
    list_filter = (StoppedFilter,)
    search_fields = ("^username",)
    search_help_text = _("Beginning of the name in the user pool")
    ordering = ("-failures", "-pk")
    actions = ("clear_failures",)
    deeds: Sequence[Deed] = (CLEAR_COUNTER,)
    fields = ("username", "sub", "pool_id", "failures", "total", "last_at")
    readonly_fields = fields

    rights = {"clear_failures": permissions.CLEAR}

    def has_clear_failures_permission(self, request: HttpRequest) -> bool:
        return permissions.has_permission(permissions.CLEAR, request.user)

    @admin.action(description=_("Accept codes again…"), permissions=["clear_failures"])
    def clear_failures(
        self, request: HttpRequest, queryset: QuerySet[CodeFailures]
    ) -> HttpResponse | None:
        return self.confirmed(request, queryset, CLEAR_COUNTER, selected_keys(request))
