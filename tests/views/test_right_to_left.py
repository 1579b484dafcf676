"""Pages in a language that is written from right to left, and in one that the app has no catalog for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from django.conf import settings as site
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import translation
from pytest_django import Settings

import cognito_mfa
from cognito_mfa.local import faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.values import languages
from tests.visitor import PASSWORD, Visitor

DEVICE = "Ada-Phone 7"
# What tests give as names and addresses; each must stand apart from the sentence around it. (References need not:
# letters and digits without anything between them keep their order in every sentence.)
DATA = re.compile(rf"newcomer|someone-else|example\.(com|net)|{DEVICE}|Old-Phone 3|Example Ltd")
VOID = {"meta", "link", "input", "br", "hr", "img", "rect", "path"}
TYPED = {"text", "password", "email", "tel", "url"}


class Walk(HTMLParser):
    """Collects texts that are data without a direction of their own, and inputs without one."""

    def __init__(self) -> None:
        super().__init__()
        self._open: list[tuple[str, bool]] = []
        self.problems: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "input" and given.get("type", "text") in TYPED and "dir" not in given:
            self.problems.append(f"input {given.get('name')}")
        if tag not in VOID:
            self._open.append((tag, tag == "bdi" or ("dir" in given and tag != "html")))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        names = [tag for tag, _apart in self._open]
        if {"script", "style", "title"} & set(names) or any(apart for _tag, apart in self._open):
            return
        if DATA.search(data):
            self.problems.append(" ".join(data.split()))


def problems(page: str) -> list[str]:
    walk = Walk()
    walk.feed(page)
    return walk.problems


def test_the_walk_finds_what_it_looks_for() -> None:
    bad = '<p>Hello newcomer, <bdi>newcomer</bdi></p><input name="code"><code dir="ltr">newcomer</code>'
    assert problems(bad) == ["Hello newcomer,", "input code"]


@pytest.fixture
def arabic(settings: Settings, tmp_path: Path) -> Iterator[None]:
    """A site that has translated our texts into Arabic itself."""
    catalog = Catalog(locale="ar")
    catalog.add(languages.SAMPLE, "التحقق بخطوتين")
    folder = tmp_path / "ar" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    with (folder / "django.mo").open("wb") as file:
        write_mo(file, catalog)
    settings.LOCALE_PATHS = [tmp_path]
    settings.LANGUAGE_CODE = "ar"
    settings.COGNITO_MFA = {
        **settings.COGNITO_MFA,
        "SUPPORT_URL": "https://example.com/help/",
        "ALLOW_REMOVE": True,
        "RECOVERY_CODES": True,
        "REQUIRED": False,
    }
    yield
    translation.deactivate()


TEMPLATES = Path(cognito_mfa.__file__).parent / "templates" / "cognito_mfa"
NAMES = (
    "account|address|destination|device_name|display_name|email|friendly_name|get_username|here|issuer|name|phone"
    "|reference|site|sub|username"
)


@pytest.mark.parametrize(
    "template",
    [path for path in sorted(TEMPLATES.rglob("*.html")) if path.parent.name != "email"],
    ids=lambda path: path.name,
)
def test_no_template_prints_data_without_a_direction(template: Path) -> None:
    """Also those pages that no test walks: what is printed has a filter, a tag, or an element of its own."""
    text = re.sub(r'="[^"]*"', "", template.read_text())
    for found in re.finditer(rf"\{{\{{ ((?:\w+\.)*(?:{NAMES})) \}}\}}", text):
        before = text[: found.start()]
        assigned = rf"\b{found[1]}=[\w.]+\|(left_to_right|isolated)\b"
        block = before.rpartition("{% blocktranslate")[2]
        apart = before.endswith("<bdi>") or ("endblock" not in block and re.search(assigned, block))
        assert apart, found[0]


class Reader:
    """Looks at each page, and keeps what is wrong with it."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.seen: set[str] = set()

    def read(self, response: Any) -> Any:
        page = self.visitor.text(response)
        template = response.templates[0].name
        assert '<html lang="ar" dir="rtl">' in page, template
        assert problems(page) == [], template
        self.seen.add(template.removeprefix("cognito_mfa/"))
        return response

    def get(self, name: str, **given: Any) -> Any:
        return self.read(self.visitor.get(reverse(f"cognito_mfa:{name}"), **given))

    def post(self, name: str, data: dict[str, str], **given: Any) -> Any:
        return self.read(
            self.visitor.post(reverse(f"cognito_mfa:{name}"), data, follow=True, **given)
        )


@pytest.mark.usefixtures("arabic")
class TestRightToLeft:
    def test_data_stands_apart_on_every_page_of_a_setup_and_of_the_user(
        self, optional_pool: LocalPool, visitor: Visitor
    ) -> None:
        reader = Reader(visitor)
        reader.get("sign_in")
        reader.post("sign_in", {"username": "newcomer", "password": "wrong"})
        reader.get("password_reset")
        visitor.sign_in()
        visitor.post(reverse("cognito_mfa:device_replace"), {"password": PASSWORD})
        visitor.scan()
        reader.get("setup")
        visitor.confirm_setup(visitor.wrong_code(), friendly_name=DEVICE)
        reader.get("setup")
        visitor.confirm_setup(friendly_name=DEVICE)
        reader.get("setup_done")
        for name in (
            "device",
            "device_rename",
            "device_replace",
            "device_remove",
            "history",
            "password_change",
            "sign_out_elsewhere",
            "recovery_codes",
        ):
            reader.get(name)
        visitor.post(reverse("cognito_mfa:device_rename"), {"friendly_name": "Old-Phone 3"})
        visitor.post(reverse("cognito_mfa:device_rename"), {"friendly_name": ""})
        reader.get("history")
        visitor.post(reverse("cognito_mfa:device_rename"), {"friendly_name": DEVICE})
        reader.get("device")
        visitor.cognito.clock.advance(30)
        visitor.sign_out()
        visitor.sign_in()
        page = visitor.text(reader.get("challenge"))
        assert DEVICE in page
        assert reader.seen >= {
            "sign_in.html",
            "setup.html",
            "setup_done.html",
            "device.html",
            "history.html",
            "challenge.html",
            "recovery_codes.html",
        }

    def test_also_on_pages_of_passwords_and_failures(
        self, optional_pool: LocalPool, visitor: Visitor
    ) -> None:
        reader = Reader(visitor)
        reader.post("password_reset", {"username": "newcomer"})
        optional_pool.create_user("someone-else", password=PASSWORD, status="FORCE_CHANGE_PASSWORD")
        visitor.sign_in("someone-else")
        reader.get("new_password")
        visitor.sign_out()
        visitor.come_with_app()
        visitor.sign_out()
        visitor.sign_in()
        visitor.cognito.faults.on("RespondToAuthChallenge", faults.Timeout(executed=True))
        reader.post("challenge", {"code": visitor.code()})
        assert reader.seen >= {
            "new_password.html",
            "password_reset_confirm.html",
            "unavailable.html",
        }

    def test_the_setup_key_is_read_from_left_to_right(
        self, optional_pool: LocalPool, visitor: Visitor
    ) -> None:
        visitor.sign_in()
        visitor.post(reverse("cognito_mfa:device_replace"), {"password": PASSWORD})
        page = visitor.text(visitor.get(reverse("cognito_mfa:setup")))
        assert re.search(r'<code [^>]*id="cognito-mfa-key"[^>]* dir="ltr"', page)


# ------------------------------------------------------------------------ languages without a catalog


@pytest.fixture
def chosen_by_browsers(settings: Settings) -> None:
    middleware = list(settings.MIDDLEWARE)
    middleware.insert(2, "django.middleware.locale.LocaleMiddleware")
    settings.MIDDLEWARE = middleware


def html_of(visitor: Visitor, language: str, **data: str) -> str:
    sign_in = reverse("cognito_mfa:sign_in")
    given = {"headers": {"accept-language": language}}
    if data:
        return visitor.text(visitor.post(sign_in, data, follow=True, **given))
    response = visitor.get(sign_in, **given)
    return visitor.text(response)


@pytest.mark.usefixtures("chosen_by_browsers")
class TestWithoutACatalog:
    @pytest.mark.parametrize("language", ["ar", "he", "ja", "ru"])
    def test_a_page_is_wholly_in_english(
        self, pool: LocalPool, visitor: Visitor, language: str
    ) -> None:
        """Django's own texts, such as "Error:", are in its catalog of each of these."""
        page = html_of(visitor, language, username="", password="")
        assert '<html lang="en" dir="ltr">' in page
        assert "<title>Error: Sign in</title>" in page
        assert page.isascii() or not re.search("[\u0400-\u04ff\u0590-\u06ff\u3040-\u9fff]", page)

    @pytest.mark.parametrize("language", ["de", "fr", "es"])
    def test_a_language_of_ours_is_kept(
        self, pool: LocalPool, visitor: Visitor, language: str
    ) -> None:
        assert f'<html lang="{language}" dir="ltr">' in html_of(visitor, language)

    def test_the_sites_language_comes_before_english(
        self, pool: LocalPool, visitor: Visitor, settings: Settings
    ) -> None:
        settings.LANGUAGE_CODE = "fr"
        assert '<html lang="fr" dir="ltr">' in html_of(visitor, "ar")

    def test_also_in_a_base_template_of_the_site(
        self, pool: LocalPool, visitor: Visitor, settings: Settings, tmp_path: Path
    ) -> None:
        base = tmp_path / "cognito_mfa" / "base.html"
        base.parent.mkdir()
        base.write_text(
            "{% load i18n %}{% get_current_language as code %}<html lang={{ code }}>"
            "{% block content %}{% endblock content %}</html>"
        )
        (engine,) = settings.TEMPLATES
        settings.TEMPLATES = [{**engine, "DIRS": [tmp_path]}]
        assert "<html lang=en>" in html_of(visitor, "ar")
        assert "<html lang=de>" in html_of(visitor, "de")

    def test_a_message_has_no_date_in_another_language(
        self, pool: LocalPool, visitor: Visitor
    ) -> None:
        visitor.client.defaults["HTTP_ACCEPT_LANGUAGE"] = "ar"
        visitor.set_up()
        visitor.sign_out()
        stranger = Visitor(Client(), visitor.cognito)
        stranger.sign_in()
        stranger.enter_code(visitor.wrong_code())
        visitor.sign_in()
        response = visitor.enter_code()
        *_signed_out, told = map(str, get_messages(response.wsgi_request))
        assert re.search(r"Last attempt: \w+\.? \d+, \d{4}, .* \(UTC[+-]\d\d:\d\d\)$", told)

    def test_the_language_of_the_request_stays_for_the_site(
        self, pool: LocalPool, visitor: Visitor
    ) -> None:
        with translation.override("ar"):
            visitor.get(reverse("cognito_mfa:sign_in"))
            assert translation.get_language() in ("ar", site.LANGUAGE_CODE)


def test_without_translations_texts_are_english(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    settings.USE_I18N, settings.LANGUAGE_CODE = False, "ar"
    assert languages.with_catalog() == "en"


# ------------------------------------------------------------------------------------------ times


def test_every_time_is_for_the_script_and_names_its_zone(
    optional_pool: LocalPool, visitor: Visitor
) -> None:
    visitor.set_up(friendly_name=DEVICE)
    for name in ("setup_done", "device", "history"):
        page = visitor.text(visitor.get(reverse(f"cognito_mfa:{name}")))
        times = re.findall(r"<time ([^>]*)>([^<]*)</time>", page)
        assert times, name
        for attributes, text in times:
            assert re.fullmatch(
                r'datetime="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d" data-cognito-mfa-time',
                attributes,
            )
            assert re.search(r" \(UTC([+-]\d\d:\d\d)?\)$", text)
        # No other date, in whatever format.
        rest = re.sub(r"<time .*?</time>", "", page)
        assert not re.search(r"20\d\d-\d\d-\d\d|[ap]\.m\.", rest), name


def test_activity_names_the_device_before_and_after(
    optional_pool: LocalPool, visitor: Visitor
) -> None:
    visitor.set_up(friendly_name="Old-Phone 3")
    for name in (DEVICE, "", "Tablet"):
        visitor.post(reverse("cognito_mfa:device_rename"), {"friendly_name": name})
    page = visitor.text(visitor.get(reverse("cognito_mfa:history")))
    for words in (
        f"Device renamed from <bdi>Old-Phone 3</bdi> to <bdi>{DEVICE}</bdi>",
        f"Device name removed: <bdi>{DEVICE}</bdi>",
        "Device named: <bdi>Tablet</bdi>",
    ):
        assert words in page
    assert "→" not in page


def test_a_device_without_a_name_has_one_on_every_page(
    optional_pool: LocalPool, visitor: Visitor
) -> None:
    visitor.set_up(friendly_name="")
    for name in ("setup_done", "device"):
        assert "Unnamed device" in visitor.text(visitor.get(reverse(f"cognito_mfa:{name}")))
