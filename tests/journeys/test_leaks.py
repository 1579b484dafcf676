"""Nothing secret in clear: not in the log at DEBUG, not in the database, not in a cookie or URL."""

from __future__ import annotations

import base64
import logging
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.signals import got_request_exception
from django.core.signing import loads
from django.db import connection
from django.db.models.signals import pre_save
from django.test import Client
from django.urls import reverse
from django.views.debug import ExceptionReporter
from pytest_django import Settings

from cognito_mfa.cognito import clients
from cognito_mfa.local import LocalCognito, faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import SoftwareToken
from cognito_mfa.signals import signed_in
from tests import receivers
from tests.visitor import CLIENT_ID, PASSWORD, Visitor

CANARY_PASSWORD = "Canary-Password-7"
CANARY_SECRET = "canaryclientsecretcanaryclientsecret"


class Everything(logging.Handler):
    """Keeps every line that any logger writes, as text, with tracebacks and arguments."""

    def __init__(self) -> None:
        super().__init__(level=0)
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))
        self.lines.append(repr(record.__dict__))


@pytest.fixture
def log() -> Iterator[Everything]:
    """All that is logged at DEBUG, by anyone."""
    handler, root = Everything(), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    root.removeHandler(handler)
    root.setLevel(before)


@pytest.fixture(params=["in process", "over HTTP"])
def door(
    request: pytest.FixtureRequest, cognito: LocalCognito, settings: Settings
) -> Iterator[None]:
    """Both ways to reach the local Cognito: botocore logs more about a real connection."""
    conf = {**settings.COGNITO_MFA, "CLIENT_SECRET": CANARY_SECRET}
    if request.param == "in process":
        settings.COGNITO_MFA = conf
        yield
        return
    with cognito.serve() as server, pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "x")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "x")
        factory = "cognito_mfa.cognito.make_client"
        settings.COGNITO_MFA = {**conf, "CLIENT_FACTORY": factory, "ENDPOINT_URL": server.url}
        yield
        close_connections()


def close_connections() -> None:
    for client in clients._clients.values():
        client.close()


def dump() -> str:
    """Return all rows of all tables, and what is in the sessions, once decoded."""
    parts = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608
            rows = cursor.fetchall()
            parts.append(repr(rows))
            if table == "django_session":
                parts += [decoded(row) for row in rows]
    return "\n".join(parts)


def decoded(row: tuple[Any, ...]) -> str:
    salt = "django.contrib.sessions.SessionStore"
    data = next(value for value in row if isinstance(value, str) and ":" in value)
    text = repr(loads(data, salt=salt))
    for word in text.replace("'", " ").split():
        try:
            text += repr(base64.urlsafe_b64decode(word + "=" * (-len(word) % 4)))
        except ValueError:
            continue
    return text


def appears(value: str, text: str) -> bool:
    """Tell whether ``value`` is in ``text``; six digits within a longer number are no code."""
    return bool(re.search(rf"(?<![\d.]){value}(?!\d)", text)) if value.isdigit() else value in text


def test_a_canary_is_found_nowhere(
    door: None,
    optional_pool: LocalPool,
    visitor: Visitor,
    log: Everything,
    django_capture_on_commit_callbacks: Any,
) -> None:
    optional_pool.state.clients[CLIENT_ID].secret = CANARY_SECRET
    optional_pool.create_user("canary", password=CANARY_PASSWORD)
    canaries: dict[str, str] = {"password": CANARY_PASSWORD, "client secret": CANARY_SECRET}
    seen: list[str] = []

    def keep_tokens(*, tokens: Any, **_kwargs: object) -> None:
        named = {
            "access token": tokens.access,
            "id token": tokens.id,
            "refresh token": tokens.refresh,
        }
        canaries.update({name: value for name, value in named.items() if value})

    def look() -> None:
        seen.append(dump())
        seen.extend(f"{name}={cookie.value}" for name, cookie in visitor.client.cookies.items())

    signed_in.connect(keep_tokens)
    try:
        look()
        response = visitor.sign_in("canary", CANARY_PASSWORD, next_url="/private/")
        seen.append(response.url)
        look()
        canaries["secret"] = visitor.scan()
        canaries["wrong code"] = visitor.wrong_code()
        visitor.confirm_setup(canaries["wrong code"])
        canaries["first code"] = visitor.code()
        seen.append(visitor.confirm_setup(canaries["first code"]).url)
        look()
        visitor.sign_out()
        visitor.cognito.clock.advance(30)
        visitor.sign_in("canary", CANARY_PASSWORD)
        canaries["second code"] = visitor.code()
        look()
        visitor.cognito.faults.on("RespondToAuthChallenge", faults.Body(b"<html>"), times=1)
        visitor.enter_code(canaries["second code"])
        visitor.sign_in("canary", CANARY_PASSWORD)
        seen.append(visitor.enter_code(canaries["second code"]).url)
        look()
    finally:
        signed_in.disconnect(keep_tokens)
    assert visitor.is_in()
    sessions = {
        value
        for call in visitor.cognito.calls
        for value in [call.parameters.get("Session")]
        if value
    }
    assert sessions
    assert {"access token", "id token", "refresh token"} <= set(canaries)
    canaries |= {f"session string {n}": value for n, value in enumerate(sorted(sessions))}

    everything = "\n".join([*seen, *log.lines])
    found = sorted(name for name, value in canaries.items() if appears(value, everything))
    assert found == []
    assert any("signed_in" in line for line in log.lines), "the log was not listened to"


def test_an_error_that_escapes_shows_no_secret(pool: LocalPool, visitor: Visitor) -> None:
    """The report of an unforeseen error that administrators get, with all frames' variables."""
    visitor.client.raise_request_exception = False
    reports: list[str] = []

    def report(request: Any, **_kwargs: object) -> None:
        reporter = ExceptionReporter(request, *sys.exc_info())
        reports.extend([reporter.get_traceback_html(), reporter.get_traceback_text()])

    got_request_exception.connect(report)
    pre_save.connect(receivers.failing, sender=SoftwareToken)
    try:
        visitor.sign_in()
        secret = visitor.scan()
        code = visitor.code()
        response = visitor.confirm_setup(code)
    finally:
        got_request_exception.disconnect(report)
        pre_save.disconnect(receivers.failing, sender=SoftwareToken)

    assert response.status_code == 500
    assert len(reports) == 2
    for text in reports:
        assert "receivers.py" in text
        for canary in (PASSWORD, secret, ".eyJ", "AYABe"):
            assert canary not in text, canary
        assert not appears(code, text)


def test_pages_with_secrets_are_not_kept_by_browsers(pool: LocalPool, visitor: Visitor) -> None:
    """`no-store` on pages, redirects, and errors; no framing."""
    responses = [
        visitor.get(reverse("cognito_mfa:sign_in")),
        visitor.sign_in("newcomer", "wrong"),
        visitor.sign_in(),
        visitor.get(reverse("cognito_mfa:setup")),
        visitor.confirm_setup("1"),
    ]
    for response in responses:
        assert "no-store" in response["Cache-Control"]
        assert "private" in response["Cache-Control"]
        assert response["X-Frame-Options"] == "DENY"
        assert "ETag" not in response


def test_every_form_wants_the_csrf_token(pool: LocalPool) -> None:
    """Else another site could sign visitors in to the attacker's account, or bind its own app."""
    careful = Client(enforce_csrf_checks=True)
    for name in (
        "sign_in",
        "new_password",
        "challenge",
        "link",
        "setup",
        "setup_cancel",
        "sign_out",
    ):
        assert careful.post(reverse(f"cognito_mfa:{name}")).status_code == 303


def test_no_column_could_hold_a_secret() -> None:
    """The schema itself: what is not there cannot leak."""
    from django.apps import apps

    columns = {
        field.name
        for model in apps.get_app_config("cognito_mfa").get_models()
        for field in model._meta.get_fields()
    }
    assert not {name for name in columns if any(word in name for word in ("secret", "seed", "key"))}
