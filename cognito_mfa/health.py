"""A health check for load balancers: whether this process can serve requests.

It never asks Cognito. A server whose circuit to Cognito is open still serves everyone who is signed in, and no other
server would do better, so that is a warning and no reason to take it out of rotation: with all servers out, an outage of
sign-ins would become one of the site.

Include the view in the site's own URLs; it is exempt from MFA and needs no sign-in::

    from cognito_mfa.health import health_view

    urlpatterns = [path("health/", health_view), ...]
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from cognito_mfa.cognito import circuit_breaker
from cognito_mfa.cognito.circuit_breaker import State
from cognito_mfa.conf import get_conf
from cognito_mfa.databases import own_transactions
from cognito_mfa.enforcement import unchanged_sessions
from cognito_mfa.enforcement.view_marks import mfa_exempt
from cognito_mfa.models import CognitoIdentity

NO_SESSION = "0" * 32  # a key that any session engine accepts, and that belongs to no session

Result = Literal["pass", "warn", "fail"]
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Health:
    """The state of what this process needs to serve requests, and of Cognito's circuit.

    Attributes:
        configuration: whether ``COGNITO_MFA`` can be read.
        database: whether our tables can be read.
        sessions: whether the session engine answers.
        circuit: ``closed`` while Cognito responds; ``open`` or ``half_open`` after it did not, ``off`` if that is not
            watched or not known.
    """

    configuration: bool
    database: bool
    sessions: bool
    circuit: State

    @property
    def is_healthy(self) -> bool:
        """Return whether requests can be served, at least those of signed-in users."""
        return self.configuration and self.database and self.sessions

    @property
    def status(self) -> Result:
        """Return ``fail``, or ``warn`` if no one can sign in at the moment, or ``pass``."""
        if not self.is_healthy:
            return "fail"
        return "pass" if self.circuit in ("closed", "off") else "warn"

    def as_dict(self) -> dict[str, Any]:
        """Return the content of the view's JSON."""
        needed = {
            "configuration": self.configuration,
            "database": self.database,
            "sessions": self.sessions,
        }
        checks: dict[str, Result] = {name: "pass" if ok else "fail" for name, ok in needed.items()}
        checks["cognito"] = "pass" if self.circuit in ("closed", "off") else "warn"
        return {"status": self.status, "checks": checks}


def check() -> Health:
    """Return the health of this process, from two queries and no call to Cognito."""
    configuration = _works("configuration", get_conf)
    return Health(
        configuration=configuration,
        database=_works("database", CognitoIdentity.objects.exists),
        sessions=_works("sessions", _look_up_session),
        circuit=circuit_breaker.state() if configuration else "off",
    )


@mfa_exempt
@login_not_required
@never_cache
@require_safe
def health_view(request: HttpRequest) -> JsonResponse:
    """Answer 200, or 503 if this process cannot serve requests; the JSON says why, without details."""
    health = check()
    if hasattr(request, "session"):  # SESSION_SAVE_EVERY_REQUEST would load it, and fail
        unchanged_sessions.keep_session_unchanged(request)
    return JsonResponse(health.as_dict(), status=200 if health.is_healthy else 503)


# A database that is down must not keep the view from saying so.
health_view = own_transactions(health_view)


def _look_up_session() -> None:
    engine = import_module(settings.SESSION_ENGINE)
    engine.SessionStore().exists(NO_SESSION)


def _works(name: str, attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except Exception as error:  # noqa: BLE001 - whatever the site's database or cache raises
        # Never the text, which may have a host, a user, or a value.
        logger.warning("health_check_failed: %s %s", name, type(error).__name__)
        return False
    return True
