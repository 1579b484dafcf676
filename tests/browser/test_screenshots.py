"""The pictures of the README, taken on the way; COGNITO_MFA_SCREENSHOTS names the folder for them."""

from __future__ import annotations

from pathlib import Path

import django
import pytest
from django.contrib.auth import get_user_model

from cognito_mfa.local.pool import LocalPool
from tests.browser.album import add
from tests.browser.conftest import NewPerson
from tests.visitor import PASSWORD, Visitor

pytestmark = pytest.mark.browser

WINDOW = {"width": 820, "height": 560}
DEVICES = {
    "ada": "Work phone",
    "grace": "Old phone",
    "linus": "Laptop at home",
    "margaret": "Key on my key ring",
}


def test_the_way_of_a_new_person(pool: LocalPool, new_person: NewPerson, album: Path) -> None:
    person = new_person(viewport=WINDOW)
    person.open("/private/")
    add(album, "sign-in", person.photograph())
    person.sign_in()
    add(album, "setup-light", person.photograph())
    person.page.emulate_media(color_scheme="dark")
    add(album, "setup-dark", person.photograph())
    person.page.emulate_media(color_scheme="light")
    person.scan()
    person.type("Code from your app", person.wrong_code())
    person.type("Device name", "Work phone")
    person.press("Confirm")
    add(album, "setup-wrong-code", person.photograph())
    person.type("Code from your app", person.code())
    person.press("Confirm")
    add(album, "setup-done", person.photograph())
    person.follow("Continue")
    person.press("Sign out")
    person.open("/private/")
    person.sign_in()
    add(album, "challenge", person.photograph())


def test_the_set_up_on_a_phone(pool: LocalPool, new_person: NewPerson, album: Path) -> None:
    person = new_person(viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True)
    person.open("/private/")
    person.sign_in()
    add(album, "setup-phone", person.page.screenshot())


def test_the_list_in_the_admin(
    pool: LocalPool, visitor: Visitor, new_person: NewPerson, album: Path
) -> None:
    for username, device in DEVICES.items():
        email = f"{username}@example.com"
        pool.create_user(username, password=PASSWORD, attributes={"email": email})
        visitor.set_up(username, friendly_name=device)
        visitor.sign_out()
    get_user_model().objects.filter(username="ada").update(is_staff=True, is_superuser=True)
    cognito = visitor.cognito.client()
    cognito.admin_delete_software_token(UserPoolId=pool.id, Username="grace")
    cognito.admin_delete_user(UserPoolId=pool.id, Username="linus")

    person = new_person(viewport={"width": 1500, "height": 480})
    person.open("/admin/cognito_mfa/cognitoidentity/")
    person.sign_in("ada")
    person.type("Code", pool.code_for("ada"))
    person.press("Sign in")
    assert person.heading == "Select Cognito identity to view"
    person.page.get_by_label("Select all objects on this page for an action").check()
    person.page.locator("select[name=action]").select_option("Refresh status from Cognito")
    person.press("Run" if django.VERSION >= (6,) else "Go")
    assert "Refreshed 4 people." in person.page.inner_text("main")
    add(album, "admin-list", person.photograph())
