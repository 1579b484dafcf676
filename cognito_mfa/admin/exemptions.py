"""The admin's view of exemptions: granted and revoked with a reason, never edited or deleted."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from cognito_mfa.admin import formats, user_choice
from cognito_mfa.admin.changelists import FastListMixin, ReadOnly, with_icon
from cognito_mfa.admin.confirmation import (
    ConfirmedAction,
    ConfirmedOnePerson,
    notified_text,
    refused,
    selected_keys,
    way_to_a_code,
)
from cognito_mfa.admin.refusals import Refusals
from cognito_mfa.authenticator import exemptions, permissions
from cognito_mfa.authenticator.email_delivery import Delivery, collect
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


GRANT_REFUSALS = Refusals(
    oneself=_("You can’t grant yourself an exemption."),
    superuser=_("Only a superuser can exempt a superuser."),
)
DURATIONS = (
    (dt.timedelta(hours=1), _("1 hour")),
    (dt.timedelta(days=1), _("1 day")),
    (dt.timedelta(days=3), _("3 days")),
    (dt.timedelta(weeks=1), _("1 week")),
    (dt.timedelta(weeks=2), _("2 weeks")),
    (dt.timedelta(days=30), _("30 days")),
)


class ExemptionForm(forms.ModelForm):
    """Which user, until when, and why."""

    actor: Any  # who grants it
    duration = forms.TypedChoiceField(
        label=_("Duration"),
        required=False,
        coerce=lambda seconds: dt.timedelta(seconds=int(seconds)),
        empty_value=None,
    )

    class Meta:
        model = MFAExemption
        fields = ("user", "duration", "expires_at", "reason")
        labels = {"expires_at": _("Or until")}
        help_texts = {
            "reason": _(
                "Why the user can’t use MFA now, and how you verified their identity. Kept in the log."
            )
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "expires_at" not in self.fields:  # the page of one that was granted
            return
        longest = exemptions.latest_end()
        possible = [
            (int(length.total_seconds()), label)
            for length, label in DURATIONS
            if timezone.now() + length <= longest
        ]
        duration: Any = self.fields["duration"]
        duration.choices = [*possible, ("", _("Until the date below"))]
        duration.initial = int(dt.timedelta(days=1).total_seconds())
        ends = self.fields["expires_at"]
        ends.required = False
        latest = formats.moment(longest)
        ends.help_text = _("Latest possible end: %(date)s") % {"date": latest}

    def clean_user(self) -> Any:
        user = self.cleaned_data["user"]
        why = permissions.denial_reason(permissions.GRANT, self.actor, user)
        if why is not None:
            permissions.record_denial(ActionDenied(permissions.GRANT, self.actor, user, why))
            raise ValidationError(GRANT_REFUSALS.text(why, user))
        return user

    def clean_reason(self) -> str:
        return typed.line(self.cleaned_data["reason"])

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("duration"):
            cleaned["expires_at"] = timezone.now() + cleaned["duration"]
        elif "expires_at" in cleaned:
            self._check_end(cleaned["expires_at"])
        return cleaned

    def _check_end(self, until: dt.datetime | None) -> None:
        longest = exemptions.latest_end()
        if until is None:
            self.add_error("expires_at", _("Choose a duration, or enter a date and a time."))
        elif until <= timezone.now():
            self.add_error("expires_at", _("Choose a time in the future."))
        elif until > longest:
            text = _("An exemption can last until %(end)s at the longest.")
            self.add_error("expires_at", text % {"end": formats.moment(longest)})


class ValidFilter(admin.SimpleListFilter):
    """Whether an exemption is valid now."""

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
    """Users who are exempt from MFA for a while. Granted and revoked, never edited or deleted."""

    form = ExemptionForm
    list_display = ("user", "state", "expires", "reason", "granted_by", "granted_on")
    list_filter = (ValidFilter, "expires_at")
    list_select_related = ("user", "granted_by")
    actions = ("revoke",)
    confirmed_actions = (REVOKE,)
    rights = {"revoke": permissions.REVOKE}
    change_form_template = "admin/cognito_mfa/mfaexemption/change_form.html"
    change_list_template = "admin/cognito_mfa/mfaexemption/change_list.html"

    def has_grant_permission(self, request: HttpRequest) -> bool:
        return permissions.has_permission(permissions.GRANT, request.user)

    def has_add_permission(self, request: HttpRequest, *_obj: Any) -> bool:
        return self.has_grant_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_grant_permission(request) or super().has_view_permission(request, obj)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return self.form.Meta.fields
        shown = ("granted_by", "granted_at", "revoked_at", "for_superuser")
        return ("user", "state", "expires_at", "reason", *shown)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else ("state",)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        return type(form.__name__, (form,), {"actor": request.user})

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        if db_field.name == "user":
            return user_choice.field(db_field, self.admin_site, request)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        user = user_choice.named(self.admin_site, request)
        return {} if user is None else {"user": user}

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Grant an exemption.

        Args:
            request: the administrator's; ``user`` in its query chooses the user.
            form_url: as in Django.
            extra_context: as in Django.
        """
        context = {"title": _("Grant exemption"), **(extra_context or {})}
        try:
            permissions.require(permissions.GRANT, request.user)
            way = way_to_a_code(request, permissions.GRANT)
            return super().add_view(request, form_url, context) if way is None else way
        except ActionDenied as denied:
            # Recorded here, outside of the transaction in which Django saves a row.
            return refused(request, denied)

    def save_model(
        self, request: HttpRequest, obj: MFAExemption, _form: Any, _change: bool
    ) -> None:
        with collect() as deliveries:
            granted = exemptions.grant(
                obj.user, until=obj.expires_at, reason=obj.reason, actor=request.user
            )
        obj.deliveries = deliveries  # type: ignore[attr-defined]
        obj.pk, obj.granted_by_id, obj.granted_at = granted.pk, request.user.pk, granted.granted_at

    def response_add(
        self, request: HttpRequest, obj: MFAExemption, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the end of the exemption, and redirect to the user's page or the list, where it began.

        Args:
            request: the administrator's.
            obj: what was granted.
            post_url_continue: as in Django; not used.
        """
        names = {"user": obj.user, "date": formats.moment(obj.expires_at)}
        text = _("Exempted %(user)s from MFA until %(date)s") % names
        self.message_user(request, text, messages.SUCCESS)
        found: list[Delivery] = obj.deliveries  # type: ignore[attr-defined]
        emails = {str(obj.user): delivery.state for delivery in found}
        # A separate message, because the other one ends with a time.
        if said := notified_text(emails):
            self.message_user(request, said, messages.SUCCESS)
        self.report_missed(request, emails)
        return HttpResponseRedirect(self._back(request, obj))

    def _back(self, request: HttpRequest, granted: MFAExemption) -> str:
        site = self.admin_site
        page: Any = site._registry.get(CognitoIdentity)  # noqa: SLF001 - as Django's own widgets
        identity = identity_of(granted.user)
        began_there = "user" in request.GET and page is not None
        if began_there and identity is not None and page.has_view_permission(request):
            return reverse(f"{site.name}:cognito_mfa_cognitoidentity_change", args=[identity.pk])
        return reverse(f"{site.name}:cognito_mfa_mfaexemption_changelist")

    @admin.display(description=_("state"), ordering="expires_at")
    def state(self, exemption: MFAExemption) -> SafeString:
        icon, word = "no", _("Expired")
        if exemption.is_valid:
            icon, word = "yes", _("Valid")
        elif exemption.revoked_at is not None:
            word = _("Revoked")
        elif exemption.expires_at > timezone.now():
            word = _("No longer valid")
        return with_icon(icon, word)

    @admin.display(description=_("expires"), ordering="expires_at")
    def expires(self, exemption: MFAExemption) -> str:
        return formats.short_moment(exemption.expires_at)

    @admin.display(description=_("granted"), ordering="granted_at")
    def granted_on(self, exemption: MFAExemption) -> str:
        return formats.day(exemption.granted_at)

    @admin.action(description=_("Revoke…"), permissions=["grant"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[MFAExemption]) -> HttpResponse | None:
        rows = queryset.select_related("user", "granted_by")
        return self.confirmed(request, rows, REVOKE, selected_keys(request))
