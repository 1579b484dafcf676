"""The pages of identities: who is linked, and the state of their authenticator. Nothing is typed in by hand."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin import TabularInline
from django.contrib.admin.utils import display_for_value
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from cognito_mfa.admin.authenticator_actions import (
    CLEAR,
    RESET,
    UNLINK,
    AuthenticatorActionsMixin,
)
from cognito_mfa.admin.changelists import (
    FastListMixin,
    PoolFilter,
    ReadOnly,
    ResetFilter,
    status_as_icon_and_word,
    with_active_token,
)
from cognito_mfa.admin.link_page import LinkPageMixin
from cognito_mfa.admin.resets import MFAResetInline
from cognito_mfa.models import (
    CognitoIdentity,
    MFAEvent,
    SoftwareToken,
)


class SoftwareTokenInline(ReadOnly, TabularInline):
    """The authenticators that a person has and had."""

    model = SoftwareToken
    fields = ("friendly_name", "verified_at", "last_used_at", "retired_at", "retired_because")
    verbose_name_plural = _("authenticator apps, current and past")
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


class CognitoIdentityAdmin(ReadOnly, AuthenticatorActionsMixin, LinkPageMixin, FastListMixin):
    """People and the state of their second factor, as Cognito last said."""

    list_display = (
        "person",
        "shown_status",
        "friendly_name",
        "set_up_since",
        "last_used",
        "checked_at",
    )
    list_filter = ("status", ResetFilter, PoolFilter, "preferred_factor", "checked_at")
    search_fields = ("^username", "^email")
    search_help_text = _("Searches the start of the username or email address.")
    ordering = ("-pk",)
    actions = ("refresh_status", "reset_mfa", "clear_failures", "unlink")
    inlines = (SoftwareTokenInline, MFAResetInline, MFAEventInline)
    confirmed_actions = (RESET, CLEAR, UNLINK)
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
        "recovery_codes_left",
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

    @admin.display(description=_("user"), ordering="username")
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
        return format_html("{} · {}", status, _("reset unfinished"))

    @admin.display(description=_("device name"), empty_value="")
    def friendly_name(self, identity: Any) -> str | None:
        name: str | None = identity.active_name
        return name

    @admin.display(description=_("set up on"))
    def set_up_since(self, identity: Any) -> str:
        return _moment(identity.active_since)

    @admin.display(description=_("last used"))
    def last_used(self, identity: Any) -> str:
        return _moment(identity.active_used)

    @admin.display(description=_("recovery codes left"))
    def recovery_codes_left(self, identity: CognitoIdentity) -> int:
        return identity.recovery_codes.unused().count()

    @admin.display(description=_("failed attempts in a row"))
    def code_failures(self, identity: CognitoIdentity) -> int:
        return identity.code_failures


def _moment(at: Any) -> str:
    """Return a date and time as people read it, on the page of one row too, where Django would not."""
    shown: str = display_for_value(at, "-")
    return shown
