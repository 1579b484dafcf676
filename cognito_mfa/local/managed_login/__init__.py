"""The pool's own pages: sign-in, OAuth endpoints, discovery."""

from __future__ import annotations
