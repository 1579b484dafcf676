"""The user's own pages: what is set up, since when, and recent activity; rename, replace, remove.

Every change but the name asks for the password, and for the code where Cognito does: it needs an
access token, and none is kept.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.generic import TemplateView, View

from cognito_mfa import managed_login
from cognito_mfa.authenticator import recovery, recovery_codes
from cognito_mfa.decorators import mfa_recent
from cognito_mfa.enforcement import gate, policy
from cognito_mfa.exceptions import Busy
from cognito_mfa.forms import RenameForm
from cognito_mfa.models import CognitoIdentity, identity_in_pool
from cognito_mfa.sign_in import removal
from cognito_mfa.sign_in.pending import Purpose, Step
from cognito_mfa.steps import changes, error_texts
from cognito_mfa.steps.changes import ChangeStep, SignOutElsewhereStep
from cognito_mfa.views.base import FormPage, Page, StepView
from cognito_mfa.views.progress import Progress, progress_of

EVENTS_SHOWN = 5


class IndexView(View):
    """The root of our URLs: redirects to the user's own page, or to the sign-in."""

    @method_decorator(never_cache)
    def get(self, request: HttpRequest) -> HttpResponse:
        """Redirect users who are signed in to their own page, and visitors to the sign-in."""
        # Not by LOGIN_URL, which may be another package's: its sign-in may lead to where the visitor was going.
        device = reverse("cognito_mfa:device")
        if request.user.is_authenticated:
            return HttpResponseRedirect(device)
        return redirect_to_login(device, reverse("cognito_mfa:sign_in"))


class OwnPage(Page):
    """A page about the identity of the signed-in user."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path(), reverse("cognito_mfa:sign_in"))
        return super().dispatch(request, *args, **kwargs)

    @property
    def identity(self) -> CognitoIdentity | None:
        return identity_in_pool(self.request.user)

    @property
    def may_change_password(self) -> bool:
        """Return whether the user's password can be changed here, and not only where they sign in."""
        return changes.may_change_password(self.request, self.identity)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        identity = self.identity
        return {
            "identity": identity,
            "software_token": identity.software_token if identity else None,
            "required": policy.is_enforced() and policy.is_required(self.request),
            "may_remove": removal.may_remove(self.request),
            "may_change_password": self.may_change_password,
            "shown_details": changes.DETAILS_SHOWN,
            "unconfirmed": identity.unconfirmed if identity else "",
            "own_page": self.request.resolver_match and self.request.resolver_match.url_name,
            **self.shared_context(),
            **super().get_context_data(**kwargs),  # type: ignore[misc]
        }


def recovery_context(identity: CognitoIdentity | None) -> dict[str, Any]:
    """Return what pages say about the recovery codes of a user."""
    left = recovery.codes_left(identity)
    few = left is not None and left <= recovery_codes.FEW
    return {"recovery_codes_left": left, "recovery_codes_few": few}


class DeviceView(OwnPage, TemplateView):
    """What is set up, with links to change it."""

    template_name = "cognito_mfa/device.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        identity = self.identity
        events = identity.events.all()[:EVENTS_SHOWN] if identity else []
        return super().get_context_data(
            events=events,
            proven=gate.is_proven(self.request, self.request.user),
            **recovery_context(identity),
            **kwargs,
        )


class HistoryView(OwnPage, TemplateView):
    """All of the user's activity, newest first."""

    template_name = "cognito_mfa/history.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        identity = self.identity
        events = identity.events.all() if identity else CognitoIdentity.objects.none()
        page = Paginator(events, changes.EVENTS_PER_PAGE).get_page(self.request.GET.get("page"))
        return super().get_context_data(page=page, **kwargs)


class DeviceRenameView(OwnPage, FormPage):
    """Rename the device."""

    template_name = "cognito_mfa/device_rename.html"
    focuses_first_field = True
    form_class = RenameForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        identity = identity_in_pool(request.user)
        if request.user.is_authenticated and not (identity and identity.software_token):
            # A user without an authenticator app can never confirm with its code, and would be asked forever.
            return self.redirect_to_device(text=changes.no_app_text())
        return self.dispatch_confirmed(request, *args, **kwargs)

    @method_decorator(mfa_recent())
    def dispatch_confirmed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Answer a user who confirmed with a code recently.

        Args:
            request: the user's.
            args: of the address.
            kwargs: of the address.
        """
        return super().dispatch(request, *args, **kwargs)

    def get_initial(self) -> dict[str, Any]:
        token = self.identity.software_token if self.identity else None
        return {"friendly_name": token.friendly_name if token else ""}

    def form_valid(self, form: RenameForm) -> HttpResponse:
        try:
            if self.identity is not None:
                removal.rename(self.identity, form.cleaned_data["friendly_name"])
        except Busy as error:
            form.add_error(None, error_texts.busy(error))
            context = self.get_context_data(form=form)
            response = self.render_to_response(context, status=HTTPStatus.TOO_MANY_REQUESTS)
            response["Retry-After"] = str(error.retry_after)
            return response
        named = form.cleaned_data["friendly_name"]
        text = _("Device name saved.") if named else _("Device name removed.")
        messages.success(self.request, text, fail_silently=True)
        return HttpResponseRedirect(reverse("cognito_mfa:device"))


class ChangeView(ChangeStep, OwnPage, StepView):
    """The start of a change: the password again, or a recent sign-in elsewhere."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.user.is_authenticated and identity_in_pool(request.user) is None:
            # Not linked yet: by another backend. What comes of signing in here is what was asked for.
            return self.redirect_to_sign_in(next_url=reverse("cognito_mfa:device"), set_up=True)
        return super().dispatch(request, *args, **kwargs)

    @property
    def next_url(self) -> str:
        return self.request.path

    @property
    def progress(self) -> Progress | None:
        has_app = self.identity is not None and self.identity.software_token is not None
        asks_code = has_app and not managed_login.is_active(self.request)
        return progress_of(self.purpose, Step.START, asks_code=asks_code)


class SignOutElsewhereView(SignOutElsewhereStep, ChangeView):
    """End all other sessions. A user who has just entered a code need not enter the password."""

    template_name = "cognito_mfa/sign_out_elsewhere.html"

    def ask_for_password(self) -> HttpResponse:
        return HttpResponseRedirect(reverse("cognito_mfa:sign_out_elsewhere") + "?password=1")


class DeviceReplaceView(ChangeView):
    """Switch to another phone; the old app works until the new one is confirmed."""

    template_name = "cognito_mfa/device_replace.html"
    purpose = Purpose.REPLACE


class DeviceRemoveView(ChangeView):
    """Turn off two-step verification, if settings, policy, and pool allow it; otherwise say why not."""

    template_name = "cognito_mfa/device_remove.html"
    purpose = Purpose.REMOVE

    @property
    def can_turn_off(self) -> bool:
        return changes.has_app(self.identity) and removal.may_remove(self.request)

    @property
    def progress(self) -> Progress | None:
        return super().progress if self.can_turn_off else None

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            has_app=changes.has_app(self.identity), can_turn_off=self.can_turn_off, **kwargs
        )

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not removal.may_remove(request):  # the page says why; no password is sent anywhere
            return HttpResponseRedirect(reverse("cognito_mfa:device_remove"))
        return super().post(request, *args, **kwargs)
