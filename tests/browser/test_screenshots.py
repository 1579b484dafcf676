"""The screenshots in the documents, taken on the way; COGNITO_MFA_SCREENSHOTS names the folder for them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import django
import pytest
from django.contrib.auth import get_user_model
from pytest_django import Settings

from cognito_mfa.local.pool import LocalPool
from tests.browser.album import add, add_strip
from tests.browser.conftest import NewPerson
from tests.browser.person import Person
from tests.manual import style_example, template_examples, with_own_templates
from tests.visitor import PASSWORD, Visitor

Scheme = Literal["light", "dark"]

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 780}
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
WINDOW = {"width": 820, "height": 560}
LOGO = """<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32" viewBox="0 0 32 32">
<rect width="32" height="32" rx="8" fill="#0b6e4f"/><circle cx="16" cy="16" r="7" fill="#fff"/></svg>"""
DEVICES = {
    "ada": "Work phone",
    "grace": "Old phone",
    "linus": "Laptop at home",
    "margaret": "Key on my key ring",
}


class Journey:
    """What a user sees on the way, in light and in dark mode."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.pictures: dict[Scheme, list[bytes]] = {scheme: [] for scheme in SCHEMES}

    def photograph(self) -> None:
        for scheme, pictures in self.pictures.items():
            self.person.page.emulate_media(color_scheme=scheme)
            pictures.append(self.person.page.screenshot())
        self.person.page.emulate_media(color_scheme="light")


def test_the_first_and_the_next_sign_in(
    pool: LocalPool, new_person: NewPerson, album: Path
) -> None:
    person = new_person(viewport=PHONE)
    journey = Journey(person)
    person.open("/private/")
    person.type("Username or email address", "newcomer")
    journey.photograph()
    person.sign_in()
    journey.photograph()
    person.scan()
    person.type("Code from your app", person.code())
    person.type("Device name", "My phone")
    person.press("Confirm")
    journey.photograph()
    person.follow("Continue")
    person.press("Sign out")
    person.open("/private/")
    person.sign_in()
    person.type("Code", person.code())
    journey.photograph()
    for scheme, pictures in journey.pictures.items():
        add_strip(album, f"journey-{scheme}", pictures, scheme=scheme)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_setup_with_a_wrong_code(
    pool: LocalPool, new_person: NewPerson, album: Path, scheme: Scheme
) -> None:
    person = new_person(viewport=WINDOW, color_scheme=scheme)
    person.open("/private/")
    person.sign_in()
    add(album, f"setup-{scheme}", person.photograph())
    person.scan()
    person.type("Code from your app", person.wrong_code())
    person.press("Confirm")
    add(album, f"setup-wrong-code-{scheme}", person.photograph())


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_users_own_page(
    pool: LocalPool, new_person: NewPerson, album: Path, scheme: Scheme
) -> None:
    person = new_person(viewport=WINDOW, color_scheme=scheme)
    person.open("/private/")
    person.sign_in()
    person.scan()
    person.type("Code from your app", person.code())
    person.type("Device name", "My phone")
    person.press("Confirm")
    person.open("/account/device/")
    add(album, f"device-{scheme}", person.photograph())


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_restyled_page(
    pool: LocalPool,
    new_person: NewPerson,
    album: Path,
    scheme: Scheme,
    settings: Settings,
    tmp_path: Path,
) -> None:
    with_own_templates(settings, tmp_path)
    for path, text in template_examples()[1:]:
        (tmp_path / path).write_text(text)
    static = tmp_path / "static" / "mysite"
    static.mkdir(parents=True)
    (static / "mfa.css").write_text(style_example())
    (static / "logo.svg").write_text(LOGO)
    settings.STATICFILES_DIRS = [tmp_path / "static"]

    person = new_person(viewport=WINDOW, color_scheme=scheme)
    person.open("/private/")
    person.type("Username or email address", "newcomer")
    add(album, f"restyled-{scheme}", person.page.screenshot())


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

    person = new_person(viewport={"width": 1280, "height": 620})
    person.open("/admin/cognito_mfa/cognitoidentity/")
    person.sign_in("ada")
    person.type("Code", pool.code_for("ada"))
    person.press("Sign in")
    assert person.heading == "Select Cognito identity to view"
    person.page.get_by_label("Select all objects on this page for an action").check()
    person.page.locator("select[name=action]").select_option("Refresh status from Cognito")
    person.press("Run" if django.VERSION >= (6,) else "Go")
    assert "Refreshed the status of 4 users" in person.page.inner_text("main")
    for scheme in SCHEMES:
        person.page.emulate_media(color_scheme=scheme)
        add(album, f"admin-list-{scheme}", person.page.screenshot())
    person.follow("margaret")
    person.page.set_viewport_size({"width": 1280, "height": 860})
    for scheme in SCHEMES:
        person.page.emulate_media(color_scheme=scheme)
        add(album, f"admin-user-{scheme}", person.page.screenshot())
