"""May this request go on? Nothing here waits for Cognito."""

from __future__ import annotations
