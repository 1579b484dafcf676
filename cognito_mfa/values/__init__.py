"""Functions and types for values that need care: secrets, untrusted text, comparisons, and times."""

from __future__ import annotations
