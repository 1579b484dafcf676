"""From the password to the proof, and what users change about their own authenticator."""

from __future__ import annotations
