"""What the emails say: the same in both parts, with the time zone, in a language that the app has."""

from __future__ import annotations

import datetime as dt
import html
import re
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone, translation
from pytest_django import Settings

from cognito_mfa.authenticator import emails
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, SoftwareToken
from tests.factories import make

SUPPORT = "https://help.example.com/mfa/"
WHEN = dt.datetime(2026, 11, 27, 6, 26, tzinfo=dt.UTC)
PHONE = SoftwareToken(friendly_name="<b>Ada's phone</b>")
# Each kind with everything that its templates tell apart.
EMAILS: list[tuple[str, dict[str, Any]]] = [
    ("software_token_verified", {"software_token": PHONE}),
    ("software_token_verified", {"software_token": SoftwareToken()}),
    ("software_token_replaced", {"software_token": PHONE}),
    ("software_token_replaced", {"software_token": SoftwareToken()}),
    ("software_token_removed", {"elsewhere": False}),
    ("software_token_removed", {"elsewhere": True}),
    ("mfa_reset", {}),
    ("repeated_wrong_codes", {}),
    ("code_entry_locked", {}),
    ("failures_cleared", {"failures": 1}),
    ("failures_cleared", {"failures": 5}),
    ("exemption_granted", {"until": WHEN}),
    ("exemption_revoked", {}),
    ("password_changed", {"reset": True}),
    ("password_changed", {"reset": False}),
    ("linked", {}),
    ("unlinked", {}),
    ("recovery_codes_created", {}),
    ("recovery_code_used", {"finished": True, "left": 1, "few": True}),
    ("recovery_code_used", {"finished": False, "left": 0, "few": True}),
    ("recovery_code_used", {"finished": True, "left": 7, "few": False}),
    ("signed_out_elsewhere", {}),
]
BY_ADMINISTRATORS = {"mfa_reset", "exemption_granted", "exemption_revoked", "linked", "unlinked"}
every_email = pytest.mark.parametrize(
    ("kind", "context"), EMAILS, ids=[f"{kind}{number}" for number, (kind, _) in enumerate(EMAILS)]
)


@pytest.fixture
def identity(optional_pool: LocalPool, db: None) -> CognitoIdentity:
    return make(optional_pool, "ada")


@pytest.fixture(autouse=True)
def site(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "SUPPORT_URL": SUPPORT}
    monkeypatch.setattr("django.db.transaction.on_commit", lambda act, using: act())


def parts(identity: CognitoIdentity, kind: str, context: dict[str, Any]) -> tuple[str, str, str]:
    """Send an email; return its subject, its plain text, and its HTML."""
    emails.send(kind, identity, **{"at": WHEN, **context})
    message: Any
    (message,) = mail.outbox
    ((markup, content_type),) = message.alternatives
    assert content_type == "text/html"
    return message.subject, message.body, markup


def read(markup: str) -> str:
    """Return HTML as it is read."""
    body = markup.partition("<body")[2].partition(">")[2]
    return " ".join(html.unescape(re.sub("<[^>]+>", "", body)).split())


def test_every_kind_is_in_the_list() -> None:
    assert {kind for kind, _context in EMAILS} == set(emails.KINDS)


@every_email
def test_both_parts_say_the_same(
    identity: CognitoIdentity, kind: str, context: dict[str, Any]
) -> None:
    subject, plain, markup = parts(identity, kind, context)
    seen = read(markup)
    paragraphs = [" ".join(text.split()) for text in plain.split("\n\n") if text.strip()]
    for paragraph in paragraphs:
        assert paragraph.removesuffix(f": {SUPPORT}") in seen
    # And the HTML has nothing else, but its title.
    rest = seen
    for text in (*paragraphs, subject.removeprefix("Example Ltd: "), "Get help"):
        rest = rest.replace(text.removesuffix(f": {SUPPORT}"), "")
    assert not rest.strip()
    assert SUPPORT in plain
    assert SUPPORT in markup


@every_email
def test_times_have_their_zone_and_sentences_one_period(
    identity: CognitoIdentity, kind: str, context: dict[str, Any]
) -> None:
    subject, plain, markup = parts(identity, kind, context)
    assert "Nov. 27, 2026, 7:26 a.m. (UTC+01:00)" in plain
    for text in (subject, plain, read(markup)):
        assert not re.search(
            r"\.\s*\.|\)\.|\d\.(\s|$)|  ", text.replace("\n", " ").replace("  ", " ")
        )


@every_email
def test_it_looks_like_an_email_of_the_site(
    identity: CognitoIdentity, kind: str, context: dict[str, Any], settings: Settings
) -> None:
    subject, _plain, markup = parts(identity, kind, context)
    assert subject.startswith("Example Ltd: ")
    assert read(markup).startswith(f"Example Ltd {subject.removeprefix('Example Ltd: ')}")
    assert not re.search(r"<(style|link|img|script|svg)|src=|url\(|class=", markup)
    assert re.findall(r'href="([^"]+)"', markup) == [SUPPORT]
    assert markup.count("<h1") == 1
    assert all("style=" in tag for tag in re.findall(r"<(?:p|td|h1|a|body)\b[^>]*>", markup))
    # A color that a dark theme replaces alone would be unreadable on its ground.
    assert all(
        "color:" in one for one in re.findall(r'style="([^"]*background-color:[^"]*)"', markup)
    )
    assert "<b>Ada" not in markup


@every_email
def test_without_a_name_or_a_support_page_nothing_is_left_over(
    identity: CognitoIdentity, kind: str, context: dict[str, Any], settings: Settings
) -> None:
    settings.COGNITO_MFA = {
        name: value
        for name, value in settings.COGNITO_MFA.items()
        if name not in ("ISSUER", "SUPPORT_URL")
    }
    subject, plain, markup = parts(identity, kind, context)
    assert not subject.startswith((":", " "))
    assert "None" not in plain + markup
    assert "href" not in markup
    assert "Get help" not in plain + markup
    assert "\n\n\n" not in plain.strip()


@every_email
def test_it_says_what_to_do_about_something_unexpected(
    identity: CognitoIdentity, kind: str, context: dict[str, Any]
) -> None:
    _subject, plain, _markup = parts(identity, kind, context)
    if kind in BY_ADMINISTRATORS:  # the user can't have done it
        assert "Wasn’t you" not in plain
        assert "If you didn’t expect this, contact your site administrator." in plain
    else:
        assert re.search("Wasn’t you|If this wasn’t you|If you didn’t", plain)
        assert re.search("(Change|reset) (it|your password)", plain)


@pytest.mark.parametrize(
    ("asked", "used"),
    [("de", "de"), ("de-at", "de-at"), ("en-gb", "en-gb"), ("ar", "en"), ("ja", "en"), ("", "en")],
)
def test_an_email_is_in_a_language_that_has_a_catalog(
    identity: CognitoIdentity, asked: str, used: str
) -> None:
    identity.language = asked
    with translation.override("fr"):  # of the administrator who causes it
        markup = parts(identity, "mfa_reset", {})[2]
    assert f'<html lang="{used}" dir="ltr">' in markup


def test_without_a_catalog_the_sites_language_comes_first(
    identity: CognitoIdentity, settings: Settings
) -> None:
    settings.LANGUAGE_CODE = "es"
    identity.language = "ar"
    assert '<html lang="es"' in parts(identity, "mfa_reset", {})[2]


def test_a_site_without_time_zones_names_its_own(
    identity: CognitoIdentity, settings: Settings
) -> None:
    settings.USE_TZ = False
    naive = dt.datetime(2026, 7, 27, 7, 26)  # noqa: DTZ001
    plain = parts(identity, "mfa_reset", {"at": naive})[1]
    assert "July 27, 2026, 7:26 a.m. (UTC+02:00)" in plain


def test_utc_has_no_offset(identity: CognitoIdentity) -> None:
    with timezone.override("UTC"):
        assert "6:26 a.m. (UTC) " not in (plain := parts(identity, "mfa_reset", {})[1])
        assert "6:26 a.m. (UTC)," in plain
