"""The pages of the sign-in, and of a user's own device."""

from __future__ import annotations
