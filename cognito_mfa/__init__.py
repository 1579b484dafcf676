"""Multi-factor authentication for Django sites whose people live in an Amazon Cognito user pool."""

from __future__ import annotations

__version__ = "0.1.0"
