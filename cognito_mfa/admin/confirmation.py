"""What staff do to other people's rows: each action with a confirmation page, a reason, and a line in the log.

Who may, and what they must do first, is for ``permissions`` to say; every page and action here asks it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import django
from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin, helpers
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, get_resolver, get_urlconf, path, reverse
from django.utils.decorators import method_decorator
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from cognito_mfa.authenticator import permissions
from cognito_mfa.authenticator.permissions import ActionDenied, DenialReason, Right
from cognito_mfa.databases import atomic_for, own_transactions, request_transactions
from cognito_mfa.enforcement import impersonation, responses
from cognito_mfa.sign_in.site_code import INVALID_VALUE_ERRORS
from cognito_mfa.values import typed

MAX_SELECTED = 100  # people in one action: each may take several calls to Cognito

Text = str | Promise


class ReasonForm(forms.Form):
    """The reason: kept for good, and shown to whoever looks later."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=200,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text=_("How you verified the user’s identity, or a ticket number."),
    )

    def clean_reason(self) -> str:
        return typed.line(self.cleaned_data["reason"])


class ConfirmedAction:
    """Something that is done to one row after the other, each about one person, after a confirmation.

    Attributes:
        name: of the admin action.
        right: what who acts must have and be.
        title: on the page and the button.
        effect: what it means for the person.
        refusal: what is said when it may be done to none of the selected.
        logged: for the admin's own log.
        columns: heading and content of what the confirmation shows of each row.
    """

    name: str
    right: Right
    title: Text
    effect: Text
    refusal: Text
    logged: str
    columns: Sequence[tuple[Text, Callable[[Any], object]]]

    def may_act(self, actor: Any, row: Any) -> DenialReason | None:
        """Return why ``actor`` may not do it to ``row``, or None when they may."""
        return permissions.denial_reason(self.right, actor, row)

    def applies(self, row: Any) -> bool:
        """Tell whether there is anything to do for ``row``."""
        return True

    def perform(self, request: HttpRequest, row: Any, reason: str) -> str:
        """Do it to ``row``.

        Args:
            reason: as it was typed.

        Returns:
            What stopped it; empty when it is done.

        Raises:
            permissions.ActionDenied: who acts may not do it to this row; nothing was done.
        """
        raise NotImplementedError


class ConfirmedActionsMixin(ModelAdmin):
    """Asks for a reason first, and does it to each row only then."""

    # Of every action that does something to somebody: the right to it.
    rights: Mapping[str, Right] = {}
    # They ask Cognito: no transaction waits for it, and what was written before must outlive a killed process.
    commits_at_once = frozenset({"reset_mfa", "finish", "refresh_status"})

    @method_decorator(own_transactions)
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Show the list; all that is not ours stays in one transaction where ATOMIC_REQUESTS wants it."""
        asked = set(
            request.POST.getlist("action")
        )  # there may be a menu above the list and one below
        for action in sorted(asked & set(self.rights)):
            # Django would say that no action was selected, and nobody would hear of it.
            if not permissions.has_permission(self.rights[action], request.user):
                return self._not_permitted(request, self.rights[action])
        with nullcontext() if asked & self.commits_at_once else request_transactions():
            return super().changelist_view(request, extra_context)

    def people_of(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return what the actions are done to, for the selected rows of the list."""
        return queryset

    def may(
        self, request: HttpRequest, right: Right, rows: Sequence[Any], *, tells: bool
    ) -> list[Any]:
        """Return those of ``rows`` to whom who acts may do it.

        Args:
            tells: whether the others are written down as refused.
        """
        people = []
        for row in rows:
            why = permissions.denial_reason(right, request.user, row)
            if why is None:
                people.append(row)
            elif tells:
                permissions.record_denial(ActionDenied(right, request.user, row, why))
        return people

    def confirmed(
        self,
        request: HttpRequest,
        rows: QuerySet[Any],
        action: ConfirmedAction,
        selected: list[str],
    ) -> HttpResponse | None:
        """Return the page that asks, or None when there is nothing to ask any more.

        Args:
            selected: primary keys, as the list's form sends them.
        """
        if (way := way_to_a_code(request, action.right)) is not None:
            return way
        chosen = list(rows[: MAX_SELECTED + 1])
        if len(chosen) > MAX_SELECTED:
            text = _("Select no more than %(count)d users at a time.") % {"count": MAX_SELECTED}
            self.message_user(request, text, messages.ERROR)
            return None
        form = ReasonForm(request.POST if "confirmed" in request.POST else None)
        people = self.may(request, action.right, chosen, tells=form.is_valid())
        if chosen and not people and not form.is_valid():  # else they were told of just now
            self.may(request, action.right, chosen, tells=True)
        people = [row for row in people if action.applies(row)]
        if not people:
            self.message_user(request, str(action.refusal), messages.ERROR)
            return None
        if form.is_valid():
            self._do(request, people, action, form.cleaned_data["reason"])
            return None
        context = {
            **page_context(self, request, action.title),
            "action": action,
            "headings": [heading for heading, _content in action.columns],
            "rows": [[content(row) for _heading, content in action.columns] for row in people],
            "left_out": [row for row in chosen if row not in people],
            "selected": selected,
            "checkbox": helpers.ACTION_CHECKBOX_NAME,
            "form": form,
        }
        return TemplateResponse(request, "admin/cognito_mfa/confirm.html", context)

    def _not_permitted(self, request: HttpRequest, right: Right) -> HttpResponse:
        """Refuse who lacks the permission, and write down whom they meant."""
        try:
            with atomic_for(self.model):
                keys = selected_keys(request)[:MAX_SELECTED]
                ticked = self.get_queryset(request).filter(pk__in=keys)
                rows = list(self.people_of(ticked)[:MAX_SELECTED])
        except INVALID_VALUE_ERRORS:  # no keys at all, or numbers that no column holds
            rows = []
        for row in rows[1:]:
            permissions.record_denial(
                ActionDenied(right, request.user, row, DenialReason.PERMISSION)
            )
        return refused(
            request,
            ActionDenied(right, request.user, rows[0] if rows else None, DenialReason.PERMISSION),
        )

    def _do(
        self, request: HttpRequest, rows: list[Any], action: ConfirmedAction, reason: str
    ) -> None:
        done = 0
        for row in rows:
            permissions.require(action.right, request.user, row)
            trouble = action.perform(request, row, reason)
            self.log_action(request, row, f"{action.logged}: {reason}")
            if trouble:
                text = _("%(person)s: not finished. %(trouble)s. Run it again after you fix this.")
                names = {"person": row, "trouble": trouble}
                self.message_user(request, text % names, messages.ERROR)
            done += not trouble
        if done:
            told = ngettext("Completed for %(count)d user.", "Completed for %(count)d users.", done)
            self.message_user(request, told % {"count": done}, messages.SUCCESS)

    def log_action(self, request: HttpRequest, row: Any, message: str) -> None:
        """Write the admin's own log line."""
        self.log_change(request, row, message)


class ConfirmedOnePerson(ConfirmedActionsMixin):
    """The same actions from the page of one row."""

    confirmed_actions: Sequence[ConfirmedAction] = ()

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

    @method_decorator(own_transactions)
    def confirm_view(self, request: HttpRequest, object_id: str, action: str) -> HttpResponse:
        """Show the confirmation for one row; its form goes to the list as usual."""
        known = {one.name: one for one in self.confirmed_actions}
        chosen, row = known.get(action), self.get_object(request, object_id)
        if chosen is None or row is None:
            raise Http404
        if not permissions.has_permission(chosen.right, request.user):
            return refused(
                request, ActionDenied(chosen.right, request.user, row, DenialReason.PERMISSION)
            )
        one = self.get_queryset(request).filter(pk=row.pk)
        answer = self.confirmed(request, self.people_of(one), chosen, [str(row.pk)])
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


def way_to_a_code(request: HttpRequest, right: Right) -> HttpResponse | None:
    """Return the way to a fresh code of who acts, and back; None when they need not go.

    SECURITY: somebody who acts as another user goes back to their own account first. Else they could do to themselves
    what nobody may, and the log would say that it was the other.
    """
    acting = impersonation.find(request, request.user) if right.needs_recent_code else None
    if acting is not None:
        return responses.impersonation_page(request, acting, unproven=False)
    demand = permissions.required_step(right, request)
    if demand is None:
        return None
    if request.method == "POST":
        text = _("Your changes weren’t saved. Confirm it’s you, then submit the form again.")
        messages.warning(request, text, fail_silently=True)
    return HttpResponseRedirect(demand.url(request.get_full_path()))


def refused(request: HttpRequest, denied: ActionDenied) -> HttpResponse:
    """Write down that it was refused, and return the site's own page that says so.

    An answer, not an exception: that would take back what was written, where ATOMIC_REQUESTS is on.
    """
    permissions.record_denial(denied)
    answer: Callable[..., HttpResponse] = get_resolver(get_urlconf()).resolve_error_handler(403)
    return answer(request, exception=denied)
