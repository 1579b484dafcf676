"""Problem documents (RFC 9457): a code, a text in the caller's language, and the errors of each field.

A code never changes, so that clients can rely on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from django.http import JsonResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from cognito_mfa.enforcement import ended_sessions, responses
from cognito_mfa.enforcement.responses import Denial
from cognito_mfa.steps.error_answers import ERROR_ANSWERS

MEDIA_TYPE = "application/problem+json"


class Problem(NamedTuple):
    """A problem with a request that is not about Cognito's answer.

    Attributes:
        status: of the response.
        detail: the text for people.
    """

    status: HTTPStatus
    detail: str | Promise


def _of(denial: Denial, status: HTTPStatus = HTTPStatus.FORBIDDEN) -> Problem:
    return Problem(status, denial.title)


# By the code, which never changes. Those of ``ERROR_ANSWERS`` come from Cognito's answers, with their own texts.
PROBLEMS: Mapping[str, Problem] = {
    "invalid": Problem(HTTPStatus.BAD_REQUEST, _("Check what you entered.")),
    "malformed_body": Problem(HTTPStatus.BAD_REQUEST, _("The request isn’t valid JSON.")),
    "sign_in_required": _of(responses.SIGN_IN_REQUIRED, HTTPStatus.UNAUTHORIZED),
    "csrf_failed": Problem(
        HTTPStatus.FORBIDDEN, _("This page was open for too long. Reload it and try again.")
    ),
    "origin_not_allowed": Problem(
        HTTPStatus.FORBIDDEN, _("This address isn’t allowed to use the site’s sign-in.")
    ),
    "impersonating": _of(responses.IMPERSONATING),
    "mfa_required": _of(responses.MFA_REQUIRED),
    "mfa_too_old": _of(responses.MFA_TOO_OLD),
    **{denial.code: _of(denial) for denial in ended_sessions.DENIALS.values()},
    "sign_in_elsewhere": Problem(
        HTTPStatus.FORBIDDEN, _("You sign in to this site on another page.")
    ),
    "not_found": Problem(HTTPStatus.NOT_FOUND, _("This isn’t available.")),
    "method_not_allowed": Problem(HTTPStatus.METHOD_NOT_ALLOWED, _("This isn’t available.")),
    "wrong_step": Problem(
        HTTPStatus.CONFLICT,
        _("Your sign-in is at another step, maybe because of another tab or window."),
    ),
    "in_progress": Problem(
        HTTPStatus.CONFLICT, _("This was sent already, and the answer is on its way.")
    ),
    "not_set_up": Problem(HTTPStatus.CONFLICT, _("You haven’t set up an authenticator app.")),
    "body_too_large": Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _("The request is too large.")),
    "unsupported_media_type": Problem(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE, _("The request must be JSON.")
    ),
}


def codes() -> set[str]:
    """Return every code that the API uses."""
    return {*PROBLEMS, *(answer.code for answer in ERROR_ANSWERS.values())}


def response(
    code: str,
    *,
    status: int | None = None,
    detail: str = "",
    fields: Mapping[str, list[str]] | None = None,
    retry_after: int | None = None,
    **members: Any,
) -> JsonResponse:
    """Return a problem document.

    Args:
        code: frozen, for scripts.
        status: of the response; by default that of ``PROBLEMS``.
        detail: for people; by default the text of ``PROBLEMS``.
        fields: texts by the name of the member.
        retry_after: seconds to wait before the next attempt.
        **members: extensions.
    """
    known = PROBLEMS.get(code)
    number = HTTPStatus(status if status is not None or known is None else known.status)  # type: ignore[arg-type]
    document = {
        "type": "about:blank",
        "title": number.phrase,
        "status": number.value,
        "code": code,
        "detail": detail or str(known.detail if known else ""),
        "fields": dict(fields or {}),
        **members,
    }
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    if number == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Session"
    return JsonResponse(document, status=number.value, content_type=MEDIA_TYPE, headers=headers)
