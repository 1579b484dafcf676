"""Keys and times on the screen: the key in its order also from right to left, times in the visitor's zone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from pytest_django import Settings

from cognito_mfa.local.pool import LocalPool
from cognito_mfa.values import languages
from tests.browser.album import add
from tests.browser.conftest import NewPerson
from tests.browser.person import Person
from tests.visitor import PASSWORD

pytestmark = pytest.mark.browser


@pytest.fixture
def arabic(settings: Settings, tmp_path: Path) -> None:
    """A site that has translated our texts into Arabic itself, or begun to."""
    catalog = Catalog(locale="ar")
    catalog.add(languages.SAMPLE, "التحقق بخطوتين")
    catalog.add("Setup key", "مفتاح الإعداد")
    folder = tmp_path / "ar" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    with (folder / "django.mo").open("wb") as file:
        write_mo(file, catalog)
    settings.LOCALE_PATHS = [tmp_path]
    settings.LANGUAGE_CODE = "ar"


def sign_in(person: Person) -> None:
    """Sign in, in whatever language the page is."""
    person.open("/private/")
    person.page.locator("input[name=username]").fill("newcomer")
    person.page.locator("input[name=password]").fill(PASSWORD)
    send(person)


def confirm(person: Person) -> None:
    person.scan()
    person.page.locator("input[name=code]").fill(person.code())
    send(person)


def send(person: Person) -> None:
    with person.page.expect_navigation():
        person.page.locator("main button.cognito-mfa-primary").first.click()


@pytest.mark.parametrize("width", [1280, 390, 320])
def test_the_groups_of_the_key_are_in_their_order(
    pool: LocalPool, new_person: NewPerson, arabic: None, album: Path, width: int
) -> None:
    person = new_person(viewport={"width": width, "height": 800}, locale="ar")
    sign_in(person)
    assert person.page.evaluate("getComputedStyle(document.body).direction") == "rtl"
    person.page.locator("details:has(#cognito-mfa-key) > summary").click()
    add(album, f"setup-arabic-{width}", person.page.screenshot(full_page=True))
    groups = person.page.locator("#cognito-mfa-key span")
    texts = groups.all_inner_texts()
    boxes = [group.bounding_box() for group in groups.all()]
    assert len(texts) == 13
    lines = [(round(box["y"]), box["x"]) for box in boxes if box]
    # As the page is read: from the top, and in each line from the left.
    assert lines == sorted(lines)
    person.scan()
    assert "secret=" + "".join(texts) + "&" in person.scanned
    assert person.overflow() == 0
    place = person.page.locator("#cognito-mfa-key").bounding_box()
    assert place is not None
    assert place["x"] + place["width"] <= width
    code = person.page.locator("input[name=code]")
    assert code.evaluate("element => getComputedStyle(element).direction") == "ltr"


@pytest.mark.parametrize(
    ("zone", "language", "shown"),
    [
        ("America/New_York", "en", r"[A-Z]\w\w \d+, 20\d\d, \d+:\d\d\s[AP]M"),
        ("Asia/Tokyo", "de", r"\d\d\.\d\d\.20\d\d, \d\d:\d\d"),
    ],
)
def test_times_are_in_the_zone_of_the_visitor(
    pool: LocalPool,
    new_person: NewPerson,
    settings: Settings,
    zone: str,
    language: str,
    shown: str,
) -> None:
    settings.LANGUAGE_CODE = language
    person = new_person(timezone_id=zone)
    sign_in(person)
    clock = person.page.locator("time")
    assert re.fullmatch(r"\d+:\d\d(\s[AP]M)?", clock.inner_text())
    assert (
        clock.inner_text().split()
        == clock.evaluate(
            "(element, zone) => new Date(element.dateTime).toLocaleTimeString("
            "document.documentElement.lang, {timeStyle: 'short', timeZone: zone})",
            zone,
        ).split()
    )
    confirm(person)
    person.open("/account/device/")
    times = person.page.locator("time")
    for place in times.all():
        assert re.fullmatch(shown, place.inner_text())
        assert re.search(r" \(UTC[+-]\d\d:\d\d\)$", place.get_attribute("title") or "")
        same = place.evaluate(
            "(element, zone) => new Date(element.dateTime).toLocaleString("
            "document.documentElement.lang, {dateStyle: 'medium', timeStyle: 'short', timeZone: zone})",
            zone,
        )
        assert place.inner_text().split() == same.split()
    assert times.count() >= 3


def test_without_a_script_times_name_the_zone(pool: LocalPool, new_person: NewPerson) -> None:
    person = new_person(java_script_enabled=False)
    sign_in(person)
    confirm(person)
    assert re.search(r"\(UTC[+-]\d\d:\d\d\)", person.page.locator("time").first.inner_text())
