"""The app's own translations: whole, in step with the texts, compiled, and what a person really reads."""

from __future__ import annotations

import gettext
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po
from django.core import mail
from django.urls import reverse
from django.utils import translation
from pytest_django import Settings

import cognito_mfa
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import MFAEvent
from tests.factories import make
from tests.visitor import Visitor

PACKAGE = Path(cognito_mfa.__file__).parent
LOCALES = PACKAGE / "locale"
LANGUAGES = sorted(path.name for path in LOCALES.iterdir())
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|</?\w+>")
needs_gettext = pytest.mark.skipif(
    shutil.which("xgettext") is None and os.environ.get("COGNITO_MFA_TEST_GETTEXT") != "required",
    reason="GNU gettext is not installed",
)


def catalog(language: str) -> Catalog:
    with (LOCALES / language / "LC_MESSAGES" / "django.po").open("rb") as file:
        return read_po(file, locale=language)


def messages(language: str) -> Iterator[Message]:
    return (message for message in catalog(language) if message.id)


def forms(text: Any) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


def test_these_languages() -> None:
    assert LANGUAGES == ["de", "es", "fr"]


@pytest.mark.parametrize("language", LANGUAGES)
class TestCatalog:
    def test_nothing_is_left_out(self, language: str) -> None:
        assert not [one.id for one in messages(language) if one.fuzzy or not all(forms(one.string))]
        assert not catalog(language).obsolete

    def test_what_is_filled_in_is_the_same(self, language: str) -> None:
        """A form of the plural may leave its number out, the last one may not."""
        for one in messages(language):
            wanted = sorted(PLACEHOLDER.findall(forms(one.id)[-1]))
            *few, many = forms(one.string)
            assert sorted(PLACEHOLDER.findall(many)) == wanted, one.id
            assert all(set(PLACEHOLDER.findall(form)) <= set(wanted) for form in few), one.id

    def test_it_ends_as_the_text_does(self, language: str) -> None:
        for one in messages(language):
            for text, theirs in zip(forms(one.id), forms(one.string), strict=False):
                assert [text.endswith(sign) for sign in ".:?…"] == [
                    theirs.endswith(sign) for sign in ".:?…"
                ], text

    def test_what_is_compiled_is_what_is_written(self, language: str) -> None:
        with (LOCALES / language / "LC_MESSAGES" / "django.mo").open("rb") as file:
            compiled = gettext.GNUTranslations(file)
        known: dict[Any, str] = compiled._catalog  # type: ignore[attr-defined]
        written = {
            (form if number is None else (form, number)): text
            for one in messages(language)
            for form, number, text in _entries(one)
        }
        assert {key: text for key, text in known.items() if key} == written

    @needs_gettext
    def test_no_text_of_the_app_is_missing(self, language: str, tmp_path: Path) -> None:
        fresh = tmp_path / "app"
        shutil.copytree(PACKAGE, fresh, ignore=shutil.ignore_patterns("__pycache__", "local"))
        command = [sys.executable, "-m", "django", "makemessages", "-l", language]
        done = subprocess.run(command, cwd=fresh, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
        assert done.returncode == 0, done.stderr
        with (fresh / "locale" / language / "LC_MESSAGES" / "django.po").open("rb") as file:
            found = {(one.context, str(one.id)) for one in read_po(file) if one.id}
        ours = {(one.context, str(one.id)) for one in messages(language)}
        assert (found - ours, ours - found) == (set(), set())

    def test_activity_is_in_our_words(self, language: str) -> None:
        """Where Django's admin has the same text in another meaning, its catalog comes before ours."""
        ours = {one.id: str(one.string) for one in messages(language)}
        with translation.override(language):
            for kind in MFAEvent.Kind:
                with translation.override("en"):
                    english = str(kind.label)
                assert str(kind.label) == ours[english]


def _entries(one: Message) -> Iterator[tuple[str, int | None, str]]:
    """Yield a message as the compiled catalog keys it."""
    if isinstance(one.id, str):
        yield _key(one.context, one.id), None, str(one.string)
        return
    for number, text in enumerate(forms(one.string)):
        yield _key(one.context, one.id[0]), number, text


def _key(context: str | None, text: str) -> str:
    return f"{context}\x04{text}" if context else text


# ------------------------------------------------------------------------------ what people read

ENGLISH = re.compile(
    r"\b(the|your|you|with|and|code of|sign in|set up|device|password)\b", re.IGNORECASE
)


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest, settings: Settings, visitor: Visitor) -> str:
    """A browser that asks for another language than the site's."""
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE[:2],
        "django.middleware.locale.LocaleMiddleware",
        *settings.MIDDLEWARE[2:],
    ]
    visitor.client.defaults["HTTP_ACCEPT_LANGUAGE"] = request.param
    return str(request.param)


def read(visitor: Visitor, response: Any, language: str) -> str:
    """Return what a page says, and make sure that none of it is English."""
    markup = response.content.decode()
    assert f'<html lang="{language}"' in markup
    page = visitor.text(response)
    words = re.sub(r"<(script|style)\b.*?</\1>|<svg\b.*?</svg>|<[^>]+>", " ", page, flags=re.DOTALL)
    assert not ENGLISH.search(words), ENGLISH.findall(words)
    return words


def texts_in(language: str) -> dict[str, str]:
    return {one.id: str(one.string) for one in messages(language) if isinstance(one.id, str)}


def test_the_way_of_a_new_person(
    pool: LocalPool,
    visitor: Visitor,
    language: str,
    settings: Settings,
    django_capture_on_commit_callbacks: Any,
) -> None:
    texts = texts_in(language)
    pages = [visitor.get(reverse("cognito_mfa:sign_in"))]
    pages.append(visitor.sign_in(password="Wrong-Horse-7"))
    assert texts["Incorrect username or password. Check both and try again."] in visitor.text(
        pages[-1]
    )
    pages.append(visitor.sign_in(follow=True))
    visitor.scan()
    wrong = {"code": visitor.code(steps=40), "friendly_name": "Pixel"}
    pages.append(visitor.post(reverse("cognito_mfa:setup"), wrong))
    with django_capture_on_commit_callbacks(execute=True):
        right = {"code": visitor.code(), "friendly_name": "Pixel"}
        pages.append(visitor.post(reverse("cognito_mfa:setup"), right, follow=True))
    assert texts["You’re all set"] in visitor.text(pages[-1])
    pages.append(visitor.get(reverse("cognito_mfa:device")))
    for page in pages:
        read(visitor, page, language)
    assert mail.outbox[-1].subject.endswith(
        texts["An authenticator app was set up for your account"]
    )
    assert not ENGLISH.search(str(mail.outbox[-1].body))


def test_what_administrators_read(pool: LocalPool, visitor: Visitor, language: str) -> None:
    make(pool, "root", is_staff=True, is_superuser=True)
    visitor.set_up("root")
    texts = texts_in(language)
    listed = visitor.get(reverse("admin:cognito_mfa_cognitoidentity_changelist"))
    markup = listed.content.decode().replace("&#x27;", "'")
    for text in ("Refresh status from Cognito", "Reset authenticator app…"):
        assert texts[text] in markup, text
    overview = visitor.get(reverse("admin:cognito_mfa_overviewsnapshot_changelist"))
    assert texts["MFA overview"] in overview.content.decode()
