"""Sign-ins at Cognito's own pages, through other packages: what must fit together for them to count."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as Caution

from cognito_mfa.checks.values import conf_or_none
from cognito_mfa.conf import NAME, SELF_SERVICE_SCOPE

MOZILLA = "cognito_mfa.contrib.mozilla_oidc.access_token"
ALLAUTH = "cognito_mfa.contrib.allauth.access_token"
MOZILLAS_BACKEND = "mozilla_django_oidc.auth.OIDCAuthenticationBackend"


def check_trust() -> Iterator[CheckMessage]:
    """E020 trust in sign-ins that nothing can judge, W017 tokens that nothing is done with."""
    conf = conf_or_none()
    if conf is None:
        return
    judged = [backend for backend in conf.TRUSTED_BACKENDS if conf.trust_in(backend) != "elsewhere"]
    if judged and conf.TOKEN_PROVIDER is None:
        yield Error(
            f"{NAME}['TRUSTED_BACKENDS'] speaks of sign-ins at Cognito, but no token of theirs is at hand: "
            "they prove nothing.",
            hint="Name a TOKEN_PROVIDER (docs/other-sign-ins.md).",
            id="cognito_mfa.E020",
        )
    if conf.TOKEN_PROVIDER is not None and not judged:
        yield Caution(
            f"{NAME}['TOKEN_PROVIDER'] is not used: no sign-in at Cognito is trusted, so nobody who set up an "
            "authenticator app could ever show it.",
            hint="Name the backend of these sign-ins in TRUSTED_BACKENDS (docs/other-sign-ins.md).",
            id="cognito_mfa.W017",
        )


def check_scope() -> Iterator[CheckMessage]:
    """W018: the sign-in asks for a token with which nothing can be set up (facts §7.1)."""
    conf = conf_or_none()
    scopes = _scopes(conf.TOKEN_PROVIDER) if conf else None
    if scopes is not None and SELF_SERVICE_SCOPE not in scopes:
        yield Caution(
            f"The sign-in does not ask for the scope {SELF_SERVICE_SCOPE!r}: nobody can set up an authenticator app.",
            hint="Add it to OIDC_RP_SCOPES, or to SCOPE in SOCIALACCOUNT_PROVIDERS, and allow it on the app client.",
            id="cognito_mfa.W018",
        )


def check_mozilla_tokens() -> Iterator[CheckMessage]:
    """W019: the package's own backend keeps no tokens unless it is told to."""
    conf = conf_or_none()
    used = conf is not None and conf.TOKEN_PROVIDER == MOZILLA
    if not used or MOZILLAS_BACKEND not in settings.AUTHENTICATION_BACKENDS:
        return
    names = ("OIDC_STORE_ACCESS_TOKEN", "OIDC_STORE_ID_TOKEN")
    off = [name for name in names if not getattr(settings, name, False)]
    if off:
        yield Caution(
            f"{MOZILLAS_BACKEND!r} keeps no tokens: {' and '.join(off)} must be on.",
            hint="Turn it on, or use 'cognito_mfa.contrib.mozilla_oidc.CognitoOIDCBackend' instead, which needs neither.",
            id="cognito_mfa.W019",
        )


def _scopes(provider: object) -> list[str] | None:
    """Return the scopes that the sign-in of a provider of ours asks for; None where they are not in settings."""
    if provider == MOZILLA:
        return str(getattr(settings, "OIDC_RP_SCOPES", "openid email")).split()
    if provider != ALLAUTH:
        return None
    providers: dict[str, Any] = getattr(settings, "SOCIALACCOUNT_PROVIDERS", {})
    named = [providers[name] for name in ("openid_connect", "amazon_cognito") if name in providers]
    # An app in the database, or with settings of its own, may ask for more.
    return [scope for one in named for scope in one.get("SCOPE", ())] if named else None
