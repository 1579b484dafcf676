"""Every view of the site, and how the gate treats it.

From the URLconf alone: nothing is called, and no request is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from cognito_mfa.enforcement import installed_middleware
from cognito_mfa.enforcement.admin_sites import is_password_form
from cognito_mfa.enforcement.api_views import (
    PERMISSION,
    Authentication,
    authentication_of,
    ninja_operations,
)
from cognito_mfa.enforcement.installed_middleware import LOGIN_REQUIRED, Gate
from cognito_mfa.enforcement.password_forms import asks_for_password, backends_for_passwords
from cognito_mfa.enforcement.urlconf import Found, views
from cognito_mfa.enforcement.view_marks import (
    View,
    guards_itself,
    looks_exempt,
    unwrap_all_known,
    view_class_of,
    why_exempt,
)

GATED, PARTLY, EXEMPT, PUBLIC = "gated", "partly", "exempt", "public"
STATES = (GATED, PARTLY, EXEMPT, PUBLIC)
NO_GATE = {
    Gate.NONE: "the gate is not in MIDDLEWARE",
    Gate.CUT_OFF: "the view runs before the gate is asked",
}
NOT_SEEN = (
    "Not listed: applications that are mounted beside Django, under ASGI or WSGI, and WebSockets. "
    "RequireMFAMiddleware never sees them."
)


class Entry(NamedTuple):
    """One pattern of the URLconf.

    Attributes:
        state: ``gated``: signed-in users need MFA if the policy requires it. ``partly``: users who are signed in
            by their session do; clients with a token do not. ``exempt``: none do. ``public``: not even a
            sign-in is required.
        route: as the URLconf writes it, from the root.
        name: with its namespaces; empty without one.
        view: its dotted path.
        why: for readers; frozen for exempt views, since files keep it.
    """

    state: str
    route: str
    name: str
    view: str
    why: str

    @property
    def key(self) -> str:
        """The text that identifies this view in a list of exempt views."""
        return f"{self.route} {self.view}"


class Site(NamedTuple):
    """What the site's middleware does before every view.

    Attributes:
        gate: what is known of the gate in ``MIDDLEWARE``.
        sign_in_required: visitors reach marked views alone.
        accepts_passwords: a backend may accept a password that Cognito does not know.
    """

    gate: Gate
    sign_in_required: bool
    accepts_passwords: bool


def entries() -> Iterator[Entry]:
    """Yield every pattern of the site's URLconf, in its order."""
    site = Site(
        installed_middleware.installed_gate(),
        installed_middleware.index_of(LOGIN_REQUIRED) is not None,
        bool(backends_for_passwords()),
    )
    for found in views():
        yield _entry(found, site)


def with_hidden_marks() -> Iterator[str]:
    """Yield routes of gated views that have a mark under, or copied to, an unknown function."""
    return (found.route for found in views() if looks_exempt(found.view))


def _entry(found: Found, site: Site) -> Entry:
    state, why = _state_of(found.view, site)
    return Entry(state, found.route, found.name, _dotted(found.view), why)


def _state_of(view: View, site: Site) -> tuple[str, str]:
    if guards_itself(view):  # by itself: a mark around it, or no middleware at all, changes nothing
        return GATED, "asks for itself"
    api = authentication_of(view)
    if api is not None and api.guarded:
        return GATED, f"guarded by {PERMISSION.rpartition('.')[2]}"
    if exempt := why_exempt(view):
        return EXEMPT, exempt
    return _state_by_middleware(view, site, api)


def _state_by_middleware(view: View, site: Site, api: Authentication | None) -> tuple[str, str]:
    """Return how the site's middleware treats a view without its own guard or mark."""
    if site.gate in NO_GATE:
        return PUBLIC, NO_GATE[site.gate]
    if api is not None and api.tokens:
        return PARTLY, _about_tokens(api)
    if asks_for_password(view) is not None or is_password_form(view):
        return _about_passwords(site)
    if site.sign_in_required and not getattr(view, "login_required", True):
        return PUBLIC, "login_not_required; gated for who is signed in"
    return GATED, "if its wrapper asks the gate" if site.gate is Gate.UNCLEAR else ""


def _about_passwords(site: Site) -> tuple[str, str]:
    if site.accepts_passwords:
        return PARTLY, "sessions only; signs in with a password that is not Cognito's"
    return GATED, "asks for a password, and no backend accepts one"


def _about_tokens(api: Authentication) -> str:
    said = (
        "not guarded against tokens"
        if api.is_certain
        else "guarded against tokens by its own code, if at all"
    )
    return f"sessions only; {said}: {', '.join(api.tokens)}"


def _dotted(view: View) -> str:
    target: Any = unwrap_all_known(view)
    target = view_class_of(target) or getattr(target, "view_class", getattr(target, "cls", target))
    # A route of django-ninja is one function for every method, all with the same name.
    target = next((operation.view_func for operation in ninja_operations(target)), target)
    named = target if hasattr(target, "__qualname__") else type(target)
    return f"{named.__module__}.{named.__qualname__}"
