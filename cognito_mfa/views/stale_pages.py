"""A page that was open for too long: its CSRF token is of before a sign-in, or the cookies are gone.

The check is Django's, with nothing left out. Only its answer is ours: back to the page of the form, with a sentence,
where Django has a bare 403 or the site's ``CSRF_FAILURE_VIEW``.

SECURITY: what fails the check may come from another site. So nothing is written into the session, where a new one
would replace the browser's own, and the sentence is chosen by a word in the address that anyone may link to.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.middleware.csrf import REASON_NO_CSRF_COOKIE
from django.utils.translation import gettext as _

from cognito_mfa.enforcement.redirects import safe_url
from cognito_mfa.steps import csrf
from cognito_mfa.views.post_redirects import SeeOther, wants_redirect

logger = logging.getLogger("django.security.csrf")

PARAMETER = "stale"
NO_COOKIE = "cookie"
# How Django's reasons begin that are about where a request came from: a proxy or a setting of the site is wrong.
ABOUT_ORIGIN = ("Origin checking", "Referer checking")


def text_for(request: HttpRequest) -> str:
    """Return what the page says because the form that was sent was stale; an empty string when none was."""
    given = request.GET.get(PARAMETER)
    if given is None:
        return ""
    if given == NO_COOKIE:
        return _(
            "This page was open for too long, or your browser doesn’t accept cookies from this site. Try again."
        )
    return _("This page was open for too long. Try again.")


def told_again(request: HttpRequest, response: HttpResponseRedirect) -> HttpResponseRedirect:
    """Return ``response`` to a page of ours that says the same.

    SECURITY: a message would give each visitor a session, where a site keeps messages in sessions.

    Args:
        request: for the page that leads there.
        response: to it, for a visitor without a session.
    """
    sign = "&" if "?" in response.url else "?"
    query = urlencode({PARAMETER: request.GET[PARAMETER]})
    response["Location"] = f"{response.url}{sign}{query}"
    return response


def already_signed_in(user: Any) -> str:
    """Return what a form of before a sign-in leads to; that may have been as another user."""
    return _("You’re already signed in as %(username)s.") % {"username": user.get_username()}


def protect(page: Callable[[HttpRequest], str]) -> Callable[..., Any]:
    """Return Django's ``csrf_protect`` with our answer for browsers.

    Args:
        page: returns the path of the page that the form is on.
    """

    def reject(
        request: HttpRequest, reason: str, djangos: Callable[[], HttpResponseBase]
    ) -> HttpResponseBase:
        explains = settings.DEBUG and reason.startswith(ABOUT_ORIGIN)
        if explains or not wants_redirect(request):
            return djangos()
        logger.warning(
            "Forbidden (%s): %s",
            reason,
            request.path,
            extra={"status_code": 403, "request": request},
        )
        given = request.GET.get("next") or ""
        with suppress(OSError):  # a body that cannot be read
            given = request.POST.get("next") or given
        way_back = safe_url(request, given)
        word = NO_COOKIE if reason == REASON_NO_CSRF_COOKIE else "1"
        query = {PARAMETER: word, **({"next": way_back} if way_back else {})}
        return SeeOther(f"{page(request)}?{urlencode(query)}")

    return csrf.protect(reject)
