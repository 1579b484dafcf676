"""The admin's view of exemptions: granted and revoked with a reason, never edited or deleted."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cognito_mfa import exemptions
from cognito_mfa.admin_deeds import ConfirmedOnePerson, Deed, is_fresh, selected_keys
from cognito_mfa.admin_lists import FastListMixin
from cognito_mfa.answers import CONFIRM_AGAIN
from cognito_mfa.models import MFAExemption


def _revoke(request: HttpRequest, exemption: MFAExemption, reason: str) -> str:
    exemptions.revoke(exemption, reason=reason, actor=request.user)
    return ""  # somebody else may have been faster; it is over either way


REVOKE = Deed(
    "revoke",
    "grant",
    _("Revoke exemption"),
    _("From their next request on they must have a second factor again, as the policy says."),
    _("None of the selected exemptions holds any longer."),
    "Exemption revoked",
    (
        (_("Person"), lambda exemption: exemption.user),
        (_("Reason"), lambda exemption: exemption.reason),
        (_("Granted by"), lambda exemption: exemption.granted_by or "-"),
        (_("Expires"), lambda exemption: exemption.expires_at),
    ),
    _revoke,
    lambda _request, exemption: exemption.is_valid,
)


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


class MFAExemptionAdmin(ConfirmedOnePerson, FastListMixin):
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
    deeds = (REVOKE,)
    change_form_template = "admin/cognito_mfa/mfaexemption/change_form.html"

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
        if not exemptions.allowed(request.user, obj.user):
            raise PermissionDenied
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
