"""Checks ask what settings lead to: sites that are odd and right, and sites that look right and are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import get_script_prefix, set_script_prefix
from pytest_django import Settings

from cognito_mfa.checks import check_deployment, check_site
from cognito_mfa.enforcement import url_map
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
)

pytestmark = pytest.mark.django_db
Change = Callable[[Settings], None]
HERE = "tests.checks.sites"
COMMON = "django.middleware.common.CommonMiddleware"
ONLY_OURS = site(AUTHENTICATION_BACKENDS=[OURS])


def gate(name: str) -> Change:
    """Return what puts an entry of ``sites`` in place of the gate."""
    change: Change = middleware(last=(f"{HERE}.{name}",))
    return change


def instead_of(entry: str, *others: str) -> Change:
    def change(settings: Settings) -> None:
        at = settings.MIDDLEWARE.index(entry)
        settings.MIDDLEWARE = [*settings.MIDDLEWARE[:at], *others, *settings.MIDDLEWARE[at + 1 :]]

    return change


def urls(name: str | type, **changes: Any) -> Change:
    return site(ROOT_URLCONF=getattr(sites, name) if isinstance(name, str) else name, **changes)


RIGHT: dict[str, Change] = {
    "a derived gate": gate("Derived"),
    "a function that returns the gate": gate("made"),
    "the gate under another's name": gate("renamed"),
    "a gate for both kinds of servers": gate("both_kinds"),
    "a derived gate before other middleware": instead_of(GATE, f"{HERE}.Derived"),
    "derived authentication": instead_of(AUTHENTICATION, f"{HERE}.OwnAuthentication"),
    "a function that returns authentication": instead_of(
        AUTHENTICATION, f"{HERE}.made_authentication"
    ),
    "a derived backend": site(AUTHENTICATION_BACKENDS=["tests.backends.DerivedBackend"]),
    "a function that returns our backend": site(
        AUTHENTICATION_BACKENDS=["tests.backends.make_backend"]
    ),
    "a trusted backend that takes no password": both(
        site(AUTHENTICATION_BACKENDS=[OURS, "django.contrib.auth.backends.RemoteUserBackend"]),
        conf(TRUSTED_BACKENDS=["django.contrib.auth.backends.RemoteUserBackend"]),
    ),
    "revisions without a transaction": middleware(
        last=(GATE, f"{HERE}.RevisionsWithoutTransaction")
    ),
    "a backend for permissions after ours": site(
        AUTHENTICATION_BACKENDS=[OURS, "tests.backends.Permissions"]
    ),
    "an address without its slash": site(LOGIN_URL="/account/sign-in"),
    "an address with a query": site(LOGIN_REDIRECT_URL="/?from=sign-in#top"),
    "a page that signed-in users do not see": urls("Addresses", LOGIN_URL="visitors"),
    "a redirect to ours before Django's form": both(
        urls("CoveredLogin", LOGIN_URL="login"), ONLY_OURS
    ),
    "a form that redirects": both(urls("RedirectingLogin", LOGIN_URL="login"), ONLY_OURS),
    "a form that asks elsewhere": both(urls("LoginElsewhere", LOGIN_URL="login"), ONLY_OURS),
    "a form that asks elsewhere by the same name": both(
        urls(sites.form_urls(sites.authenticate_elsewhere), LOGIN_URL="login"), ONLY_OURS
    ),
    "a derived admin site": urls("GatedAdmin"),
    "an admin site that leads to our sign-in": urls("LedAdmin"),
    "an admin site whose sign-in requires a sign-in": urls("DecoratedAdmin"),
    "an admin site with a redirect before its form": urls("CoveredAdmin"),
    "a guarded API": urls(sites.api_urls("guarded", "derived", "method", "at-the-url", "sessions")),
    "an API for everybody": urls("OpenApiUrls"),
    "guarded views without a default": both(
        urls(sites.api_urls("guarded")), site(REST_FRAMEWORK={})
    ),
    "routes of django-ninja for sessions": urls("NinjaSessions"),
    "sessions in the database, and cached nowhere": site(
        SESSION_ENGINE=f"{SESSIONS}.cached_db",
        CACHES={"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}},
    ),
    "pages of the database": both(
        site(LOGOUT_REDIRECT_URL="/of-the-database/"),
        middleware(last=(GATE, "tests.checks.test_checks.OwnFallback")),
    ),
    "a page of the site's own at the address of ours": urls("OwnPageFirst"),
    "an address elsewhere": site(LOGOUT_REDIRECT_URL="https://example.com/"),
}
WRONG: dict[str, tuple[str, Change]] = {
    "revisions in a transaction": ("E026", middleware(last=(GATE, f"{HERE}.DerivedRevisions"))),
    "another middleware under the gate's name": ("E006", gate("impostor")),
    "a gate that is not used": ("E006", gate("unused")),
    "a gate in a function": ("E032", gate("cut_off")),
    "a gate in an object that is never asked": ("E032", gate("ComposedCutOff")),
    "a gate in an object that may be asked": ("W043", gate("Composed")),
    "a derived gate that stops nobody": ("W043", gate("Forgetful")),
    "a gate that cannot be asked": ("W043", gate("fails")),
    "a derived gate before authentication": ("E007", middleware(first=(f"{HERE}.Derived",))),
    "a function for MIDDLEWARE that is not there": ("E034", gate("nowhere")),
    "a backend that is not there": (
        "E034",
        site(AUTHENTICATION_BACKENDS=[OURS, "tests.backends.Nowhere"]),
    ),
    "a name where a list should be": ("E034", site(AUTHENTICATION_BACKENDS=OURS)),
    "trust in a derived backend": (
        "E028",
        both(
            site(AUTHENTICATION_BACKENDS=["tests.backends.DerivedBackend"]),
            conf(TRUSTED_BACKENDS=["tests.backends.DerivedBackend"]),
        ),
    ),
    "trust in a derived backend that claims it": (
        "E028",
        both(
            site(AUTHENTICATION_BACKENDS=["tests.backends.WidenedBackend"]),
            conf(TRUSTED_BACKENDS=["tests.backends.WidenedBackend"]),
        ),
    ),
    "trust in a function that returns our backend": (
        "E028",
        both(
            site(AUTHENTICATION_BACKENDS=["tests.backends.make_backend"]),
            conf(TRUSTED_BACKENDS=["tests.backends.make_backend"]),
        ),
    ),
    "trust in a function that returns Django's": (
        "W007",
        both(
            site(AUTHENTICATION_BACKENDS=[OURS, "tests.backends.make_djangos_backend"]),
            conf(TRUSTED_BACKENDS=["tests.backends.make_djangos_backend"]),
        ),
    ),
    "a dead form at LOGIN_URL": ("E033", both(urls("DjangosLogin", LOGIN_URL="login"), ONLY_OURS)),
    "a dead API of dj-rest-auth": (
        "W045",
        both(urls(sites.form_urls(sites.RestAuthLogin.as_view())), ONLY_OURS),
    ),
    "a dead API of djoser": (
        "W045",
        both(urls(sites.form_urls(sites.DjoserLogin.as_view())), ONLY_OURS),
    ),
    "a dead form that is wrapped": ("W045", both(urls("WrappedLogin"), ONLY_OURS)),
    "a dead form that is derived": ("W045", both(urls("DerivedLogin"), ONLY_OURS)),
    "a function that asks dead backends": (
        "W045",
        both(urls(sites.form_urls(sites.own_form)), ONLY_OURS),
    ),
    "a function that asks them by their module": (
        "W045",
        both(urls(sites.form_urls(sites.own_form_by_module)), ONLY_OURS),
    ),
    "a class that asks them": (
        "W045",
        both(urls(sites.form_urls(sites.OwnFormView.as_view())), ONLY_OURS),
    ),
    "a wrapped function that asks them": (
        "W045",
        both(urls(sites.form_urls(sites.unknown(sites.own_form))), ONLY_OURS),
    ),
    "a backend that cannot be made": (
        "E034",
        site(AUTHENTICATION_BACKENDS=[OURS, f"{HERE}.FailingBackend"]),
    ),
    "one of AWS's loggers by number": (
        "W011",
        site(LOGGING={"version": 1, "loggers": {"botocore.parsers": {"level": 10}}}),
    ),
    "tokens for passwords, where none works": (
        "W045",
        both(urls("TokensForPasswords"), ONLY_OURS),
    ),
    "tokens for passwords": ("W046", urls("TokensForPasswords")),
    "a derived form for Django's passwords": ("W046", urls("DerivedLogin")),
    "LOGIN_URL that requires a sign-in": ("E017", urls("Addresses", LOGIN_URL="members")),
    "LOGIN_URL that requires a sign-in by its class": (
        "E017",
        urls("Addresses", LOGIN_URL="mixed-in"),
    ),
    "an address for POST": ("W047", urls("Addresses", LOGOUT_REDIRECT_URL="only-post")),
    "an address for signing out": ("W047", urls("Addresses", LOGIN_REDIRECT_URL="leave")),
    "back to the sign-in": ("W047", site(LOGIN_REDIRECT_URL="cognito_mfa:sign_in")),
    "help nowhere": ("W047", conf(SUPPORT_URL="/help/", NOTIFY=False)),
    "an address without its slash, which nobody adds": (
        "W006",
        both(site(LOGIN_URL="/account/sign-in"), instead_of(COMMON)),
    ),
    "an address without a place": ("W006", site(LOGIN_URL="login/")),
    "an admin site of Django's": ("W008", urls("PlainAdmin")),
    "a derived admin site that lets everybody in, without middleware": (
        "W008",
        both(urls("UngatedAdmin"), middleware()),
    ),
    "a derived admin site with a password form": ("W008", urls("FormAdmin")),
    "an API for tokens": ("W009", urls(sites.api_urls("plain"))),
    "an API with a hollow guard": ("W009", urls(sites.api_urls("hollow"))),
    "an API in a wrapper": ("W009", urls(sites.api_urls("wrapped"))),
    "one action of two": ("W009", urls("MixedUrls")),
    "permissions that depend on the request": ("W009", urls("NeedsRequestUrls")),
    "a derived session engine in a cache of its own": (
        "W005",
        site(SESSION_ENGINE=f"{HERE}_sessions", CACHES={"default": {"BACKEND": LOCMEM}}),
    ),
    "sessions that are kept nowhere": (
        "W005",
        site(
            SESSION_ENGINE=f"{SESSIONS}.cache",
            CACHES={"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}},
        ),
    ),
}
ODD: list[Change] = [
    site(MIDDLEWARE=[None, 7, "", "x", "..", "a.b.c"]),
    site(MIDDLEWARE="django.middleware.common.CommonMiddleware"),
    site(AUTHENTICATION_BACKENDS=[None, "x"]),
    site(AUTHENTICATION_BACKENDS=["django.conf.settings"]),
    site(ROOT_URLCONF="tests.nowhere"),
    site(LOGIN_URL=None),
    site(LOGIN_URL=7),
    site(LOGIN_REDIRECT_URL=""),
    site(LOGOUT_REDIRECT_URL=""),
    site(SESSION_ENGINE="nowhere"),
    site(SESSION_ENGINE=None),
    site(CACHES={}),
    site(SESSION_CACHE_ALIAS="nowhere"),
    site(LOGGING={"version": 1, "loggers": None, "root": None}),
    site(TEMPLATES=[]),
    site(COGNITO_MFA={"TRUSTED_BACKENDS": {7: 7}}),
    conf(TRUSTED_BACKENDS=[THEIRS, ELSEWHERE, ""]),
]


@pytest.fixture(autouse=True)
def _no_logging_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """From Django 6.1 on, a test that sets LOGGING configures logging, which silences others for good."""
    monkeypatch.setattr("django.test.signals.configure_logging", lambda *_: None, raising=False)


@pytest.mark.parametrize("name", RIGHT)
def test_a_site_that_is_odd_and_right(name: str, settings: Settings) -> None:
    RIGHT[name](settings)
    assert {number: message.msg for number, message in found().items()} == {}


@pytest.mark.parametrize("name", WRONG)
def test_a_site_that_looks_right_and_is_not(name: str, settings: Settings) -> None:
    number, change = WRONG[name]
    change(settings)
    told = found()
    assert f"cognito_mfa.{number}" in told, told
    assert told[f"cognito_mfa.{number}"].hint


@pytest.mark.parametrize("change", ODD, ids=range(len(ODD)))
def test_odd_settings_break_no_check(change: Change, settings: Settings) -> None:
    change(settings)
    for message in (*check_site(None), *check_deployment(None)):  # Django's own may fail
        assert message.hint
        assert " failed with " not in str(message.msg), message


def test_a_urlconf_that_cannot_be_imported_is_told(settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.nowhere"
    (message,) = [message for message in check_site(None) if message.id != "cognito_mfa.E011"]
    assert message.id == "cognito_mfa.E034"
    assert str(message.msg).startswith("ROOT_URLCONF is 'tests.nowhere', which cannot be used:")
    assert "No module named 'tests.nowhere'" in str(message.msg)


def test_a_name_in_place_of_a_list_is_told(settings: Settings) -> None:
    settings.AUTHENTICATION_BACKENDS = OURS
    (message,) = [one for one in check_site(None) if one.id == "cognito_mfa.E034"]
    assert message.msg == (
        f"AUTHENTICATION_BACKENDS is {OURS!r}, which cannot be used: it is not a list."
    )


def test_the_local_cognito_under_another_name(settings: Settings) -> None:
    conf(CLIENT_FACTORY=f"{HERE}.renamed_client")(settings)
    assert "cognito_mfa.E011" in {message.id for message in check_site(None)}


def test_the_name_of_a_cookie_policy_has_no_case(settings: Settings) -> None:
    both(site(SESSION_COOKIE_SAMESITE="lax"), site(SESSION_COOKIE_SECURE=True))(settings)
    assert found(deploy=True) == {}


def test_a_check_that_fails_is_told_and_stops_no_other(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise LookupError("odd")

    monkeypatch.setattr("cognito_mfa.checks.ALWAYS", (fail,))
    (message,) = found().values()
    assert message.id == "cognito_mfa.E034"
    assert "LookupError: odd" in str(message.msg)


def test_below_a_prefix_our_pages_are_open(settings: Settings) -> None:
    """``FORCE_SCRIPT_NAME`` is part of each address that reverse() gives, and of none that is resolved."""
    before = get_script_prefix()
    set_script_prefix("/portal/")
    try:
        settings.LOGIN_REDIRECT_URL = "/portal/"
        assert found() == {}
    finally:
        set_script_prefix(before)


@pytest.mark.parametrize("name", sites.KINDS)
def test_the_map_says_who_guards_an_api(name: str, settings: Settings) -> None:
    urls(sites.api_urls(name))(settings)
    entry = next(entry for entry in url_map.entries() if entry.route.startswith("api/"))
    assert (entry.state, entry.why) == sites.KINDS[name][1:]


def test_the_map_knows_routes_of_django_ninja(settings: Settings) -> None:
    urls("NinjaLike")(settings)
    entry = next(entry for entry in url_map.entries() if entry.route == "ninja/")
    assert entry.state == "partly"
    assert entry.why == "sessions only; not guarded against tokens: HttpBearer"
    urls("NinjaSessions")(settings)
    entry = next(entry for entry in url_map.entries() if entry.route == "ninja/")
    assert (entry.state, entry.why) == ("gated", "")


@pytest.mark.parametrize(
    ("name", "state", "why"),
    [
        ("Derived", "gated", ""),
        ("made", "gated", ""),
        ("renamed", "gated", ""),
        ("impostor", "public", "the gate is not in MIDDLEWARE"),
        ("cut_off", "public", "the view runs before the gate is asked"),
        ("Forgetful", "gated", "if its wrapper asks the gate"),
    ],
)
def test_the_map_knows_the_gate(name: str, state: str, why: str, settings: Settings) -> None:
    gate(name)(settings)
    entry = next(entry for entry in url_map.entries() if entry.route == "private/")
    assert (entry.state, entry.why) == (state, why)


def test_the_map_says_what_it_cannot_see(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("cognito_mfa_urls")
    assert "Not listed: applications that are mounted beside Django" in capsys.readouterr().err


def test_a_dead_form_is_dead(settings: Settings, django_user_model: Any) -> None:
    """The reason for E033, with Django's own form: also a superuser's right password is refused."""
    django_user_model.objects.create_superuser("admin", password="right")
    both(urls("DjangosLogin", LOGIN_URL="login"), ONLY_OURS)(settings)
    settings.TEMPLATES = [
        {
            **settings.TEMPLATES[0],
            "APP_DIRS": False,
            "OPTIONS": {
                "loaders": [
                    (
                        "django.template.loaders.locmem.Loader",
                        {"registration/login.html": "{{ form.errors }}"},
                    )
                ]
            },
        }
    ]
    client = Client()
    answer = client.post("/accounts/login/", {"username": "admin", "password": "right"})
    assert answer.status_code == 200
    assert "_auth_user_id" not in client.session


OIDC = f"{HERE}_mozilla"
OTHERS_BACKEND = {"TRUSTED_BACKENDS": {f"{OIDC}.DerivedBackend": "enrolled"}}


@pytest.mark.parametrize("provider", ["renamed", "wrapped"])
def test_a_provider_of_ours_under_another_name(provider: str, settings: Settings) -> None:
    """Its package's settings are asked all the same, and so are a derived backend and a derived middleware."""
    pytest.importorskip("mozilla_django_oidc")
    both(
        conf(TOKEN_PROVIDER=f"{OIDC}.{provider}", **OTHERS_BACKEND),
        site(AUTHENTICATION_BACKENDS=[OURS, f"{OIDC}.DerivedBackend"], OIDC_OP_TOKEN_ENDPOINT="x"),
    )(settings)
    told = found()
    assert {"cognito_mfa.W018", "cognito_mfa.W019", "cognito_mfa.W022"} <= set(told)
    assert f"{OIDC}.DerivedBackend" in str(told["cognito_mfa.W019"].msg)

    settings.AUTHENTICATION_BACKENDS = [OURS, f"{OIDC}.OwnStore"]
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{OIDC}.DerivedRefresh"]
    told = found()
    assert not {"cognito_mfa.W019", "cognito_mfa.W022"} & set(told)


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("PlainAdmin", "Derive it from cognito_mfa.contrib.admin_site.MFAAdminSite"),
        ("FormAdmin", "do not override login()"),
        ("UngatedAdmin", "Call super().has_permission()"),
    ],
)
def test_the_hint_for_an_admin_site_says_what_is_left_to_do(
    settings: Settings, name: str, step: str
) -> None:
    """Who has replaced Django's admin already, and has one of their own, is not told to do so again."""
    both(urls(name), middleware())(settings)
    (hint,) = {message.hint for message in check_site(None) if message.id == "cognito_mfa.W008"}
    assert step in str(hint)
    assert "Replace" not in str(hint)
