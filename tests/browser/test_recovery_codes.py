"""Recovery codes in a browser: saved in every way that the page offers, and used on another device."""

from __future__ import annotations

import re

import pytest
from pytest_django import Settings

from cognito_mfa.cognito.clients import has_operation
from cognito_mfa.local.pool import LocalPool
from tests.browser.conftest import NewPerson
from tests.browser.person import Person

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not has_operation("AdminDeleteSoftwareToken"),
        reason="AdminDeleteSoftwareToken is newer than the installed botocore",
    ),
]
CODE = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{4}(?:-[0-9A-HJKMNP-TV-Z]{4}){3}\b")


@pytest.fixture(autouse=True)
def with_codes(settings: Settings) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "RECOVERY_CODES": True}


def set_up(person: Person) -> None:
    """Set up an app, and stay on the page that says so."""
    person.open("/private/")
    person.sign_in()
    person.scan()
    person.type("Code from your app", person.code())
    person.press("Confirm")


def codes_on(person: Person) -> list[str]:
    return CODE.findall(person.page.locator(".cognito-mfa-codes").inner_text())


def test_codes_are_saved_and_one_of_them_sets_up_a_new_phone(
    pool: LocalPool, person: Person, new_person: NewPerson
) -> None:
    set_up(person)
    person.press("Create recovery codes")
    assert person.heading == "Save your recovery codes"
    codes = codes_on(person)
    assert len(set(codes)) == 10
    person.page.reload()
    assert codes_on(person) == codes

    with person.page.expect_download() as started:
        person.page.get_by_role("button", name="Download", exact=True).click()
    assert started.value.suggested_filename == "recovery-codes.txt"
    assert CODE.findall(started.value.path().read_text()) == codes

    person.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    person.page.get_by_role("button", name="Copy", exact=True).click()
    person.page.get_by_text("Copied.").wait_for()
    copied: str = person.page.evaluate("navigator.clipboard.readText()")
    assert copied.split() == codes

    person.press("I’ve saved these codes")
    assert person.path == "/private/"

    phone = new_person(viewport={"width": 320, "height": 640}, is_mobile=True, has_touch=True)
    phone.open("/private/")
    phone.sign_in()
    phone.page.get_by_text("Lost this device?").click()
    phone.follow("Use a recovery code")
    phone.type("Recovery code", codes[0].lower().replace("-", " "))
    phone.press("Remove authenticator app")
    assert "set up a new one" in phone.page.inner_text("main")
    phone.cognito.clock.advance(30)
    phone.type("Password", "Correct-Horse-7")
    phone.press("Continue")
    phone.scan()
    phone.type("Code from your app", phone.code())
    phone.press("Confirm")
    phone.follow("Continue")
    assert phone.path == "/private/"


def test_the_printed_page_has_the_codes_and_no_buttons(pool: LocalPool, person: Person) -> None:
    set_up(person)
    person.press("Create recovery codes")
    person.page.emulate_media(media="print")
    assert person.page.locator(".cognito-mfa-codes").is_visible()
    assert person.page.get_by_text("Example Ltd · newcomer").is_visible()
    assert [one for one in person.page.locator("button").all() if one.is_visible()] == []
    person.page.emulate_media(media="screen")
    assert person.page.get_by_role("button", name="Print", exact=True).is_visible()
