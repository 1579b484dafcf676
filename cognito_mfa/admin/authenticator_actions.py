"""The administrators' actions on a user's authenticator app and link.

Shared by the list of identities and by the site's own list of users.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, ngettext_lazy

from cognito_mfa import task_queue
from cognito_mfa.admin.confirmation import (
    MAX_SELECTED,
    ConfirmedAction,
    ConfirmedActionsMixin,
    NotDone,
    named,
    selected_keys,
    way_to_a_code,
)
from cognito_mfa.admin.refusals import Refusals, Text
from cognito_mfa.admin.resets import unfinished_text
from cognito_mfa.authenticator import (
    background_refresh,
    code_attempts,
    links,
    permissions,
    reset,
    status,
)
from cognito_mfa.databases import in_transaction
from cognito_mfa.exceptions import CognitoMFAError, LinkRefused, LinkRefusedReason, Refused
from cognito_mfa.models import CodeFailures, CognitoIdentity, MFAReset

RESET_UNFINISHED = _(
    "A reset of %(user)s isn’t finished and would be lost with the link. Finish it first."
)
STAYS_LOCKED = _(
    "Code entry stays locked for %(user)s, because 100 wrong codes have been entered since the "
    "last correct one. Reset the authenticator app to unlock it."
)
# Nor would the email be true, which says that it was removed.
NOTHING_TO_RESET = _(
    "User %(user)s hasn’t set up an authenticator app. If that may have changed, refresh the status first."
)
IN_TRANSACTION = _(
    "The authenticator app of %(user)s wasn’t reset, because middleware of this site opens a database transaction around "
    "each request. Ask a developer to remove it, or run “manage.py cognito_mfa_reset”."
)
MAX_INLINE = 10  # users whom the request itself refreshes where there are workers
TOO_MANY = _("Select no more than %(count)d users at a time.")
QUEUE_UNAVAILABLE = _(
    "The task queue isn’t available, so nothing was refreshed. Try again later, or select no more than %(count)d users."
)
QUEUE_FAILED = _(
    "The task queue stopped accepting users, so the others won’t be refreshed. Try again later."
)
REFRESH_REFUSALS = Refusals(
    oneself=_("You can’t refresh your own status."),
    superuser=_("Only a superuser can refresh the status of a superuser."),
)
_USER = (
    (_("User"), str),
    (_("Email address"), lambda identity: identity.email or "–"),
    (_("User pool"), lambda identity: identity.pool_id),
    (_("Status"), lambda identity: identity.get_status_display()),
)


def may_have_app(identity: CognitoIdentity) -> bool:
    """Return whether there is something to reset: an app, or an unfinished reset."""
    without = (CognitoIdentity.Status.NOT_SET_UP, CognitoIdentity.Status.GONE)
    return identity.status not in without or identity.resets.unfinished().exists()


class ResetAuthenticator(ConfirmedAction):
    """Remove a user's authenticator app in Cognito, so that they set up a new one."""

    name = "reset_mfa"
    right = permissions.RESET
    title = _("Reset authenticator app")
    effect = _(
        "Removes their authenticator app in Cognito and ends all their sessions. They can set up a new app the "
        "next time they sign in."
    )
    refusals = Refusals(
        oneself=_("You can’t reset your own authenticator app."),
        superuser=_("Only a superuser can reset a superuser."),
    )
    done = ngettext_lazy(
        "Reset the authenticator app of %(users)s.",
        "Reset the authenticator apps of %(count)d users: %(users)s",
        "count",
    )
    logged = "Reset authenticator app"
    columns = _USER
    is_destructive = True

    def obstacle(self, row: CognitoIdentity) -> str:
        if may_have_app(row) or row.status == CognitoIdentity.Status.GONE:
            return ""
        return str(NOTHING_TO_RESET) % {"user": row}

    def perform(self, request: HttpRequest, row: CognitoIdentity, reason: str) -> None:
        if in_transaction(MFAReset):
            raise NotDone(str(IN_TRANSACTION) % {"user": row})
        run = reset.run(reset.request(row, actor=request.user, reason=reason))
        if not run.finished_at:
            raise NotDone(unfinished_text(run))


class ClearFailures(ConfirmedAction):
    """Forget a user's failed attempts, so that codes are accepted again."""

    name = "clear_failures"
    right = permissions.CLEAR
    title = _("Unlock code entry")
    effect = _("Resets their failed-attempt counter, so they can enter codes again right away.")
    refusals = Refusals(
        oneself=_("You can’t unlock your own code entry."),
        superuser=_("Only a superuser can unlock code entry for a superuser."),
    )
    done = ngettext_lazy(
        "Unlocked code entry for %(users)s.",
        "Unlocked code entry for %(count)d users: %(users)s",
        "count",
    )
    logged = "Unlocked code entry"
    columns: Sequence[tuple[Text, Callable[[Any], object]]] = _USER

    def obstacle(self, row: CognitoIdentity | CodeFailures) -> str:
        counts = code_attempts.counts(row.username, sub=row.sub)
        if counts.total >= code_attempts.MAX_ATTEMPTS:
            return str(STAYS_LOCKED) % {"user": row}
        return (
            ""
            if counts.failures
            else str(_("User %(user)s has no failed attempts.")) % {"user": row}
        )

    def perform(
        self, request: HttpRequest, row: CognitoIdentity | CodeFailures, reason: str
    ) -> None:
        try:
            status.clear_failures(row.username, sub=row.sub, actor=request.user, reason=reason)
        except Refused:
            raise NotDone(STAYS_LOCKED % {"user": row}) from None


class Unlink(ConfirmedAction):
    """End a user's link to a user of the pool."""

    name = "unlink"
    right = permissions.LINK
    title = _("Unlink")
    effect = _(
        "The account no longer belongs to this user pool user. All sessions that were opened with it end. At the next "
        "sign-in, that user gets a new account, or none. To block a sign-in, disable the user in Cognito instead."
    )
    refusals = Refusals(
        oneself=_("You can’t unlink your own account."),
        superuser=_("Only a superuser can unlink a superuser."),
    )
    done = ngettext_lazy(
        "Unlinked %(users)s from the user pool.",
        "Unlinked %(count)d users from the user pool: %(users)s",
        "count",
    )
    logged = "Unlinked"
    columns = _USER
    is_destructive = True

    def obstacle(self, row: CognitoIdentity) -> str:
        unfinished = row.resets.unfinished().exists()
        return str(RESET_UNFINISHED) % {"user": row} if unfinished else ""

    def perform(self, request: HttpRequest, row: CognitoIdentity, reason: str) -> None:
        try:
            links.unlink(row, actor=request.user, reason=reason)
        except LinkRefused as refused:
            # For any other reason another administrator was faster, and the link is over.
            if refused.reason == LinkRefusedReason.RESET_UNFINISHED:
                raise NotDone(RESET_UNFINISHED % {"user": row}) from None


RESET = ResetAuthenticator()
CLEAR = ClearFailures()
UNLINK = Unlink()


class AuthenticatorActionsMixin(ConfirmedActionsMixin):
    """The actions, for a ``ModelAdmin`` that returns the identities of its rows."""

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
        people = self.people_of(queryset)
        first = list(people[: MAX_SELECTED + 1])
        if (
            len(first) > MAX_INLINE
            and task_queue.is_used()
            and self._refresh_later(request, people)
        ):
            return None
        if len(first) <= MAX_SELECTED:
            self.refresh(request, first)
            return None
        text = QUEUE_UNAVAILABLE if task_queue.is_used() else TOO_MANY
        self.message_user(request, text % {"count": MAX_SELECTED}, messages.ERROR)
        return None

    def _refresh_later(self, request: HttpRequest, people: QuerySet[Any]) -> bool:
        """Let workers refresh ``people``; return whether the queue took them.

        Workers skip whom the actor may not refresh. To judge thousands would take longer than a page may.
        """
        try:
            number, complete = background_refresh.enqueue(people, actor=request.user)
        except task_queue.QueueUnavailable:  # it is in the log
            return False
        text = ngettext(
            "The status of %(count)d user will be refreshed in the background. Reload this page to see the progress.",
            "The status of %(count)d users will be refreshed in the background. Reload this page to see the progress.",
            number,
        )
        self.message_user(request, text % {"count": number}, messages.SUCCESS)
        if not complete:
            self.message_user(request, QUEUE_FAILED, messages.WARNING)
        return True

    def refresh(self, request: HttpRequest, chosen: Sequence[CognitoIdentity]) -> None:
        """Refresh each of ``chosen`` from Cognito, and report the result.

        Args:
            request: the actor's.
            chosen: identities that were selected.
        """
        judged = self.judge(request, permissions.REFRESH, REFRESH_REFUSALS, chosen, tells=True)
        self.tell_why_not(request, judged)
        done = []
        for identity in judged.allowed:
            try:
                status.refresh_status(identity, actor=request.user)
            except CognitoMFAError as error:
                self._tell_of_failure(request, identity, error)
                break  # what stopped this one would stop the next
            done.append(str(identity))
        if done:
            text = ngettext(
                "Refreshed the status of %(users)s.",
                "Refreshed the status of %(count)d users: %(users)s",
                len(done),
            )
            names = {"count": len(done), "users": named(done)}
            self.message_user(request, text % names, messages.SUCCESS)

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
        """Report the error and a hint for the operator; nothing was changed."""
        text = _("Couldn’t refresh %(user)s (%(error)s). %(hint)s Nothing was changed.")
        names = {"user": identity, "error": error, "hint": error.hint}
        self.message_user(request, text % names, messages.ERROR)
