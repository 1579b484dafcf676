"""System checks: each id with a site that fails and one that passes, and a row in the documentation."""

from __future__ import annotations

import datetime as dt
import http.client
import inspect
import logging
import re
from collections.abc import Callable, Iterator
from functools import wraps
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin import AdminSite
from django.contrib.auth.models import Group, User
from django.core import checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from pytest_django import Settings
from rest_framework.permissions import IsAuthenticated

from cognito_mfa.checks import ALWAYS, DEPLOYED, OF_DATABASE
from cognito_mfa.cognito.clients import has_operation
from cognito_mfa.contrib.rest_framework import IsMFAVerified, asks_for_factor
from cognito_mfa.decorators import mfa_exempt
from cognito_mfa.models import CognitoIdentity, PoolPolicy
from cognito_mfa.monitoring.redaction import RemoveSecrets
from tests.checks import sites
from tests.checks.changes import (
    AUTHENTICATION,
    ELSEWHERE,
    GATE,
    LOCMEM,
    OURS,
    SESSIONS,
    THEIRS,
    both,
    conf,
    found,
    middleware,
    site,
    without,
)
from tests.urls import urlpatterns as site_urls

# Django's own check of a JSON field asks the database.
pytestmark = pytest.mark.django_db
CACHE = "django.middleware.cache.FetchFromCacheMiddleware"
DBCACHE = "django.core.cache.backends.db.DatabaseCache"
DOCS = Path(__file__).resolve().parents[2] / "docs" / "checks.md"


@pytest.fixture(autouse=True)
def _no_logging_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """From Django 6.1 on, a test that sets LOGGING configures logging, which silences ``django.dispatch``
    and others for good.
    """
    monkeypatch.setattr("django.test.signals.configure_logging", lambda *_: None, raising=False)


def no_profile(**_given: Any) -> Any:
    """Fail as boto3 does where ``AWS_PROFILE`` names a profile that is not there."""
    from botocore.exceptions import ProfileNotFound

    raise ProfileNotFound(profile="nobody")


def view(_request: HttpRequest) -> HttpResponse:
    raise NotImplementedError


def loud_botocore(_settings: Settings) -> None:
    """Do what ``boto3.set_stream_logger("botocore")`` does, until ``quiet_again``."""
    logger = logging.getLogger("botocore")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(logging.NullHandler())


def printing_http_client(_settings: Settings) -> None:
    """Do what tutorials show, until ``quiet_again``."""
    http.client.HTTPConnection.debuglevel = 1


@pytest.fixture(autouse=True)
def quiet_again() -> Iterator[None]:
    yield
    http.client.HTTPConnection.debuglevel = 0
    logger = logging.getLogger("botocore")
    logger.setLevel(logging.NOTSET)
    logger.propagate = True
    for handler in list(logger.handlers):
        if isinstance(handler, logging.NullHandler):
            logger.removeHandler(handler)


own_admin = AdminSite(name="own_admin")


class CoveredUrls:
    """A URLconf whose own view answers where our sign-in should."""

    urlpatterns = [path("account/sign-in/", view), *site_urls]


class TwoAdminsUrls:
    """A URLconf with an admin site that knows nothing of the gate."""

    urlpatterns = [path("own-admin/", own_admin.urls), *site_urls]


class BareUrls:
    """A URLconf with our pages alone."""

    urlpatterns = [path("account/", include("cognito_mfa.urls"))]


def _decorated(view: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator of the site's own."""

    @wraps(view)
    def inner(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs)

    return inner


class MarkInsideUrls:
    """A view with its mark under another decorator."""

    urlpatterns = [
        path("account/", include("cognito_mfa.urls")),
        path("help/", _decorated(mfa_exempt(view))),
    ]


class OursElsewhere:
    """A router that forgot the users."""

    def db_for_write(self, model: Any, **_hints: Any) -> str | None:
        return "people" if model._meta.app_label == "cognito_mfa" else None


class OwnFallback:
    """Stands for middleware of flatpages, which the tests' site does not have."""

    __module__ = "django.contrib.flatpages.middleware"
    __qualname__ = "FlatpageFallbackMiddleware"


def needs(package: str) -> pytest.MarkDecorator:
    """Skip a case where ``package``, whose own code the checks import, is not installed."""
    return pytest.mark.skipif(find_spec(package) is None, reason=f"{package} is not installed")


def no_settings(settings: Settings) -> None:
    del settings.COGNITO_MFA


def environment(**values: str) -> Callable[[Settings], None]:
    def change(_settings: Settings) -> None:
        patch = pytest.MonkeyPatch()
        for name, value in values.items():
            patch.setenv(name, value)
        UNDO.append(patch)

    return change


def installed(name: str) -> Callable[[Settings], None]:
    """Return what makes Django think that ``name`` is installed, which the tests need not have."""

    def change(_settings: Settings) -> None:
        is_installed, patch = apps.is_installed, pytest.MonkeyPatch()
        patch.setattr(apps, "is_installed", lambda app: app == name or is_installed(app))
        UNDO.append(patch)

    return change


BOTH_CACHES = "django.middleware.cache.CacheMiddleware"
FALLBACK = "tests.checks.test_checks.OwnFallback"
UNDO: list[pytest.MonkeyPatch] = []


@pytest.fixture(autouse=True)
def _undone() -> Any:
    yield
    while UNDO:
        UNDO.pop().undo()


def own_sessions(settings: Settings) -> None:
    """Let the site have sessions that Django's own checks do not look at."""
    middleware, app = (
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.sessions",
    )
    own = "tests.checks.sites.OwnSessions"
    settings.MIDDLEWARE = [own if entry == middleware else entry for entry in settings.MIDDLEWARE]
    config = f"{app}.apps.SessionsConfig"
    settings.INSTALLED_APPS = [config if name == app else name for name in settings.INSTALLED_APPS]


def without_authentication(settings: Settings) -> None:
    settings.MIDDLEWARE = [entry for entry in settings.MIDDLEWARE if entry != AUTHENTICATION]


def without_admin(settings: Settings) -> None:
    settings.ROOT_URLCONF = BareUrls
    settings.INSTALLED_APPS = [
        name for name in settings.INSTALLED_APPS if "admin" not in name.lower()
    ]


MOZILLA = "cognito_mfa.contrib.mozilla_oidc.access_token"
ALLAUTH = "cognito_mfa.contrib.allauth.access_token"
MOZILLAS_BACKEND = "mozilla_django_oidc.auth.OIDCAuthenticationBackend"
WITHOUT_SCOPE = site(SOCIALACCOUNT_PROVIDERS={"openid_connect": {"SCOPE": ["openid"]}})
WITH_ELSEWHERE = site(AUTHENTICATION_BACKENDS=[OURS, ELSEWHERE])
WITH_ALLAUTH = conf(
    TOKEN_PROVIDER=ALLAUTH, ALLAUTH_PROVIDER="cognito", TRUSTED_BACKENDS={ELSEWHERE: "enrolled"}
)
WITH_MOZILLA = conf(TOKEN_PROVIDER=MOZILLA, TRUSTED_BACKENDS={ELSEWHERE: "enrolled"})
ALLAUTH_APP = site(
    SOCIALACCOUNT_PROVIDERS={
        "openid_connect": {
            "SCOPE": ["openid", "aws.cognito.signin.user.admin"],
            "AUTH_PARAMS": {"prompt": "login"},
            "OAUTH_PKCE_ENABLED": True,
            "APPS": [{"provider_id": "cognito"}],
        }
    }
)


def with_pkce(*, provider: bool, app: bool | None) -> Callable[[Settings], None]:
    """Let allauth's provider, and its app, say whether PKCE is used; None for an app that says nothing."""
    own = {} if app is None else {"settings": {"oauth_pkce_enabled": app}}
    apps = [{"provider_id": "cognito", **own}]
    return site(
        SOCIALACCOUNT_PROVIDERS={"openid_connect": {"OAUTH_PKCE_ENABLED": provider, "APPS": apps}}
    )


MOZILLA_ASKS = site(
    OIDC_RP_SCOPES="openid aws.cognito.signin.user.admin",
    OIDC_AUTH_REQUEST_EXTRA_PARAMS={"prompt": "login"},
)
KEEPS_NONE = site(AUTHENTICATION_BACKENDS=[OURS, MOZILLAS_BACKEND], OIDC_STORE_ID_TOKEN=True)
NO_TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]
CROSS_SITE = {
    "SESSION_COOKIE_SAMESITE": "None",
    "CSRF_COOKIE_SAMESITE": "None",
    "SESSION_COOKIE_SECURE": True,
    "CSRF_COOKIE_SECURE": True,
}


def front_end_at_another_host(settings: Settings) -> None:
    """Let the site have a front end at a subdomain of its own."""
    app = "https://app.example.com"
    conf(API_ORIGINS=[app])(settings)
    middleware(first=("corsheaders.middleware.CorsMiddleware",), last=(GATE,))(settings)
    site(
        ALLOWED_HOSTS=["www.example.com"],
        CSRF_TRUSTED_ORIGINS=[app],
        CORS_ALLOWED_ORIGINS=[app],
        CORS_ALLOW_CREDENTIALS=True,
    )(settings)


def without_cors(settings: Settings) -> None:
    settings.MIDDLEWARE = settings.MIDDLEWARE[1:]


FRONT_END = front_end_at_another_host

BAD: list[tuple[str, Callable[[Settings], None]]] = [
    ("E001", without("CLIENT_ID")),
    ("E001", no_settings),
    ("E002", conf(CLIENT="x")),
    ("E003", conf(REQUIRED="evrybody")),
    ("E003", conf(REQUIRED="False")),
    ("E003", conf(CREATE_USERS="no")),
    ("E003", conf(USER_POOL_ID="pool")),
    ("E003", conf(REQUIRED_FROM="soon")),
    ("E003", conf(ENDPOINT_URL="127.0.0.1:9229")),
    ("E004", site(COGNITO_MFA=["x"])),
    ("E005", conf(USER_RESOLVER="mysite.nowhere.resolver")),
    ("E005", conf(REQUIRED="django.conf.settings")),
    ("E005", conf(CLIENT_FACTORY="tests.nothing")),
    ("E006", middleware()),
    ("E032", middleware(last=("tests.checks.sites.cut_off",))),
    ("W043", middleware(last=("tests.checks.sites.Forgetful",))),
    ("W044", both(middleware(last=(GATE,)), both(without_authentication, without_admin))),
    ("E034", middleware(first=("tests.nowhere.Gate",), last=(GATE,))),
    (
        "E033",
        both(
            site(LOGIN_URL="login", ROOT_URLCONF=sites.DjangosLogin),
            site(AUTHENTICATION_BACKENDS=[OURS]),
        ),
    ),
    ("W045", both(site(ROOT_URLCONF=sites.DjangosLogin), site(AUTHENTICATION_BACKENDS=[OURS]))),
    ("W046", site(ROOT_URLCONF=sites.DjangosLogin)),
    ("W047", site(LOGIN_REDIRECT_URL="/accounts/profile/")),
    ("W049", site(ROOT_URLCONF=sites.CoveredPage)),
    ("W048", site(ROOT_URLCONF=sites.NinjaLike)),
    ("E007", middleware(first=(GATE,))),
    ("E008", site(AUTHENTICATION_BACKENDS=[THEIRS])),
    ("E009", site(SESSION_ENGINE=f"{SESSIONS}.signed_cookies")),
    ("E010", site(ROOT_URLCONF="django.contrib.auth.urls")),
    ("E012", conf(ENDPOINT_URL="http://cognito.example")),
    ("E012", environment(AWS_ENDPOINT_URL="http://cognito.example")),
    ("E012", environment(AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER="http://x.amazonaws.com")),
    ("E038", conf(CELERY=True)),
    ("E014", conf(ISSUER="Example: Ltd")),
    ("E027", conf(SUPPORT_URL="javascript:alert(1)")),
    ("E027", conf(SUPPORT_URL="//elsewhere.example/help")),
    ("E027", conf(SUPPORT_URL="help/")),
    ("E027", conf(SUPPORT_URL="/\n/elsewhere.example/")),
    ("E027", conf(SUPPORT_URL="https://example.com/a b")),
    ("E029", conf(USER_FIELDS={"given_name": "nickname"})),
    ("E029", conf(USER_FIELDS={"custom:staff": "is_staff"})),
    ("E029", conf(USER_FIELDS={"custom:staff": "is_superuser"})),
    ("E029", conf(USER_FIELDS={"custom:on": "is_active"})),
    ("E029", conf(USER_FIELDS={"custom:password": "password"})),
    ("E029", conf(USER_FIELDS={"custom:group": "groups"})),
    ("E029", conf(USER_FIELDS={"custom:id": "id"})),
    ("E029", conf(USER_FIELDS={"custom:since": "date_joined"})),
    ("E029", conf(USER_FIELDS={"preferred_username": "username"})),
    ("E029", conf(USER_FIELDS={"custom:work_email": "email"})),
    ("E015", conf(REGION="eu-west-1")),
    ("E031", conf(REGION="us east 1")),
    ("W039", conf(USER_POOL_ID="local_2kFmGWGB", REGION="us-east-1")),
    ("W039", conf(USER_POOL_ID="mypool_1", REGION="us-east-1")),
    ("E003", conf(USER_POOL_ID="local_2kFmGWGB")),
    ("E016", middleware(first=(CACHE,), last=(GATE,))),
    ("E016", middleware(last=(GATE, CACHE))),
    ("E016", middleware(first=(AUTHENTICATION, GATE), last=(BOTH_CACHES,))),
    ("E025", middleware(first=(FALLBACK,), last=(GATE,))),
    ("E026", middleware(last=(GATE, "tests.checks.sites.RevisionMiddleware"))),
    ("E017", site(ROOT_URLCONF=CoveredUrls)),
    ("E018", site(TEMPLATES=NO_TEMPLATES)),
    ("E019", conf(TRUSTED_BACKENDS=["mozilla_django_oidc.auth.OIDCAuthenticationBackend"])),
    ("E020", conf(TRUSTED_BACKENDS={THEIRS: "enrolled"})),
    ("E020", conf(TRUSTED_BACKENDS={THEIRS: "everyone"})),
    ("W001", conf(PROOF_MAX_AGE=25 * 3600)),
    ("W002", conf(REAUTH_MAX_AGE=1201)),
    ("W027", conf(SESSION_IDLE=12 * 3600)),
    ("W029", conf(GRANT_MAX_AGE=367 * 86400)),
    ("W063", conf(GRACE_PERIOD=14)),
    ("W063", conf(PROOF_MAX_AGE=12)),
    ("W063", conf(REAUTH_MAX_AGE=5)),
    ("W063", conf(SESSION_IDLE=30)),
    ("W063", conf(STATUS_MAX_AGE=dt.timedelta(milliseconds=7))),
    ("W063", conf(GRANT_MAX_AGE=30)),
    ("W003", without("ISSUER")),
    ("W030", conf(SUPPORT_URL="/help/")),
    ("W004", conf(ENDPOINT_URL="https://cognito.example")),
    ("W004", conf(ENDPOINT_URL="https://evil-amazonaws.com")),
    ("W004", environment(AWS_ENDPOINT_URL="https://amazonaws.com.evil.example")),
    ("W005", site(SESSION_ENGINE=f"{SESSIONS}.cache", CACHES={"default": {"BACKEND": LOCMEM}})),
    ("W006", site(LOGIN_URL="/accounts/login/")),
    ("W006", site(LOGIN_URL="login")),
    ("W007", conf(TRUSTED_BACKENDS=[THEIRS])),
    ("E028", conf(TRUSTED_BACKENDS=["cognito_mfa.backends.CognitoBackend"])),
    ("W024", site(ROOT_URLCONF=MarkInsideUrls)),
    ("W041", site(DATABASE_ROUTERS=[OursElsewhere()])),
    ("W008", site(ROOT_URLCONF=TwoAdminsUrls)),
    ("W009", site(REST_FRAMEWORK={})),
    (
        "W009",
        site(
            REST_FRAMEWORK={"DEFAULT_PERMISSION_CLASSES": ["tests.enforcement.permissions.EITHER"]}
        ),
    ),
    ("W042", site(AUTHENTICATION_BACKENDS=[OURS, THEIRS, "tests.backends.Veto"])),
    ("W010", installed("channels")),
    ("W011", site(LOGGING={"version": 1, "root": {"level": "DEBUG"}})),
    ("W011", site(LOGGING={"version": 1, "loggers": {"botocore": {"level": "DEBUG"}}})),
    ("E023", conf(TOKEN_PROVIDER=ALLAUTH)),
    ("E023", conf(TOKEN_PROVIDER=ALLAUTH, ALLAUTH_PROVIDER="")),
    ("E024", both(WITH_ELSEWHERE, conf(TOKEN_PROVIDER=view, TRUSTED_BACKENDS=[ELSEWHERE]))),
    ("W022", conf(TOKEN_PROVIDER=MOZILLA)),
    (
        "W022",
        both(conf(TOKEN_PROVIDER=MOZILLA), site(OIDC_AUTH_REQUEST_EXTRA_PARAMS={"prompt": "none"})),
    ),
    ("W022", both(conf(TOKEN_PROVIDER=ALLAUTH), WITHOUT_SCOPE)),
    ("W021", conf(TOKEN_PROVIDER=ALLAUTH, ALLAUTH_PROVIDER="cognito")),
    ("W021", both(conf(TOKEN_PROVIDER=ALLAUTH, ALLAUTH_PROVIDER="amazon_cognito"), ALLAUTH_APP)),
    ("W021", both(WITH_ALLAUTH, with_pkce(provider=True, app=False))),
    ("W021", both(WITH_ALLAUTH, with_pkce(provider=False, app=None))),
    ("W021", both(conf(TOKEN_PROVIDER=MOZILLA), site(OIDC_USE_NONCE=False))),
    ("W023", conf(TOKEN_PROVIDER=ALLAUTH, ALLAUTH_PROVIDER="cognito")),
    ("W023", both(conf(TOKEN_PROVIDER=ALLAUTH, ALLAUTH_PROVIDER="cognito"), WITHOUT_SCOPE)),
    ("W017", conf(TOKEN_PROVIDER=view)),
    ("W017", conf(TOKEN_PROVIDER=view, TRUSTED_BACKENDS={THEIRS: "elsewhere"})),
    ("W018", conf(TOKEN_PROVIDER=MOZILLA, TRUSTED_BACKENDS=[THEIRS])),
    ("W018", both(conf(TOKEN_PROVIDER=ALLAUTH, TRUSTED_BACKENDS=[THEIRS]), WITHOUT_SCOPE)),
    ("E035", conf(RECOVERY_CODES=True, CLIENT_FACTORY="tests.security.old_boto3.make_client")),
    ("W051", conf(RECOVERY_CODES=True, TOKEN_PROVIDER=view)),
    ("E040", both(FRONT_END, site(CSRF_TRUSTED_ORIGINS=[]))),
    ("E040", both(FRONT_END, site(CSRF_TRUSTED_ORIGINS=["https://*.other.example"]))),
    ("E041", both(FRONT_END, site(SESSION_COOKIE_SAMESITE="None", CSRF_COOKIE_SECURE=False))),
    ("W058", both(FRONT_END, site(CORS_ALLOW_CREDENTIALS=False))),
    ("W058", both(FRONT_END, site(CORS_ALLOWED_ORIGINS=[]))),
    ("W058", both(FRONT_END, without_cors)),
    ("W059", both(FRONT_END, site(ALLOWED_HOSTS=["www.example.org"]))),
    (
        "W059",
        both(
            FRONT_END,
            site(ALLOWED_HOSTS=["www.example.org"], SESSION_COOKIE_SAMESITE="None"),
        ),
    ),
    ("W019", both(conf(TOKEN_PROVIDER=MOZILLA, TRUSTED_BACKENDS=[MOZILLAS_BACKEND]), KEEPS_NONE)),
]
BAD_DEPLOYED: list[tuple[str, Callable[[Settings], None]]] = [
    ("W012", both(site(SESSION_COOKIE_SECURE=False), own_sessions)),
    ("W013", both(site(SESSION_COOKIE_HTTPONLY=False), own_sessions)),
    ("W014", site(SESSION_COOKIE_SAMESITE="None")),
    ("W014", site(SESSION_COOKIE_SAMESITE=False)),
    ("W015", conf(ENFORCEMENT="observe")),
    ("W015", conf(REQUIRED=False)),
    ("W031", conf(REQUIRED_FROM="2999-01-01")),
    ("W031", conf(GRACE_PERIOD=400 * 86400.0)),
    ("W056", conf(CIRCUIT_BREAKER=None)),
    ("W016", site(ALLOWED_HOSTS=["*"])),
    ("W020", conf(TRUST_POOL_EMAIL=True)),
    ("W050", conf(RECOVERY_CODES=True, CLIENT_FACTORY="tests.security.no_credentials.make_client")),
    ("W050", conf(RECOVERY_CODES=True, CLIENT_FACTORY="tests.checks.test_checks.no_profile")),
    ("W060", loud_botocore),
    ("W061", printing_http_client),
]
CLEAN_LOGGING = {
    "version": 1,
    "filters": {"secrets": {"()": "cognito_mfa.monitoring.redaction.RemoveSecrets"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "filters": ["secrets"]}},
    "root": {"handlers": ["console"], "level": "DEBUG"},
}

GOOD: list[Any] = [
    pytest.param(
        conf(RECOVERY_CODES=True),
        marks=pytest.mark.skipif(
            not has_operation("AdminDeleteSoftwareToken"),
            reason="AdminDeleteSoftwareToken is newer than the installed botocore",
        ),
    ),
    site(LOGGING=CLEAN_LOGGING),
    FRONT_END,
    both(FRONT_END, site(CSRF_TRUSTED_ORIGINS=["https://*.example.com"])),
    both(FRONT_END, site(ALLOWED_HOSTS=["x.org"], **CROSS_SITE)),
    both(
        FRONT_END,
        site(
            ALLOWED_HOSTS=["x.org"],
            **{**CROSS_SITE, "CSRF_COOKIE_SAMESITE": "Lax", "CSRF_USE_SESSIONS": True},
        ),
    ),
    conf(ENDPOINT_URL="https://vpce-1.cognito-idp.eu-west-1.vpce.amazonaws.com"),
    conf(ENDPOINT_URL="https://cognito-idp-fips.us-east-1.api.aws"),
    conf(ENDPOINT_URL="https://cognito-idp.cn-north-1.api.amazonwebservices.com.cn"),
    conf(ENDPOINT_URL="https://cognito-idp.eusc-de-east-1.amazonaws.eu"),
    conf(ENDPOINT_URL="https://cognito-idp.us-iso-east-1.c2s.ic.gov"),
    environment(AWS_ENDPOINT_URL="https://cognito-idp.cn-north-1.amazonaws.com.cn"),
    site(DEBUG=True, LOGGING={"version": 1, "root": {"level": "DEBUG"}}),
    conf(REQUIRED="staff"),
    conf(REQUIRED={"groups": ["Editors"]}),
    conf(REQUIRED="tests.enforcement.rules.astaff_only"),
    conf(REQUIRED_FROM="2026-12-01", GRACE_PERIOD=3600),
    both(WITH_ELSEWHERE, conf(TRUSTED_BACKENDS=[ELSEWHERE])),
    both(WITH_ELSEWHERE, conf(TRUSTED_BACKENDS={ELSEWHERE: "elsewhere"})),
    both(WITH_ELSEWHERE, conf(TOKEN_PROVIDER=view, TRUSTED_BACKENDS={ELSEWHERE: "enrolled"})),
    both(WITH_ELSEWHERE, conf(TOKEN_PROVIDER=view, TRUSTED_BACKENDS={ELSEWHERE: "everyone"})),
    pytest.param(both(WITH_ELSEWHERE, both(WITH_ALLAUTH, ALLAUTH_APP)), marks=needs("allauth")),
    pytest.param(
        both(WITH_ELSEWHERE, both(WITH_MOZILLA, MOZILLA_ASKS)), marks=needs("mozilla_django_oidc")
    ),
    conf(REGION="us-east-1"),
    site(LOGIN_URL="https://login.example.com/"),
    site(LOGIN_URL="/account/sign-in/?from=here"),
    site(ROOT_URLCONF=BareUrls, LOGIN_REDIRECT_URL="cognito_mfa:device"),
    site(SESSION_ENGINE=f"{SESSIONS}.cached_db", CACHES={"default": {"BACKEND": DBCACHE}}),
    site(REST_FRAMEWORK={"DEFAULT_PERMISSION_CLASSES": ["tests.enforcement.permissions.BOTH"]}),
    site(
        LOGGING={
            "version": 1,
            "root": {"level": "DEBUG"},
            "loggers": {"botocore": {"level": "INFO"}},
        }
    ),
]


def numbered(cases: list[tuple[str, Any]]) -> list[str]:
    return [f"{number}-{place}" for place, (number, _) in enumerate(cases)]


def test_a_good_site_has_nothing_to_say(settings: Settings) -> None:
    assert found() == {}
    settings.SESSION_COOKIE_SECURE = True
    assert found(deploy=True) == {}


@pytest.mark.parametrize(("number", "spoil"), BAD, ids=numbered(BAD))
def test_what_is_wrong_is_told_with_an_id_and_a_hint(
    number: str, spoil: Callable[[Settings], None], settings: Settings
) -> None:
    spoil(settings)
    assert_told(found(), number)


@pytest.mark.parametrize(("number", "spoil"), BAD_DEPLOYED, ids=numbered(BAD_DEPLOYED))
def test_some_of_it_only_matters_where_the_site_is_deployed(
    number: str, spoil: Callable[[Settings], None], settings: Settings
) -> None:
    settings.SESSION_COOKIE_SECURE = True
    spoil(settings)
    assert f"cognito_mfa.{number}" not in found()
    assert_told(found(deploy=True), number)


def assert_told(messages: dict[str, checks.CheckMessage], number: str) -> None:
    message = messages[f"cognito_mfa.{number}"]
    assert message.level == (checks.ERROR if number[0] == "E" else checks.WARNING)
    assert message.hint
    assert str(message.msg)[0].isupper() or str(message.msg).startswith(
        ("COGNITO_MFA", "cognito_mfa", "django-ninja", "'")
    )
    assert str(message.msg).endswith(".")


@pytest.mark.parametrize("change", GOOD, ids=range(len(GOOD)))
def test_what_is_fine_is_not_told(change: Callable[[Settings], None], settings: Settings) -> None:
    change(settings)
    assert found() == {}


def ids(settings: Settings, change: Callable[[Settings], None]) -> set[str]:
    """Return the messages of ``check --deploy`` that ``change`` adds, Django's included."""

    def messages() -> set[str]:
        return {str(one.id) for one in checks.run_checks(include_deployment_checks=True)}

    before = messages()
    change(settings)
    return messages() - before


SAME_CAUSE: list[tuple[Callable[[Settings], None], set[str]]] = [
    (site(SESSION_COOKIE_SECURE=False), {"security.W012"}),
    (site(SESSION_COOKIE_HTTPONLY=False), {"security.W015"}),
    (without_authentication, {"admin.E408"}),
    (site(TEMPLATES=[]), {"admin.E403"}),
    (conf(SUPPORT_URL="/\n/elsewhere.example/"), {"cognito_mfa.E027"}),
    (conf(RECOVERY_CODES=True, CLIENT_FACTORY="tests.nothing"), {"cognito_mfa.E005"}),
    (
        conf(
            RECOVERY_CODES=True,
            CLIENT_FACTORY="cognito_mfa.cognito.make_client",
            ENDPOINT_URL="http://cognito.example",
        ),
        {"cognito_mfa.E012"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("change", "told"), SAME_CAUSE, ids=range(len(SAME_CAUSE)))
def test_one_message_for_each_cause(
    change: Callable[[Settings], None], told: set[str], settings: Settings
) -> None:
    settings.SESSION_COOKIE_SECURE = True
    middleware(last=(GATE,))(settings)
    assert ids(settings, change) == told


def test_cookies_that_a_front_end_needs_are_no_mistake(settings: Settings) -> None:
    settings.SESSION_COOKIE_SECURE = True
    both(FRONT_END, site(ALLOWED_HOSTS=["x.org"], **CROSS_SITE))(settings)
    assert found(deploy=True) == {}


def test_a_filter_on_the_handler_makes_a_loud_logger_fine(settings: Settings) -> None:
    loud_botocore(settings)
    logging.getLogger("botocore").propagate = False
    for handler in logging.getLogger("botocore").handlers:
        handler.addFilter(RemoveSecrets())
    assert "cognito_mfa.W060" not in found(deploy=True)


@pytest.mark.parametrize("factory", ["no.such.filter", "logging.Filter", logging.Filter, None])
def test_another_filter_is_none(factory: object, settings: Settings) -> None:
    settings.LOGGING = {**CLEAN_LOGGING, "filters": {"secrets": {"()": factory}}}
    assert "cognito_mfa.W011" in found()


BOUND = [
    both(WITH_ALLAUTH, with_pkce(provider=True, app=None)),
    both(WITH_ALLAUTH, with_pkce(provider=False, app=True)),
    both(WITH_MOZILLA, site(OIDC_USE_PKCE=True, OIDC_USE_NONCE=False)),
    WITH_MOZILLA,  # which uses a nonce by default
    conf(TOKEN_PROVIDER=view),
]


@pytest.mark.parametrize("change", BOUND, ids=range(len(BOUND)))
def test_a_code_that_is_bound_to_its_browser(
    change: Callable[[Settings], None], settings: Settings
) -> None:
    change(settings)
    assert "cognito_mfa.W021" not in found()


@pytest.mark.parametrize("rule", ["staff", {"groups": ["Editors"]}])
def test_a_rule_about_what_users_do_not_have(
    rule: object, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    conf(REQUIRED=rule)(settings)
    monkeypatch.setattr("cognito_mfa.enforcement.policy.user_model_has_field", lambda _name: False)
    assert_told(found(), "E013")


def test_the_local_cognito_runs_no_site(settings: Settings) -> None:
    settings.SILENCED_SYSTEM_CHECKS = []
    assert "cognito_mfa.E011" in {message.id for message in checks.run_checks()}
    settings.DEBUG = True
    assert "cognito_mfa.E011" not in {message.id for message in checks.run_checks()}


@pytest.mark.django_db
def test_a_group_that_does_not_exist_is_told(settings: Settings) -> None:
    """A typing error would ask no one for a second factor, in silence."""
    conf(REQUIRED={"groups": ["Editors", "Editers"]})(settings)
    Group.objects.create(name="Editors")
    told = [
        str(m.msg) for m in checks.run_checks(databases=["default"]) if m.id == "cognito_mfa.W032"
    ]
    assert len(told) == 1
    assert "'Editers'" in told[0]
    assert "'Editors'" not in told[0]
    Group.objects.create(name="Editers")
    assert "cognito_mfa.W032" not in {m.id for m in checks.run_checks(databases=["default"])}


@pytest.mark.django_db
def test_links_of_a_former_pool_are_named_once_the_database_is_there() -> None:
    def said() -> list[str]:
        found = checks.run_checks(databases=["default"])
        return [message.msg for message in found if message.id == "cognito_mfa.W036"]

    for name in ("ada", "bob"):
        user = User.objects.create_user(name)
        CognitoIdentity.objects.create(
            user=user, pool_id="us-east-1_Example00", sub=name, username=name
        )
    assert said() == []
    CognitoIdentity.objects.filter(sub="ada").update(pool_id="us-east-1_Other0000")
    assert said()[0].startswith("1 user is linked to the user pool 'us-east-1_Other0000'")
    CognitoIdentity.objects.update(pool_id="us-east-1_Other0000")
    assert said()[0].startswith("2 users are linked")


@pytest.mark.django_db
def test_a_mapped_group_that_does_not_exist_is_told(settings: Settings) -> None:
    conf(GROUPS={"editors": ["Editors", "Editers"]})(settings)
    Group.objects.create(name="Editors")
    told = [
        str(m.msg) for m in checks.run_checks(databases=["default"]) if m.id == "cognito_mfa.W035"
    ]
    assert len(told) == 1
    assert "'Editers'" in told[0]
    Group.objects.create(name="Editers")
    assert "cognito_mfa.W035" not in {m.id for m in checks.run_checks(databases=["default"])}


def test_groups_need_users_who_have_some(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cognito_mfa.enforcement.policy.user_model_has_field", lambda _name: False)
    for given in ({"GROUPS": {"a": "A"}}, {"STAFF_GROUPS": ["a"]}):
        conf(**given)(settings)
        assert_told(found(), "E029")


def test_debug_takes_any_endpoint(settings: Settings) -> None:
    conf(ENDPOINT_URL="http://127.0.0.1:9229")(settings)
    settings.DEBUG = True
    assert found() == {}


def test_composed_permissions_are_understood() -> None:
    assert asks_for_factor(IsMFAVerified)
    assert asks_for_factor(IsAuthenticated & (IsMFAVerified | IsMFAVerified))
    assert not asks_for_factor(IsAuthenticated)
    assert not asks_for_factor(~IsMFAVerified)
    assert not asks_for_factor(IsMFAVerified | IsAuthenticated)


def test_broken_settings_break_no_other_check(settings: Settings) -> None:
    settings.COGNITO_MFA, settings.SESSION_COOKIE_SAMESITE = {}, False
    assert set(found(deploy=True)) == {"cognito_mfa.E001", "cognito_mfa.W014"}


def test_the_checks_are_bound_to_manage_py_check(settings: Settings) -> None:
    conf(CLIENT="x")(settings)
    with pytest.raises(SystemCheckError, match=r"cognito_mfa\.E002"):
        call_command("check")


def in_code() -> set[str]:
    """Return every id that a check can report."""
    modules = {import_module(check.__module__) for check in (*ALWAYS, *DEPLOYED, *OF_DATABASE)}
    sources = "\n".join(inspect.getsource(module) for module in modules)
    return set(re.findall(r'"cognito_mfa\.([EW]\d{3})"', sources))


@pytest.mark.django_db
def test_rules_that_differ_from_the_pool_are_told(settings: Settings) -> None:
    conf(PASSWORD_RULES={"length": 8})(settings)
    PoolPolicy.objects.create(pool_id="us-east-1_Example00", password_rules={"length": 14})
    found = checks.run_checks(databases=["default"])
    hints = [str(message.hint) for message in found if message.id == "cognito_mfa.W038"]
    assert len(hints) == 1
    assert "'length': 14" in hints[0]


def test_every_id_is_tested() -> None:
    elsewhere = {"E011", "E013", "W032", "W035", "W036", "W038"}
    # By ``tests/user_models/names.py``: another user model needs another process.
    elsewhere |= {"W033", "W034"}
    # By ``tests/celery/test_checks.py``.
    elsewhere |= {"W054", "W055"}
    tested = {number for number, _ in (*BAD, *BAD_DEPLOYED)} | elsewhere
    assert in_code() == tested
    assert len(tested) >= 25


def test_every_id_has_a_row_in_the_documentation() -> None:
    rows = re.findall(r"^\| `cognito_mfa\.([EW]\d{3})` \|", DOCS.read_text(), re.MULTILINE)
    assert set(rows) == in_code()
