"""What is in the window: after an error the message, the field and the focus together, and the code beside its picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from cognito_mfa.local.pool import LocalPool
from tests.browser.conftest import NewPerson
from tests.browser.person import Person

if TYPE_CHECKING:
    from playwright.sync_api import Locator

pytestmark = pytest.mark.browser

WINDOWS: dict[str, dict[str, Any]] = {
    "on a desktop": {"viewport": {"width": 1280, "height": 800}},
    "on a phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
    "on a small phone": {"viewport": {"width": 320, "height": 640}, "is_mobile": True},
}


def sign_in_page(person: Person) -> None:
    person.open("/account/sign-in/")
    person.sign_in("newcomer", "Wrong-Horse-7")


def setup_page(person: Person) -> None:
    person.open("/private/")
    person.sign_in()
    person.scan()
    person.type("Code from your app", person.wrong_code())
    person.press("Confirm")


def code_page(person: Person) -> None:
    person.open("/private/")
    person.sign_in()
    person.set_up()
    person.press("Sign out")
    person.wait_for_the_next_code()
    person.open("/private/")
    person.sign_in()
    person.type("Code", person.wrong_code())
    person.press("Sign in")


def replace_page(person: Person) -> None:
    person.open("/private/")
    person.sign_in()
    person.set_up()
    person.open("/account/device/replace/")
    person.type("Password", "Wrong-Horse-7")
    person.press("Continue")


def is_visible(person: Person, place: Locator) -> bool:
    """Return whether all of it is in the window."""
    box, window = place.bounding_box(), person.page.viewport_size
    assert box is not None
    assert window is not None
    return box["y"] >= 0 and box["y"] + box["height"] <= window["height"]


@pytest.mark.parametrize("options", WINDOWS.values(), ids=WINDOWS)
@pytest.mark.parametrize("come_to", [sign_in_page, setup_page, code_page, replace_page])
@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_the_message_the_field_and_the_focus_are_in_one_window(
    pool: LocalPool,
    new_person: NewPerson,
    come_to: Callable[[Person], None],
    options: dict[str, Any],
    scripts: bool,
) -> None:
    person = new_person(**options, java_script_enabled=scripts)
    come_to(person)
    message = person.page.locator(".cognito-mfa-errors, .cognito-mfa-field-error")
    assert message.count() == 1, "an error is said once"
    assert is_visible(person, message)
    field = person.page.locator("input:visible:not([type=hidden]):not(.cognito-mfa-unseen)").first
    assert is_visible(person, field)
    if scripts:
        assert is_visible(person, person.page.locator(":focus"))
    assert person.page.title().startswith("Error:")


def test_the_picture_and_the_field_are_side_by_side(pool: LocalPool, new_person: NewPerson) -> None:
    person = new_person(viewport={"width": 1280, "height": 800})
    person.open("/private/")
    person.sign_in()
    assert is_visible(person, person.page.get_by_role("img"))
    assert is_visible(person, person.page.get_by_label("Code from your app"))
    assert is_visible(person, person.page.get_by_role("button", name="Confirm"))
    person.page.set_viewport_size({"width": 700, "height": 800})
    picture = person.page.get_by_role("img").bounding_box()
    field = person.page.get_by_label("Code from your app").bounding_box()
    assert picture is not None
    assert field is not None
    assert picture["y"] < field["y"]


def test_with_large_text_the_account_is_still_one_word(
    pool: LocalPool, new_person: NewPerson
) -> None:
    person = new_person(viewport={"width": 360, "height": 740})
    person.open("/private/")
    person.sign_in()
    account = person.page.locator(".cognito-mfa-account dd")
    before = account.bounding_box()
    person.page.evaluate("document.documentElement.style.fontSize = '300%'")
    after = account.bounding_box()
    assert before is not None
    assert after is not None
    assert after["height"] < 3.5 * before["height"]


@pytest.mark.parametrize("opened", [True, False])
def test_the_setup_key_stays_as_the_user_left_it(
    pool: LocalPool, person: Person, opened: bool
) -> None:
    person.open("/private/")
    person.sign_in()
    person.scan()
    if opened:
        person.page.get_by_text("Enter the setup key instead").click()
    person.type("Code from your app", person.wrong_code())
    person.press("Confirm")
    assert person.page.locator("#cognito-mfa-key").is_visible() is opened
    person.page.reload()
    assert not person.page.locator("#cognito-mfa-key").is_visible()


def test_a_code_with_letters_is_not_sent(pool: LocalPool, person: Person) -> None:
    person.open("/private/")
    person.sign_in()
    for code, is_valid in {
        "12ab": False,
        "123 456": True,
        "123-456": True,
        "\uff11\uff12\uff13\uff14\uff15\uff16": True,
    }.items():
        person.type("Code from your app", code)
        field = person.page.get_by_label("Code from your app")
        assert field.evaluate("field => field.checkValidity()") is is_valid, code


def test_what_can_be_pressed_answers_to_the_pointer(pool: LocalPool, person: Person) -> None:
    """Its color or line changes under the pointer, and again while it is pressed."""
    person.open("/private/")
    person.sign_in()
    person.set_up()
    look = "e => { const s = getComputedStyle(e); return [s.backgroundColor, s.color, s.borderColor, s.textDecoration].join() }"
    for path in ("/account/device/", "/account/device/replace/", "/account/sign-in/?again=1"):
        person.open(path)
        places = person.page.locator("a:visible, button:visible, summary:visible").all()
        assert len(places) > 3
        for place in places:
            if place.get_attribute("aria-current"):
                continue
            person.page.mouse.move(0, 0)
            rest = place.evaluate(look)
            place.hover()
            assert place.evaluate(look) != rest, place.inner_text()


def test_in_forced_colors_the_main_button_stands_out(
    pool: LocalPool, new_person: NewPerson
) -> None:
    person = new_person(forced_colors="active", color_scheme="dark")
    person.open("/private/")
    person.sign_in()
    person.set_up()
    person.open("/account/device/replace/")
    ground = "e => getComputedStyle(e).backgroundColor"
    main = person.page.locator("button.cognito-mfa-primary")
    assert main.evaluate(ground) != person.page.locator(".cognito-mfa-card").evaluate(ground)
    person.open("/account/device/")
    border = "e => getComputedStyle(e).borderTopWidth"
    assert person.page.locator(".cognito-mfa-state").first.evaluate(border) == "2px"


def test_the_name_of_the_site_leads_to_it(pool: LocalPool, person: Person) -> None:
    person.open("/account/sign-in/")
    person.follow("Example Ltd")
    assert person.path == "/"


def test_password_managers_are_told_whose_password_it_is(pool: LocalPool, person: Person) -> None:
    person.open("/private/")
    person.sign_in()
    person.set_up()
    for path in ("device/replace", "password/change", "sign-out-elsewhere"):
        person.open(f"/account/{path}/?password=1")
        form = person.page.locator("form:has(input[type=password])")
        assert form.locator("input[autocomplete=username]").input_value() == "newcomer", path


def test_what_looks_like_a_link_begins_where_the_text_does(
    pool: LocalPool, new_person: NewPerson
) -> None:
    """Also where its words need two lines, as many languages do on a phone."""
    person = new_person(viewport={"width": 320, "height": 640})
    person.open("/private/")
    person.sign_in()
    for button in person.page.locator("button.cognito-mfa-secondary").all():
        assert button.evaluate("e => getComputedStyle(e).textAlign") == "start"
