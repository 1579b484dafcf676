"""Reads the access token from the Authorization header (RFC 6750, section 2.1)."""

from __future__ import annotations

import re

from django.http import HttpRequest

from cognito_mfa.values.secret_text import SecretText

SCHEME = "bearer"
LONGEST = 8192  # characters; a token with many groups has about 4,000
# A JSON Web Token, such as Cognito's access tokens: three parts in base64url.
_JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


def bearer_token(request: HttpRequest) -> SecretText | None:
    """Return the request's token; empty if it is malformed, None if there is none.

    A token in the URL or the body is not read, because URLs are logged.
    """
    header: str = request.META.get("HTTP_AUTHORIZATION", "")
    scheme, _, given = header.strip().partition(" ")
    if scheme.lower() != SCHEME:
        return None
    given = given.strip(" ")
    whole = len(given) <= LONGEST and _JWT.fullmatch(given)
    return SecretText(given if whole else "")
