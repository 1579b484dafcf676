"""Actions on users, each with a confirmation page, a reason, and a line in the admin's log.

Who may, and what they must do first, is for ``permissions`` to say; every page and action here asks it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

import django
from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin, helpers
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, get_resolver, get_urlconf, path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from cognito_mfa.admin.refusals import Refusals, Text, distinct
from cognito_mfa.authenticator import permissions
from cognito_mfa.authenticator.email_delivery import State, collect, waiting_once
from cognito_mfa.authenticator.emails import recipients_of
from cognito_mfa.authenticator.permissions import ActionDenied, DenialReason, Right
from cognito_mfa.conf import get_conf
from cognito_mfa.databases import (
    atomic_for,
    current_rows,
    own_transactions,
    request_transactions,
)
from cognito_mfa.enforcement import impersonation, responses
from cognito_mfa.models import CognitoIdentity
from cognito_mfa.monitoring import calls
from cognito_mfa.sign_in.site_code import INVALID_VALUE_ERRORS
from cognito_mfa.values import typed

MAX_SELECTED = 100  # users in one action: each may take several calls to Cognito
NAMED = 10  # users in the line that says what was done
NOT_NOTIFIED = (State.FAILED, State.TOO_MANY, State.NO_ADDRESS)


class ReasonForm(forms.Form):
    """The reason: kept for good, and shown to administrators later."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=200,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text=_("How you verified the user’s identity, or a ticket number."),
    )

    def clean_reason(self) -> str:
        return typed.line(self.cleaned_data["reason"])


class NotDone(Exception):
    """An action could not be completed for one row; the text says why, to the administrator."""


class ConfirmedAction:
    """An action on one row after the other, each about one user, after a confirmation.

    Attributes:
        name: of the admin action.
        right: what the actor must have and be.
        title: on the page and the button.
        effect: what it means for the user.
        refusals: why it may not be done to a row.
        done: the result, with ``users`` and, for more than one, ``count``.
        logged: for the admin's own log.
        columns: heading and content of what the confirmation shows of each row.
        is_destructive: whether the button is red.
        sends_email: whether the user hears of it by email.
    """

    name: str
    right: Right
    title: Text
    effect: Text
    refusals: Refusals
    done: Text
    logged: str
    columns: Sequence[tuple[Text, Callable[[Any], object]]]
    is_destructive = False
    sends_email = True

    def obstacle(self, row: Any) -> str:
        """Return why there is nothing to do for ``row``; empty if there is something to do."""
        return ""

    def user(self, row: Any) -> str:
        """Return the name of the user of ``row``, as the result shows it."""
        return str(row)

    def identity(self, row: Any) -> CognitoIdentity | None:
        """Return the identity whose user is notified; None if there is none."""
        return row if isinstance(row, CognitoIdentity) else None

    def perform(self, request: HttpRequest, row: Any, reason: str) -> None:
        """Do it to ``row``.

        Args:
            request: the actor's.
            row: what it is done to.
            reason: as it was typed.

        Raises:
            NotDone: it is not done, or not completely.
            permissions.ActionDenied: the actor may not do it to this row; nothing was done.
        """
        raise NotImplementedError


class Judged(NamedTuple):
    """The rows of an action that are allowed, and the reasons why the others are not."""

    allowed: list[Any]
    skipped: list[tuple[Any, str]]


class ConfirmedActionsMixin(ModelAdmin):
    """Asks for a reason first, and acts on each row only then."""

    # Of every action that does something to a user: the right to it.
    rights: Mapping[str, Right] = {}
    # They ask Cognito: no transaction waits for it, and what was written before must outlive a killed process.
    commits_at_once = frozenset({"reset_mfa", "finish", "refresh_status"})

    @method_decorator(own_transactions)
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Show the list; all that is not ours stays in one transaction where ATOMIC_REQUESTS wants it."""
        # There may be a menu above the list and one below.
        asked = set(request.POST.getlist("action"))
        for action in sorted(asked & set(self.rights)):
            # Django would say that no action was selected, and no one would hear of it.
            if not permissions.has_permission(self.rights[action], request.user):
                return self._not_permitted(request, self.rights[action])
        with waiting_once():
            if asked & self.commits_at_once:
                # Not super(): the VersionAdmin of django-reversion opens a transaction around the list.
                return ModelAdmin.changelist_view(self, request, extra_context)
            with request_transactions():
                return super().changelist_view(request, extra_context)

    def people_of(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows that the actions apply to, for the selected rows of the list."""
        return queryset

    def judge(
        self,
        request: HttpRequest,
        right: Right,
        refusals: Refusals,
        rows: Sequence[Any],
        *,
        tells: bool,
    ) -> Judged:
        """Return the ``rows`` on which the actor may perform it, and why not on the others.

        Args:
            request: the actor's.
            right: to the action.
            refusals: what it says.
            rows: that were selected.
            tells: whether the others are recorded as refused.
        """
        judged = Judged([], [])
        for row in rows:
            why = permissions.denial_reason(right, request.user, row)
            if why is None:
                judged.allowed.append(row)
                continue
            judged.skipped.append((row, refusals.text(why, row)))
            if tells:
                permissions.record_denial(ActionDenied(right, request.user, row, why))
        return judged

    def tell_why_not(self, request: HttpRequest, judged: Judged) -> None:
        """Show each reason why rows were skipped once; if there are many, the first ones and a count.

        Args:
            request: of the actor.
            judged: the rows, with the reasons.
        """
        texts = distinct(text for _row, text in judged.skipped)
        for text in texts[:NAMED]:
            self.message_user(request, text, messages.ERROR)
        if more := len(texts[NAMED:]):
            said = ngettext(
                "Skipped %(count)d more user for reasons such as these.",
                "Skipped %(count)d more users for reasons such as these.",
                more,
            )
            self.message_user(request, said % {"count": more}, messages.ERROR)

    def confirmed(
        self,
        request: HttpRequest,
        rows: QuerySet[Any],
        action: ConfirmedAction,
        selected: list[str],
        *,
        place: str = "",
    ) -> HttpResponse | None:
        """Return the confirmation page, or None if nothing has to be confirmed anymore.

        Args:
            request: of the list, or of the page of one row.
            rows: that were selected.
            action: that was chosen.
            selected: primary keys, as the list's form sends them.
            place: the page of one row, where it began there: "Cancel" leads back to it.
        """
        if (way := way_to_a_code(request, action.right)) is not None:
            return way
        chosen = list(rows[: MAX_SELECTED + 1])
        if len(chosen) > MAX_SELECTED:
            text = _("Select no more than %(count)d users at a time.") % {"count": MAX_SELECTED}
            self.message_user(request, text, messages.ERROR)
            return None
        form = ReasonForm(request.POST if "confirmed" in request.POST else None)
        judged = self._judge_for(request, action, chosen, is_confirmed=form.is_valid())
        if not judged.allowed:
            self.tell_why_not(request, judged)
            return None
        if form.is_valid():
            self.tell_why_not(request, judged)
            self._do(request, judged.allowed, action, form.cleaned_data["reason"])
            return None
        return self._ask(request, action, judged, form=form, selected=selected, place=place)

    def _ask(
        self,
        request: HttpRequest,
        action: ConfirmedAction,
        judged: Judged,
        *,
        form: ReasonForm,
        selected: list[str],
        place: str,
    ) -> HttpResponse:
        context = {
            **page_context(self, request, action.title),
            "action": action,
            "headings": [heading for heading, _content in action.columns],
            "rows": [
                [content(row) for _heading, content in action.columns] for row in judged.allowed
            ],
            "skipped": judged.skipped,
            "email": _email_text(action, judged.allowed),
            "selected": selected,
            "checkbox": helpers.ACTION_CHECKBOX_NAME,
            "form": form,
            "place": place,
            "here": request.get_full_path(),
        }
        return TemplateResponse(request, "admin/cognito_mfa/confirm.html", context)

    def _judge_for(
        self, request: HttpRequest, action: ConfirmedAction, rows: list[Any], *, is_confirmed: bool
    ) -> Judged:
        """Return to which of ``rows`` it may be done and applies.

        A refusal is recorded when it is final: at the confirmation, or where no row is left to confirm.
        """
        judged = self.judge(request, action.right, action.refusals, rows, tells=is_confirmed)
        if rows and not judged.allowed and not is_confirmed:
            self.judge(request, action.right, action.refusals, rows, tells=True)
        for row in list(judged.allowed):
            if obstacle := action.obstacle(row):
                judged.allowed.remove(row)
                judged.skipped.append((row, obstacle))
        return judged

    def _not_permitted(self, request: HttpRequest, right: Right) -> HttpResponse:
        """Refuse an actor without the permission, and record whom they meant."""
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
        done = []
        emails: dict[str, State] = {}
        for row in rows:
            calls.forget()
            permissions.require(action.right, request.user, row)
            user = action.user(row)
            try:
                with collect() as deliveries:
                    action.perform(request, row, reason)
            except NotDone as error:
                self.log_action(request, row, f"{action.logged} (not finished): {reason}")
                self.message_user(request, str(error), messages.ERROR)
            else:
                self.log_action(request, row, f"{action.logged}: {reason}")
                done.append(user)
                if deliveries:
                    emails[user] = deliveries[-1].state
        self.report(request, action.done, done, emails)

    def report(
        self,
        request: HttpRequest,
        text: Text,
        done: Sequence[str],
        emails: Mapping[str, State],
    ) -> None:
        """Report what was done for which users, and whether they were notified by email.

        Args:
            request: the actor's.
            text: the result, as in ``ConfirmedAction.done``.
            done: the users to whom it was done.
            emails: what became of the email to each of them; left out where none is sent.
        """
        if done:
            names = {"count": len(done), "users": named(done)}
            texts = [str(text % names), notified_text(emails)]
            # Of several users, the line ends with their names.
            for line in [" ".join(texts)] if len(done) == 1 else filter(None, texts):
                self.message_user(request, line.strip(), messages.SUCCESS)
        self.report_missed(request, emails)

    def report_missed(self, request: HttpRequest, emails: Mapping[str, State]) -> None:
        """Name the users who should have been notified by email but were not.

        Args:
            request: the actor's.
            emails: what became of the email to each user.
        """
        if missed := [user for user, state in emails.items() if state in NOT_NOTIFIED]:
            said = _("Not notified by email: %(users)s") % {"users": named(missed)}
            self.message_user(request, said, messages.WARNING)

    def log_action(self, request: HttpRequest, row: Any, message: str) -> None:
        """Write the line of Django's own log of the admin.

        Args:
            request: of the actor.
            row: the one that was changed.
            message: what was done.
        """
        self.log_change(request, row, message)


class ConfirmedOnePerson(ConfirmedActionsMixin):
    """Offers the same actions on the page of one row."""

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
        """Ask for the reason, run the action for one row, and lead back to its page.

        Args:
            request: of the actor; its POST carries the reason.
            object_id: key of the row.
            action: name of one of ``confirmed_actions``.
        """
        known = {one.name: one for one in self.confirmed_actions}
        chosen, row = known.get(action), self.get_object(request, object_id)
        if chosen is None or row is None:
            raise Http404
        if not permissions.has_permission(chosen.right, request.user):
            return refused(
                request, ActionDenied(chosen.right, request.user, row, DenialReason.PERMISSION)
            )
        one = self.get_queryset(request).filter(pk=row.pk)
        place = self.url_of(row)
        with nullcontext() if action in self.commits_at_once else request_transactions():
            answer = self.confirmed(request, self.people_of(one), chosen, [], place=place)
        return answer or HttpResponseRedirect(self.url_after(row))

    def url_of(self, row: Model) -> str:
        """Return the address of the page of ``row``."""
        name = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_change"
        return reverse(name, args=[row.pk])

    def url_after(self, row: Model) -> str:
        """Return where to go when an action on ``row`` is over, which may have deleted it."""
        if current_rows(self.model).filter(pk=row.pk).exists():
            return self.url_of(row)
        name = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_changelist"
        return reverse(name)


def named(users: Sequence[str]) -> str:
    """Return the names of ``users`` in one line, of many the first ones."""
    first = ", ".join(users[:NAMED])
    return f"{first}, …" if len(users) > NAMED else first


def notified_text(emails: Mapping[str, State]) -> str:
    """Return that all users were notified; empty if an email failed or none is sent.

    Args:
        emails: what became of the email to each user.
    """
    states = set(emails.values())
    if states == {State.SENT}:
        return str(_("They were notified by email."))
    return str(_("They’ll be notified by email.")) if states == {State.PENDING} else ""


def _email_text(action: ConfirmedAction, rows: Sequence[Any]) -> str:
    """Return whether the users will be notified by email; empty if this action never sends one."""
    if not action.sends_email:
        return ""
    reached = [_is_reached(action.identity(row)) for row in rows]
    if all(reached):
        return str(_("They’ll be notified by email."))
    if not any(reached):
        return str(_("They won’t be notified by email."))
    return str(_("Only users with an email address will be notified by email."))


def _is_reached(identity: CognitoIdentity | None) -> bool:
    return (
        get_conf().NOTIFY
        and identity is not None
        and identity.status != CognitoIdentity.Status.GONE
        and bool(recipients_of(identity))
    )


def selected_keys(request: HttpRequest) -> list[str]:
    """Return the keys of the rows that are selected in the list."""
    return request.POST.getlist(helpers.ACTION_CHECKBOX_NAME)


def page_context(admin: ModelAdmin, request: HttpRequest, title: Text) -> dict[str, Any]:
    """Return the context that a page of our own needs to look like the others in the admin.

    Args:
        admin: of the model that the page belongs to.
        request: that the page is shown to.
        title: of the page.
    """
    return {
        **admin.admin_site.each_context(request),
        "title": title,
        "opts": admin.opts,
        "media": admin.media,
        "breadcrumbs_as_list": django.VERSION >= (6, 1),
    }


def way_to_a_code(request: HttpRequest, right: Right) -> HttpResponse | None:
    """Return a redirect to the page that asks the actor for a code; None if no code is needed.

    SECURITY: an actor who impersonates another user goes back to their own account first. Otherwise they could act
    on themselves, and the log would name the other user.

    Args:
        request: of the actor.
        right: what they are about to do.
    """
    acting = impersonation.find(request, request.user) if right.needs_recent_code else None
    if acting is not None:
        return responses.impersonation_page(request, acting, unproven=False)
    demand = permissions.required_step(right, request)
    if demand is None:
        return None
    if not demand.has_page():
        return responses.deny(request, demand)
    if request.method == "POST":
        text = _("Your changes weren’t saved. Confirm it’s you, then submit the form again.")
        messages.warning(request, text, fail_silently=True)
    return HttpResponseRedirect(demand.url(request.get_full_path()))


def refused(request: HttpRequest, denied: ActionDenied) -> HttpResponse:
    """Record a refusal, and return the site's own page for it.

    A response, not an exception: with ATOMIC_REQUESTS, an exception would roll back the record.

    Args:
        request: of the actor.
        denied: what was refused, and why.
    """
    permissions.record_denial(denied)
    answer: Callable[..., HttpResponse] = get_resolver(get_urlconf()).resolve_error_handler(403)
    return answer(request, exception=denied)
