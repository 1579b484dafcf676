"""The pages of the sign-in and of one's own device."""

from __future__ import annotations
