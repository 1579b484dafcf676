"""How calls arrive and answers leave: over HTTP, and inside this process."""

from __future__ import annotations
