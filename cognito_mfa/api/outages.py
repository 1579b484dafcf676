"""Problem documents for requests that fail because the site's database, sessions, or cache are down.

Pages leave such errors to Django, because a site may have designed an error page. A script cannot read it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import UpdateError
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.cache import add_never_cache_headers

from cognito_mfa.api import problems
from cognito_mfa.enforcement import unchanged_sessions
from cognito_mfa.monitoring import log_events
from cognito_mfa.steps import error_texts
from cognito_mfa.values import languages

RETRY_AFTER = 30  # seconds, in which a database restarts or fails over
# Errors of the database, and of a socket that a cache's client opens.
ERRORS = (OperationalError, InterfaceError, ConnectionError, TimeoutError)
# Cache clients with their own error classes. None of them is imported for this.
CLIENTS = frozenset({"django_redis", "django_valkey", "pylibmc", "pymemcache", "redis", "valkey"})


def answering(
    view: Callable[[HttpRequest], HttpResponseBase], request: HttpRequest
) -> HttpResponseBase:
    """Return the answer of ``view``, or a problem document if something is down.

    The session is saved here, because Django saves it too late for our answer.

    Args:
        view: of the API.
        request: with a session.
    """
    try:
        _raise_if_session_is_lost(request)
        response = view(request)
        _save_session(request, response)
    except Exception as error:
        answer = answer_to(request, error)
        if answer is None:
            raise
        return answer
    return response


def answer_to(request: HttpRequest, error: Exception) -> HttpResponse | None:
    """Return the answer to an error of a database, session store, or cache; None for any other error.

    Args:
        request: in which it was raised.
        error: any exception.
    """
    if not _is_outage(error):
        return None
    reference = secrets.token_hex(4)
    match = request.resolver_match
    view, kind = match.view_name if match else "", type(error).__name__
    # Never its text, which may name a host, a user, or a value.
    text = f"{view} {kind}"
    log_events.write("storage_failed", text, view=view, reason=kind, reference=reference)
    with translation.override(languages.with_catalog()):
        detail = error_texts.failed_for_good(reference)
        answer = problems.response(
            "try_later", status=503, detail=detail, retry_after=RETRY_AFTER, reference=reference
        )
    add_never_cache_headers(answer)
    # A session that could not be read looks empty, so Django would delete its cookie.
    unchanged_sessions.keep_session_unchanged(request)
    return answer


def _is_outage(error: Exception) -> bool:
    if isinstance(error, ERRORS):
        return True
    # Django reports any error of the database as if another request had deleted the session.
    if isinstance(error, UpdateError):
        return isinstance(error.__context__, ERRORS)
    return any(kind.__module__.partition(".")[0] in CLIENTS for kind in type(error).__mro__)


def _raise_if_session_is_lost(request: HttpRequest) -> None:
    """Raise the error of the session store if it is down.

    Django's cached sessions treat every error as an expired session. The answer would say that no user is signed in, and
    would delete the cookie.
    """
    key, session = request.COOKIES.get(settings.SESSION_COOKIE_NAME), request.session
    if key and session.get(SESSION_KEY) is None and session.session_key is None:
        type(session)().exists(key)


def _save_session(request: HttpRequest, response: HttpResponseBase) -> None:
    session, failed = request.session, response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
    if session.modified and not failed and not session.is_empty():
        try:
            session.save()
        except UpdateError as error:
            if _is_outage(error):
                raise
            # Another request ended it, and Django handles that.
