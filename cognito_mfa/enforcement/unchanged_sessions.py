"""Answers that leave the browser's session as it is: neither written nor deleted."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest


def keep_session_unchanged(request: HttpRequest) -> None:
    """Let this answer neither write nor delete the browser's session.

    Another post's answer may have given the browser a new one, which a cookie of this answer would replace. And a session
    that could not be read looks like none.
    Django does nothing for a session that does not say whether it was used.
    """
    session: Any = type(request.session)(request.session.session_key)
    del session.accessed
    request.session = session
