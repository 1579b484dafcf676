"""People who sign in at Cognito's own pages, through another package."""

from __future__ import annotations
