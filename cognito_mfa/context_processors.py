"""A context processor: whether the user of this request passed MFA, for templates."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from cognito_mfa.enforcement.verified import is_verified


def mfa(request: HttpRequest) -> dict[str, Any]:
    """Return ``mfa_verified``, which is evaluated only if a template uses it.

    Args:
        request: for which a template is rendered.
    """
    return {"mfa_verified": SimpleLazyObject(lambda: is_verified(request))}
