"""The page on which staff link a user of the site to a user of the pool, or move such a link.

Two steps: Cognito is asked who the user of the pool is, and the answer is shown; what is confirmed then is done by
the ``sub`` that was shown.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _

from cognito_mfa.admin import user_choice
from cognito_mfa.admin.confirmation import (
    ConfirmedOnePerson,
    ReasonForm,
    notified_text,
    page_context,
    refused,
    way_to_a_code,
)
from cognito_mfa.authenticator import links, permissions
from cognito_mfa.authenticator.email_delivery import collect
from cognito_mfa.authenticator.links import Change, Plan
from cognito_mfa.authenticator.permissions import ActionDenied, DenialReason
from cognito_mfa.databases import own_transactions
from cognito_mfa.exceptions import CognitoMFAError, LinkRefused, LinkRefusedReason
from cognito_mfa.models import CognitoIdentity
from cognito_mfa.values import typed

TITLE = _("Link a user")
TIDY = {"username": typed.username, "email": typed.email, "sub": typed.sub}

EFFECTS = {
    Change.LINK: _("From now on, this user pool user signs in to this account."),
    Change.MOVE: _(
        "From now on, this user pool user signs in to this account. Their link to the previous account ends, and so "
        "do its sessions. Their authenticator app stays set up."
    ),
    Change.REPLACE: _(
        "From now on, this user pool user signs in to this account. The account’s link to another user pool user ends, "
        "and so do its sessions."
    ),
    Change.CHANGE_POOL: _(
        "From now on, this user pool user signs in to this account, which was linked to a user of a former user pool. "
        "They need to set up a new authenticator app."
    ),
}
REFUSALS = {
    LinkRefusedReason.NOT_IN_POOL: _(
        "The user pool has no such user. Enter the username or sub exactly as it is in the user pool."
    ),
    LinkRefusedReason.SEVERAL_IN_POOL: _(
        "Several users in the user pool have this email address. Enter the username or sub."
    ),
    LinkRefusedReason.EMAIL_NOT_VERIFIED: _(
        "This email address isn’t verified in the user pool. Enter the username or sub."
    ),
    LinkRefusedReason.RESET_UNFINISHED: _(
        "A reset of this user isn’t finished and would be lost with the link. Finish it first."
    ),
    LinkRefusedReason.FEDERATED: _(
        "This user signs in with another identity provider and can’t be linked."
    ),
}
OVERTAKEN = _("Something changed at the same moment. Please try again.")
DENIALS = {
    DenialReason.ONESELF: _("You can’t change your own link."),
    DenialReason.POWER: _("The user has permissions that you don’t have."),
}


class LinkForm(ReasonForm):
    """Which user of the site, which user of the pool, and why."""

    user: Any = forms.ModelChoiceField(queryset=None, label=_("User"))
    by = forms.ChoiceField(
        label=_("Find the user pool user by"),
        choices=[
            ("username", _("username")),
            ("email", _("verified email address")),
            ("sub", _("sub")),
        ],
    )
    value = forms.CharField(
        label=_("User pool user"),
        max_length=300,
        strip=False,
        widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off"}),
    )
    field_order = ("user", "by", "value", "reason")

    def __init__(
        self, *args: Any, admin_site: AdminSite, request: HttpRequest, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        relation = CognitoIdentity._meta.get_field("user")
        self.fields["user"] = user_choice.field(relation, admin_site, request)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if "by" in cleaned and "value" in cleaned:
            cleaned["value"] = TIDY[cleaned["by"]](cleaned["value"])
        return cleaned


class LinkPageMixin(ConfirmedOnePerson):
    """Adds the page to the admin of identities."""

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_link"
        view = self.admin_site.admin_view(self.link_view)
        return [path("link/", view, name=name), *super().get_urls()]

    @method_decorator(own_transactions)
    def link_view(self, request: HttpRequest) -> HttpResponse:
        """Show the form, then the user that Cognito found, and then perform what was confirmed."""
        if not permissions.has_permission(permissions.LINK, request.user):
            denied = ActionDenied(permissions.LINK, request.user, None, DenialReason.PERMISSION)
            return refused(request, denied)
        if (way := way_to_a_code(request, permissions.LINK)) is not None:
            return way
        given = request.POST if request.method == "POST" else None
        form = LinkForm(
            given,
            initial=_initial(self.admin_site, request),
            admin_site=self.admin_site,
            request=request,
        )
        planned = self._planned(request, form) if form.is_valid() else None
        if planned is None:
            return self._page(request, form)
        if planned.is_same_as_before:
            self.message_user(request, _("These two are already linked."), messages.INFO)
        elif request.POST.get("confirmed") != _fingerprint(planned):
            return self._page(request, form, planned)
        elif not self._link(request, form, planned):
            return self._page(request, form)
        return HttpResponseRedirect(self.url_after(CognitoIdentity.objects.get(user=planned.user)))

    def _planned(self, request: HttpRequest, form: LinkForm) -> Plan | None:
        """Ask Cognito, and return what would be done; None if the form now says why that is not possible."""
        data = form.cleaned_data
        try:
            pool_user = links.find_in_pool(**{data["by"]: data["value"]})
            planned = links.plan(data["user"], pool_user)
            links.check(planned, actor=request.user, move=True)
        except ActionDenied as denied:
            permissions.record_denial(denied)
            form.add_error(None, str(DENIALS.get(denied.reason, denied)))
        except LinkRefused as error:
            text = REFUSALS.get(LinkRefusedReason(str(error.reason)), OVERTAKEN)
            form.add_error("value", str(text))
        except CognitoMFAError as error:
            form.add_error(None, f"{error} {error.hint}".strip())
        else:
            return planned
        return None

    def _link(self, request: HttpRequest, form: LinkForm, planned: Plan) -> bool:
        reason = form.cleaned_data["reason"]
        try:
            with collect() as deliveries:
                done = links.link(
                    planned.user, planned.pool_user, actor=request.user, reason=reason, move=True
                )
        except (ActionDenied, LinkRefused):  # since a moment ago
            form.add_error(None, str(OVERTAKEN))
            return False
        if done.own is not None:
            self.log_action(request, done.own, f"Linked to user {planned.user.pk}: {reason}")
        text = _("Linked %(user)s to %(username)s.")
        names = {"user": planned.user, "username": planned.pool_user.username}
        emails = {str(planned.user): delivery.state for delivery in deliveries}
        line = f"{text % names} {notified_text(emails)}".strip()
        self.message_user(request, line, messages.SUCCESS)
        self.report_missed(request, emails)
        return True

    def _page(
        self, request: HttpRequest, form: LinkForm, planned: Plan | None = None
    ) -> HttpResponse:
        context = {
            **page_context(self, request, TITLE),
            "form": form,
            "media": self.media + form.media,
            "planned": planned,
        }
        if planned is not None:
            context |= {"effect": EFFECTS[planned.change], "fingerprint": _fingerprint(planned)}
        return TemplateResponse(request, "admin/cognito_mfa/cognitoidentity/link.html", context)


def link_url(site_name: str) -> str:
    """Return the address of the page in the admin site of this name."""
    meta = CognitoIdentity._meta
    return reverse(f"{site_name}:{meta.app_label}_{meta.model_name}_link")


def _initial(site: AdminSite, request: HttpRequest) -> dict[str, Any]:
    """Return the initial values from the URL: a user, or an identity whose link is to be moved."""
    if not user_choice.may_see_users(site, request):
        return {}
    identity = None
    with suppress(ValueError):  # no number, or one of more digits than Python reads
        identity = CognitoIdentity.objects.filter(pk=int(request.GET.get("identity", ""))).first()
    if identity is not None:
        return {"by": "sub", "value": identity.sub}
    user = user_choice.named(site, request)
    return {} if user is None else {"user": user}


def _fingerprint(planned: Plan) -> str:
    """Return what must not change between the confirmation page and its submission."""
    own, theirs = planned.own, planned.theirs
    rows = [f"{row.pk}/{row.user_id}/{row.sub}" if row else "-" for row in (own, theirs)]
    return " ".join([planned.change.name, planned.pool_user.sub, str(planned.user.pk), *rows])
