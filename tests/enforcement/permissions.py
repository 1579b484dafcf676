"""Composed permissions, as a site may name them in its settings."""

from __future__ import annotations

from rest_framework.permissions import IsAuthenticated

from cognito_mfa.contrib.rest_framework import IsMFAVerified

BOTH = IsAuthenticated & IsMFAVerified
EITHER = IsAuthenticated | IsMFAVerified
