"""The pages of resets: what administrators asked for, and what is left to do."""

from __future__ import annotations

from django.contrib import admin, messages
from django.contrib.admin import TabularInline
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from cognito_mfa.admin.changelists import FastListMixin, ReadOnly
from cognito_mfa.admin.confirmation import (
    MAX_SELECTED,
    ConfirmedActionsMixin,
    named,
    way_to_a_code,
)
from cognito_mfa.admin.refusals import Refusals
from cognito_mfa.authenticator import permissions, reset
from cognito_mfa.models import MFAReset

FINISH_REFUSALS = Refusals(
    oneself=_("You can’t finish the reset of your own authenticator app."),
    superuser=_("Only a superuser can finish the reset of a superuser."),
)


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


class MFAResetAdmin(ReadOnly, ConfirmedActionsMixin, FastListMixin):
    """Resets. Unfinished ones can be run again."""

    change_list_template = "admin/cognito_mfa/change_list.html"
    list_display = ("requested_at", "identity", "actor", "reason", "finished_at", "trouble")
    list_filter = (("finished_at", admin.EmptyFieldListFilter),)
    list_select_related = ("identity", "actor")
    search_fields = ("^identity__username",)
    search_help_text = _("Searches the start of the username in the user pool.")
    actions = ("finish",)
    fields = MFAResetInline.fields
    readonly_fields = fields

    rights = {"finish": permissions.FINISH}

    def has_reset_mfa_permission(self, request: HttpRequest) -> bool:
        return permissions.has_permission(permissions.FINISH, request.user)

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
        done = [str(row.identity) for row in judged.allowed if self._finish(request, row)]
        if done:
            text = ngettext(
                "Finished the reset of %(users)s.",
                "Finished %(count)d resets: %(users)s",
                len(done),
            )
            names = {"count": len(done), "users": named(done)}
            self.message_user(request, text % names, messages.SUCCESS)
        return None

    def _finish(self, request: HttpRequest, row: MFAReset) -> bool:
        """Run what is left of one reset, and return whether it is done."""
        reset.run_again(row, actor=request.user)
        self.log_change(request, row, "Reset run again")
        if row.trouble:
            text = _("The reset of %(user)s isn’t finished. Fix this, then run it again: %(error)s")
            names = {"user": row.identity, "error": row.trouble}
            self.message_user(request, text % names, messages.ERROR)
        return row.finished_at is not None
