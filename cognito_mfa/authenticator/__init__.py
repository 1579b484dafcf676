"""One user's authenticator: its rows, events, counters and emails."""

from __future__ import annotations
