"""System checks: what is wrong with the settings, said before the first person meets it.

Each id means one thing for ever. Nothing here asks Cognito: ``check`` runs where there is no network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags
from django.core.checks import register as register_check
from django.core.exceptions import ImproperlyConfigured
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string

from cognito_mfa.conf import NAME, SETTINGS, Conf, get_conf, given_settings, problems

GATE = "cognito_mfa.middleware.RequireMFAMiddleware"
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
BACKEND = "cognito_mfa.backends.CognitoBackend"
CALLABLES = ("CLIENT_FACTORY", "REQUIRED", "USER_RESOLVER", "TOKEN_PROVIDER")

Check = Callable[..., Sequence[CheckMessage]]


def register() -> None:
    """Bind the checks to ``manage.py check``."""
    for check in (
        check_settings,
        check_callables,
        check_middleware,
        check_sessions,
        check_urls,
        check_endpoint,
    ):
        register_check(Tags.security)(_listed(check))


def _listed(check: Callable[[], Iterator[CheckMessage]]) -> Check:
    def run(app_configs: Sequence[AppConfig] | None, **_kwargs: Any) -> list[CheckMessage]:
        return list(check())

    run.__name__ = check.__name__
    return run


def check_settings() -> Iterator[CheckMessage]:
    """E001 missing, E002 unknown, E003 unreadable, E004 no dictionary."""
    if not isinstance(getattr(settings, NAME, {}), dict):
        yield Error(
            f"{NAME} must be a dictionary.", hint=f"Write {NAME} = {{...}}.", id="cognito_mfa.E004"
        )
        return
    for problem in problems(given_settings()):
        kind = "E003" if problem.setting in SETTINGS else "E002"
        kind = "E001" if problem.message == "is missing" else kind
        text = f"{NAME}[{problem.setting!r}] {problem.message}."
        yield Error(text, hint=problem.hint, id=f"cognito_mfa.{kind}")


def check_callables() -> Iterator[CheckMessage]:
    """E005: a dotted path that leads nowhere."""
    conf = _conf()
    for name in CALLABLES if conf else ():
        path = getattr(conf, name)
        if isinstance(path, str) and "." in path and (trouble := _trouble(path)):
            yield Error(
                f"{NAME}[{name!r}] cannot be imported: {trouble}.",
                hint=SETTINGS[name].hint,
                id="cognito_mfa.E005",
            )


def check_middleware() -> Iterator[CheckMessage]:
    """E006 the gate is missing, E007 it stands before authentication, W001 our backend is missing."""
    if GATE not in settings.MIDDLEWARE:
        yield Error(
            "The gate is not installed: nobody is asked for a second factor on any page.",
            hint=f"Add {GATE!r} to MIDDLEWARE, after {AUTHENTICATION!r}.",
            id="cognito_mfa.E006",
        )
    elif AUTHENTICATION not in settings.MIDDLEWARE[: settings.MIDDLEWARE.index(GATE)]:
        yield Error(
            "The gate stands before authentication, so that it knows no user.",
            hint=f"Move {GATE!r} after {AUTHENTICATION!r} in MIDDLEWARE.",
            id="cognito_mfa.E007",
        )
    if BACKEND not in settings.AUTHENTICATION_BACKENDS:
        yield Error(
            f"{BACKEND!r} is not among AUTHENTICATION_BACKENDS: whoever signs in is signed out at once.",
            hint=f"Add {BACKEND!r} to AUTHENTICATION_BACKENDS.",
            id="cognito_mfa.E008",
        )


def check_sessions() -> Iterator[CheckMessage]:
    """E009: sessions that live in the browser."""
    if "signed_cookies" in settings.SESSION_ENGINE:
        yield Error(
            "Sessions in signed cookies cannot be ended by the server, and Cognito's session strings do not fit.",
            hint="Set SESSION_ENGINE to a server-side engine, such as 'django.contrib.sessions.backends.db'.",
            id="cognito_mfa.E009",
        )


def check_urls() -> Iterator[CheckMessage]:
    """E010: our pages are not in the URLconf."""
    try:
        reverse("cognito_mfa:setup")
    except NoReverseMatch:
        yield Error(
            "The pages of cognito_mfa are not in the URLconf.",
            hint="Add path('account/', include('cognito_mfa.urls')) to the site's urls.py.",
            id="cognito_mfa.E010",
        )


def check_endpoint() -> Iterator[CheckMessage]:
    """E011 a local Cognito outside DEBUG, E012 an endpoint without TLS outside DEBUG."""
    conf = _conf()
    if conf is None or settings.DEBUG:
        return
    factory = conf.CLIENT_FACTORY
    path = factory if isinstance(factory, str) else factory.__module__
    if path.startswith("cognito_mfa.local"):
        yield Error(
            "The local Cognito must never run a site: anybody who can read its memory can sign in as anybody.",
            hint=f"Remove 'CLIENT_FACTORY' from {NAME}.",
            id="cognito_mfa.E011",
        )
    if conf.ENDPOINT_URL and not conf.ENDPOINT_URL.startswith("https://"):
        yield Error(
            f"{NAME}['ENDPOINT_URL'] would send passwords and codes without encryption.",
            hint="Leave ENDPOINT_URL out, or use https.",
            id="cognito_mfa.E012",
        )


def _conf() -> Conf | None:
    try:
        return get_conf()
    except ImproperlyConfigured:  # check_settings says why
        return None


def _trouble(path: str) -> str:
    try:
        found = import_string(path)
    except Exception as error:  # noqa: BLE001 - a site's module may fail in any way
        return f"{type(error).__name__}: {error}"
    return "" if callable(found) else "it is not callable"
