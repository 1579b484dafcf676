"""The state of a user pool, and its rules for users, challenges, sessions, tokens, and attempts."""

from __future__ import annotations
