"""From the password to the proof."""

from __future__ import annotations
