"""Parts of a site beside mozilla-django-oidc, made of its own and of ours."""

from __future__ import annotations

from functools import wraps
from typing import Any

from mozilla_django_oidc.auth import OIDCAuthenticationBackend
from mozilla_django_oidc.middleware import SessionRefresh

from cognito_mfa.contrib.mozilla_oidc import access_token

renamed = access_token


@wraps(access_token)
def wrapped(request: Any) -> Any:
    return access_token(request)


class DerivedBackend(OIDCAuthenticationBackend):  # type: ignore[misc]
    """Stores tokens where the package does, if its settings say so."""


class OwnStore(OIDCAuthenticationBackend):  # type: ignore[misc]
    """Stores tokens somewhere else."""

    def store_tokens(self, access_token: str, id_token: str) -> None:
        """Store them, whatever the package's settings say."""


class DerivedRefresh(SessionRefresh):  # type: ignore[misc]
    """Refreshes sessions in silence, as the package's does."""
