"""Every screen in both color schemes, on a desktop and on a narrow phone: axe-core finds nothing,
and nothing is wider than the window. COGNITO_MFA_TEST_SCREENS names a folder for the pictures.

axe-core itself comes with axe-playwright-python, from PyPI: nothing is fetched while the tests run.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from django.contrib.auth import get_user_model
from pytest_django import Settings

from cognito_mfa.local import faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CodeFailures, CognitoIdentity, MFAEvent
from tests.browser.person import Person
from tests.visitor import CLIENT_ID, PASSWORD, POOL_ID

if TYPE_CHECKING:
    from playwright.sync_api import ViewportSize

pytestmark = pytest.mark.browser

DESKTOP: ViewportSize = {"width": 1000, "height": 800}
PHONE: ViewportSize = {"width": 320, "height": 640}
WAYS_TO_LOOK: list[tuple[Literal["light", "dark"], ViewportSize]] = [
    ("light", DESKTOP),
    ("dark", PHONE),
]
# Markup of Django's own admin templates, which are not ours to mend: the rule, and where.
DJANGOS = {
    # Its label holds a picture only, and the words stand on the button beside it.
    "label-title-only": "#searchbar",
    # An inline table has columns for what no one may do here: to open a row, to delete it.
    "empty-table-header": ".inline-group th",
    # An inline table on a phone is scrolled sideways by touch; the keyboard cannot reach it.
    "scrollable-region-focusable": ".inline-group .wrapper",
    # Django 5.2 underlines no link in its breadcrumbs, nor in the count beside a search.
    "link-in-text-block": ".breadcrumbs a, #changelist-search .quiet a",
    # Django 5.2 has one label for the two fields of a date and time.
    "label": ".vDateField, .vTimeField",
}
DEVICE = "/account/device/"


def look(person: Person, name: str) -> None:
    """Look at one of our pages, and find nothing to complain of."""
    found = see(person, name)
    assert not found, "\n".join(found)
    for _scheme, window in WAYS_TO_LOOK:
        person.page.set_viewport_size(window)
        assert person.overflow() == 0, name
    person.page.set_viewport_size(DESKTOP)


def see(person: Person, name: str) -> list[str]:
    """Look at the page as it is, by daylight at a desk and in the dark on a phone; return complaints."""
    found = []
    for scheme, window in WAYS_TO_LOOK:
        person.page.emulate_media(color_scheme=scheme)
        person.page.set_viewport_size(window)
        # The admin's colors glide: half-way from light to dark they have no contrast.
        person.page.evaluate(
            "Promise.allSettled(document.getAnimations().map(one => one.finished))"
        )
        keep(person, f"{name}-{scheme}")
        found += [f"{name}, {scheme}: {complaint}" for complaint in violations(person)]
    person.page.emulate_media(color_scheme="light")
    person.page.set_viewport_size(DESKTOP)
    return found


def violations(person: Person) -> list[str]:
    """Return what axe-core complains of, except in Django's own markup."""
    from axe_playwright_python.sync_playwright import Axe

    is_loaded = person.page.evaluate("'axe' in window")  # it is half a megabyte
    axe = Axe("0") if is_loaded else Axe()
    # No rule that runs needs style sheets read in advance. axe would copy them into the page, which its policy forbids,
    # and look for what they import beside the page, which is not there: Django 5.2's admin has such style sheets.
    checked = axe.run(page=person.page, options={"preload": False})
    return [
        f"{rule['id']}: {node['target']} {node['html']:.200}"
        for rule in checked.response["violations"]
        for node in rule["nodes"]
        if not is_djangos(person, rule["id"], node["target"][0])
    ]


def is_djangos(person: Person, rule: str, target: str) -> bool:
    where = DJANGOS.get(rule)
    matches = "([target, where]) => document.querySelector(target).matches(where)"
    return where is not None and bool(person.page.evaluate(matches, [target, where]))


def keep(person: Person, name: str) -> None:
    folder = os.environ.get("COGNITO_MFA_TEST_SCREENS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        Path(folder, f"{name}.png").write_bytes(person.photograph())


def pool_of(person: Person, mfa: str) -> LocalPool:
    pool = person.cognito.create_pool(POOL_ID, mfa=mfa)
    pool.create_client(CLIENT_ID)
    pool.create_user("newcomer", password=PASSWORD, attributes={"email": "newcomer@example.com"})
    return pool


@pytest.fixture
def helpful(settings: Settings) -> None:
    """A site that says where help is."""
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "SUPPORT_URL": "/imprint/"}


def wrong_code(person: Person, label: str, button: str) -> None:
    person.type(label, person.wrong_code())
    person.press(button)


def expect_failures(person: Person) -> None:
    """Forget that the browser complained of an answer that was meant to fail."""
    assert all("the server responded with a status of" in text for text in person.complaints)
    person.complaints.clear()


def test_the_first_sign_in(helpful: None, person: Person) -> None:
    pool_of(person, "ON")
    person.open("/private/")
    look(person, "sign_in")
    person.sign_in("newcomer", "Wrong-Horse-7")
    look(person, "sign_in-wrong")
    person.sign_in()
    look(person, "setup")
    person.page.get_by_text("Enter the setup key instead").click()
    look(person, "setup-key")
    person.scan()
    wrong_code(person, "Code from your app", "Confirm")
    look(person, "setup-wrong_code")
    person.type("Device name", "Anna's phone")
    person.type("Code from your app", person.code())
    person.press("Confirm")
    look(person, "setup_done")


def test_an_invited_person(helpful: None, person: Person) -> None:
    pool_of(person, "ON").create_user(
        "invited", password="Temporary-1", status="FORCE_CHANGE_PASSWORD"
    )
    person.open("/private/")
    person.sign_in("invited", "Temporary-1")
    look(person, "new_password")
    person.type("New password", "My-own-Horse-8")
    person.type("Confirm new password", "My-own-Horse-9")
    person.press("Continue")
    look(person, "new_password-wrong")


def test_the_code_page(helpful: None, person: Person) -> None:
    pool_of(person, "ON")
    person.open("/private/")
    person.sign_in()
    person.set_up(friendly_name="Anna's phone")
    person.press("Sign out")
    person.wait_for_the_next_code()
    person.open("/private/")
    person.sign_in()
    look(person, "challenge")
    person.page.get_by_text("Lost this device?").click()
    look(person, "challenge-lost_device")
    wrong_code(person, "Code", "Sign in")
    look(person, "challenge-wrong_code")
    CodeFailures.objects.update(failures=7)
    wrong_code(person, "Code", "Sign in")
    look(person, "challenge-busy")
    CodeFailures.objects.update(failures=100)
    wrong_code(person, "Code", "Sign in")
    look(person, "blocked")
    expect_failures(person)


def test_the_choice_of_a_factor(helpful: None, person: Person) -> None:
    pool = person.cognito.create_pool(POOL_ID, mfa="ON", sms=True)
    pool.create_client(CLIENT_ID)
    number = {"phone_number": "+15555550100"}
    pool.create_user("newcomer", password=PASSWORD, attributes=number)
    pool.register_software_token("newcomer")
    user = pool.user("newcomer")
    user.enabled_factors.append("SMS_MFA")
    user.preferred_factor = None
    person.open("/private/")
    person.sign_in()
    look(person, "select_challenge")
    person.page.get_by_label("Code by text message").check()
    person.press("Continue")
    look(person, "challenge-sms")


def test_the_pages_of_ones_own(helpful: None, person: Person, settings: Settings) -> None:
    pool_of(person, "OPTIONAL")
    person.open("/private/")
    person.sign_in()
    person.set_up(friendly_name="Anna's phone")
    identity = CognitoIdentity.objects.get()
    person.open(DEVICE)
    look(person, "device")
    person.open(f"{DEVICE}rename/")
    look(person, "device_rename")
    person.type("Device name", "\u202eback")
    person.press("Save")
    look(person, "device_rename-wrong")
    person.open(f"{DEVICE}replace/")
    look(person, "device_replace")
    person.open(f"{DEVICE}remove/")
    look(person, "device_remove-required")
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": False}
    person.page.reload()
    look(person, "device_remove-not_allowed")
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "ALLOW_REMOVE": True}
    person.page.reload()
    look(person, "device_remove")
    person.open("/account/sign-in/?again=1")
    look(person, "sign_in-again")
    for number in range(30):
        MFAEvent.objects.record(MFAEvent.Kind.RENAMED, identity, detail=f"Phone → Phone {number}")
    person.open(f"{DEVICE}history/?page=2")
    look(person, "history")
    for what in CognitoIdentity.Unconfirmed:
        identity.record_status(CognitoIdentity.Status.UNKNOWN, unconfirmed=what)
        person.open(DEVICE)
        look(person, f"device-open-{what}")
    identity.retire_token(identity.software_tokens.model.Retired.REMOVED)
    identity.record_status(CognitoIdentity.Status.NOT_SET_UP)
    person.open(DEVICE)
    look(person, "device-nothing")
    person.open(f"{DEVICE}replace/")
    look(person, "device_replace-nothing")


def test_recovery_codes_and_signing_out_elsewhere(
    helpful: None, person: Person, settings: Settings
) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "RECOVERY_CODES": True}
    pool_of(person, "ON")
    person.open("/private/")
    person.sign_in()
    person.scan()
    person.type("Code from your app", person.code())
    person.press("Confirm")
    look(person, "setup_done-recovery")
    person.press("Create recovery codes")
    look(person, "recovery_codes")
    person.page.emulate_media(media="print")
    keep(person, "recovery_codes-print")
    person.page.emulate_media(media="screen")
    person.press("I’ve saved these codes")
    person.open("/account/recovery-codes/")
    look(person, "recovery_codes-left")
    person.open("/account/sign-out-elsewhere/")
    look(person, "sign_out_elsewhere")
    person.open("/account/sign-out-elsewhere/?password=1")
    look(person, "sign_out_elsewhere-password")
    person.open(DEVICE)
    look(person, "device-recovery")
    CognitoIdentity.objects.get().recovery_codes.filter(position__gt=1).delete()
    person.open(DEVICE)
    look(person, "device-recovery-few")
    person.page.context.clear_cookies()
    person.open("/private/")
    person.sign_in()
    person.page.get_by_text("Lost this device?").click()
    look(person, "challenge-recovery")
    person.follow("Use a recovery code")
    look(person, "recover")
    person.type("Recovery code", "0000-0000-0000-0000")
    person.press("Remove authenticator app")
    look(person, "recover-wrong")


def test_a_change_whose_answer_is_lost(helpful: None, person: Person) -> None:
    pool_of(person, "OPTIONAL")
    person.open("/private/")
    person.sign_in()
    person.set_up(friendly_name="Old phone")
    person.open(f"{DEVICE}replace/")
    person.wait_for_the_next_code()
    person.type("Password", PASSWORD)
    person.press("Continue")
    person.type("Code", person.code())
    person.press("Continue")
    look(person, "setup-replace")
    person.scan()
    person.cognito.faults.on("VerifySoftwareToken", faults.Timeout(executed=True), times=1)
    person.type("Code from your app", person.code())
    person.press("Confirm")
    look(person, "unavailable")
    expect_failures(person)


def test_what_axe_would_say(pool: LocalPool, person: Person) -> None:
    person.open("/private/")
    person.page.evaluate("document.querySelector('label').style.color = '#eee'")
    person.page.evaluate("document.querySelector('label').remove()")
    (complaint,) = [text for text in violations(person) if "label" in text]
    assert "id_username" in complaint
    person.complaints.clear()  # nor does the policy allow a style


def test_the_admin(pool: LocalPool, person: Person) -> None:
    pool.create_user("ada", password=PASSWORD, attributes={"email": "ada@example.com"})
    person.open("/private/")
    person.sign_in()
    person.set_up(friendly_name="Anna's phone")
    person.press("Sign out")
    person.open("/private/")
    person.sign_in("ada")
    person.set_up(friendly_name="Key on my ring")
    get_user_model().objects.filter(username="ada").update(is_staff=True, is_superuser=True)
    identity = CognitoIdentity.objects.get(username="newcomer")
    base = "/admin/cognito_mfa"
    pages = {
        "identities": f"{base}/cognitoidentity/",
        "identity": f"{base}/cognitoidentity/{identity.pk}/change/",
        "confirm": f"{base}/cognitoidentity/{identity.pk}/confirm/reset_mfa/",
        "link": f"{base}/cognitoidentity/link/",
        "failures": f"{base}/codefailures/",
        "exemptions": f"{base}/mfaexemption/",
        "exemption-add": f"{base}/mfaexemption/add/",
        "events": f"{base}/mfaevent/",
        "export": f"{base}/mfaevent/export/",
        "resets": f"{base}/mfareset/",
        "users": "/admin/auth/user/",
        "overview": f"{base}/overviewsnapshot/",
    }
    found = []
    for name, path in pages.items():
        person.open(path)
        found += see(person, f"admin-{name}")
    assert not found, "\n".join(found)


def choose_password(person: Person, password: str, button: str) -> None:
    person.type("New password", password)
    person.type("Confirm new password", password)
    person.press(button)


def test_a_forgotten_password(pool: LocalPool, person: Person, settings: Settings) -> None:
    settings.COGNITO_MFA = {
        **settings.COGNITO_MFA,
        "PASSWORD_RULES": {"length": 12, "uppercase": True, "symbol": True},
        "SUPPORT_URL": "/imprint/",
    }
    person.open("/account/sign-in/")
    person.follow("Forgot your password?")
    look(person, "password-reset")
    person.type("Username or email address", "newcomer")
    person.press("Send code")
    look(person, "password-reset-confirm")
    person.page.get_by_text("Didn’t get a code?").click()
    look(person, "password-reset-no-code")
    person.type("Code from the message", person.cognito.outbox[-1].code)
    choose_password(person, "short", "Change password")
    look(person, "password-reset-refused")
    choose_password(person, "Another horse 8!", "Change password")
    look(person, "password-reset-done")
    assert person.heading == "Sign in"


def test_a_password_that_is_changed(pool: LocalPool, person: Person) -> None:
    person.open("/private/")
    person.sign_in()
    person.set_up()
    person.wait_for_the_next_code()
    person.open(DEVICE)
    person.follow("Change password")
    look(person, "password-change")
    person.type("Current password", PASSWORD)
    person.type("Code from your app", person.code())
    choose_password(person, "short", "Change password")
    look(person, "password-change-confirm")
    person.type("Current password", "Wrong-Horse-7")
    choose_password(person, "Another horse 8!", "Change password")
    look(person, "password-change-wrong")
    person.type("Current password", PASSWORD)
    choose_password(person, "Another horse 8!", "Change password")
    assert person.path == DEVICE
    look(person, "password-changed")


def test_every_kind_of_attribute(person: Person) -> None:
    wanted = [
        "phone_number",
        "birthdate",
        "email",
        "website",
        "locale",
        "zoneinfo",
        "address",
        "gender",
    ]
    pool = person.cognito.create_pool(POOL_ID, mfa="ON", required_attributes=wanted)
    pool.create_client(CLIENT_ID)
    pool.create_user("ada", password="Temporary-1", status="FORCE_CHANGE_PASSWORD")
    person.open("/account/sign-in/")
    person.sign_in("ada", "Temporary-1")
    look(person, "first-attributes")
