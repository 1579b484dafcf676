"""The JSON twin of the pages, for front ends and mobile apps: ``include("cognito_mfa.api.urls")``."""

from __future__ import annotations
