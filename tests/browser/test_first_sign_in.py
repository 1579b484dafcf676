"""Journey 1 as a person does it: read, click, type, and hold the phone in front of the screen."""

from __future__ import annotations

import pytest

from cognito_mfa.local.pool import LocalPool
from tests.browser.conftest import NewPerson
from tests.browser.person import Person

pytestmark = pytest.mark.browser


def go_through_it(person: Person) -> None:
    person.open("/private/")
    assert person.heading == "Sign in"
    person.sign_in("newcomer")

    assert person.heading == "Set up an authenticator app"
    person.scan()
    person.type("Code from your app", person.code())
    person.type("Device name", "Work phone")
    person.press("Confirm")

    assert person.heading == "You’re all set"
    assert "Work phone" in person.page.inner_text("main")
    person.follow("Continue")
    assert person.path == "/private/"
    assert person.heading == "Private page of newcomer"


def sign_in_again(person: Person) -> None:
    person.wait_for_the_next_code()
    person.open("/private/")
    person.sign_in("newcomer")
    assert person.heading == "Enter your code"
    assert "Work phone" in person.page.inner_text("main")
    person.type("Code", person.code())
    person.press("Sign in")
    assert person.path == "/private/"
    assert person.heading == "Private page of newcomer"


def test_a_new_person_scans_the_picture_and_later_signs_in_again(
    pool: LocalPool, person: Person
) -> None:
    go_through_it(person)
    person.press("Sign out")
    assert person.heading == "Sign in"
    person.open("/private/")
    assert person.heading == "Sign in"
    sign_in_again(person)


def test_everything_works_without_javascript(pool: LocalPool, new_person: NewPerson) -> None:
    person = new_person(java_script_enabled=False)
    go_through_it(person)
    person.press("Sign out")
    sign_in_again(person)
