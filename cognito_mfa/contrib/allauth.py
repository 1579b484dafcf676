"""Beside django-allauth: the tokens of a sign-in through its provider for Cognito.

Which provider that is, ``COGNITO_MFA["ALLAUTH_PROVIDER"]`` says; tokens of any other are not looked at.
allauth hands a token over when somebody signs in, and keeps it in clear, in the database, if at all.
Here it is kept encrypted in the session, and for a set-up only; ``SOCIALACCOUNT_STORE_TOKENS`` may
stay off. Use the provider ``openid_connect``: ``amazon_cognito`` forgets the ID token, so that nobody
can tell whether an identity provider signed somebody in, and its sign-ins prove something only where
the pool's tokens carry ``amr``.
"""

from __future__ import annotations

from typing import Any

from allauth.account.signals import user_logged_in
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from cognito_mfa.conf import get_conf
from cognito_mfa.managed_login.tokens import OtherSignIn, keep, kept, on_signed_in


@sensitive_variables()
def access_token(request: HttpRequest) -> OtherSignIn | None:
    """Return what the sign-in left; the ``TOKEN_PROVIDER``."""
    return kept(request)


@sensitive_variables()
def _remember(
    *, request: HttpRequest, user: Any, sociallogin: Any = None, **_kwargs: object
) -> None:
    """Keep the token of a sign-in through Cognito, and judge that sign-in.

    Receives allauth's ``user_logged_in``, which comes after Django's. Sign-ins of allauth's own, or
    through another provider, bring no token of the pool.
    """
    token = getattr(sociallogin, "token", None)
    if token is None or not _is_cognito(sociallogin.account.provider):
        return
    claims = sociallogin.account.extra_data.get("id_token")
    sign_in = OtherSignIn(token.token, claims if isinstance(claims, dict) else None)
    keep(request, sign_in, user)
    on_signed_in(request=request, user=user)


def _is_cognito(provider: object) -> bool:
    """Tell whether a sign-in came through the pool: allauth calls a provider by its app's ``provider_id``."""
    named = get_conf().ALLAUTH_PROVIDER
    return named is not None and provider == named


user_logged_in.connect(_remember, dispatch_uid="cognito_mfa.contrib.allauth")
