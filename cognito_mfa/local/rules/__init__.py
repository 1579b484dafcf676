"""The state of a user pool and the rules for it: users, challenges, sessions, tokens, and what is counted."""

from __future__ import annotations
