"""All that talks to Cognito; it knows no model and no request."""

from __future__ import annotations
