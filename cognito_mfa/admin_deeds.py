"""What staff do to other people's rows: each deed with its own permission, a confirmation page, a
reason, a fresh code of their own, and a line in the log.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

import django
from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin, helpers
from django.core.exceptions import PermissionDenied
from django.db import connections, transaction
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from cognito_mfa import gate, policy
from cognito_mfa.answers import CONFIRM_AGAIN
from cognito_mfa.conf import get_conf

MOST_AT_ONCE = 100  # people in one action: each may take several calls to Cognito

Text = str | Promise


class ReasonForm(forms.Form):
    """Why: kept for good, and shown to whoever looks later."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=200,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text=_("How you made sure that it is the right person, or the number of the ticket."),
    )

    def clean_reason(self) -> str:
        reason: str = self.cleaned_data["reason"].strip()
        return reason


class Deed(NamedTuple):
    """Something that is done to one row after the other; a row is about one person.

    Attributes:
        action: name of the admin action; ``has_<permission>_permission`` guards it.
        permission: see ``action``.
        title: on the page and the button.
        effect: what it means for the person.
        refusal: what is said when it may be done to none of the selected.
        logged: for the admin's own log.
        columns: heading and content of what the confirmation shows of each row.
        do: does it, and returns what stopped it, or nothing.
        may: whether who acts may do it to this row; the permission is checked already.
    """

    action: str
    permission: str
    title: Text
    effect: Text
    refusal: Text
    logged: str
    columns: Sequence[tuple[Text, Callable[[Any], object]]]
    do: Callable[[HttpRequest, Any, str], str]
    may: Callable[[HttpRequest, Any], bool]


class ConfirmedDeeds(ModelAdmin):
    """Asks for a reason first, and does it to each row only then."""

    # What these write down before Cognito is asked must outlive a process that is killed meanwhile.
    commits_at_once = frozenset({"reset_mfa", "finish"})

    @method_decorator(transaction.non_atomic_requests)
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Show the list; all that is not ours stays in one transaction where ATOMIC_REQUESTS wants it."""
        with ExitStack() as transactions:
            if request.POST.get("action") not in self.commits_at_once:
                for connection in connections.all():
                    if connection.settings_dict["ATOMIC_REQUESTS"]:
                        transactions.enter_context(transaction.atomic(using=connection.alias))
            return super().changelist_view(request, extra_context)

    def confirmed(
        self, request: HttpRequest, rows: QuerySet[Any], deed: Deed, selected: list[str]
    ) -> HttpResponse | None:
        """Return the page that asks, or None when there is nothing to ask any more.

        Args:
            selected: primary keys, as the list's form sends them.
        """
        if not is_fresh(request):
            return HttpResponseRedirect(CONFIRM_AGAIN.url(request.get_full_path()))
        chosen = list(rows[: MOST_AT_ONCE + 1])
        people = [row for row in chosen if deed.may(request, row)]
        if not people or len(chosen) > MOST_AT_ONCE:
            self._refuse(request, deed, too_many=len(chosen) > MOST_AT_ONCE)
            return None
        form = ReasonForm(request.POST if "confirmed" in request.POST else None)
        if form.is_valid():
            self._do(request, people, deed, form.cleaned_data["reason"])
            return None
        context = {
            **page_context(self, request, deed.title),
            "deed": deed,
            "headings": [heading for heading, _content in deed.columns],
            "rows": [[content(row) for _heading, content in deed.columns] for row in people],
            "left_out": [row for row in chosen if row not in people],
            "selected": selected,
            "checkbox": helpers.ACTION_CHECKBOX_NAME,
            "form": form,
        }
        return TemplateResponse(request, "admin/cognito_mfa/confirm.html", context)

    def _do(self, request: HttpRequest, rows: list[Any], deed: Deed, reason: str) -> None:
        done = 0
        for row in rows:
            trouble = deed.do(request, row, reason)
            self.log_deed(request, row, f"{deed.logged}: {reason}")
            if trouble:
                text = _("%(person)s: not done yet. %(trouble)s. Run it again when that is solved.")
                names = {"person": row, "trouble": trouble}
                self.message_user(request, text % names, messages.ERROR)
            done += not trouble
        if done:
            told = ngettext("Done for %(count)d person.", "Done for %(count)d people.", done)
            self.message_user(request, told % {"count": done}, messages.SUCCESS)

    def log_deed(self, request: HttpRequest, row: Any, message: str) -> None:
        """Write the admin's own log line."""
        self.log_change(request, row, message)

    def _refuse(self, request: HttpRequest, deed: Deed, *, too_many: bool) -> None:
        text = _("Select no more than %(count)d people at once.") % {"count": MOST_AT_ONCE}
        self.message_user(request, text if too_many else str(deed.refusal), messages.ERROR)


class ConfirmedOnePerson(ConfirmedDeeds):
    """The same deeds from the page of one row."""

    deeds: Sequence[Deed] = ()

    def get_urls(self) -> list[URLPattern]:
        meta = self.opts
        return [
            path(
                "<path:object_id>/confirm/<slug:action>/",
                self.admin_site.admin_view(self.confirm_view),
                name=f"{meta.app_label}_{meta.model_name}_confirm",
            ),
            *super().get_urls(),
        ]

    @method_decorator(transaction.non_atomic_requests)
    def confirm_view(self, request: HttpRequest, object_id: str, action: str) -> HttpResponse:
        """Show the confirmation for one row; its form goes to the list as usual."""
        deed = next((deed for deed in self.deeds if deed.action == action), None)
        row = self.get_object(request, object_id)
        if deed is None or row is None:
            raise Http404
        if not getattr(self, f"has_{deed.permission}_permission")(request):
            raise PermissionDenied
        one = self.get_queryset(request).filter(pk=row.pk)
        answer = self.confirmed(request, one, deed, [str(row.pk)])
        return answer or HttpResponseRedirect(self._change_url(row))

    def _change_url(self, row: Model) -> str:
        name = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_change"
        return reverse(name, args=[row.pk])


def selected_keys(request: HttpRequest) -> list[str]:
    """Return what is ticked in the list."""
    return request.POST.getlist(helpers.ACTION_CHECKBOX_NAME)


def page_context(admin: ModelAdmin, request: HttpRequest, title: Text) -> dict[str, Any]:
    """Return what a page of our own in the admin needs to look like the others."""
    return {
        **admin.admin_site.each_context(request),
        "title": title,
        "opts": admin.opts,
        "media": admin.media,
        "breadcrumbs_as_list": django.VERSION >= (6, 1),
    }


def is_fresh(request: HttpRequest) -> bool:
    """Tell whether who acts answered a code lately, where a code is asked of them at all."""
    if gate.is_trusted(request, request.user):
        return True
    if not (policy.enforced() and policy.required(request)):
        return True
    seconds = gate.proof_age(request, request.user)
    return seconds is not None and seconds <= get_conf().REAUTH_MAX_AGE
