"""What only a browser can tell: what the pages look like, what they fetch, and what a click does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from cognito_mfa.local import faults
from cognito_mfa.local.pool import LocalPool
from tests.browser.conftest import NewPerson
from tests.browser.person import Person

if TYPE_CHECKING:
    from playwright.sync_api import Route

pytestmark = pytest.mark.browser

SETUP = "/account/setup/"
# At 200 % zoom a window of 1280 by 800 has room for half as many pixels, each drawn twice as large.
WAYS_TO_LOOK: dict[str, dict[str, Any]] = {
    "in dark mode": {"color_scheme": "dark"},
    "in forced colors": {"forced_colors": "active", "color_scheme": "dark"},
    "at 200 % zoom": {"viewport": {"width": 640, "height": 400}, "device_scale_factor": 2},
    "on a narrow phone": {"viewport": {"width": 320, "height": 568}, "is_mobile": True},
    "on a dense phone": {"viewport": {"width": 360, "height": 740}, "device_scale_factor": 3},
}


@pytest.fixture
def at_setup(pool: LocalPool, person: Person) -> Person:
    person.open("/private/")
    person.sign_in()
    assert person.path == SETUP
    return person


@pytest.mark.parametrize("options", WAYS_TO_LOOK.values(), ids=WAYS_TO_LOOK)
def test_the_camera_reads_the_picture(
    pool: LocalPool, new_person: NewPerson, options: dict[str, Any]
) -> None:
    person = new_person(**options)
    person.open("/private/")
    person.sign_in()
    assert person.scan().startswith("otpauth://totp/Example%20Ltd:newcomer?secret=")
    assert person.overflow() == 0


def test_on_a_phone_the_link_to_the_app_comes_first(pool: LocalPool, new_person: NewPerson) -> None:
    phone = new_person(viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True)
    phone.open("/private/")
    phone.sign_in()
    link = phone.page.get_by_role("link", name="Open in the app on this device").bounding_box()
    picture = phone.page.get_by_role("img").bounding_box()
    assert link is not None
    assert picture is not None
    assert link["y"] < picture["y"]


def test_the_camera_reads_the_printed_page(at_setup: Person) -> None:
    at_setup.page.emulate_media(media="print", color_scheme="dark")
    assert at_setup.scan().startswith("otpauth://totp/")


def test_the_key_beside_the_picture_is_the_one_in_it(at_setup: Person) -> None:
    (secret,) = parse_qs(urlsplit(at_setup.scan()).query)["secret"]
    at_setup.page.get_by_text("Enter the setup key instead").click()
    assert at_setup.page.inner_text("#cognito-mfa-key").replace(" ", "") == secret


def test_the_copy_button_copies_the_key(pool: LocalPool, new_person: NewPerson) -> None:
    person = new_person(permissions=["clipboard-read", "clipboard-write"])
    person.open("/private/")
    person.sign_in()
    (secret,) = parse_qs(urlsplit(person.scan()).query)["secret"]
    person.page.get_by_text("Enter the setup key instead").click()
    person.page.get_by_text("Copy setup key").click()
    person.page.get_by_text("Setup key copied.").wait_for()
    assert person.page.evaluate("navigator.clipboard.readText()") == secret


def test_where_copying_is_forbidden_the_key_is_selected(at_setup: Person) -> None:
    def forbid_copying(route: Route) -> None:
        response = route.fetch()
        headers = {**response.headers, "permissions-policy": "clipboard-write=()"}
        route.fulfill(response=response, headers=headers)

    at_setup.page.route("**" + SETUP, forbid_copying)
    at_setup.open(SETUP)
    (secret,) = parse_qs(urlsplit(at_setup.scan()).query)["secret"]
    at_setup.page.get_by_text("Enter the setup key instead").click()
    at_setup.page.get_by_text("Copy setup key").click()
    at_setup.page.get_by_text("Your browser doesn’t allow copying.").wait_for()
    selected = at_setup.page.evaluate("getSelection().toString()")
    assert "".join(selected.split()) == secret
    (complaint,) = at_setup.complaints
    assert "Clipboard" in complaint
    at_setup.complaints.clear()


def test_a_wrong_code_keeps_the_picture_and_moves_the_focus_to_the_error(at_setup: Person) -> None:
    scanned = at_setup.scan()
    at_setup.type("Code from your app", at_setup.wrong_code())
    at_setup.type("Device name", "Work phone")
    at_setup.press("Confirm")

    focused = at_setup.page.locator(":focus")
    assert focused.get_attribute("name") == "code"
    error = at_setup.page.locator(f"#{focused.get_attribute('aria-describedby')}")
    assert "didn’t work" in error.inner_text()
    assert at_setup.page.title().startswith("Error:")
    assert at_setup.page.get_by_label("Device name").input_value() == "Work phone"
    assert at_setup.page.get_by_label("Code from your app").input_value() == ""
    assert at_setup.scan() == scanned


@pytest.mark.parametrize(("width", "height"), [(320, 568), (390, 664)])
def test_the_error_is_in_view_also_where_the_setup_key_is_open(
    pool: LocalPool, new_person: NewPerson, width: int, height: int
) -> None:
    """The key is above the field on a phone, and is opened again after the error."""
    person = new_person(viewport={"width": width, "height": height})
    person.open("/private/")
    person.sign_in()
    person.page.locator("details:has(#cognito-mfa-key) > summary").click()
    person.type("Code from your app", "000000")
    person.press("Confirm")
    assert person.page.locator("#cognito-mfa-key").is_visible()
    field = person.page.locator(":focus")
    error = person.page.locator(f"#{field.get_attribute('aria-describedby')}")
    for place in (field, error):
        box = place.bounding_box()
        assert box is not None
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= height


def test_a_wrong_code_at_sign_in_moves_the_focus_to_the_error(at_setup: Person) -> None:
    at_setup.set_up()
    at_setup.press("Sign out")
    at_setup.wait_for_the_next_code()
    at_setup.open("/private/")
    at_setup.sign_in()
    assert at_setup.page.locator(":focus").get_attribute("name") == "code"
    at_setup.type("Code", at_setup.wrong_code())
    at_setup.press("Sign in")
    assert at_setup.page.locator(":focus").get_attribute("aria-invalid") == "true"


def test_a_second_click_sends_nothing(at_setup: Person) -> None:
    at_setup.cognito.faults.on("VerifySoftwareToken", faults.Delay(0.5))
    at_setup.scan()
    at_setup.type("Code from your app", at_setup.code())
    button = at_setup.page.get_by_role("button", name="Confirm")
    button.scroll_into_view_if_needed()
    place = button.bounding_box()
    assert place is not None
    for _ in range(2):
        at_setup.page.mouse.click(place["x"] + 10, place["y"] + 10)
        at_setup.page.wait_for_timeout(100)
    at_setup.page.wait_for_url("**/setup/done/**")
    at_setup.follow("Continue")
    assert at_setup.path == "/private/"
    assert at_setup.posts(SETUP) == 1


def test_a_second_tab_and_the_back_button_show_the_same_picture(at_setup: Person) -> None:
    scanned = at_setup.scan()
    first = at_setup.page
    at_setup.page = first.context.new_page()
    at_setup.open(SETUP)
    assert at_setup.scan() == scanned
    at_setup.page = first
    at_setup.open("/imprint/")
    first.go_back()
    assert at_setup.scan() == scanned


def test_everything_can_be_done_with_the_keyboard(pool: LocalPool, person: Person) -> None:
    person.open("/private/")
    keyboard = person.page.keyboard
    person.page.get_by_label("Username or email address").focus()
    keyboard.type("newcomer")
    keyboard.press("Tab")
    keyboard.type("Correct-Horse-7")
    keyboard.press("Enter")
    person.page.wait_for_url("**" + SETUP)
    person.scan()
    person.page.get_by_label("Code from your app").focus()
    keyboard.type(person.code())
    keyboard.press("Enter")
    person.page.wait_for_url("**/setup/done/**")


def test_the_browser_would_tell_of_a_script_that_the_policy_forbids(at_setup: Person) -> None:
    at_setup.page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {text: '0'}))"
    )
    (complaint,) = at_setup.complaints
    assert "Content Security Policy" in complaint
    at_setup.complaints.clear()
