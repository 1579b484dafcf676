"""Fields for passwords: they can be shown and pasted into, and nothing of it needs more than a browser."""

from __future__ import annotations

import pytest

from cognito_mfa.local.pool import LocalPool
from tests.browser.conftest import NewPerson
from tests.browser.person import Person
from tests.visitor import PASSWORD

pytestmark = pytest.mark.browser

SIGN_IN = "/account/sign-in/"


def test_a_password_is_shown_and_hidden_again(pool: LocalPool, person: Person) -> None:
    person.open(SIGN_IN)
    person.type("Password", PASSWORD)
    field = person.page.get_by_label("Password", exact=True)
    button = person.page.get_by_role("button", name="Show password")
    button.click()
    assert field.get_attribute("type") == "text"
    person.page.get_by_role("button", name="Hide password").click()
    assert field.get_attribute("type") == "password"
    assert person.posts(SIGN_IN) == 0


def test_it_is_sent_as_a_password_even_while_it_is_shown(pool: LocalPool, person: Person) -> None:
    """A browser keeps what was sent in a text field, and offers it elsewhere."""
    person.open(SIGN_IN)
    person.type("Username or email address", "newcomer")
    person.type("Password", PASSWORD)
    person.page.get_by_role("button", name="Show password").click()
    person.page.evaluate(
        "document.querySelector('form').addEventListener('submit', () => "
        "{ sessionStorage.type = document.querySelector('[name=password]').type })"
    )
    person.press("Continue")
    assert person.page.evaluate("sessionStorage.type") == "password"
    assert person.heading != "Sign in"


def test_without_javascript_there_is_no_button(pool: LocalPool, new_person: NewPerson) -> None:
    person = new_person(java_script_enabled=False)
    person.open(SIGN_IN)
    assert not person.page.get_by_role("button", name="Show password").is_visible()
    person.sign_in()
    assert person.path == "/account/setup/"


def test_a_paste_is_never_cut(pool: LocalPool, new_person: NewPerson) -> None:
    person = new_person(permissions=["clipboard-read", "clipboard-write"])
    long = "Correct horse battery 7! " * 12
    person.open(SIGN_IN)
    person.page.evaluate("text => navigator.clipboard.writeText(text)", long)
    field = person.page.get_by_label("Password", exact=True)
    field.focus()
    person.page.keyboard.press("ControlOrMeta+V")
    assert field.input_value() == long
