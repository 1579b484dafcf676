"""Requests with a user pool's access token instead of a session: the user, and whether MFA was passed.

Django REST framework and django-ninja have their classes in ``cognito_mfa.contrib``. All other code calls
``authenticate`` and ``decide``, or their async versions.
"""

from __future__ import annotations

from cognito_mfa.bearer.authentication import (
    BearerRefused,
    BearerSignIn,
    aauthenticate,
    authenticate,
)
from cognito_mfa.bearer.decision import adecide, decide

__all__ = [
    "BearerRefused",
    "BearerSignIn",
    "aauthenticate",
    "adecide",
    "authenticate",
    "decide",
]
