"""The overview, the event log, and how long both are kept."""

from __future__ import annotations
