"""The one decision about a request: may it go on, or must the person set up or prove first?

Middleware, admin site and decorators ask here. It reads the session and rows that are loaded
already; it never talks to Cognito, and when something is missing the answer is "stop".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth import BACKEND_SESSION_KEY
from django.http import HttpRequest

from cognito_mfa import arrival, policy, proof
from cognito_mfa.conf import get_conf
from cognito_mfa.models import identity_of

EXEMPT_MARK = "cognito_mfa_exempt"

# Views of others that must stay reachable: to leave, to change the language, to load a style sheet, to
# sign in again where that happens at Cognito. By identity of the view, so that no path can pass for them.
_DJANGO_EXEMPT = frozenset(
    {
        "django.contrib.auth.views.LogoutView",
        "django.contrib.staticfiles.views.serve",
        "django.views.i18n.set_language",
        "django.views.i18n.JavaScriptCatalog",
        "allauth.account.views.LogoutView",
        "mozilla_django_oidc.views.OIDCAuthenticationCallbackView",
        "mozilla_django_oidc.views.OIDCAuthenticationRequestView",
        "mozilla_django_oidc.views.OIDCLogoutView",
    }
)


def is_exempt(view: Callable[..., Any]) -> bool:
    """Tell whether ``view`` is marked ``mfa_exempt``, or is one of Django's that never are gated."""
    mark = getattr(view, EXEMPT_MARK, None)
    if mark is not None:
        return not _inherited(view, mark)
    target: Any = getattr(view, "view_class", view)
    name = f"{getattr(target, '__module__', '')}.{getattr(target, '__qualname__', '')}"
    return name in _DJANGO_EXEMPT


def _inherited(view: Callable[..., Any], mark: object) -> bool:
    """Tell whether the mark stands on the ``dispatch`` of a parent of the view's class only."""
    view_class = getattr(view, "view_class", None)
    if view_class is None or getattr(view_class.dispatch, EXEMPT_MARK, None) is not mark:
        return False
    return "dispatch" not in vars(view_class)


def is_proven(request: HttpRequest, user: Any) -> bool:
    """Tell whether this session has a proof that is good for ``user``, or needs none by its backend."""
    return proof.holds(request.session, identity_of(user)) or is_trusted(request)


def is_trusted(request: HttpRequest) -> bool:
    """Tell whether the backend of this sign-in asks everybody for a second factor of its own.

    What a sign-in at Cognito's own pages proves is a proof like any other; see ``other_sign_in``.
    """
    return get_conf().trust_in(request.session.get(BACKEND_SESSION_KEY)) == "elsewhere"


def proof_age(request: HttpRequest, user: Any) -> float | None:
    """Return how many seconds ago ``user`` answered a second factor, or None without a good proof."""
    identity = identity_of(user)
    if not proof.holds(request.session, identity):
        return None
    return proof.age(request.session, identity)


def stops(request: HttpRequest, user: Any) -> bool:
    """Tell whether ``user``, who is signed in, must not go on.

    The policy is asked last: it may cost a query, and people with a proof need not pay for it.
    """
    if (
        not policy.enforced()
        or is_proven(request, user)
        or arrival.is_exempt(request.session, user)
    ):
        return False
    return policy.required(request, user)
