"""Checks of authentication backends and admin sites."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as Caution

from cognito_mfa.checks.imports import backend_problem, import_problem, urlconf_problem
from cognito_mfa.checks.settings import conf_or_none
from cognito_mfa.conf import NAME, Conf, backend_class, trustable
from cognito_mfa.enforcement import admin_sites
from cognito_mfa.enforcement.account_state import BACKEND, own_backend
from cognito_mfa.enforcement.installed_middleware import Gate, installed_gate
from cognito_mfa.enforcement.overrides import forgets, names_in
from cognito_mfa.enforcement.password_forms import backends_for_passwords, may_accept_password

# What Django calls on a backend besides authenticate(): it loads users, or grants permissions as django-guardian does.
_OTHER_PURPOSES = ("get_user", "has_perm", "has_module_perms", "get_all_permissions", "with_perm")


def check_backend() -> Iterator[CheckMessage]:
    """Check that ``CognitoBackend`` is in AUTHENTICATION_BACKENDS (E008)."""
    if own_backend() is None and not any(map(backend_problem, settings.AUTHENTICATION_BACKENDS)):
        yield Error(
            f"AUTHENTICATION_BACKENDS contains neither {BACKEND!r} nor a subclass of it, so users are signed out right "
            "after they sign in.",
            hint=f"Add {BACKEND!r} to AUTHENTICATION_BACKENDS.",
            id="cognito_mfa.E008",
        )


def check_backends() -> Iterator[CheckMessage]:
    """Check that TRUSTED_BACKENDS names used backends (E019), with trust that they allow (E028).

    It should not name one that checks passwords itself (W007).
    """
    conf = conf_or_none()
    if conf is not None:
        for backend in conf.TRUSTED_BACKENDS:
            yield from _trust_problems(conf, backend)


def _trust_problems(conf: Conf, backend: str) -> Iterator[CheckMessage]:
    trust = conf.trust_in(backend)
    if backend not in settings.AUTHENTICATION_BACKENDS:
        yield Error(
            f"{NAME}['TRUSTED_BACKENDS'] contains {backend!r}, which is not in AUTHENTICATION_BACKENDS.",
            hint="Use the same dotted path as in AUTHENTICATION_BACKENDS, or remove it.",
            id="cognito_mfa.E019",
        )
    elif trust is None and not _lacks_word(conf, backend):
        yield Error(
            f"{NAME}['TRUSTED_BACKENDS'] trusts {backend!r} in a way that the backend does not allow, so its "
            "sign-ins prove nothing.",
            hint=_trust_hint(backend),
            id="cognito_mfa.E028",
        )
    elif trust == "elsewhere" and may_accept_password(backend):
        yield Caution(
            f"{NAME}['TRUSTED_BACKENDS'] trusts {backend!r}, which accepts a password, so users may sign in "
            "without MFA.",
            hint="Only trust backends that verify a second factor themselves, and silence this check if this one does.",
            id="cognito_mfa.W007",
        )


def check_vetoes() -> Iterator[CheckMessage]:
    """Check that backends that only refuse sign-ins come before ours, which stops at itself (W042)."""
    given, own = settings.AUTHENTICATION_BACKENDS, own_backend()
    later = given[given.index(own) + 1 :] if own else []
    for path in filter(_only_refuses, later):
        yield Caution(
            f"{path!r} comes after {own!r} in AUTHENTICATION_BACKENDS, so sign-ins with Cognito ignore its locks.",
            hint=f"Move {path!r} before {own!r} in AUTHENTICATION_BACKENDS.",
            id="cognito_mfa.W042",
        )


def _only_refuses(path: str) -> bool:
    """Return whether the backend is good for nothing else, or is documented to only refuse sign-ins."""
    if import_problem(path):
        return False
    kind = backend_class(path)
    documented = any(base.__module__ == "axes.backends" for base in kind.__mro__)
    return documented or not any(hasattr(kind, name) for name in _OTHER_PURPOSES)


def _lacks_word(conf: Conf, backend: str) -> bool:
    """Return whether ``backend`` is listed without the word that it needs, which E024 reports."""
    wanted = conf.TOKEN_PROVIDER is not None and conf.TRUSTED_BACKENDS[backend] == ""
    return wanted and bool(trustable(backend))


def _trust_hint(backend: str) -> str:
    words = trustable(backend)
    if words:
        return f"Set it to one of {', '.join(map(repr, words))}."
    return "Remove it, because sign-ins with cognito_mfa store a proof when the user has entered a code."


def check_admin() -> Iterator[CheckMessage]:
    """Check that each admin site in the URLconf enforces MFA (W008)."""
    conf = conf_or_none()
    if conf is None or conf.REQUIRED is False or urlconf_problem():
        return
    for site, has_form in admin_sites.mounted():
        if _is_gated(site) or not (has_form or installed_gate() in (Gate.NONE, Gate.CUT_OFF)):
            continue
        works = (
            ": its own login form asks only for a password"
            if backends_for_passwords()
            else ", and its own login form rejects every password"
        )
        form = works if has_form else ""
        yield Caution(
            f"The admin site {site.name!r} does not enforce MFA{form}.",
            hint=_way_to_gate(site),
            id="cognito_mfa.W008",
        )


def _way_to_gate(site: Any) -> str:
    """Return the hint for a site, which depends on what it already has."""
    from django.contrib import admin

    from cognito_mfa.contrib.admin_site import MFAAdminSite

    if isinstance(site, MFAAdminSite):
        return "Call super().has_permission() in its has_permission(), and do not override login()."
    if admin.site == site and "django.contrib.admin" in settings.INSTALLED_APPS:
        return "Replace 'django.contrib.admin' with 'cognito_mfa.apps.MFAAdminConfig' in INSTALLED_APPS."
    return (
        "Derive it from cognito_mfa.contrib.admin_site.MFAAdminSite instead of django.contrib.admin.AdminSite "
        "(see docs/admin-sites.md)."
    )


def _is_gated(site: Any) -> bool:
    from cognito_mfa.contrib.admin_site import (
        MFAAdminSite,  # imports the admin, which a site may not have
    )

    kind = type(site)
    if not isinstance(site, MFAAdminSite) or forgets(
        kind, MFAAdminSite, "has_permission", unless=frozenset({"blocks"})
    ):
        return False
    asks = names_in(kind.login) & admin_sites.ASKS
    return not (forgets(kind, MFAAdminSite, "login") and asks)
