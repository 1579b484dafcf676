"""What staff do about other people's second factors.

Shared by the list of identities and by the site's own list of users.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from cognito_mfa.admin.confirmation import (
    MOST_AT_ONCE,
    ConfirmedDeeds,
    Deed,
    selected_keys,
    way_to_a_code,
)
from cognito_mfa.authenticator import permissions
from cognito_mfa.exceptions import CognitoMFAError, Refused
from cognito_mfa.models import CognitoIdentity


def _reset(request: HttpRequest, identity: CognitoIdentity, reason: str) -> str:
    from cognito_mfa.authenticator import reset

    row = reset.run(reset.request(identity, actor=request.user, reason=reason))
    return "" if row.finished_at else row.trouble


def _clear(request: HttpRequest, identity: CognitoIdentity, reason: str) -> str:
    return clear_counter(request, identity.username, identity.sub, reason)


def clear_counter(request: HttpRequest, username: str, sub: str, reason: str) -> str:
    """Clear one counter of wrong codes; return what stopped it, or nothing."""
    from cognito_mfa.authenticator import status

    try:
        status.clear_failures(username, sub=sub, actor=request.user, reason=reason)
    except Refused:
        return str(
            _(
                "100 codes were wrong since the last right one, and clearing does not forget that: no more codes are "
                "accepted until the authenticator app is reset and a new one is set up."
            )
        )
    return ""


_PERSON = (
    (_("Person"), str),
    (_("E-mail address"), lambda identity: identity.email),
    (_("User pool"), lambda identity: identity.pool_id),
    (_("Status"), lambda identity: identity.get_status_display()),
)
REFUSAL = _(
    "You cannot do this to the people you selected: not to yourself, nor to somebody who may do more than you, nor "
    "to somebody of another user pool."
)
RESET = Deed(
    "reset_mfa",
    permissions.RESET,
    _("Reset authenticator app"),
    _(
        "Their authenticator app is removed in Cognito, all their sessions end, and at the next sign-in they set up "
        "a new one. They are told by mail."
    ),
    REFUSAL,
    "Reset of the authenticator app",
    _PERSON,
    _reset,
)
CLEAR = Deed(
    "clear_failures",
    permissions.CLEAR,
    _("Accept codes again"),
    _("Their wrong codes are forgotten, so that codes are accepted again at once."),
    REFUSAL,
    "Wrong codes cleared",
    _PERSON,
    _clear,
)


class SecondFactorActions(ConfirmedDeeds):
    """The actions, for a ``ModelAdmin`` that says which identities its rows are."""

    rights = {
        "refresh_status": permissions.REFRESH,
        "reset_mfa": permissions.RESET,
        "clear_failures": permissions.CLEAR,
    }

    def people_of(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return self.identities_of(queryset).select_related("user")

    def identities_of(self, queryset: QuerySet[Any]) -> QuerySet[CognitoIdentity]:
        """Return the identities of the selected rows."""
        raise NotImplementedError

    # ------------------------------------------------------------------------------- permissions

    def has_refresh_status_permission(self, request: HttpRequest) -> bool:
        return permissions.has_permission(permissions.REFRESH, request.user)

    def has_reset_mfa_permission(self, request: HttpRequest) -> bool:
        return permissions.has_permission(permissions.RESET, request.user)

    def has_clear_failures_permission(self, request: HttpRequest) -> bool:
        return permissions.has_permission(permissions.CLEAR, request.user)

    # ----------------------------------------------------------------------------------- actions

    @admin.action(description=_("Refresh status from Cognito"), permissions=["refresh_status"])
    def refresh_status(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        from cognito_mfa.authenticator import (
            status,  # and with it all that calls Cognito, when first needed
        )

        if (way := way_to_a_code(request, permissions.REFRESH)) is not None:
            return way
        done, chosen = 0, list(self.people_of(queryset)[:MOST_AT_ONCE])
        people = self.may(request, permissions.REFRESH, chosen, tells=True)
        if len(people) < len(chosen):
            self.message_user(request, str(REFUSAL), messages.ERROR)
        for identity in people:
            try:
                status.refresh_status(identity, actor=request.user)
            except CognitoMFAError as error:
                self._tell_of_failure(request, identity, error)
                break  # whatever stopped this one would stop the next
            done += 1
        text = ngettext("Refreshed %(count)d person.", "Refreshed %(count)d people.", done)
        level = messages.SUCCESS if done else messages.WARNING
        self.message_user(request, text % {"count": done}, level)
        return None

    @admin.action(description=_("Reset authenticator app…"), permissions=["reset_mfa"])
    def reset_mfa(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        return self._confirmed_for_people(request, queryset, RESET)

    @admin.action(description=_("Accept codes again…"), permissions=["clear_failures"])
    def clear_failures(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        return self._confirmed_for_people(request, queryset, CLEAR)

    def _confirmed_for_people(
        self, request: HttpRequest, queryset: QuerySet[Any], deed: Deed
    ) -> HttpResponse | None:
        return self.confirmed(request, self.people_of(queryset), deed, selected_keys(request))

    def _tell_of_failure(
        self, request: HttpRequest, identity: CognitoIdentity, error: CognitoMFAError
    ) -> None:
        """Tell staff what the operator needs to know; nothing was changed."""
        text = _(
            "Cognito did not tell about %(person)s (%(error)s). %(hint)s Its row is as it was."
        )
        hint = error.hint
        names = {"person": identity, "error": error, "hint": hint}
        self.message_user(request, text % names, messages.ERROR)
