"""Checks of settings for sign-ins at Cognito's managed login through other packages."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import FunctionType
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as Caution
from django.utils.module_loading import import_string

from cognito_mfa.checks.settings import conf_or_none
from cognito_mfa.conf import NAME, SELF_SERVICE_SCOPE, Conf, backend_class
from cognito_mfa.enforcement.installed_middleware import ancestors, paths
from cognito_mfa.enforcement.overrides import plain_function

MOZILLA = "cognito_mfa.contrib.mozilla_oidc.access_token"
ALLAUTH = "cognito_mfa.contrib.allauth.access_token"
REFRESH = "mozilla_django_oidc.middleware.SessionRefresh"
MOZILLAS_BACKEND = "mozilla_django_oidc.auth.OIDCAuthenticationBackend"


def check_trust() -> Iterator[CheckMessage]:
    """Check that TRUSTED_BACKENDS (E020, E024) and TOKEN_PROVIDER (W017) match each other."""
    conf = conf_or_none()
    if conf is None:
        return
    words = {backend: conf.trust_in(backend) for backend in conf.TRUSTED_BACKENDS}
    judged = [backend for backend, word in words.items() if word in ("enrolled", "everyone")]
    listed = [backend for backend, word in conf.TRUSTED_BACKENDS.items() if word == ""]
    for backend in listed if conf.TOKEN_PROVIDER is not None else ():
        yield Error(
            f"{NAME}['TRUSTED_BACKENDS'] does not say what sign-ins with {backend!r} prove, which TOKEN_PROVIDER "
            "requires, so they prove nothing.",
            hint="Write {path: word}, where word is 'enrolled', 'everyone', or 'elsewhere' (see docs/other-sign-ins.md).",
            id="cognito_mfa.E024",
        )
    if judged and conf.TOKEN_PROVIDER is None:
        yield Error(
            f"{NAME}['TRUSTED_BACKENDS'] refers to sign-ins at Cognito, but TOKEN_PROVIDER is not set, so those "
            "sign-ins cannot prove MFA.",
            hint="Set TOKEN_PROVIDER (see docs/other-sign-ins.md).",
            id="cognito_mfa.E020",
        )
    if conf.TOKEN_PROVIDER is not None and not judged and not listed:
        yield Caution(
            f"{NAME}['TOKEN_PROVIDER'] is set, but no backend in TRUSTED_BACKENDS signs users in at Cognito, so "
            "users with an authenticator app can never prove it.",
            hint="Add the backend of these sign-ins to TRUSTED_BACKENDS (see docs/other-sign-ins.md).",
            id="cognito_mfa.W017",
        )


def check_allauth_provider() -> Iterator[CheckMessage]:
    """Check that ALLAUTH_PROVIDER is set (E023) and known to django-allauth (W023)."""
    conf = conf_or_none()
    if conf is None or _provider(conf) != ALLAUTH:
        return
    if conf.ALLAUTH_PROVIDER is None:
        yield Error(
            f"{NAME}['ALLAUTH_PROVIDER'] is missing, so no token from django-allauth is trusted: it could belong to "
            "another provider.",
            hint="Set it to the provider_id of the user pool's app, such as 'cognito' or 'amazon_cognito'.",
            id="cognito_mfa.E023",
        )
    elif conf.ALLAUTH_PROVIDER not in _allauth_providers():
        yield Caution(
            f"{NAME}['ALLAUTH_PROVIDER'] is {conf.ALLAUTH_PROVIDER!r}, but SOCIALACCOUNT_PROVIDERS has no such provider.",
            hint="Use the provider_id of the app in SOCIALACCOUNT_PROVIDERS, or silence this check if the app is in the "
            "database.",
            id="cognito_mfa.W023",
        )


def check_prompt() -> Iterator[CheckMessage]:
    """Check that sign-ins ask managed login for the password, because its cookie proves nothing (W022)."""
    conf = conf_or_none()
    asked = _prompts(_provider(conf)) if conf else None
    if asked is not None and not any("login" in prompt.split() for prompt in asked):
        yield Caution(
            "The sign-in does not ask managed login for the password each time, so users who come back with its cookie "
            "prove nothing and are sent there again.",
            hint="Add 'prompt': 'login' to OIDC_AUTH_REQUEST_EXTRA_PARAMS, or to AUTH_PARAMS of the provider in "
            "SOCIALACCOUNT_PROVIDERS.",
            id="cognito_mfa.W022",
        )


def check_code_binding() -> Iterator[CheckMessage]:
    """Check that a code of managed login works only in the browser that asked for it (W021).

    The state protects a browser from another one's answer. It does not protect a user whose code was stolen, because the
    attacker's browser has its own state.
    """
    conf = conf_or_none()
    if conf is not None and _binds_code(conf) is False:
        yield Caution(
            "The sign-in does not bind the authorization code to the browser, so someone who gets hold of a user's code can "
            "sign in as that user.",
            hint="Set 'OAUTH_PKCE_ENABLED': True for the provider in SOCIALACCOUNT_PROVIDERS, or OIDC_USE_PKCE = True.",
            id="cognito_mfa.W021",
        )


def check_scope() -> Iterator[CheckMessage]:
    """Check that sign-ins request the scope that the setup needs (W018)."""
    conf = conf_or_none()
    scopes = _scopes(_provider(conf)) if conf else None
    if scopes is not None and SELF_SERVICE_SCOPE not in scopes:
        yield Caution(
            f"The sign-in does not request the scope {SELF_SERVICE_SCOPE!r}, so users cannot set up an authenticator app.",
            hint="Add it to OIDC_RP_SCOPES or to SCOPE in SOCIALACCOUNT_PROVIDERS, and allow it on the app client.",
            id="cognito_mfa.W018",
        )


def check_mozilla_tokens() -> Iterator[CheckMessage]:
    """Check that mozilla-django-oidc's own backend stores its tokens (W019)."""
    conf = conf_or_none()
    used = conf is not None and _provider(conf) == MOZILLA
    backend = next(filter(_stores_as_mozilla, settings.AUTHENTICATION_BACKENDS), None)
    if not used or backend is None:
        return
    names = ("OIDC_STORE_ACCESS_TOKEN", "OIDC_STORE_ID_TOKEN")
    off = [name for name in names if not getattr(settings, name, False)]
    if off:
        yield Caution(
            f"{backend!r} does not store the tokens that TOKEN_PROVIDER reads.",
            hint=f"Set {' and '.join(off)} to True, or use 'cognito_mfa.contrib.mozilla_oidc.CognitoOIDCBackend'.",
            id="cognito_mfa.W019",
        )


def _provider(conf: Conf) -> str:
    """Return the dotted path of the function in ``TOKEN_PROVIDER``, even if the setting uses another name."""
    given = conf.TOKEN_PROVIDER
    try:
        found: Any = import_string(given) if isinstance(given, str) else given
        found = inspect.unwrap(found)
    except Exception:  # noqa: BLE001 - E005 says that it cannot be imported
        return str(given)
    return f"{found.__module__}.{found.__qualname__}" if isinstance(found, FunctionType) else ""


def _stores_as_mozilla(backend: str) -> bool:
    """Return whether a backend uses mozilla-django-oidc's own ``store_tokens``."""
    try:
        kind: Any = backend_class(backend)
    except Exception:  # noqa: BLE001 - E034 says that it cannot be imported
        return backend == MOZILLAS_BACKEND
    plain = plain_function(getattr(kind, "store_tokens", None))
    return plain is not None and plain.__module__ == MOZILLAS_BACKEND.rpartition(".")[0]


def _scopes(provider: object) -> list[str] | None:
    """Return the scopes that the sign-in requests; None if they are not in settings."""
    if provider == MOZILLA:
        return str(getattr(settings, "OIDC_RP_SCOPES", "openid email")).split()
    if provider != ALLAUTH:
        return None
    named = _allauth_settings()
    # An app in the database, or with settings of its own, may ask for more.
    return [scope for one in named for scope in one.get("SCOPE", ())] if named else None


def _prompts(provider: object) -> list[str] | None:
    """Return the values of ``prompt`` that the sign-in sends; None if they are not in settings."""
    if provider == MOZILLA:
        # SessionRefresh sends the same parameters, and would no longer be silent.
        silent = any(REFRESH in ancestors(path) for path in paths())
        extra: dict[str, Any] = getattr(settings, "OIDC_AUTH_REQUEST_EXTRA_PARAMS", {})
        return None if silent else [str(extra.get("prompt", ""))]
    if provider != ALLAUTH:
        return None
    asked = [one.get("AUTH_PARAMS", {}) for one in _allauth_settings()]
    return [str(params.get("prompt", "")) for params in asked] or None


def _binds_code(conf: Conf) -> bool | None:
    """Return whether PKCE is used, or a nonce that is compared; None for a package that is not known."""
    provider = _provider(conf)
    if provider == MOZILLA:
        pkce, nonce = (
            getattr(settings, name, default)
            for name, default in (("OIDC_USE_PKCE", False), ("OIDC_USE_NONCE", True))
        )
        return bool(pkce or nonce)
    if provider != ALLAUTH:
        return None
    name = "amazon_cognito" if conf.ALLAUTH_PROVIDER == "amazon_cognito" else "openid_connect"
    one = getattr(settings, "SOCIALACCOUNT_PROVIDERS", {}).get(name, {})
    apps = [*one.get("APPS", ()), *([one["APP"]] if one.get("APP") else [])]
    said = [app.get("settings", {}).get("oauth_pkce_enabled") for app in apps] or [None]
    return all(one.get("OAUTH_PKCE_ENABLED", False) if own is None else own for own in said)


def _allauth_settings() -> list[dict[str, Any]]:
    """Return the settings of the providers that may be a user pool."""
    providers: dict[str, Any] = getattr(settings, "SOCIALACCOUNT_PROVIDERS", {})
    return [providers[name] for name in ("openid_connect", "amazon_cognito") if name in providers]


def _allauth_providers() -> set[object]:
    """Return the ids of the providers in allauth's settings: those of their apps, and their own."""
    providers: dict[str, Any] = getattr(settings, "SOCIALACCOUNT_PROVIDERS", {})
    apps = [app for one in providers.values() for app in (*one.get("APPS", ()), one.get("APP", {}))]
    return {*providers, *(app.get("provider_id") for app in apps)}
