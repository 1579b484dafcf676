"""Pages that load their parts with the real htmx, when the gate closes while they are open."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from cognito_mfa.local.pool import LocalPool
from tests.browser import urls
from tests.browser.person import Person

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("version", [2, 4])]
REFUSED = "the server responded with a status of 403"


@pytest.fixture
def enforcing(settings: Settings) -> dict[str, object]:
    """Let people in with the password alone, until the test puts these settings back."""
    enforcing: dict[str, object] = settings.COGNITO_MFA
    settings.COGNITO_MFA = {**enforcing, "REQUIRED": False}
    return enforcing


def open_letters(person: Person, version: int, query: str = "") -> None:
    urls.LETTERS.clear()
    person.open("/private/")
    person.sign_in("newcomer")
    person.open(f"/letters/{version}/{query}")


def wait_for_the_sign_in(person: Person) -> None:
    person.page.get_by_role("heading", name="Confirm it’s you").wait_for()
    # Chromium notes every answer that is no success.
    assert all(REFUSED in complaint for complaint in person.complaints)
    person.complaints.clear()


def test_a_fragment_leads_to_the_set_up_and_back(
    optional_pool: LocalPool,
    person: Person,
    settings: Settings,
    enforcing: dict[str, object],
    version: int,
) -> None:
    open_letters(person, version)
    person.page.get_by_role("button", name="Read").click()
    person.page.get_by_text("Dear reader").wait_for()

    settings.COGNITO_MFA = enforcing
    person.page.get_by_role("button", name="Read").click()
    wait_for_the_sign_in(person)
    person.sign_in("newcomer")
    person.set_up()

    assert person.path == f"/letters/{version}/"
    person.page.get_by_role("button", name="Read").click()
    person.page.get_by_text("Dear reader").wait_for()


def test_what_was_sent_is_not_sent_again(
    optional_pool: LocalPool,
    person: Person,
    settings: Settings,
    enforcing: dict[str, object],
    version: int,
) -> None:
    open_letters(person, version)
    settings.COGNITO_MFA = enforcing
    person.type("Text", "long letter")
    person.page.get_by_role("button", name="Send").click()
    wait_for_the_sign_in(person)
    person.sign_in("newcomer")
    person.set_up()

    assert person.path == f"/letters/{version}/"
    assert urls.LETTERS == []
    assert person.posts("/letter/") == 1


def test_a_page_that_polls_goes_there_by_itself(
    optional_pool: LocalPool,
    person: Person,
    settings: Settings,
    enforcing: dict[str, object],
    version: int,
) -> None:
    open_letters(person, version, "?poll=1")
    person.page.get_by_text("Dear reader").wait_for()
    settings.COGNITO_MFA = enforcing

    wait_for_the_sign_in(person)
    assert "next=%2Fletters" in person.page.url
