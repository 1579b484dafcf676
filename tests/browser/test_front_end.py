"""The example's front end in Chromium: every journey over the API, under the strict policy, and axe finds nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from cognito_mfa.authenticator import status
from cognito_mfa.cognito.clients import has_operation
from cognito_mfa.enforcement import proof
from cognito_mfa.local import faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.managed_login import ProvidedTokens
from cognito_mfa.models import CognitoIdentity
from tests.browser.conftest import NewPerson
from tests.browser.person import Person
from tests.visitor import CLIENT_ID, PASSWORD, POOL_ID

pytestmark = pytest.mark.browser
NEW = "Another-Horse-8"
SEEN: set[str] = set()  # headings of pages that axe has looked at


class AppUser(Person):
    """A person whose page never changes: each step waits for the heading of the next."""

    def come(self) -> None:
        self.open("/app/")
        self.at("Sign in")

    def at(self, heading: str) -> None:
        self.page.get_by_role("heading", level=1, name=heading, exact=True).wait_for()
        if heading not in SEEN:
            SEEN.add(heading)
            self.look()

    def look(self) -> None:
        """Let axe look at the page."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.page).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
        assert self.overflow() == 0

    def click(self, name: str, heading: str = "") -> None:
        """Click, and wait until that is answered: the next page can look like this one."""
        self.page.get_by_role("button", name=name, exact=True).click()
        self.page.locator(".cognito-mfa-waiting").wait_for(state="detached")
        if heading:
            self.at(heading)

    def give_password(self, heading: str, password: str = PASSWORD) -> None:
        self.type("Password", password)
        self.click("Continue", heading)

    def set_up_app(self) -> None:
        self.come()
        self.type("Username or email address", "newcomer")
        self.give_password("Set up an authenticator app")
        self.scan()
        self.confirm()

    def confirm(self, name: str = "Phone") -> None:
        self.type("Code from your app", self.code())
        self.type("Device name", name)
        self.click("Confirm", "Two-step verification")
        self.wait_for_the_next_code()

    def give_code(self, heading: str = "Two-step verification") -> None:
        self.type("Code", self.code())
        self.click("Continue", heading)
        self.wait_for_the_next_code()

    def session(self) -> SessionStore:
        cookies = {one["name"]: one["value"] for one in self.page.context.cookies()}
        return SessionStore(cookies["sessionid"])

    def age(self) -> None:
        """Let the code that was entered be of half an hour ago."""
        session = self.session()
        at = time.time() - 1800
        proof.write(session, CognitoIdentity.objects.get(), method="SOFTWARE_TOKEN_MFA", at=at)
        session.save()

    def says(self, text: str) -> None:
        self.page.get_by_text(text, exact=False).first.wait_for()


@pytest.fixture
def user(new_person: NewPerson) -> Generator[AppUser]:
    """A user with a phone whose language is neither the page's nor in its direction."""
    person = new_person(locale="ar", viewport={"width": 390, "height": 800})
    person.__class__ = AppUser
    assert isinstance(person, AppUser)
    yield person
    # What the API refuses is in the console of every browser; nothing else is.
    person.complaints[:] = [
        one for one in person.complaints if "status of 4" not in one and "status of 5" not in one
    ]


def test_a_first_sign_in_and_a_later_one(pool: LocalPool, user: AppUser) -> None:
    user.come()
    user.type("Username or email address", "newcomer")
    user.type("Password", "Wrong-Horse-7")
    user.click("Continue")
    user.says("Incorrect username or password")
    user.look()
    user.give_password("Set up an authenticator app")
    user.scan()
    user.type("Code from your app", user.wrong_code())
    user.click("Confirm")
    user.says("That code didn’t work")
    user.look()
    user.wait_for_the_next_code()
    user.confirm()
    user.says("Signed in as newcomer")

    user.click("Sign out", "Sign in")
    user.type("Username or email address", "newcomer")
    user.give_password("Enter your code")
    user.give_code()
    user.page.reload()
    user.at("Two-step verification")
    user.click("Activity", "Activity")
    user.click("Back", "Two-step verification")
    user.click("Rename", "Rename your device")
    user.type("Device name", "Tablet")
    user.click("Save", "Two-step verification")
    user.says("Tablet")


def test_a_new_phone_and_a_canceled_one(pool: LocalPool, user: AppUser) -> None:
    user.set_up_app()
    user.click("Switch to a new phone", "Switch to a new phone")
    user.give_password("Enter your code")
    user.click("Cancel", "Two-step verification")
    user.says("Nothing has changed")
    user.click("Switch to a new phone", "Switch to a new phone")
    user.give_password("Enter your code")
    user.type("Code", user.code())
    user.click("Continue", "Set up an authenticator app")
    user.scan()
    user.wait_for_the_next_code()
    user.confirm("New phone")
    user.says("New phone")


def test_passwords(pool: LocalPool, user: AppUser) -> None:
    user.set_up_app()
    user.click("Change password", "Change your password")
    user.give_password("Enter your code")
    user.give_code("Change your password")
    user.type("Current password", PASSWORD)
    user.type("New password", NEW)
    user.click("Change password", "Two-step verification")
    user.says("Your password was changed")
    user.click("Sign out everywhere else", "Two-step verification")
    user.says("You’re signed out everywhere else")
    user.age()
    user.click("Sign out everywhere else", "Sign out everywhere else")
    user.give_password("Enter your code", NEW)
    user.give_code()
    user.says("You’re signed out everywhere else")
    user.click("Sign out", "Sign in")
    user.click("Forgot your password?", "Reset your password")
    user.type("Username or email address", "newcomer")
    user.click("Send code", "Set a new password")
    user.type("Code from the message", user.cognito.outbox[-1].code)
    user.type("New password", "A-third-Horse-9")
    user.click("Set password", "Sign in")
    user.says("Your password was changed")


def test_an_invited_user(pool: LocalPool, user: AppUser) -> None:
    pool.create_user("invited", password=PASSWORD, status="FORCE_CHANGE_PASSWORD")
    user.come()
    user.type("Username or email address", "invited")
    user.give_password("Choose a new password")
    user.type("New password", "short")
    user.click("Continue")
    user.says("too short")
    user.type("New password", NEW)
    user.click("Continue", "Set up an authenticator app")


def test_turning_it_off(optional_pool: LocalPool, user: AppUser, settings: Settings) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": False, "ALLOW_REMOVE": True}
    user.come()
    user.type("Username or email address", "newcomer")
    user.give_password("Two-step verification")
    user.says("only by your password")
    user.click("Set up", "Set up an authenticator app")
    user.give_password("Set up an authenticator app")
    user.page.locator(".cognito-mfa-plate").wait_for()
    user.scan()
    user.confirm()
    user.click("Turn off", "Turn off two-step verification")
    user.give_password("Enter your code")
    user.give_code()
    user.says("only by your password")


@pytest.mark.skipif(
    not has_operation("AdminDeleteSoftwareToken"),
    reason="AdminDeleteSoftwareToken is newer than the installed botocore",
)
def test_a_lost_device(pool: LocalPool, user: AppUser, settings: Settings) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "RECOVERY_CODES": True}
    user.set_up_app()
    user.click("Recovery codes", "Recovery codes")
    user.click("Create codes")
    user.says("Codes left: 10")
    first = user.page.locator(".cognito-mfa-codes code").first
    first.wait_for()
    code = first.inner_text()
    user.click("I’ve saved these codes", "Two-step verification")
    user.click("Sign out", "Sign in")
    user.type("Username or email address", "newcomer")
    user.give_password("Enter your code")
    user.click("Use a recovery code", "Use a recovery code")
    user.type("Recovery code", code)
    user.click("Continue", "Sign in")
    user.says("Your authenticator app was removed")


def anna(user: AppUser, backend: str = "") -> Any:
    """Let the browser be signed in as a user of the site's own."""
    found = get_user_model().objects.create_user("anna", "newcomer@example.com", "Local-Horse-7")
    client = Client()
    client.force_login(found, backend=backend or None)
    value = client.cookies["sessionid"].value
    user.page.context.add_cookies([{"name": "sessionid", "value": value, "url": user.site}])
    return found


@pytest.mark.parametrize("answer", ["Link accounts", "Don’t link accounts"])
def test_two_accounts_are_linked_or_not(
    pool: LocalPool, user: AppUser, settings: Settings, answer: str
) -> None:
    resolver = "cognito_mfa.sign_in.linking.by_signed_in_user"
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "USER_RESOLVER": resolver}
    found = anna(user)
    user.come()
    user.type("Username or email address", "newcomer")
    user.give_password("Set up an authenticator app")
    user.scan()
    user.type("Code from your app", user.code())
    user.click("Confirm", "Link these accounts?")
    user.says("newcomer (newcomer@example.com)")
    user.says("Link them only if both accounts are yours.")
    user.page.reload()
    user.at("Link these accounts?")
    linked = answer == "Link accounts"
    user.click(answer, "Two-step verification" if linked else "Sign in")
    assert CognitoIdentity.objects.filter(user=found).exists() is linked


def of_another_package(request: Any) -> Any:
    """Return what the other package of this site left in the session."""
    access, identity = request.session.get("theirs", (None, None))
    return ProvidedTokens.of(access, identity) if access else None


def test_a_user_who_signed_in_elsewhere_needs_no_password(
    optional_pool: LocalPool, user: AppUser, settings: Settings
) -> None:
    backend = "django.contrib.auth.backends.ModelBackend"
    settings.COGNITO_MFA = {
        **settings.COGNITO_MFA,
        "TOKEN_PROVIDER": of_another_package,
        "TRUSTED_BACKENDS": {backend: "enrolled"},
    }
    sub = optional_pool.user("newcomer").sub
    found = anna(user, backend)
    CognitoIdentity.objects.create(user=found, pool_id=POOL_ID, sub=sub, username="newcomer")
    user.open("/app/")
    user.at("Set up an authenticator app")
    user.says("You’re signed in as anna.")
    assert user.page.get_by_label("Password").count() == 0
    user.click("Start setup", "Set up an authenticator app")
    user.says("Please sign in again to do this.")

    scopes = ["openid", "aws.cognito.signin.user.admin"]
    tokens = optional_pool.issue_tokens("newcomer", CLIENT_ID, scopes=scopes)
    session = user.session()
    session["theirs"] = [tokens["AccessToken"], tokens["IdToken"]]
    session.save()
    user.click("Start setup")
    user.page.locator(".cognito-mfa-plate").wait_for()
    user.look()
    user.scan()
    user.confirm()
    session = user.session()
    del session[proof.KEY]
    session.save()
    user.open("/app/")
    user.at("Confirm it’s you")
    user.says("You’ll be asked for a code")
    user.click("Sign out", "Sign in")


def test_who_was_shut_out_is_told_why(pool: LocalPool, user: AppUser) -> None:
    """By the answer to a click, and by the session object after a reload."""
    user.set_up_app()
    user.cognito.client().admin_disable_user(UserPoolId=POOL_ID, Username="newcomer")
    status.refresh_status(CognitoIdentity.objects.get())
    user.page.reload()
    user.at("Sign in")
    user.says("your account was disabled")
    user.look()
    CognitoIdentity.objects.update(disabled_at=None)
    user.cognito.client().admin_enable_user(UserPoolId=POOL_ID, Username="newcomer")
    user.type("Username or email address", "newcomer")
    user.give_password("Enter your code")
    user.give_code()
    CognitoIdentity.objects.update(disabled_at=timezone.now())
    user.click("Rename", "Rename your device")
    user.type("Device name", "Tablet")
    user.click("Save", "Sign in")
    user.says("your account was disabled")


def test_a_choice_of_factors(pool: LocalPool, user: AppUser) -> None:
    user.come()
    factors = {
        "MFAS_CAN_CHOOSE": '["SOFTWARE_TOKEN_MFA","EMAIL_OTP"]',
        "USER_ID_FOR_SRP": "newcomer",
    }
    sent = {"CODE_DELIVERY_DESTINATION": "n***@e***"}
    for operation, name, parameters in [
        ("InitiateAuth", "SELECT_MFA_TYPE", factors),
        ("RespondToAuthChallenge", "EMAIL_OTP", sent),
    ]:
        asked = {"ChallengeName": name, "Session": "s" * 32, "ChallengeParameters": parameters}
        user.cognito.faults.on(operation, faults.Body(json.dumps(asked).encode()))
    user.type("Username or email address", "newcomer")
    user.give_password("Choose how to confirm it’s you")
    user.page.get_by_role("button").nth(1).click()
    user.at("Enter your code")
    user.says("We sent a code to n***@e***")


def test_while_cognito_does_not_answer_what_was_typed_stays(pool: LocalPool, user: AppUser) -> None:
    user.come()
    user.cognito.faults.on("*", faults.Unreachable())
    user.type("Username or email address", "newcomer")
    user.type("Password", PASSWORD)
    user.click("Continue")
    alert = user.page.get_by_role("alert")
    alert.wait_for()
    assert user.page.evaluate("document.activeElement.role") == "alert"
    assert user.page.get_by_label("Username or email address").input_value() == "newcomer"
    user.cognito.faults.clear()
    user.give_password("Set up an authenticator app")
    assert user.page.evaluate("document.activeElement.name") == "code"
