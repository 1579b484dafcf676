"""What operators read: the overview, and the event log."""

from __future__ import annotations
