"""The authentication backend. It loads users and never checks a password.

Signing in takes several steps, so it happens in ``cognito_mfa.sign_in.flows``, which names this backend to
``login()``. ``authenticate()`` returns None: here, a password is no sign-in.
"""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from cognito_mfa.enforcement.account_state import access_lost
from cognito_mfa.enforcement.identity_state import load_user, state_of


class CognitoBackend(ModelBackend):
    """Loads the user with the state of their identity, so that the gate costs no query.

    Attributes:
        trust_words: what ``TRUSTED_BACKENDS`` may say of it, and of subclasses: nothing.
    """

    trust_words: tuple[str, ...] = ()

    def authenticate(self, request: HttpRequest | None, *_args: Any, **_credentials: Any) -> None:
        """Return None: passwords are checked by Cognito, during the steps of a sign-in."""
        return

    async def aauthenticate(
        self, request: HttpRequest | None, *_args: Any, **_credentials: Any
    ) -> None:
        """Async version of ``authenticate``."""
        return

    def get_user(self, user_id: Any) -> Any:
        """Return the user with this primary key; None if they may not sign in, here or at Cognito."""
        user = load_user(user_id)
        if user is None or not self.user_can_authenticate(user):
            return None
        # SECURITY: here, so that it applies on every site: a user whom the pool shut out has no session of ours.
        return None if access_lost(state_of(user)) else user

    async def aget_user(self, user_id: Any) -> Any:
        """Async version of ``get_user``."""
        return await sync_to_async(self.get_user)(user_id)  # the query needs a thread in any case
