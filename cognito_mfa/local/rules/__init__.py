"""The rules of a user pool: users, challenges, sessions, tokens, and what is counted."""

from __future__ import annotations
