"""What operators read, the overview and the event log, and how long it is kept."""

from __future__ import annotations
