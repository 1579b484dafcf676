"""Values that need care: secrets, what strangers wrote, what is compared, and moments."""

from __future__ import annotations
