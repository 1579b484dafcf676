"""The mixin for a site's own ``UserAdmin``."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.utils import flatten
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from cognito_mfa.admin import formats
from cognito_mfa.admin.authenticator_actions import AuthenticatorActionsMixin
from cognito_mfa.admin.changelists import (
    SecondFactorFilter,
    status_as_icon_and_word,
)
from cognito_mfa.admin.link_page import link_url
from cognito_mfa.authenticator import permissions
from cognito_mfa.models import CognitoIdentity, identity_of

LINK = "user_pool_link"  # the field on the page of one user


class MFAUserAdminMixin(AuthenticatorActionsMixin):
    """For the site's own ``UserAdmin``: a column, a filter, and the actions, without a query per row.

    Put it first: ``class PersonAdmin(MFAUserAdminMixin, UserAdmin)``.
    """

    rights = {**AuthenticatorActionsMixin.rights, "link_user": permissions.LINK}

    def __init__(self, model: type[Any], admin_site: Any) -> None:
        if model._meta.concrete_model is not get_user_model():
            raise ImproperlyConfigured(
                f"MFAUserAdminMixin shows the site's users ({settings.AUTH_USER_MODEL}), "
                f"not {model._meta.label}."
            )
        super().__init__(model, admin_site)
        if self.actions is not None:  # a site that switches actions off means it
            self.actions = [
                *self.actions,
                "refresh_status",
                "reset_mfa",
                "clear_failures",
                "link_user",
                "unlink",
            ]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = list(super().get_fieldsets(request, obj))
        named = {name for _title, options in fieldsets for name in flatten(options["fields"])}
        if LINK in self.get_readonly_fields(request, obj) and LINK not in named:
            fieldsets.append((_("User pool"), {"fields": (LINK,)}))
        return fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return [*fields, LINK] if obj is not None and _may_see_link(request) else fields

    def get_list_display(self, request: HttpRequest) -> Any:
        return [*super().get_list_display(request), "second_factor"]

    def get_list_filter(self, request: HttpRequest) -> Any:
        return [*super().get_list_filter(request), SecondFactorFilter]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # The status alone, and by a subquery: a join would be made for every row that is only counted.
        of_user = CognitoIdentity.objects.in_pool().filter(user=OuterRef("pk"))
        status = Subquery(of_user.values("status"))
        users: QuerySet[Any] = super().get_queryset(request).annotate(second_factor_status=status)
        return users

    def identities_of(self, queryset: QuerySet[Any]) -> QuerySet[CognitoIdentity]:
        # A list that reads users elsewhere names that database, where ours need not be.
        return CognitoIdentity.objects.filter(user__in=queryset.using(None)).order_by("pk")

    @admin.action(description=_("Link to a user pool user…"), permissions=["link_user"])
    def link_user(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Redirect to the page that links one user."""
        users = list(queryset[:2])
        text = _("Select one user to link.")
        if len(users) == 1:
            query = urlencode({"user": users[0].pk})
            try:
                return HttpResponseRedirect(f"{link_url(self.admin_site.name)}?{query}")
            except NoReverseMatch:
                text = _("This admin site doesn’t have the page that links users.")
        self.message_user(request, text, messages.ERROR)
        return None

    def log_action(self, request: HttpRequest, identity: CognitoIdentity, message: str) -> None:
        self.log_change(request, identity.user, message)

    @admin.display(description=_("linked to"))
    def user_pool_link(self, user: Any) -> SafeString | str:
        """Return a link to the page of the linked user pool user, or to the page that links one."""
        identity = identity_of(user)
        site = self.admin_site.name
        try:
            if identity is None:
                url = f"{link_url(site)}?{urlencode({'user': user.pk})}"
            else:
                url = reverse(f"{site}:cognito_mfa_cognitoidentity_change", args=[identity.pk])
        except NoReverseMatch:
            url = ""
        text = _("Not linked") if identity is None else f"{identity.username} ({identity.pool_id})"
        return format_html('<a href="{}">{}</a>', url, text) if url else str(text)

    @admin.display(description=_("MFA status"), ordering="cognito_identity__status")
    def second_factor(self, user: Any) -> SafeString | str:
        status = user.second_factor_status
        return status_as_icon_and_word(status) if status else formats.NONE


def _may_see_link(request: HttpRequest) -> bool:
    named = (permissions.LINK.permission, "cognito_mfa.view_cognitoidentity")
    return any(request.user.has_perm(permission) for permission in named)
