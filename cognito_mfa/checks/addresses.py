"""Checks of URLs in settings: whether they lead to a page, and whether users can sign in there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from django.apps import apps
from django.conf import settings
from django.conf.urls.i18n import is_language_prefix_patterns_used
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as Caution
from django.shortcuts import resolve_url
from django.urls import (
    NoReverseMatch,
    Resolver404,
    ResolverMatch,
    URLPattern,
    get_script_prefix,
    resolve,
    reverse,
)
from django.utils.module_loading import import_string
from django.utils.translation import get_language

from cognito_mfa.checks.imports import urlconf_problem
from cognito_mfa.checks.settings import conf_or_none
from cognito_mfa.conf import NAME
from cognito_mfa.enforcement import installed_middleware
from cognito_mfa.enforcement.account_state import own_backend
from cognito_mfa.enforcement.password_forms import (
    asks_for_password,
    backends_for_passwords,
    doors,
    layers,
    requires_sign_in,
)
from cognito_mfa.enforcement.redirects import leads_to_help
from cognito_mfa.enforcement.urlconf import is_reachable, views
from cognito_mfa.enforcement.view_marks import View, held_by, view_class_of, why_exempt

# Our public pages that no user is redirected to during a sign-in.
NO_STEPS = {"setup_done"}
SIGN_IN = "cognito_mfa:sign_in"
COMMON = "django.middleware.common.CommonMiddleware"
LOCALE = "django.middleware.locale.LocaleMiddleware"
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|//")
# Settings of other packages with the URL of a sign-in page, and with the URL where users go afterwards.
OTHER_SIGN_INS = {
    "WAGTAIL_FRONTEND_LOGIN_URL": "wagtail",
    "WAGTAILADMIN_LOGIN_URL": "wagtail.admin",
}
OTHER_ADDRESSES = {
    "ACCOUNT_LOGOUT_REDIRECT_URL": "allauth.account",
    "LOGIN_REDIRECT_URL_FAILURE": "mozilla_django_oidc",
}


class Address(NamedTuple):
    """Where a URL in a setting leads.

    Attributes:
        match: the view that answers; None if there is none, or if it is unknown.
        is_known: False for a URL of another site, and where middleware may have a page.
    """

    match: ResolverMatch | None
    is_known: bool


def check_urls() -> Iterator[CheckMessage]:
    """Check that our pages are in the URLconf (E010) and that no gated view covers them (E017)."""
    if urlconf_problem():
        return
    try:
        reverse("cognito_mfa:setup")
    except NoReverseMatch:
        yield Error(
            "cognito_mfa.urls is not included in the URLconf, so users cannot sign in or set up MFA.",
            hint="Add path('account/', include('cognito_mfa.urls')) to the site's urls.py.",
            id="cognito_mfa.E010",
        )
        return
    covered = [name for name in _steps() if not _is_open(f"cognito_mfa:{name}")]
    if covered:
        yield Error(
            f"Another view that requires MFA handles the URL of {', '.join(covered)}, which causes a redirect loop.",
            hint="Put include('cognito_mfa.urls') before the pattern of that view.",
            id="cognito_mfa.E017",
        )


def _steps() -> list[str]:
    """Return the names of the pages that users need before they have a proof."""
    patterns: list[URLPattern] = import_string("cognito_mfa.urls.urlpatterns")
    exempt = [str(one.name) for one in patterns if why_exempt(one.callback)]
    return [name for name in exempt if name not in NO_STEPS]


def _is_open(name: str) -> bool:
    match = locate(name).match
    return match is not None and bool(why_exempt(match.func))


def check_index() -> Iterator[CheckMessage]:
    """Check that our index page does not hide a page of the site (W049)."""
    if urlconf_problem():
        return
    ours = next((one.route for one in views() if one.name == "cognito_mfa:index"), None)
    for found in views():
        if found.route == ours and found.name != "cognito_mfa:index" and not is_reachable(found):
            yield Caution(
                f"The view {found.name or found.view!r} cannot be reached, because cognito_mfa.urls, which is included at "
                f"'/{ours}', handles its URL first.",
                hint="Put its pattern before include('cognito_mfa.urls'), or include cognito_mfa.urls at another path.",
                id="cognito_mfa.W049",
            )


def check_login_url() -> Iterator[CheckMessage]:
    """Check that LOGIN_URL leads to a page (W006) without a loop (E017) where a password works (E033)."""
    if urlconf_problem():
        return
    address = locate(settings.LOGIN_URL)
    if address.match is None:
        # E010 reports it if our page has none.
        if address.is_known and settings.LOGIN_URL != SIGN_IN:
            yield Caution(
                f"LOGIN_URL is {settings.LOGIN_URL!r}, which does not match any URL pattern.",
                hint=f"Set LOGIN_URL = {SIGN_IN!r}.",
                id="cognito_mfa.W006",
            )
        return
    view = address.match.func
    if _needs_sign_in(view):
        yield Error(
            f"LOGIN_URL is {settings.LOGIN_URL!r}, whose view itself requires a sign-in, which causes a redirect loop.",
            hint=f"Set LOGIN_URL = {SIGN_IN!r}.",
            id="cognito_mfa.E017",
        )
    if asks_for_password(view) and not backends_for_passwords():
        yield Error(
            f"LOGIN_URL is {settings.LOGIN_URL!r}, which asks for a password, but no backend in AUTHENTICATION_BACKENDS "
            "checks one, so no user can sign in there, not even a superuser.",
            hint=f"Set LOGIN_URL = {SIGN_IN!r}.",
            id="cognito_mfa.E033",
        )


def check_password_forms() -> Iterator[CheckMessage]:
    """Check other password forms: whether no password works (W045), or users bypass Cognito (W046)."""
    if urlconf_problem() or own_backend() is None:  # then E008 comes first
        return
    backends = backends_for_passwords()
    for door in doors():
        route, name = f"/{door.found.route}", door.found.name
        if backends:
            yield Caution(
                f"The view at {route!r} checks passwords with {', '.join(backends)}, so users can sign in without Cognito.",
                hint="Remove it, or silence this check if some users are not in the user pool.",
                id="cognito_mfa.W046",
            )
        else:
            yield Caution(
                f"The view at {route!r} asks for a password, but no backend in AUTHENTICATION_BACKENDS checks one, so no "
                "user can sign in there.",
                hint=_replacement(route, name, door.found.view),
                id="cognito_mfa.W045",
            )
    for setting, app in OTHER_SIGN_INS.items():
        yield from _dead_sign_in(setting, app, backends)


def _replacement(route: str, name: str, view: View) -> str:
    kinds = (view_class_of(layer) for layer in layers(view))
    if any(hasattr(kind, "permission_classes") for kind in kinds):
        return "Remove it, and issue tokens for programs in a view of your own that is marked mfa_required."
    as_name = f", name={name!r}" if name and ":" not in name else ""
    return (
        f"Remove it, or put path({route[1:]!r}, RedirectView.as_view(pattern_name={SIGN_IN!r}, query_string=True)"
        f"{as_name}) before it."
    )


def _dead_sign_in(setting: str, app: str, backends: list[str]) -> Iterator[CheckMessage]:
    given = getattr(settings, setting, None)
    if not given or backends or not apps.is_installed(app):
        return
    match = locate(given).match
    if match is not None and asks_for_password(match.func) is not None:
        yield Caution(
            f"{setting} is {given!r}, which asks for a password, but no backend in AUTHENTICATION_BACKENDS checks one, so "
            "no user can sign in there.",
            hint=f"Set {setting} = {SIGN_IN!r}.",
            id="cognito_mfa.W045",
        )


def check_other_addresses() -> Iterator[CheckMessage]:
    """Check that other URLs in settings lead to a page that is not the sign-in page (W047)."""
    if urlconf_problem():
        return
    for setting, hint, given in _other_addresses():
        address = locate(given)
        if address.match is None and address.is_known:
            trouble = "which does not match any URL pattern"
        elif address.match is not None and not _answers_get(address.match.func):
            trouble = "whose view does not accept GET requests"
        elif setting == "LOGIN_REDIRECT_URL" and _is_way_in(address.match):
            trouble = "which sends users back to the sign-in page after they signed in"
        else:
            continue
        yield Caution(f"{setting} is {given!r}, {trouble}.", hint=hint, id="cognito_mfa.W047")


def _other_addresses() -> Iterator[tuple[str, str, Any]]:
    """Yield settings that hold a URL, each with a hint and its value."""
    silence = "or silence this check if another server handles the URL"
    yield (
        "LOGIN_REDIRECT_URL",
        f"Set LOGIN_REDIRECT_URL to a page for signed-in users, such as '/', {silence}.",
        settings.LOGIN_REDIRECT_URL,
    )
    if settings.LOGOUT_REDIRECT_URL is not None:
        yield (
            "LOGOUT_REDIRECT_URL",
            f"Set LOGOUT_REDIRECT_URL to a public page, such as '/', {silence}.",
            settings.LOGOUT_REDIRECT_URL,
        )
    conf = conf_or_none()
    support = (conf and conf.SUPPORT_URL) or ""
    if support.startswith("/") and leads_to_help(support):  # otherwise E027 reports it
        yield (
            f"{NAME}['SUPPORT_URL']",
            f"Set SUPPORT_URL to a page that exists, {silence}.",
            support,
        )
    for setting, app in OTHER_ADDRESSES.items():
        if getattr(settings, setting, None) and apps.is_installed(app):
            yield (
                setting,
                f"Set {setting} to a page that exists, {silence}.",
                getattr(settings, setting),
            )


# ----------------------------------------------------------------------------------------------- resolving


def locate(value: Any) -> Address:
    """Return where ``value`` leads, which is the name of a view, a path, or a full URL."""
    try:
        url = str(resolve_url(value))
    except Exception:  # noqa: BLE001 - a lazy value of the site may fail in any way
        return Address(None, is_known=True)
    if SCHEME.match(url):
        return Address(None, is_known=False)
    path = re.split(r"[?#]", url, maxsplit=1)[0]
    match = next(filter(None, map(_resolve, _spellings(path))), None)
    known = match is not None or not installed_middleware.answers_without_view()
    return Address(match, known)


def _spellings(path: str) -> Iterator[str]:
    """Yield the paths that Django would try, in order. Middleware may add a slash and a language."""
    prefix = get_script_prefix()
    # Browsers request it below the prefix at which the site is mounted.
    path = f"/{path.removeprefix(prefix)}" if prefix != "/" and path.startswith(prefix) else path
    yield path
    slash = settings.APPEND_SLASH and installed_middleware.index_of(COMMON) is not None
    if slash and not path.endswith("/"):
        yield f"{path}/"
    prefixed = is_language_prefix_patterns_used(settings.ROOT_URLCONF)[0]
    if prefixed and installed_middleware.index_of(LOCALE) is not None:
        yield f"/{get_language()}{path}"
        if slash:
            yield f"/{get_language()}{path}/"


def _resolve(path: str) -> ResolverMatch | None:
    try:
        return resolve(path)
    except Resolver404:
        return None


def _needs_sign_in(view: View) -> bool:
    """Return whether ``view`` is certain to redirect visitors to LOGIN_URL."""
    for layer in layers(view):
        kind = view_class_of(layer)
        mixed_in = (
            kind is not None and getattr(kind, "dispatch", None) is LoginRequiredMixin.dispatch
        )
        if requires_sign_in(layer) or mixed_in:
            return getattr(kind or layer, "login_url", None) is None
    everywhere = installed_middleware.requires_sign_in() and getattr(view, "login_required", True)
    return bool(everywhere) and getattr(view, "login_url", None) is None


def _answers_get(view: View) -> bool:
    for layer in layers(view):
        methods = held_by(layer).get("request_method_list")  # of Django's require_http_methods
        if methods is not None and "GET" not in methods:
            return False
        kind = view_class_of(layer)
        if kind is not None:
            has = "get" in (held_by(layer).get("actions") or {}) or hasattr(kind, "get")
            return has and "get" in getattr(kind, "http_method_names", ("get",))
    return True


def _is_way_in(match: ResolverMatch | None) -> bool:
    """Return whether a view is a step of our sign-in, which ends at LOGIN_REDIRECT_URL."""
    return match is not None and "cognito_mfa" in match.app_names and match.url_name in _steps()
