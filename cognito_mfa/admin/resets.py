"""The pages of resets: what administrators asked for, and what is left to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import SimpleListFilter, TabularInline, helpers
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from cognito_mfa.admin.buttons import Button, ButtonsMixin
from cognito_mfa.admin.changelists import FastListMixin, ReadOnly
from cognito_mfa.admin.confirmation import (
    MAX_SELECTED,
    ConfirmedActionsMixin,
    way_to_a_code,
)
from cognito_mfa.admin.refusals import Refusals
from cognito_mfa.authenticator import permissions, reset
from cognito_mfa.authenticator.email_delivery import State, collect
from cognito_mfa.models import MFAReset

FINISH_REFUSALS = Refusals(
    oneself=_("You can’t finish the reset of your own authenticator app."),
    superuser=_("Only a superuser can finish the reset of a superuser."),
)

FINISHED = ngettext_lazy(
    "Finished the reset of %(users)s.",
    "Finished %(count)d resets: %(users)s",
    "count",
)
APP_REMOVED = _(
    "The reset of %(user)s isn’t finished. The authenticator app was removed. Run the reset again. Last error: %(error)s"
)
APP_MAY_WORK = _(
    "The reset of %(user)s isn’t finished. The authenticator app may still work. Run the reset again. Last error: "
    "%(error)s"
)


def unfinished_text(row: MFAReset) -> str:
    """Return what an administrator needs to know about an unfinished reset."""
    text = APP_MAY_WORK if row.token_deleted_at is None else APP_REMOVED
    return text % {"user": row.identity, "error": row.trouble}


class FinishedFilter(SimpleListFilter):
    """Whether Cognito has confirmed a reset."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, Any]]:
        return [("unfinished", _("Unfinished")), ("finished", _("Finished"))]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() in ("unfinished", "finished"):
            return queryset.filter(finished_at__isnull=self.value() == "unfinished")
        return queryset


class MFAResetInline(ReadOnly, TabularInline):
    """Resets, unfinished ones included."""

    model = MFAReset
    template = "admin/cognito_mfa/rows.html"
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


class MFAResetAdmin(ReadOnly, ButtonsMixin, ConfirmedActionsMixin, FastListMixin):
    """Resets. Unfinished ones can be run again."""

    change_list_template = "admin/cognito_mfa/change_list.html"
    list_display = ("requested_at", "identity", "actor", "reason", "finished_at", "trouble")
    list_filter = (FinishedFilter,)
    list_select_related = ("identity", "actor")
    search_fields = ("^identity__username",)
    search_help_text = _("Searches the start of the username in the user pool.")
    actions = ("finish",)
    fields = ("identity", *MFAResetInline.fields)
    readonly_fields = fields

    rights = {"finish": permissions.FINISH}

    def has_reset_mfa_permission(self, request: HttpRequest) -> bool:
        return permissions.has_permission(permissions.FINISH, request.user)

    def buttons(self, request: HttpRequest, row: Any) -> Iterator[Button]:
        """Return the button that finishes an unfinished reset, with the same action as in the list.

        Args:
            request: the administrator's.
            row: the reset.
        """
        may = permissions.denial_reason(permissions.FINISH, request.user, row) is None
        if may and row.finished_at is None:
            url = reverse(f"{self.admin_site.name}:cognito_mfa_mfareset_changelist")
            sent = {"action": "finish", helpers.ACTION_CHECKBOX_NAME: row.pk}
            yield Button(url, _("Finish in Cognito"), is_post=True, fields=sent)

    @admin.action(description=_("Finish in Cognito"), permissions=["reset_mfa"])
    def finish(self, request: HttpRequest, queryset: QuerySet[MFAReset]) -> HttpResponse | None:
        if (way := way_to_a_code(request, permissions.FINISH)) is not None:
            return way
        open_ones = queryset.filter(finished_at=None).select_related("identity__user", "actor")
        chosen = list(open_ones[:MAX_SELECTED])
        if not chosen:
            self.message_user(request, _("The selected resets are finished."), messages.INFO)
        judged = self.judge(request, permissions.FINISH, FINISH_REFUSALS, chosen, tells=True)
        self.tell_why_not(request, judged)
        done = []
        emails: dict[str, State] = {}
        for row in judged.allowed:
            with collect() as deliveries:
                if self._finish(request, row):
                    done.append(str(row.identity))
            emails.update({str(row.identity): delivery.state for delivery in deliveries})
        self.report(request, FINISHED, done, emails)
        return None

    def _finish(self, request: HttpRequest, row: MFAReset) -> bool:
        """Run the remaining steps of one reset, and return whether it is finished."""
        reset.run_again(row, actor=request.user)
        self.log_change(request, row, "Reset run again")
        if row.trouble:
            self.message_user(request, unfinished_text(row), messages.ERROR)
        return row.finished_at is not None
