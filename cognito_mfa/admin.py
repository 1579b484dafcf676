"""The admin's view of people's second factors. It shows; flows do; nothing is typed in by hand."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import ModelAdmin, TabularInline
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import NoReverseMatch, URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from cognito_mfa import exemptions
from cognito_mfa.admin_actions import DEEDS, SecondFactorActions, is_fresh
from cognito_mfa.admin_lists import FastListMixin, SecondFactorFilter, with_active_token
from cognito_mfa.answers import CONFIRM_AGAIN
from cognito_mfa.models import (
    CognitoIdentity,
    MFAEvent,
    MFAExemption,
    MFAReset,
    SoftwareToken,
    identity_of,
)

ICONS = {
    CognitoIdentity.Status.ENABLED: "✔",
    CognitoIdentity.Status.NOT_SET_UP: "✖",
    CognitoIdentity.Status.UNKNOWN: "?",
    CognitoIdentity.Status.GONE: "⊘",
}


def status_as_icon_and_word(identity: CognitoIdentity) -> SafeString:
    """Show both: colour or a picture alone tells nothing to many people."""
    icon = ICONS[CognitoIdentity.Status(identity.status)]
    return format_html('<span aria-hidden="true">{}</span> {}', icon, identity.get_status_display())


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


@admin.register(CognitoIdentity)
class CognitoIdentityAdmin(ReadOnly, SecondFactorActions, FastListMixin, ModelAdmin):
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
    search_fields = ("^username", "^email")
    search_help_text = _("Beginning of the name or of the e-mail address")
    ordering = ("-pk",)
    actions = ("refresh_status", "reset_mfa", "clear_failures")
    inlines = (SoftwareTokenInline, MFAResetInline, MFAEventInline)
    change_form_template = "admin/cognito_mfa/cognitoidentity/change_form.html"
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
        "code_failures",
        "pool_id",
        "sub",
        "generation",
        "created_at",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[CognitoIdentity]:
        return with_active_token(super().get_queryset(request))

    def identities_of(self, queryset: QuerySet[Any]) -> QuerySet[CognitoIdentity]:
        return queryset

    def get_urls(self) -> list[URLPattern]:
        confirm = self.admin_site.admin_view(self.confirm_view)
        return [
            path(
                "<path:object_id>/confirm/<slug:action>/",
                confirm,
                name="cognito_mfa_cognitoidentity_confirm",
            ),
            *super().get_urls(),
        ]

    def confirm_view(self, request: HttpRequest, object_id: str, action: str) -> HttpResponse:
        """Show the confirmation of an action for one person; its form goes to the list as usual."""
        deed, identity = DEEDS.get(action), self.get_object(request, object_id)
        if deed is None or identity is None:
            raise Http404
        if not getattr(self, f"has_{action}_permission")(request):
            raise PermissionDenied
        one = self.get_queryset(request).filter(pk=identity.pk)
        answer = self.confirmed(request, one, deed, [str(identity.pk)])
        return answer or HttpResponseRedirect(self._detail_url(identity))

    def _detail_url(self, identity: CognitoIdentity) -> str:
        name = f"{self.admin_site.name}:cognito_mfa_cognitoidentity_change"
        return reverse(name, args=[identity.pk])

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
    def shown_status(self, identity: CognitoIdentity) -> SafeString:
        return status_as_icon_and_word(identity)

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


@admin.register(MFAEvent)
class MFAEventAdmin(ReadOnly, FastListMixin, ModelAdmin):
    """What happened, latest first."""

    list_display = ("at", "username", "kind", "detail", "reason", "actor")
    list_filter = ("kind", "at")
    search_fields = ("^username",)
    search_help_text = _("Beginning of the name in the user pool")
    list_select_related = ("actor",)
    readonly_fields = ("at", "identity", "username", "kind", "detail", "reason", "actor")
    fields = readonly_fields


@admin.register(MFAReset)
class MFAResetAdmin(ReadOnly, FastListMixin, ModelAdmin):
    """Resets; those that are not finished can be run again."""

    list_display = ("requested_at", "identity", "actor", "reason", "finished_at", "trouble")
    list_filter = (("finished_at", admin.EmptyFieldListFilter),)
    list_select_related = ("identity", "actor")
    search_fields = ("^identity__username",)
    actions = ("finish",)
    fields = MFAResetInline.fields
    readonly_fields = fields

    def has_reset_mfa_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("cognito_mfa.reset_mfa")

    @admin.action(description=_("Finish in Cognito"), permissions=["reset_mfa"])
    def finish(self, request: HttpRequest, queryset: QuerySet[MFAReset]) -> None:
        from cognito_mfa import reset

        open_ones = queryset.filter(finished_at=None).select_related("identity__user", "actor")
        done = 0
        for row in open_ones[:100]:
            if not reset.allowed(request.user, row.identity):
                continue
            row.trouble = ""
            done += reset.run(row).finished_at is not None
            if row.trouble:
                self.message_user(request, f"{row.identity}: {row.trouble}", messages.ERROR)
        text = ngettext("Finished %(count)d reset.", "Finished %(count)d resets.", done)
        level = messages.SUCCESS if done else messages.WARNING
        self.message_user(request, text % {"count": done}, level)


class ExemptionForm(forms.ModelForm):
    """Who, until when, and why."""

    class Meta:
        model = MFAExemption
        fields = ("user", "expires_at", "reason")

    def clean_expires_at(self) -> Any:
        until = self.cleaned_data["expires_at"]
        if until <= timezone.now():
            raise ValidationError(_("Choose a time in the future."))
        return until


class ValidFilter(admin.SimpleListFilter):
    """Whether an exemption holds today."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, Any]]:
        return [("valid", _("Valid")), ("over", _("Expired or revoked"))]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        now = timezone.now()
        if self.value() == "valid":
            return queryset.filter(revoked_at=None, expires_at__gt=now)
        if self.value() == "over":
            return queryset.exclude(revoked_at=None, expires_at__gt=now)
        return queryset


@admin.register(MFAExemption)
class MFAExemptionAdmin(FastListMixin, ModelAdmin):
    """People who may do without for a while. Granted and revoked, never edited or deleted."""

    form = ExemptionForm
    list_display = (
        "user",
        "valid",
        "reason",
        "granted_by",
        "granted_at",
        "expires_at",
        "revoked_at",
    )
    list_filter = (ValidFilter, "expires_at")
    list_select_related = ("user", "granted_by")
    raw_id_fields = ("user",)
    actions = ("revoke",)

    def has_grant_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("cognito_mfa.grant_exemption")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_grant_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_grant_permission(request) or super().has_view_permission(request, obj)

    def has_change_permission(self, _request: HttpRequest, _obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Model | None = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        shown = ("granted_by", "granted_at", "revoked_at") if obj else ()
        return (*self.form.Meta.fields, *shown)

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if self.has_grant_permission(request) and not is_fresh(request):
            return HttpResponseRedirect(CONFIRM_AGAIN.url(request.get_full_path()))
        return super().add_view(request, *args, **kwargs)

    def save_model(
        self, request: HttpRequest, obj: MFAExemption, _form: Any, _change: bool
    ) -> None:
        if obj.user_id == request.user.pk:
            raise PermissionDenied  # nobody excuses themselves
        granted = exemptions.grant(
            obj.user, until=obj.expires_at, reason=obj.reason, actor=request.user
        )
        obj.pk, obj.granted_by_id, obj.granted_at = granted.pk, request.user.pk, granted.granted_at

    @admin.display(description=_("valid"), boolean=True)
    def valid(self, exemption: MFAExemption) -> bool:
        return exemption.is_valid

    @admin.action(description=_("Revoke"), permissions=["grant"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[MFAExemption]) -> None:
        done = sum(
            exemptions.revoke(exemption, reason="", actor=request.user)
            for exemption in queryset.select_related("user")
        )
        text = ngettext("Revoked %(count)d exemption.", "Revoked %(count)d exemptions.", done)
        self.message_user(request, text % {"count": done})


class MFAUserAdminMixin(SecondFactorActions):
    """For the site's own ``UserAdmin``: a column, a filter and the actions, without a query a row.

    Put it first: ``class PersonAdmin(MFAUserAdminMixin, UserAdmin)``.
    """

    def __init__(self, model: type[Any], admin_site: Any) -> None:
        super().__init__(model, admin_site)
        if self.actions is not None:  # a site that switches actions off means it
            self.actions = [*self.actions, "refresh_status", "reset_mfa", "clear_failures"]

    def get_list_display(self, request: HttpRequest) -> Any:
        return [*super().get_list_display(request), "second_factor"]

    def get_list_filter(self, request: HttpRequest) -> Any:
        return [*super().get_list_filter(request), SecondFactorFilter]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("cognito_identity")

    def identities_of(self, queryset: QuerySet[Any]) -> QuerySet[CognitoIdentity]:
        return CognitoIdentity.objects.filter(user__in=queryset).order_by("pk")

    def log_deed(self, request: HttpRequest, identity: CognitoIdentity, message: str) -> None:
        self.log_change(request, identity.user, message)

    @admin.display(description=_("second factor"), ordering="cognito_identity__status")
    def second_factor(self, user: Any) -> SafeString | str:
        identity = identity_of(user)
        return status_as_icon_and_word(identity) if identity else "-"
