"""Whether a request is blocked, and how. Nothing here waits for Cognito."""

from __future__ import annotations
