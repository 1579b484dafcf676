"""The admin's view of exemptions: granted and revoked with a reason, never edited or deleted."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from cognito_mfa.admin import formats
from cognito_mfa.admin.changelists import FastListMixin, ReadOnly
from cognito_mfa.admin.confirmation import (
    ConfirmedAction,
    ConfirmedOnePerson,
    refused,
    selected_keys,
    way_to_a_code,
)
from cognito_mfa.admin.refusals import Refusals
from cognito_mfa.authenticator import exemptions, permissions
from cognito_mfa.authenticator.permissions import ActionDenied
from cognito_mfa.models import CognitoIdentity, MFAExemption, identity_of
from cognito_mfa.values import typed


class RevokeExemption(ConfirmedAction):
    """End an exemption before its time."""

    name = "revoke"
    right = permissions.REVOKE
    title = _("Revoke exemption")
    effect = _("From their next request, the MFA policy applies to them again.")
    refusals = Refusals(
        oneself=_("You can’t revoke your own exemption."),
        superuser=_("Only a superuser can revoke the exemption of a superuser."),
    )
    done = ngettext_lazy(
        "Revoked the exemption of %(users)s.",
        "Revoked %(count)d exemptions: %(users)s",
        "count",
    )
    logged = "Exemption revoked"
    columns = (
        (_("User"), lambda exemption: exemption.user),
        (_("Reason"), lambda exemption: exemption.reason),
        (_("Granted by"), lambda exemption: exemption.granted_by or formats.NONE),
        (_("Expires"), lambda exemption: formats.moment(exemption.expires_at)),
    )

    def obstacle(self, row: MFAExemption) -> str:
        if row.revoked_at is not None:
            return str(_("The exemption of %(user)s was already revoked.")) % {"user": row.user}
        if row.expires_at <= timezone.now():
            return str(_("The exemption of %(user)s has expired.")) % {"user": row.user}
        return ""

    def user(self, row: MFAExemption) -> str:
        return str(row.user)

    def identity(self, row: MFAExemption) -> CognitoIdentity | None:
        return identity_of(row.user)

    def perform(self, request: HttpRequest, row: MFAExemption, reason: str) -> None:
        # Another administrator may have been faster; it is over either way.
        exemptions.revoke(row, reason=reason, actor=request.user)


REVOKE = RevokeExemption()


class ExemptionForm(forms.ModelForm):
    """Who, until when, and why."""

    class Meta:
        model = MFAExemption
        fields = ("user", "expires_at", "reason")

    def clean_reason(self) -> str:
        return typed.line(self.cleaned_data["reason"])

    def clean_expires_at(self) -> Any:
        until = self.cleaned_data["expires_at"]
        if until <= timezone.now():
            raise ValidationError(_("Choose a time in the future."))
        longest = exemptions.latest_end()
        if until > longest:
            text = _("An exemption can last until %(end)s at the longest.")
            end = timezone.localtime(longest) if timezone.is_aware(longest) else longest
            raise ValidationError(text % {"end": date_format(end, "DATETIME_FORMAT")})
        return until


class ValidFilter(admin.SimpleListFilter):
    """Whether an exemption holds today."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, Any]]:
        return [("valid", _("Valid")), ("over", _("Expired or revoked"))]

    def queryset(self, _request: HttpRequest, queryset: Any) -> Any:
        if self.value() == "valid":
            return queryset.valid()
        if self.value() == "over":
            return queryset.invalid()
        return queryset


class MFAExemptionAdmin(ReadOnly, ConfirmedOnePerson, FastListMixin):
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
    confirmed_actions = (REVOKE,)
    rights = {"revoke": permissions.REVOKE}
    change_form_template = "admin/cognito_mfa/mfaexemption/change_form.html"

    def has_grant_permission(self, request: HttpRequest) -> bool:
        return permissions.has_permission(permissions.GRANT, request.user)

    def has_add_permission(self, request: HttpRequest, *_obj: Any) -> bool:
        return self.has_grant_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_grant_permission(request) or super().has_view_permission(request, obj)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        shown = ("granted_by", "granted_at", "revoked_at") if obj else ()
        return (*self.form.Meta.fields, *shown)

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            permissions.require(permissions.GRANT, request.user)
            way = way_to_a_code(request, permissions.GRANT)
            return super().add_view(request, *args, **kwargs) if way is None else way
        except ActionDenied as denied:
            # Recorded here, outside of the transaction in which Django saves a row.
            return refused(request, denied)

    def save_model(
        self, request: HttpRequest, obj: MFAExemption, _form: Any, _change: bool
    ) -> None:
        granted = exemptions.grant(
            obj.user, until=obj.expires_at, reason=obj.reason, actor=request.user
        )
        obj.pk, obj.granted_by_id, obj.granted_at = granted.pk, request.user.pk, granted.granted_at

    @admin.display(description=_("valid"), boolean=True)
    def valid(self, exemption: MFAExemption) -> bool:
        return exemption.is_valid

    @admin.action(description=_("Revoke…"), permissions=["grant"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[MFAExemption]) -> HttpResponse | None:
        rows = queryset.select_related("user", "granted_by")
        return self.confirmed(request, rows, REVOKE, selected_keys(request))
