"""Django's admin site behind the gate, with our sign-in.

A session without a proof has no permission there, with or without the middleware.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.auth import BACKEND_SESSION_KEY
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from cognito_mfa.conf import get_conf
from cognito_mfa.enforcement import gate
from cognito_mfa.enforcement.account_state import is_own_backend
from cognito_mfa.enforcement.block_log import record_block
from cognito_mfa.enforcement.redirects import safe_url
from cognito_mfa.enforcement.responses import MFA_REQUIRED, SIGN_IN_REQUIRED, deny
from cognito_mfa.enforcement.view_marks import mfa_exempt


class MFAAdminSite(AdminSite):
    """An admin site that admits users only with the MFA that the policy requires."""

    def has_permission(self, request: HttpRequest) -> bool:
        """Return whether the request may use the admin: staff, and with MFA if the policy requires it."""
        return super().has_permission(request) and not gate.blocks(request, request.user)

    @method_decorator([never_cache, login_not_required, mfa_exempt])
    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Redirect to our sign-in. The admin's own form would accept a password without a code.

        Args:
            request: from a visitor, or from a user who may not use the admin.
            extra_context: as in Django; not used, since nothing is rendered.
        """
        target = safe_url(request, request.GET.get("next")) or reverse(
            "admin:index", current_app=self.name
        )
        if self.has_permission(request):
            return HttpResponseRedirect(target)
        if super().has_permission(request):
            record_block(request, request.user)
            return deny(request, MFA_REQUIRED)
        if not SIGN_IN_REQUIRED.has_page():
            return deny(request, SIGN_IN_REQUIRED)
        query = {"next": target}
        if request.user.is_authenticated:  # or our sign-in would send them straight back here
            text = _(
                "You’re signed in as %(user)s, but that account can’t access this page. Sign "
                "in with a different account."
            )
            messages.warning(
                request, text % {"user": request.user.get_username()}, fail_silently=True
            )
            query["switch"] = "1"
        return HttpResponseRedirect(f"{reverse('cognito_mfa:sign_in')}?{urlencode(query)}")

    @method_decorator(mfa_exempt)
    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Sign out as Django does, even without MFA.

        Args:
            request: from anyone.
            extra_context: as in Django.
        """
        return super().logout(request, extra_context)

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Redirect to our page. The admin's own form would change a password that no sign-in checks.

        Args:
            request: from a user who may use the admin. Sign-ins of other backends keep Django's form.
            extra_context: as in Django.
        """
        if not is_own_backend(request.session.get(BACKEND_SESSION_KEY)):
            return super().password_change(request, extra_context)
        if get_conf().PASSWORD_PAGES and SIGN_IN_REQUIRED.has_page():
            return HttpResponseRedirect(reverse("cognito_mfa:password_change"))
        text = _("You can’t change your password on this site.")
        messages.info(request, text, fail_silently=True)
        return HttpResponseRedirect(reverse("admin:index", current_app=self.name))
