"""Back and Reload after an error, in a browser: the page again, and never an error page of the browser's own."""

from __future__ import annotations

import pytest

from cognito_mfa.local.pool import LocalPool
from tests.browser.person import Person

pytestmark = pytest.mark.browser


def go_back(person: Person) -> None:
    """Go back, to a page of the site."""
    person.page.go_back()
    assert person.page.url.startswith(person.site)
    assert "ERR_" not in person.page.inner_text("body")
    assert "resubmission" not in person.page.inner_text("body").lower()


@pytest.fixture
def with_app(pool: LocalPool, person: Person) -> Person:
    """A user who has an authenticator app, and is at the page that asks for its code."""
    person.open("/private/")
    person.sign_in()
    person.set_up()
    person.press("Sign out")
    person.wait_for_the_next_code()
    person.open("/private/")
    person.sign_in()
    assert person.path == "/account/challenge/"
    return person


def test_back_after_a_wrong_code_and_a_right_one(with_app: Person) -> None:
    with_app.type("Code", with_app.wrong_code())
    with_app.press("Sign in")
    assert "didn’t work" in with_app.page.inner_text("main")
    with_app.type("Code", with_app.code())
    with_app.press("Sign in")
    assert with_app.path == "/private/"

    go_back(with_app)
    go_back(with_app)
    assert with_app.posts("/account/challenge/") == 2, "something was sent again"


def test_reload_after_a_wrong_code_sends_nothing_again(with_app: Person) -> None:
    with_app.type("Code", with_app.wrong_code())
    with_app.press("Sign in")
    with_app.page.reload()
    assert with_app.heading == "Enter your code"
    assert with_app.posts("/account/challenge/") == 1


def test_back_at_setup_after_an_error(pool: LocalPool, person: Person) -> None:
    person.open("/private/")
    person.sign_in("newcomer", "Wrong-Horse-7")
    person.sign_in()
    scanned = person.scan()
    person.type("Code from your app", person.wrong_code())
    person.press("Confirm")
    person.type("Code from your app", person.code())
    person.press("Confirm")
    for _ in range(3):
        go_back(person)
    assert scanned
    assert person.posts("/account/setup/") == 2
