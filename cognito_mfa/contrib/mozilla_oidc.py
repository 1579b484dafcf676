"""For mozilla-django-oidc: the tokens of its sign-in, and a backend that finds users by ``sub``.

The package's own backend needs ``OIDC_STORE_ACCESS_TOKEN`` and ``OIDC_STORE_ID_TOKEN``, and stores both tokens in the
session as plain text. The backend here encrypts them, and keeps them only for a setup.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables
from mozilla_django_oidc.auth import OIDCAuthenticationBackend

from cognito_mfa.backends import CognitoBackend
from cognito_mfa.cognito import claims, deadline
from cognito_mfa.cognito.types import Tokens
from cognito_mfa.exceptions import CognitoMFAError, LinkRefused
from cognito_mfa.managed_login import ProvidedTokens, load, store
from cognito_mfa.managed_login.judgment import PATIENCE
from cognito_mfa.models import CognitoIdentity
from cognito_mfa.monitoring import calls, log_events
from cognito_mfa.sign_in import linking, user_updates
from cognito_mfa.values.secret_text import SecretText


@sensitive_variables()
def access_token(request: HttpRequest) -> ProvidedTokens | None:
    """Return the tokens of the sign-in; the ``TOKEN_PROVIDER``."""
    stored = load(request)
    if stored is not None:
        return stored
    access, identity = (request.session.get(f"oidc_{name}_token") for name in ("access", "id"))
    return ProvidedTokens.of(str(access), str(identity or "")) if access else None


class CognitoOIDCBackend(OIDCAuthenticationBackend):  # type: ignore[misc]
    """The package's backend, with users linked by pool and ``sub`` instead of their email address.

    Users type their own addresses, so an address alone would let one user be taken for another. Django
    users are created, or found, as ``USER_RESOLVER`` and ``CREATE_USERS`` say.

    Attributes:
        trust_words: what ``TRUSTED_BACKENDS`` may say about it; its sign-ins are always Cognito's.
    """

    trust_words = ("enrolled", "everyone")

    def store_tokens(self, access_token: str, id_token: str) -> None:
        """Store nothing yet, because the owner of the tokens is not known."""

    def verify_claims(self, claims: Mapping[str, Any]) -> bool:
        return bool(claims.get("sub"))

    def authenticate(self, request: HttpRequest, **kwargs: Any) -> Any:
        """Return the user of a sign-in, as the package does; raise here what failed in our part of it.

        What fails in the package's own part signs no one in: anyone can come back with an invented code, the tokens may
        be of another browser's sign-in, and Cognito's pages may not answer.

        SECURITY: the package holds the client secret, the code, and the tokens as plain text, and an exception that
        passed through it would take its variables along into the error report.
        """
        self._failure: Exception | None = None
        user, failed = None, ""
        try:
            user = super().authenticate(request, **kwargs)
        except Exception as error:  # noqa: BLE001 - of requests, or of what the package thinks of the answer
            failed = type(error).__name__
        # After the handler, where a log handler finds no exception whose frames it could report.
        if failed:
            log_events.write("sign_in_refused", f"managed login, {failed}", level=logging.WARNING)
        if self._failure is not None:
            raise self._failure
        return user

    def get_or_create_user(self, access_token: str, id_token: str, payload: Any) -> Any:
        """Return the user whom the tokens name; ``authenticate`` raises what fails here.

        Args:
            access_token: as Cognito gave it.
            id_token: as Cognito gave it; the package has checked its signature.
            payload: its claims; not used, because the tokens are read again.
        """
        tokens = Tokens(SecretText(access_token), SecretText(id_token))
        del access_token, id_token, payload
        try:
            return self._user_of(tokens)
        except Exception as error:  # noqa: BLE001 - raised in authenticate
            self._failure = error
            return None

    def _user_of(self, tokens: Tokens) -> Any:
        """Return the user whom the tokens name, or None.

        The package checks the signature of the ID token, but neither its issuer nor its audience, and
        nothing of the access token. Here both are checked, and that they belong together.
        """
        calls.forget()
        try:
            with deadline.within(PATIENCE):
                person = claims.read_person(tokens, check_signatures=True)
            unknown = CognitoIdentity.Status.UNKNOWN
            identity = linking.link(person, request=None, status=unknown)
            user = identity.user
            user_updates.apply(identity, user, person, request=self.request)
        except CognitoMFAError as error:
            if not isinstance(error, LinkRefused):  # which is logged where it is recorded
                log_events.write("sign_in_refused", cause=error, level=logging.WARNING)
            return None
        store(self.request, ProvidedTokens.of(tokens.access, tokens.id), user)
        return user

    def get_user(self, user_id: Any) -> Any:
        return CognitoBackend().get_user(user_id)

    async def aget_user(self, user_id: Any) -> Any:
        return await CognitoBackend().aget_user(user_id)
