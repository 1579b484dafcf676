"""What staff do about other people's second factors: each with its own permission, a confirmation
page, a reason, a fresh code of their own, and a line in the log.

Shared by the list of identities and by the site's own list of users.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import django
from django import forms
from django.contrib import admin, messages
from django.contrib.admin import ModelAdmin, helpers
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from cognito_mfa import gate, policy
from cognito_mfa.answers import CONFIRM_AGAIN
from cognito_mfa.conf import get_conf
from cognito_mfa.exceptions import CognitoMFAError
from cognito_mfa.models import CognitoIdentity

MOST_AT_ONCE = 100  # people in one action: each takes several calls to Cognito


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
    """Something that is done to one person after the other.

    Attributes:
        action: name of the admin action.
        title: on the page and the button.
        effect: what it means for the person.
        logged: for the admin's own log.
        do: does it, and returns what stopped it, or nothing.
        may: whether who acts may do it to this person; the permission is checked already.
    """

    action: str
    title: str | Promise
    effect: str | Promise
    logged: str
    do: Callable[[HttpRequest, CognitoIdentity, str], str]
    may: Callable[[HttpRequest, CognitoIdentity], bool]


def _reset(request: HttpRequest, identity: CognitoIdentity, reason: str) -> str:
    from cognito_mfa import reset

    row = reset.run(reset.request(identity, actor=request.user, reason=reason))
    return "" if row.finished_at else row.trouble


def _may_reset(request: HttpRequest, identity: CognitoIdentity) -> bool:
    from cognito_mfa import reset

    return reset.allowed(request.user, identity)


def _clear(request: HttpRequest, identity: CognitoIdentity, reason: str) -> str:
    from cognito_mfa import administration

    administration.clear_failures(identity, actor=request.user, reason=reason)
    return ""


def _may_clear(request: HttpRequest, identity: CognitoIdentity) -> bool:
    return request.user.pk != identity.user_id


RESET = Deed(
    "reset_mfa",
    _("Reset authenticator app"),
    _(
        "Their authenticator app is removed in Cognito, all their sessions end, and at the next sign-in they set up "
        "a new one. They are told by mail."
    ),
    "Reset of the authenticator app",
    _reset,
    _may_reset,
)
CLEAR = Deed(
    "clear_failures",
    _("Accept codes again"),
    _("Their wrong codes are forgotten, so that codes are accepted again at once."),
    "Wrong codes cleared",
    _clear,
    _may_clear,
)
DEEDS = {deed.action: deed for deed in (RESET, CLEAR)}


def _selected(request: HttpRequest) -> list[str]:
    return request.POST.getlist(helpers.ACTION_CHECKBOX_NAME)


class SecondFactorActions(ModelAdmin):
    """The actions, for a ``ModelAdmin`` that says which identities its rows are."""

    def identities_of(self, queryset: QuerySet[Any]) -> QuerySet[CognitoIdentity]:
        """Return the identities of the selected rows."""
        raise NotImplementedError

    # ------------------------------------------------------------------------------- permissions

    def has_refresh_status_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("cognito_mfa.refresh_status")

    def has_reset_mfa_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("cognito_mfa.reset_mfa")

    def has_clear_failures_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("cognito_mfa.clear_failures")

    # ----------------------------------------------------------------------------------- actions

    @admin.action(description=_("Refresh status from Cognito"), permissions=["refresh_status"])
    def refresh_status(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        from cognito_mfa import administration  # and with it the gateway, when first needed

        done = 0
        for identity in self.identities_of(queryset)[:MOST_AT_ONCE]:
            try:
                administration.refresh_status(identity, actor=request.user)
            except CognitoMFAError as error:
                self._tell_of_failure(request, identity, error)
                break  # whatever stopped this one would stop the next
            done += 1
        text = ngettext("Refreshed %(count)d person.", "Refreshed %(count)d people.", done)
        level = messages.SUCCESS if done else messages.WARNING
        self.message_user(request, text % {"count": done}, level)

    @admin.action(description=_("Reset authenticator app…"), permissions=["reset_mfa"])
    def reset_mfa(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        return self.confirmed(request, queryset, RESET, _selected(request))

    @admin.action(description=_("Accept codes again…"), permissions=["clear_failures"])
    def clear_failures(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        return self.confirmed(request, queryset, CLEAR, _selected(request))

    # ------------------------------------------------------------------------------ confirmation

    def confirmed(
        self, request: HttpRequest, queryset: QuerySet[Any], deed: Deed, selected: list[str]
    ) -> HttpResponse | None:
        """Ask for a reason first, and do it to each person only then.

        Args:
            selected: primary keys, as the list's form sends them.
        """
        if not is_fresh(request):
            return HttpResponseRedirect(CONFIRM_AGAIN.url(request.get_full_path()))
        chosen = list(self.identities_of(queryset).select_related("user")[: MOST_AT_ONCE + 1])
        people = [identity for identity in chosen if deed.may(request, identity)]
        if not people or len(chosen) > MOST_AT_ONCE:
            self._refuse(request, too_many=len(chosen) > MOST_AT_ONCE)
            return None
        form = ReasonForm(request.POST if "confirmed" in request.POST else None)
        if form.is_valid():
            self._do(request, people, deed, form.cleaned_data["reason"])
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": deed.title,
            "opts": self.opts,
            "media": self.media,
            "breadcrumbs_as_list": django.VERSION >= (6, 1),
            "deed": deed,
            "people": people,
            "left_out": [identity for identity in chosen if identity not in people],
            "selected": selected,
            "checkbox": helpers.ACTION_CHECKBOX_NAME,
            "form": form,
        }
        return TemplateResponse(request, "admin/cognito_mfa/confirm.html", context)

    def _do(
        self, request: HttpRequest, people: list[CognitoIdentity], deed: Deed, reason: str
    ) -> None:
        done = 0
        for identity in people:
            trouble = deed.do(request, identity, reason)
            self.log_deed(request, identity, f"{deed.logged}: {reason}")
            if trouble:
                text = _("%(person)s: not done yet. %(trouble)s. Run it again when that is solved.")
                names = {"person": identity, "trouble": trouble}
                self.message_user(request, text % names, messages.ERROR)
            done += not trouble
        if done:
            told = ngettext("Done for %(count)d person.", "Done for %(count)d people.", done)
            self.message_user(request, told % {"count": done}, messages.SUCCESS)

    def log_deed(self, request: HttpRequest, identity: CognitoIdentity, message: str) -> None:
        """Write the admin's own log line."""
        self.log_change(request, identity, message)

    def _refuse(self, request: HttpRequest, *, too_many: bool) -> None:
        text = _("Select no more than %(count)d people at once.") % {"count": MOST_AT_ONCE}
        nobody = _(
            "You cannot do this to the people you selected: not to yourself, nor to a superuser."
        )
        self.message_user(request, text if too_many else nobody, messages.ERROR)

    def _tell_of_failure(
        self, request: HttpRequest, identity: CognitoIdentity, error: CognitoMFAError
    ) -> None:
        """Tell staff what the operator needs to know; nothing was changed."""
        text = _(
            "Cognito did not tell about %(person)s (%(error)s). %(hint)s Its row is as it was."
        )
        hint = getattr(error, "hint", "")
        names = {"person": identity, "error": error, "hint": hint}
        self.message_user(request, text % names, messages.ERROR)


def is_fresh(request: HttpRequest) -> bool:
    """Tell whether who acts answered a code lately, where a code is asked of them at all."""
    if gate.is_trusted(request, request.user):
        return True
    if not (policy.enforced() and policy.required(request)):
        return True
    seconds = gate.proof_age(request, request.user)
    return seconds is not None and seconds <= get_conf().REAUTH_MAX_AGE
