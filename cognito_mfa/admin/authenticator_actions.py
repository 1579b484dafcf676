"""What staff do about other people's second factors.

Shared by the list of identities and by the site's own list of users.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from cognito_mfa.admin.confirmation import (
    MAX_SELECTED,
    ConfirmedAction,
    ConfirmedActionsMixin,
    Text,
    selected_keys,
    way_to_a_code,
)
from cognito_mfa.authenticator import links, permissions, reset, status
from cognito_mfa.exceptions import CognitoMFAError, LinkRefused, LinkRefusedReason, Refused
from cognito_mfa.models import CodeFailures, CognitoIdentity

REFUSAL = _(
    "You cannot do this to the people you selected: not to yourself, nor to somebody who may do more than you, nor "
    "to somebody of another user pool."
)
UNFINISHED = _(
    "A reset of this user is not finished and would be lost with the link. Finish it first"
)
_PERSON = (
    (_("User"), str),
    (_("Email address"), lambda identity: identity.email),
    (_("User pool"), lambda identity: identity.pool_id),
    (_("Status"), lambda identity: identity.get_status_display()),
)


class ResetAuthenticator(ConfirmedAction):
    """Remove somebody's authenticator app in Cognito, so that they set up a new one."""

    name = "reset_mfa"
    right = permissions.RESET
    title = _("Reset authenticator app")
    effect = _(
        "Removes their authenticator app in Cognito and ends all their sessions. They’ll set "
        "up a new app the next time they sign in, and they’ll be notified by email."
    )
    refusal = REFUSAL
    logged = "Reset of the authenticator app"
    columns = _PERSON

    def perform(self, request: HttpRequest, row: CognitoIdentity, reason: str) -> str:
        done = reset.run(reset.request(row, actor=request.user, reason=reason))
        return "" if done.finished_at else done.trouble


class ClearFailures(ConfirmedAction):
    """Forget somebody's failed attempts, so that codes are accepted again."""

    name = "clear_failures"
    right = permissions.CLEAR
    title = _("Unlock code entry")
    effect = _("Resets their failed-attempt counter, so they can enter codes again right away.")
    refusal = REFUSAL
    logged = "Wrong codes cleared"
    columns: Sequence[tuple[Text, Callable[[Any], object]]] = _PERSON

    def perform(
        self, request: HttpRequest, row: CognitoIdentity | CodeFailures, reason: str
    ) -> str:
        try:
            status.clear_failures(row.username, sub=row.sub, actor=request.user, reason=reason)
        except Refused:
            return str(
                _(
                    "100 codes were wrong since the last right one, and clearing does not forget that: no more codes are "
                    "accepted until the authenticator app is reset and a new one is set up."
                )
            )
        return ""


class Unlink(ConfirmedAction):
    """End somebody's link to a user of the pool."""

    name = "unlink"
    right = permissions.LINK
    title = _("Unlink")
    effect = _(
        "The account no longer belongs to this user pool user. All sessions that were opened with it end. At the next "
        "sign-in, that user gets a new account, or none. To block a sign-in, disable the user in Cognito instead."
    )
    refusal = _(
        "You cannot unlink the users you selected: not yourself, nor a user who has permissions that you do not have."
    )
    logged = "Unlinked"
    columns = _PERSON

    def perform(self, request: HttpRequest, row: CognitoIdentity, reason: str) -> str:
        try:
            links.unlink(row, actor=request.user, reason=reason)
        except LinkRefused as refused:
            if refused.reason == LinkRefusedReason.RESET_UNFINISHED:
                return str(UNFINISHED)
        return ""  # somebody else may have been faster; it is over either way


RESET = ResetAuthenticator()
CLEAR = ClearFailures()
UNLINK = Unlink()


class AuthenticatorActionsMixin(ConfirmedActionsMixin):
    """The actions, for a ``ModelAdmin`` that says which identities its rows are."""

    rights = {
        "refresh_status": permissions.REFRESH,
        "reset_mfa": permissions.RESET,
        "clear_failures": permissions.CLEAR,
        "unlink": permissions.LINK,
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

    def has_link_user_permission(self, request: HttpRequest) -> bool:
        return permissions.has_permission(permissions.LINK, request.user)

    # ----------------------------------------------------------------------------------- actions

    @admin.action(description=_("Refresh status from Cognito"), permissions=["refresh_status"])
    def refresh_status(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        if (way := way_to_a_code(request, permissions.REFRESH)) is not None:
            return way
        done, chosen = 0, list(self.people_of(queryset)[:MAX_SELECTED])
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
        text = ngettext(
            "Refreshed the status of %(count)d user.",
            "Refreshed the status of %(count)d users.",
            done,
        )
        level = messages.SUCCESS if done else messages.WARNING
        self.message_user(request, text % {"count": done}, level)
        return None

    @admin.action(description=_("Reset authenticator app…"), permissions=["reset_mfa"])
    def reset_mfa(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        return self._confirmed_for_people(request, queryset, RESET)

    @admin.action(description=_("Unlock code entry…"), permissions=["clear_failures"])
    def clear_failures(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        return self._confirmed_for_people(request, queryset, CLEAR)

    @admin.action(description=_("Unlink…"), permissions=["link_user"])
    def unlink(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        return self._confirmed_for_people(request, queryset, UNLINK)

    def _confirmed_for_people(
        self, request: HttpRequest, queryset: QuerySet[Any], action: ConfirmedAction
    ) -> HttpResponse | None:
        return self.confirmed(request, self.people_of(queryset), action, selected_keys(request))

    def _tell_of_failure(
        self, request: HttpRequest, identity: CognitoIdentity, error: CognitoMFAError
    ) -> None:
        """Tell staff what the operator needs to know; nothing was changed."""
        text = _("Couldn’t refresh %(person)s (%(error)s). %(hint)s Nothing was changed.")
        hint = error.hint
        names = {"person": identity, "error": error, "hint": hint}
        self.message_user(request, text % names, messages.ERROR)
