"""Requests with an access token of the user pool instead of a session: their user, and whether MFA was passed.

For Django REST framework and django-ninja see ``cognito_mfa.contrib``. Code of any other kind calls ``authenticate`` and
``decide``, or their async versions.
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
