"""No password, code, key, token or session string in any report of anything that fails.

Each step of each journey is made to fail at each place that can fail, under both servers, and all that
error reports, collectors of variables and logs could see is searched for all that is secret.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import django
import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in
from django.db import DatabaseError, connection
from django.db.models.signals import pre_save
from django.dispatch import Signal
from django.test import AsyncClient, Client
from django.urls import reverse
from pytest_django import Settings

import cognito_mfa
from cognito_mfa import signals
from cognito_mfa.cognito.clients import forget_clients, has_operation
from cognito_mfa.local import LocalCognito, faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity
from tests.security import failing
from tests.security.collector import Collector, Secrets, collecting
from tests.visitor import CLIENT_ID, POOL_ID, Visitor

PASSWORD, NEW_PASSWORD, TEMPORARY = "Canary-Horse-7", "Canary-Goose-8", "Canary-Invited-9"
CLIENT_SECRET = "canaryclientsecretcanaryclientsecret"
AWS_KEY = "canarysecretaccesskeyofaws"
RECOVERY_CODE, CREATED = (
    "3CANARYC0DE7W0RD",
    "K" * 15,
)  # what is typed; the secret part of each that is created
BACKEND = "django.contrib.auth.backends.ModelBackend"
SELF_SERVICE = "aws.cognito.signin.user.admin"
TEMPLATES = Path(cognito_mfa.__file__).parent / "templates" / "cognito_mfa"


# ------------------------------------------------------------------------------------ the site


class AsyncBrowser(AsyncClient):
    """The asynchronous client, used as the other one is."""

    def get(self, *args: Any, **kwargs: Any) -> Any:
        return async_to_sync(super().get)(*args, **kwargs)

    def post(self, *args: Any, **kwargs: Any) -> Any:
        return async_to_sync(super().post)(*args, **kwargs)


BROWSERS: dict[str, Callable[..., Any]] = {"wsgi": Client, "asgi": AsyncBrowser}


class Site:
    """A site, its pool, and a user who uses it."""

    def __init__(self, cognito: LocalCognito, settings: Settings, browser: Any) -> None:
        self.cognito, self.settings = cognito, settings
        self.visitor = Visitor(browser, cognito)
        self.client_secret = CLIENT_SECRET

    def make_pool(self, *, mfa: str, **options: Any) -> LocalPool:
        pool = self.cognito.create_pool(POOL_ID, mfa=mfa, **options)
        pool.create_client(CLIENT_ID, secret=CLIENT_SECRET)
        attributes = {"email": "newcomer@example.com", "email_verified": "true"}
        pool.create_user("newcomer", password=PASSWORD, attributes=attributes)
        return pool

    def configure(self, **more: Any) -> None:
        self.settings.COGNITO_MFA = {**self.settings.COGNITO_MFA, **more}

    def set_up(self) -> None:
        self.visitor.sign_in("newcomer", PASSWORD)
        self.visitor.scan()
        assert self.visitor.confirm_setup(friendly_name="Phone").status_code == 302
        self.cognito.clock.advance(30)


BOTH_SERVERS = pytest.mark.parametrize("site", BROWSERS, indirect=True)


@pytest.fixture
def site(
    request: pytest.FixtureRequest,
    db: None,
    cognito: LocalCognito,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Site]:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", AWS_KEY)
    settings.SESSION_ENGINE = "tests.security.failing"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.security.failing.Middleware"]
    options = settings.TEMPLATES[0]["OPTIONS"]
    processors = ["tests.security.failing.context_processor", "tests.security.failing.late_context"]
    settings.TEMPLATES = [
        {
            **settings.TEMPLATES[0],
            "APP_DIRS": False,
            "OPTIONS": {
                **options,
                "context_processors": [*options["context_processors"], *processors],
                "loaders": [
                    ("django.template.loaders.locmem.Loader", own_templates()),
                    "django.template.loaders.app_directories.Loader",
                ],
            },
        }
    ]
    settings.COGNITO_MFA = {
        **settings.COGNITO_MFA,
        "CLIENT_SECRET": CLIENT_SECRET,
        "CLIENT_FACTORY": "tests.security.failing.client_factory",
        "USER_RESOLVER": "tests.security.failing.resolver",
        "ALLOW_REMOVE": True,
    }
    only_k = SimpleNamespace(choice=lambda _alphabet: "K")
    monkeypatch.setattr("cognito_mfa.authenticator.recovery_codes.secrets", only_k)
    browser = BROWSERS[getattr(request, "param", "wsgi")](raise_request_exception=False)
    yield Site(cognito, settings, browser)
    failing.FAILING.clear()


def own_templates() -> dict[str, str]:
    """Return templates as a site might write them, which can be made to fail at their end."""
    base = (TEMPLATES / "base.html").read_text().replace("</main>", "{{ printed_last }}</main>")
    setup = """{% extends "cognito_mfa/setup.html" %}{% load i18n %}{% block content %}
      {% with again=key %}{% filter upper %}{{ again }}{% endfilter %}
        {% for group in key_groups %}{{ forloop.counter }} {{ group }}{% endfor %}
        {% blocktranslate %}It is {{ key }}.{% endblocktranslate %}
        {% autoescape off %}{{ otpauth_uri|urlize }}{{ qr|safe }}{{ pending.secret }}{% endautoescape %}
        {% include "cognito_mfa/partials/key.html" %}{{ block.super }}{{ printed_last }}
      {% endwith %}{% endblock content %}"""
    return {
        "cognito_mfa/base.html": base,
        "cognito_mfa/setup.html": setup,
        "cognito_mfa/partials/key.html": "{{ key }}{{ qr }}",
    }


# ----------------------------------------------------------------------------------- the steps

Act = Callable[[], Any]
Step = Callable[[Site], Act]


def sign_in(site: Site) -> Act:
    site.make_pool(mfa="OPTIONAL")
    site.configure(REQUIRED=False)
    return lambda: site.visitor.sign_in("newcomer", PASSWORD)


def sign_in_with_srp(site: Site) -> Act:
    site.configure(AUTH_FLOW="USER_SRP_AUTH")
    return sign_in(site)


def sign_in_as_json(site: Site) -> Act:
    """No form of ours takes it; the body is kept all the same where a part of the site reads it."""
    sign_in(site)
    data = {"username": "newcomer", "password": PASSWORD}
    post, address = site.visitor.client.post, reverse("cognito_mfa:sign_in")
    return lambda: post(address, data, content_type="application/json")


def sign_in_with_a_long_form(site: Site) -> Act:
    """A form in the encoding of browsers; the tests' own clients send the other one."""
    sign_in(site)
    data = urlencode({"username": "newcomer", "password": PASSWORD})
    post, address = site.visitor.client.post, reverse("cognito_mfa:sign_in")
    return lambda: post(address, data, content_type="application/x-www-form-urlencoded")


def sign_in_until_the_picture(site: Site) -> Act:
    site.make_pool(mfa="ON")
    return lambda: site.visitor.sign_in("newcomer", PASSWORD)


def wrong_password(site: Site) -> Act:
    site.make_pool(mfa="ON")
    return lambda: site.visitor.sign_in("newcomer", NEW_PASSWORD)


def new_password(site: Site) -> Act:
    pool = site.make_pool(mfa="ON")
    pool.create_user("invited", password=TEMPORARY, status="FORCE_CHANGE_PASSWORD")
    site.visitor.sign_in("invited", TEMPORARY)
    data = {"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}
    return lambda: site.visitor.post(reverse("cognito_mfa:new_password"), data)


def two_new_passwords(site: Site) -> Act:
    new_password(site)
    data = {"new_password1": NEW_PASSWORD, "new_password2": PASSWORD}
    return lambda: site.visitor.post(reverse("cognito_mfa:new_password"), data)


def challenge(site: Site) -> Act:
    pool = site.make_pool(mfa="ON")
    site.visitor.secret = pool.register_software_token("newcomer")
    site.visitor.sign_in("newcomer", PASSWORD)
    return site.visitor.enter_code


def challenge_with_a_wrong_code(site: Site) -> Act:
    challenge(site)
    return lambda: site.visitor.enter_code(site.visitor.wrong_code())


def choice_of_a_factor(site: Site) -> Act:
    pool = site.make_pool(mfa="ON", sms=True, email=True)
    attributes = {"phone_number": "+15555550839", "email": "someone@example.com"}
    pool.create_user("somebody", password=PASSWORD, attributes=attributes)
    site.visitor.sign_in("somebody", PASSWORD)
    data = {"factor": "EMAIL_OTP"}
    return lambda: site.visitor.post(reverse("cognito_mfa:challenge"), data)


def picture(site: Site) -> Act:
    site.make_pool(mfa="ON")
    site.visitor.sign_in("newcomer", PASSWORD)
    return lambda: site.visitor.get(reverse("cognito_mfa:setup"))


def picture_with_a_token(site: Site) -> Act:
    site.make_pool(mfa="OPTIONAL")
    site.visitor.sign_in("newcomer", PASSWORD)
    return lambda: site.visitor.get(reverse("cognito_mfa:setup"))


def confirmation(site: Site) -> Act:
    picture(site)
    site.visitor.scan()
    return lambda: site.visitor.confirm_setup(friendly_name="Phone")


def confirmation_with_a_token(site: Site) -> Act:
    picture_with_a_token(site)
    site.visitor.scan()
    return lambda: site.visitor.confirm_setup(friendly_name="Phone")


def confirmation_with_a_wrong_code(site: Site) -> Act:
    confirmation(site)
    return lambda: site.visitor.confirm_setup(site.visitor.wrong_code())


def start_of_a_replacement(site: Site) -> Act:
    site.make_pool(mfa="ON")
    site.set_up()
    data = {"password": PASSWORD}
    return lambda: site.visitor.post(reverse("cognito_mfa:device_replace"), data)


def end_of_a_replacement(site: Site) -> Act:
    start_of_a_replacement(site)()
    site.visitor.enter_code()
    site.visitor.scan()
    return lambda: site.visitor.confirm_setup(friendly_name="New phone")


def start_of_a_removal(site: Site) -> Act:
    site.make_pool(mfa="OPTIONAL")
    site.set_up()
    site.configure(REQUIRED=False)
    data = {"password": PASSWORD}
    return lambda: site.visitor.post(reverse("cognito_mfa:device_remove"), data)


def end_of_a_removal(site: Site) -> Act:
    start_of_a_removal(site)()
    return site.visitor.enter_code


def reset_of_a_password(site: Site) -> Act:
    site.make_pool(mfa="ON")
    site.visitor.post(reverse("cognito_mfa:password_reset"), {"username": "newcomer"})
    code = site.cognito.outbox[-1].code
    data = {"code": code, "new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}
    return lambda: site.visitor.post(reverse("cognito_mfa:password_reset_confirm"), data)


def reset_with_a_refused_password(site: Site) -> Act:
    reset_of_a_password(site)
    code = site.cognito.outbox[-1].code
    short = {"code": code, "new_password1": "Cn-1", "new_password2": "Cn-1"}
    return lambda: site.visitor.post(reverse("cognito_mfa:password_reset_confirm"), short)


def change_of_a_password(site: Site) -> Act:
    site.make_pool(mfa="ON")
    site.set_up()
    new = {"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}
    data = {"old_password": PASSWORD, **new, "code": site.visitor.code()}
    return lambda: site.visitor.post(reverse("cognito_mfa:password_change"), data)


def change_of_a_password_after_a_refused_one(site: Site) -> Act:
    site.make_pool(mfa="ON")
    site.set_up()
    short = {"new_password1": "Cn-1", "new_password2": "Cn-1"}
    given = {"old_password": PASSWORD, **short, "code": site.visitor.code()}
    site.visitor.post(reverse("cognito_mfa:password_change"), given)
    new = {"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}
    data = {"old_password": PASSWORD, **new}
    return lambda: site.visitor.post(reverse("cognito_mfa:password_change_confirm"), data)


def wrong_recovery_code(site: Site) -> Act:
    site.configure(RECOVERY_CODES=True)
    challenge(site)
    data = {"code": RECOVERY_CODE}
    return lambda: site.visitor.post(reverse("cognito_mfa:recover"), data)


def right_recovery_code(site: Site) -> Act:
    creation_of_recovery_codes(site)()
    site.visitor.sign_out()
    site.visitor.sign_in("newcomer", PASSWORD)
    data = {"code": f"4{CREATED}"}
    return lambda: site.visitor.post(reverse("cognito_mfa:recover"), data)


def creation_of_recovery_codes(site: Site) -> Act:
    site.configure(RECOVERY_CODES=True)
    site.make_pool(mfa="ON")
    site.set_up()
    return lambda: site.visitor.post(reverse("cognito_mfa:recovery_codes"))


def page_of_recovery_codes(site: Site) -> Act:
    creation_of_recovery_codes(site)()
    return lambda: site.visitor.get(reverse("cognito_mfa:recovery_codes"))


def file_of_recovery_codes(site: Site) -> Act:
    creation_of_recovery_codes(site)()
    return lambda: site.visitor.post(reverse("cognito_mfa:recovery_codes_text"))


def at_cognitos_own_pages(site: Site) -> None:
    pool = site.make_pool(mfa="OPTIONAL")
    provider = "tests.security.failing.kept_sign_in"
    site.configure(TOKEN_PROVIDER=provider, TRUSTED_BACKENDS={BACKEND: "enrolled"})
    user = get_user_model().objects.create_user("newcomer", email="newcomer@example.com")
    CognitoIdentity.objects.create(
        user=user, pool_id=POOL_ID, sub=pool.user("newcomer").sub, username="newcomer"
    )
    tokens = pool.issue_tokens("newcomer", CLIENT_ID, scopes=["openid", SELF_SERVICE])
    failing.KEPT["access token"] = tokens["AccessToken"]
    site.visitor.client.force_login(user, backend=BACKEND)


def set_up_after_a_sign_in_elsewhere(site: Site) -> Act:
    at_cognitos_own_pages(site)
    return lambda: site.visitor.post(reverse("cognito_mfa:setup"))


# An older botocore offers no recovery.
RECOVERING: list[Step] = (
    [wrong_recovery_code, right_recovery_code] if has_operation("AdminDeleteSoftwareToken") else []
)
STEPS: list[Step] = [
    sign_in,
    sign_in_with_a_long_form,
    sign_in_with_srp,
    sign_in_until_the_picture,
    wrong_password,
    new_password,
    two_new_passwords,
    challenge,
    challenge_with_a_wrong_code,
    choice_of_a_factor,
    picture,
    picture_with_a_token,
    confirmation,
    confirmation_with_a_token,
    confirmation_with_a_wrong_code,
    start_of_a_replacement,
    end_of_a_replacement,
    start_of_a_removal,
    end_of_a_removal,
    reset_of_a_password,
    reset_with_a_refused_password,
    change_of_a_password,
    change_of_a_password_after_a_refused_one,
    *RECOVERING,
    creation_of_recovery_codes,
    page_of_recovery_codes,
    file_of_recovery_codes,
]
# Those in which a user new is linked.
LINKING: list[Step] = [sign_in, sign_in_with_a_long_form, sign_in_with_srp, confirmation]
SHOWING: list[Step] = [
    picture,
    picture_with_a_token,
    confirmation_with_a_wrong_code,
    page_of_recovery_codes,
]


def named(step: Step) -> str:
    return step.__name__


# ----------------------------------------------------------------------------- the places of failure


def seen(site: Site, step: Step, *parts: str, more: Callable[[], Any] | None = None) -> Collector:
    """Take ``step`` while ``parts`` of the site fail; return what was seen, with no secret in it."""
    known = {
        "password": PASSWORD,
        "new password": NEW_PASSWORD,
        "temporary password": TEMPORARY,
        "client secret": CLIENT_SECRET,
        "AWS key": AWS_KEY,
        "recovery code": RECOVERY_CODE,
        "created code": CREATED,
        "created code in groups": "KKK-KKKK-KKKK-KKKK",
    }
    secrets = Secrets(site.cognito, known)
    with collecting(secrets) as collector:
        act = step(site)
        before = collector.failures
        if more is not None:
            more()
        failing.FAILING.update(parts)
        response = act()
        failing.FAILING.clear()
    collector.failures -= before
    assert collector.where(secrets) == []
    if response.status_code >= 500:
        assert secrets.in_(response.content.decode()) == []
    return collector


@pytest.mark.sweep
@pytest.mark.parametrize("step", STEPS, ids=named)
def test_what_fails_after_our_view_shows_nothing(site: Site, step: Step) -> None:
    """``close_after_failure``, and before it ``posted_secrets.close`` in ``conceals_posted_secrets``: what was
    typed is still in the request.
    """
    assert seen(site, step, "middleware").failures == 1


@BOTH_SERVERS
@pytest.mark.parametrize("step", [sign_in, sign_in_with_a_long_form, sign_in_as_json], ids=named)
def test_a_body_that_was_read_before_shows_nothing(site: Site, step: Step) -> None:
    """``request._body`` in ``posted_secrets.close``: the site's own middleware asked for the body."""
    assert seen(site, step, "body read first", "middleware").failures == 1


@BOTH_SERVERS
@pytest.mark.parametrize(
    "step",
    [
        sign_in_until_the_picture,
        challenge,
        confirmation,
        end_of_a_removal,
        creation_of_recovery_codes,
    ],
    ids=named,
)
def test_a_session_that_cannot_be_saved_shows_nothing(site: Site, step: Step) -> None:
    """``encrypt`` opens what is pending, and gives only what it encrypted to the session."""
    assert seen(site, step, "session save").failures


POSTING = [
    sign_in,
    sign_in_with_a_long_form,
    start_of_a_replacement,
    confirmation,
    new_password,
    reset_of_a_password,
    change_of_a_password,
]


@pytest.mark.sweep
@BOTH_SERVERS
@pytest.mark.parametrize("step", POSTING, ids=named)
@pytest.mark.parametrize("part", ["middleware before the view", "session load"])
def test_what_fails_before_our_view_shows_nothing(site: Site, step: Step, part: str) -> None:
    """``close_after_failure``: the gate and the session come first, and no view of ours is reached."""
    collector = seen(site, step, part)
    assert collector.failures or (part == "session load" and step in POSTING[:2])


@BOTH_SERVERS
@pytest.mark.parametrize("step", LINKING, ids=named)
@pytest.mark.parametrize("part", ["resolver", "saving"])
def test_a_link_that_fails_shows_nothing(site: Site, step: Step, part: str) -> None:
    """``SecretField.to_python``: password and code go through all of the flow in this type."""
    pre_save.connect(failing.saving, dispatch_uid="failing")
    try:
        collector = seen(site, step, part)
    finally:
        pre_save.disconnect(dispatch_uid="failing")
    refused = "resolver_failed" if part == "resolver" else "user_not_created"
    assert collector.failures or refused in collector.everything


@pytest.mark.sweep
@BOTH_SERVERS
@pytest.mark.parametrize("step", SHOWING, ids=named)
@pytest.mark.parametrize("part", ["page", "context processor", "middleware before the page"])
def test_a_set_up_page_that_fails_while_it_is_made_shows_nothing(
    site: Site, step: Step, part: str
) -> None:
    """``stand_for`` in ``SetupView.render_to_response``: the template never has the secret."""
    assert seen(site, step, part).failures == 1


@pytest.mark.parametrize(
    "step",
    [wrong_password, two_new_passwords, challenge_with_a_wrong_code, *RECOVERING[:1]],
    ids=named,
)
def test_any_other_page_that_fails_while_it_is_made_shows_nothing(site: Site, step: Step) -> None:
    """``posted_secrets.close`` in ``conceals_posted_secrets``: the form is in the context of its page."""
    assert seen(site, step, "page").failures == 1


CALLING = [sign_in, sign_in_with_srp, new_password, challenge, confirmation, end_of_a_removal]


@pytest.mark.sweep
@pytest.mark.parametrize("step", CALLING, ids=named)
@pytest.mark.parametrize("part", ["client secret", "client factory", "botocore"])
def test_a_call_that_fails_shows_nothing(site: Site, step: Step, part: str) -> None:
    """``opened`` in ``transport._send``: what has the texts is the call's thread alone."""
    failing.KEPT["client secret"] = CLIENT_SECRET
    site.configure(CLIENT_SECRET=failing.client_secret)
    assert seen(site, step, part, "page", more=forget_clients).failures


def wrapped(answer: dict[str, Any]) -> dict[str, Any]:
    """Put each text of an answer into a list, where its type says that there is none."""
    return {
        name: wrapped(value) if isinstance(value, dict) else [value]
        for name, value in answer.items()
    }


@pytest.mark.sweep
@pytest.mark.parametrize(
    "step",
    [sign_in, new_password, challenge, confirmation, confirmation_with_a_token, end_of_a_removal],
    ids=named,
)
@pytest.mark.parametrize(
    "fault",
    [
        faults.Body(b"<html>"),
        faults.Edit(wrapped),
        faults.Error("ForbiddenException", f"Value '{PASSWORD}' at 'password' is wrong"),
        faults.Reset(executed=True),
    ],
    ids=["HTML", "other types", "a text that quotes", "lost"],
)
def test_a_broken_answer_shows_nothing(site: Site, step: Step, fault: Any) -> None:
    """``Failure.message``: Cognito's text quotes what it refuses, and stands in the frame of ``call``."""
    collector = seen(site, step, "page", more=lambda: site.cognito.faults.on("*", fault))
    assert collector.failures


OURS = [value for value in vars(signals).values() if isinstance(value, Signal)]


@pytest.mark.sweep
@pytest.mark.parametrize("listened_to", [OURS, [user_logged_in]], ids=["ours", "Django's"])
@pytest.mark.parametrize(
    "step", [sign_in, challenge, confirmation, end_of_a_replacement, end_of_a_removal], ids=named
)
def test_receivers_that_fail_show_nothing(
    site: Site, step: Step, listened_to: list[Signal]
) -> None:
    """``ReadableTokens`` in ``completion.complete_sign_in``: what receivers get is in the frames that fail."""
    for signal in listened_to:
        signal.connect(failing.receiver, dispatch_uid="failing")
    try:
        collector = seen(site, step, "receiver")
    finally:
        for signal in listened_to:
            signal.disconnect(dispatch_uid="failing")
    told = ("Error calling", "login_failed")
    assert collector.failures or any(words in collector.everything for words in told)


@pytest.mark.parametrize("step", [confirmation, end_of_a_replacement, end_of_a_removal], ids=named)
def test_mails_that_fail_show_nothing(
    site: Site, step: Step, django_capture_on_commit_callbacks: Any
) -> None:
    failing_mails = "tests.security.failing.Mails"
    if django.VERSION >= (6, 1):
        site.settings.MAILERS = {"default": {"BACKEND": failing_mails}}
    else:
        site.settings.EMAIL_BACKEND = failing_mails

    def with_mails(site: Site) -> Act:
        act = step(site)

        def take() -> Any:
            with django_capture_on_commit_callbacks(execute=True):
                return act()

        return take

    collector = seen(site, with_mails)
    assert "email_not_sent" in collector.everything


@contextmanager
def database_fails(*, after: int) -> Iterator[list[str]]:
    """Let the database fail at each statement but the first ``after``; yields what it was asked."""
    asked: list[str] = []

    def execute(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK", "PRAGMA")):
            return run(sql, params, many, context)
        asked.append(sql)
        if len(asked) > after:
            raise DatabaseError("unforeseen")
        return run(sql, params, many, context)

    with connection.execute_wrapper(execute):
        yield asked


@pytest.mark.sweep
@pytest.mark.parametrize("after", [0, 3, 8, 15])
@pytest.mark.parametrize(
    "step",
    [
        sign_in,
        challenge,
        confirmation,
        picture,
        end_of_a_replacement,
        end_of_a_removal,
        *RECOVERING[1:],
        creation_of_recovery_codes,
    ],
    ids=named,
)
def test_a_database_that_fails_anywhere_shows_nothing(site: Site, step: Step, after: int) -> None:
    def failing_step(site: Site) -> Act:
        act = step(site)

        def take() -> Any:
            with database_fails(after=after):
                return act()

        return take

    seen(site, failing_step)


@pytest.mark.parametrize("part", ["middleware", "session save"])
@pytest.mark.parametrize("provider", ["bare_token", "kept_sign_in"])
def test_a_set_up_after_a_sign_in_elsewhere_shows_nothing(
    site: Site, part: str, provider: str
) -> None:
    """``ProvidedTokens.__init__`` closes what the provider hands out as text."""
    more = lambda: site.configure(TOKEN_PROVIDER=f"tests.security.failing.{provider}")  # noqa: E731
    assert seen(site, set_up_after_a_sign_in_elsewhere, part, more=more).failures
