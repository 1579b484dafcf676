"""What a site puts into its own ``UserAdmin``."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import NoReverseMatch
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from cognito_mfa.admin.authenticator_actions import AuthenticatorActionsMixin
from cognito_mfa.admin.changelists import (
    SecondFactorFilter,
    status_as_icon_and_word,
)
from cognito_mfa.admin.link_page import link_url
from cognito_mfa.authenticator import permissions
from cognito_mfa.models import CognitoIdentity


class MFAUserAdminMixin(AuthenticatorActionsMixin):
    """For the site's own ``UserAdmin``: a column, a filter and the actions, without a query a row.

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
        """Lead to the page that links one user."""
        users = list(queryset[:2])
        text = _("Select one user to link.")
        if len(users) == 1:
            query = urlencode({"user": users[0].pk})
            try:
                return HttpResponseRedirect(f"{link_url(self.admin_site.name)}?{query}")
            except NoReverseMatch:
                text = _("This admin site does not have the page for it.")
        self.message_user(request, text, messages.ERROR)
        return None

    def log_action(self, request: HttpRequest, identity: CognitoIdentity, message: str) -> None:
        self.log_change(request, identity.user, message)

    @admin.display(description=_("second factor"), ordering="cognito_identity__status")
    def second_factor(self, user: Any) -> SafeString | str:
        status = user.second_factor_status
        return status_as_icon_and_word(status) if status else "-"
