"""For sites with django-allauth: the tokens of a sign-in through its provider for Cognito.

``COGNITO_MFA["ALLAUTH_PROVIDER"]`` says which provider that is; tokens of any other are ignored. allauth
passes a token on when a user signs in, and stores it in clear, in the database, if at all. Here it is
kept encrypted in the session, and only for a setup; ``SOCIALACCOUNT_STORE_TOKENS`` may stay off.

Use the provider ``openid_connect``. ``amazon_cognito`` drops the ID token, so it is not known whether an
identity provider signed the user in, and its sign-ins are proofs only where the tokens carry ``amr``.
"""

from __future__ import annotations

from typing import Any

from allauth.account.signals import user_logged_in
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from cognito_mfa.conf import get_conf
from cognito_mfa.managed_login import ProvidedTokens, load, store
from cognito_mfa.managed_login.judgment import on_signed_in


@sensitive_variables()
def access_token(request: HttpRequest) -> ProvidedTokens | None:
    """Return the tokens of the sign-in; the ``TOKEN_PROVIDER``."""
    return load(request)


@sensitive_variables()
def _store_token(
    *, request: HttpRequest, user: Any, sociallogin: Any = None, **_kwargs: object
) -> None:
    """Store the token of a sign-in through Cognito, and judge that sign-in.

    Receives allauth's ``user_logged_in``, which comes after Django's. Sign-ins with a password of allauth's
    own, or through another provider, bring no token of the pool.
    """
    token = getattr(sociallogin, "token", None)
    if token is None or not _is_cognito(sociallogin.account.provider):
        return
    claims = sociallogin.account.extra_data.get("id_token")
    provided = ProvidedTokens(token.token, claims if isinstance(claims, dict) else None)
    store(request, provided, user)
    on_signed_in(request=request, user=user)


def _is_cognito(provider: object) -> bool:
    """Return whether ``provider`` is the pool; allauth names it by its app's ``provider_id``."""
    named = get_conf().ALLAUTH_PROVIDER
    return named is not None and provider == named


user_logged_in.connect(_store_token, dispatch_uid="cognito_mfa.contrib.allauth")
