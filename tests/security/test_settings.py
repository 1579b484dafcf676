"""Settings that would open the gate in silence: refused when they are read, not only by a check.

A WSGI worker runs no system checks. Whatever a setting, an environment variable or a class's name
says, the worst value must be refused where it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import AllowAllUsersModelBackend, ModelBackend
from django.core import checks, mail
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.test import Client
from pytest_django import Settings

from cognito_mfa.backends import CognitoBackend
from cognito_mfa.cognito.transport import call
from cognito_mfa.conf import SETTINGS
from cognito_mfa.exceptions import Misconfigured
from cognito_mfa.local import LocalCognito
from cognito_mfa.local import make_client as make_local_client
from cognito_mfa.local.pool import LocalPool
from tests.visitor import CLIENT_ID, PASSWORD, Visitor


class OwnBackend(CognitoBackend):
    """A site's own version of ours."""


class OwnModelBackend(ModelBackend):
    """A site's own version of Django's, which asks for a password alone."""


OURS = ["cognito_mfa.backends.CognitoBackend", f"{__name__}.OwnBackend"]


def trust(settings: Settings, given: Any, *backends: str) -> None:
    settings.AUTHENTICATION_BACKENDS = [
        *dict.fromkeys(
            [
                *settings.AUTHENTICATION_BACKENDS,
                *(backends or given),
            ]
        )
    ]
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "TRUSTED_BACKENDS": given}


def found() -> dict[str, list[str]]:
    messages: dict[str, list[str]] = {}
    for message in checks.run_checks():
        messages.setdefault(str(message.id), []).append(str(message.msg))
    return messages


@pytest.mark.django_db
@pytest.mark.parametrize("backend", OURS)
@pytest.mark.parametrize("word", ["", "elsewhere", "enrolled", "everyone"])
def test_trust_in_our_own_backend_opens_nothing(
    settings: Settings, backend: str, word: str
) -> None:
    """Goes red without ``Conf.trust_in``'s look at ``believes`` (conf.py)."""
    trust(settings, {backend: word} if word else [backend], backend)
    client = Client()
    client.force_login(get_user_model().objects.create_user("ada"), backend=backend)
    assert client.get("/private/").status_code == 302


@pytest.mark.parametrize("backend", OURS)
@pytest.mark.parametrize("word", ["", "elsewhere", "enrolled", "everyone"])
def test_trust_in_our_own_backend_is_an_error(settings: Settings, backend: str, word: str) -> None:
    trust(settings, {backend: word} if word else [backend], backend)
    assert any(backend in text for text in found().get("cognito_mfa.E028", ()))


@pytest.mark.parametrize(
    "backend",
    [
        f"{kind.__module__}.{kind.__qualname__}"
        for kind in (ModelBackend, AllowAllUsersModelBackend, OwnModelBackend)
    ],
)
def test_trust_in_a_password_alone_is_told_of_every_subclass(
    settings: Settings, backend: str
) -> None:
    trust(settings, [backend])
    assert any(backend in text for text in found().get("cognito_mfa.W007", ()))


@pytest.mark.django_db
def test_trust_in_a_backend_that_cannot_be_imported_opens_nothing(settings: Settings) -> None:
    trust(settings, ["nowhere.Backend"])
    from cognito_mfa.conf import get_conf

    assert get_conf().trust_in("nowhere.Backend") is None


ENDPOINTS_REFUSED = [
    ("AWS_ENDPOINT_URL", "http://127.0.0.1:9", "a generic address, as set for a file store"),
    ("AWS_ENDPOINT_URL", "https://files.example", "the same over TLS"),
    ("AWS_ENDPOINT_URL", "https://amazonaws.com.evil.example", "a name that looks like AWS's"),
    ("AWS_ENDPOINT_URL", "https://files.s3.eu-west-1.amazonaws.com", "somebody's bucket at AWS"),
    ("AWS_ENDPOINT_URL", "https://cognito-idp.s3.amazonaws.com", "a bucket with Cognito's name"),
    ("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", "http://files.example", "no TLS"),
    ("ENDPOINT_URL", "http://files.example", "no TLS, by our own setting"),
    ("ENDPOINT_URL", "http://127.0.0.1.files.example", "a name that looks local"),
    ("ENDPOINT_URL", "http://cognito-idp.us-east-1.amazonaws.com", "AWS without TLS"),
]


@pytest.mark.parametrize(("name", "url", "why"), ENDPOINTS_REFUSED)
def test_no_password_is_sent_to_an_address_that_no_one_named_for_cognito(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, name: str, url: str, why: str
) -> None:
    """Goes red without ``refuse_endpoint`` in ``clients._build``: a connection is tried."""
    conf = {**settings.COGNITO_MFA, "CLIENT_FACTORY": SETTINGS["CLIENT_FACTORY"].default}
    if name == "ENDPOINT_URL":
        conf[name] = url
    else:
        monkeypatch.setenv(name, url)
    settings.COGNITO_MFA = conf
    parameters = {"USERNAME": "ada", "PASSWORD": PASSWORD}
    with pytest.raises(Misconfigured) as raised:
        call(
            "InitiateAuth",
            {
                "AuthFlow": "USER_PASSWORD_AUTH",
                "ClientId": CLIENT_ID,
                "AuthParameters": parameters,
            },
        )
    assert raised.value.error == "EndpointRefused"
    assert "endpoint" in raised.value.hint.lower()


def test_the_local_cognito_may_be_reached_where_it_is_named(
    settings: Settings, cognito: LocalCognito
) -> None:
    factory = SETTINGS["CLIENT_FACTORY"].default
    with cognito.serve() as server:
        settings.COGNITO_MFA = {
            **settings.COGNITO_MFA,
            "CLIENT_FACTORY": factory,
            "ENDPOINT_URL": server.url,
        }
        with pytest.raises(Exception, match=r"bad_credentials|service_problem"):
            call(
                "InitiateAuth",
                {
                    "AuthFlow": "USER_PASSWORD_AUTH",
                    "ClientId": CLIENT_ID,
                    "AuthParameters": {"USERNAME": "ada", "PASSWORD": PASSWORD},
                },
            )
    assert cognito.operations() == ["InitiateAuth"]


@pytest.mark.parametrize("factory", ["its own", "of the object", "wrapped"])
@pytest.mark.parametrize("allowed", ["no", "debug", "silenced", "in tests"])
def test_the_local_cognito_answers_no_real_site(
    factory: str,
    allowed: str,
    pool: LocalPool,
    visitor: Visitor,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """``endpoints.refuse_local``: a server process runs no checks, E011 among them."""
    factories = {
        "its own": "cognito_mfa.local.make_client",
        "of the object": visitor.cognito.client,
        "wrapped": partial(make_local_client),
    }
    settings.DEBUG = allowed == "debug"
    settings.SILENCED_SYSTEM_CHECKS = ["cognito_mfa.E011"] if allowed == "silenced" else []
    if allowed != "in tests":
        monkeypatch.delattr(mail, "outbox")
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "CLIENT_FACTORY": factories[factory]}
    answer = visitor.sign_in()
    is_asked = bool(visitor.cognito.operations())
    assert (answer.answered, is_asked) == ((503, False) if allowed == "no" else (302, True))


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 1e300, -1, 0, True, "3600"])
@pytest.mark.parametrize(
    "name",
    [
        "PROOF_MAX_AGE",
        "REAUTH_MAX_AGE",
        "GRACE_PERIOD",
        "SESSION_IDLE",
        "STATUS_MAX_AGE",
        "GRANT_MAX_AGE",
    ],
)
def test_no_duration_is_without_end(settings: Settings, name: str, value: object) -> None:
    """Goes red without the bound in ``setting_readers.seconds``."""
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, name: value}
    assert any(name in text for text in found().get("cognito_mfa.E003", ()))


OWN = f"{__name__}."


def test_a_subclass_of_the_page_cache_is_a_page_cache(settings: Settings) -> None:
    settings.MIDDLEWARE = [f"{OWN}OwnCache", *settings.MIDDLEWARE]
    assert "cognito_mfa.E016" in found()


def test_a_subclass_of_the_gate_is_a_gate(settings: Settings) -> None:
    gate = "cognito_mfa.middleware.RequireMFAMiddleware"
    settings.MIDDLEWARE = [
        f"{OWN}StricterGate" if name == gate else name for name in settings.MIDDLEWARE
    ]
    assert not {"cognito_mfa.E006", "cognito_mfa.E007"} & set(found())


@pytest.mark.parametrize("application", [WSGIHandler, ASGIHandler])
def test_no_server_serves_a_site_with_sessions_in_cookies(
    settings: Settings, application: Callable[[], object]
) -> None:
    """Servers run no system checks."""
    application()
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    with pytest.raises(ImproperlyConfigured, match="Set SESSION_ENGINE to a server-side backend"):
        application()


def test_sessions_in_signed_cookies_by_another_name_are_found(settings: Settings) -> None:
    settings.SESSION_ENGINE = __name__
    assert "cognito_mfa.E009" in found()


@pytest.mark.parametrize(
    ("setting", "value"),
    [("REQUIRED_FROM", "2999-01-01"), ("GRACE_PERIOD", 400 * 86400.0)],
)
def test_a_roll_out_that_never_ends_is_told(
    settings: Settings, setting: str, value: object
) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, setting: value}
    told = checks.run_checks(include_deployment_checks=True)
    assert any(message.id == "cognito_mfa.W031" and setting in message.msg for message in told)


def __getattr__(name: str) -> Any:
    """Make what the settings above name when it is asked for: their bases need Django's settings."""
    if name == "OwnCache":
        from django.middleware.cache import FetchFromCacheMiddleware

        return type(name, (FetchFromCacheMiddleware,), {})
    if name == "StricterGate":
        from cognito_mfa.middleware import RequireMFAMiddleware

        return type(name, (RequireMFAMiddleware,), {})
    if name == "SessionStore":
        from django.contrib.sessions.backends.signed_cookies import SessionStore

        return type(name, (SessionStore,), {})
    raise AttributeError(name)
