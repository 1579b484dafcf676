"""The admin's view of people's second factors. It shows; flows do; nothing is typed in by hand."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import ModelAdmin, TabularInline
from django.db.models import Model, Prefetch, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from cognito_mfa.exceptions import CognitoMFAError
from cognito_mfa.models import CognitoIdentity, MFAEvent, SoftwareToken

ICONS = {
    CognitoIdentity.Status.ENABLED: "✔",
    CognitoIdentity.Status.NOT_SET_UP: "✖",
    CognitoIdentity.Status.UNKNOWN: "?",
    CognitoIdentity.Status.GONE: "⊘",
}


class ReadOnly:
    """Nobody adds, changes or deletes: rows are written by what happens."""

    def has_add_permission(self, _request: HttpRequest, *_obj: Any) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Model | None = None) -> bool:
        return False


class SoftwareTokenInline(ReadOnly, TabularInline):
    """The authenticators that a person has and had."""

    model = SoftwareToken
    fields = ("friendly_name", "verified_at", "last_used_at", "retired_at", "retired_because")
    verbose_name_plural = _("authenticator apps, now and before")
    extra = 0


class MFAEventInline(ReadOnly, TabularInline):
    """The latest events of a person."""

    model = MFAEvent
    fields = ("at", "kind", "detail", "actor")
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


@admin.register(CognitoIdentity)
class CognitoIdentityAdmin(ReadOnly, ModelAdmin):
    """People and the state of their second factor, as Cognito last said."""

    list_display = (
        "person",
        "shown_status",
        "friendly_name",
        "set_up_since",
        "last_used",
        "checked_at",
    )
    list_filter = ("status", "preferred_factor", "checked_at")
    search_fields = ("username", "email", "software_tokens__friendly_name")
    list_select_related = ("user",)
    list_per_page = 50
    ordering = ("pk",)
    actions = ("refresh_status",)
    inlines = (SoftwareTokenInline, MFAEventInline)
    fields = (
        "shown_user",
        "username",
        "email",
        "shown_status",
        "friendly_name",
        "set_up_since",
        "last_used",
        "preferred_factor",
        "checked_at",
        "pool_id",
        "sub",
        "generation",
        "created_at",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[CognitoIdentity]:
        active = SoftwareToken.objects.filter(retired_at=None)
        tokens = Prefetch("software_tokens", queryset=active, to_attr="active_tokens")
        return super().get_queryset(request).select_related("user").prefetch_related(tokens)

    @admin.display(description=_("person"), ordering="username")
    def person(self, identity: CognitoIdentity) -> str:
        return (
            identity.username
            if identity.username != identity.sub
            else identity.email or identity.sub
        )

    @admin.display(description=_("user"))
    def shown_user(self, identity: CognitoIdentity) -> SafeString | str:
        meta = type(identity.user)._meta
        try:
            url = reverse(
                f"admin:{meta.app_label}_{meta.model_name}_change", args=[identity.user_id]
            )
        except Exception:  # noqa: BLE001 - the site's users need not be in its admin
            return str(identity.user)
        return format_html('<a href="{}">{}</a>', url, identity.user)

    @admin.display(description=_("status"), ordering="status")
    def shown_status(self, identity: CognitoIdentity) -> SafeString:
        """Show an icon and a word: colour alone tells nothing to many people."""
        icon = ICONS[CognitoIdentity.Status(identity.status)]
        return format_html(
            '<span aria-hidden="true">{}</span> {}', icon, identity.get_status_display()
        )

    @admin.display(description=_("friendly name"))
    def friendly_name(self, identity: Any) -> str:
        return identity.active_tokens[0].friendly_name if identity.active_tokens else ""

    @admin.display(description=_("set up since"))
    def set_up_since(self, identity: Any) -> Any:
        return identity.active_tokens[0].verified_at if identity.active_tokens else None

    @admin.display(description=_("last used"))
    def last_used(self, identity: Any) -> Any:
        return identity.active_tokens[0].last_used_at if identity.active_tokens else None

    @admin.action(description=_("Refresh status from Cognito"), permissions=["refresh"])
    def refresh_status(self, request: HttpRequest, queryset: QuerySet[CognitoIdentity]) -> None:
        from cognito_mfa import administration  # and with it the gateway, when first needed

        done = 0
        for identity in queryset:
            try:
                administration.refresh_status(identity, actor=request.user)
            except CognitoMFAError as error:
                self._report_failure(request, identity, error)
                break  # whatever stopped this one would stop the next
            done += 1
        text = ngettext("Refreshed %(count)d person.", "Refreshed %(count)d people.", done)
        self.message_user(
            request, text % {"count": done}, messages.SUCCESS if done else messages.WARNING
        )

    def has_refresh_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("cognito_mfa.refresh_status")

    def _report_failure(
        self, request: HttpRequest, identity: CognitoIdentity, error: CognitoMFAError
    ) -> None:
        """Tell staff what the operator needs to know; nothing was changed."""
        text = _(
            "Cognito did not tell about %(person)s (%(error)s). %(hint)s Its row is as it was."
        )
        hint = getattr(error, "hint", "")
        self.message_user(
            request, text % {"person": identity, "error": error, "hint": hint}, messages.ERROR
        )


@admin.register(MFAEvent)
class MFAEventAdmin(ReadOnly, ModelAdmin):
    """What happened, latest first."""

    list_display = ("at", "username", "kind", "detail", "actor")
    list_filter = ("kind", "at")
    search_fields = ("username",)
    list_select_related = ("actor",)
    list_per_page = 50
    date_hierarchy = None
    readonly_fields = ("at", "identity", "username", "kind", "detail", "actor")
    fields = readonly_fields
