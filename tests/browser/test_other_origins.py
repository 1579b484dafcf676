"""The example's front end at another origin than the API: a whole sign-in, with the settings of docs/api.md."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity
from tests.browser.conftest import ARGUMENTS
from tests.browser.person import Person
from tests.visitor import PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
# Hosts of the front end and of the API. Chromium takes localhost for secure, as HTTPS is elsewhere.
SAME_SITE, OTHER_SITE = ("app.site.test", "api.site.test"), ("127.0.0.1", "localhost")


class FrontEndUser(Person):
    """A person whose front end is at another origin than the site."""

    def come(self, front_end: str, api: str) -> None:
        self.page.goto(f"{front_end}/elsewhere/?api={api}")

    def at(self, heading: str) -> None:
        self.page.get_by_role("heading", level=1, name=heading, exact=True).wait_for()

    def click(self, name: str, heading: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()
        self.at(heading)


NewUser = Callable[..., FrontEndUser]


@pytest.fixture
def new_user(
    chromium: Browser,
    executable: str,
    live_server: LiveServer,
    transactional_db: None,
    cognito: LocalCognito,
    tmp_path: Path,
) -> Generator[NewUser]:
    """Makes a person with a whole browser and a profile of their own: the headless shell lets every cookie through."""
    users = []

    def make(**profile: Any) -> FrontEndUser:
        (tmp_path / "Default").mkdir()
        (tmp_path / "Default" / "Preferences").write_text(json.dumps({"profile": profile}))
        context = chromium.browser_type.launch_persistent_context(
            tmp_path, executable_path=executable, args=ARGUMENTS, locale="en-GB"
        )
        context.set_default_timeout(60_000)  # milliseconds
        users.append(FrontEndUser(context, cognito, live_server.url))
        return users[-1]

    yield make
    expected = ("status of 4", "Cross-Origin-Opener-Policy")  # that header is for HTTPS
    for user in users:
        user.page.wait_for_load_state()  # what the site still answers would meet the emptied database
        user.page.context.close()
        assert [one for one in user.complaints if not any(text in one for text in expected)] == []


@pytest.fixture
def user(new_user: NewUser) -> FrontEndUser:
    """A person whose browser is as it comes: it blocks cookies of other sites."""
    return new_user()


@pytest.fixture
def lenient_user(new_user: NewUser) -> FrontEndUser:
    """A person who allows cookies of other sites."""
    return new_user(cookie_controls_mode=0)


def origins(user: Person, hosts: tuple[str, str]) -> list[str]:
    port = user.site.rpartition(":")[2]
    return [f"http://{host}:{port}" for host in hosts]


def allow(settings: Settings, origin: str, **more: Any) -> None:
    """Give the site the settings that docs/api.md names."""
    settings.ALLOWED_HOSTS = ["*"]
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "API_ORIGINS": [origin]}
    settings.CORS_ALLOWED_ORIGINS = settings.CSRF_TRUSTED_ORIGINS = [origin]
    settings.CORS_ALLOW_CREDENTIALS = True
    settings.CORS_EXPOSE_HEADERS = ["X-CSRFToken", "Retry-After"]
    for name, value in more.items():
        setattr(settings, name, value)


FOR_OTHER_SITES = {
    "SESSION_COOKIE_SAMESITE": "None",
    "CSRF_COOKIE_SAMESITE": "None",
    "SESSION_COOKIE_SECURE": True,
    "CSRF_COOKIE_SECURE": True,
}


def sign_in(user: FrontEndUser, hosts: tuple[str, str]) -> None:
    front_end, api = origins(user, hosts)
    user.come(front_end, api)
    user.at("Sign in")
    user.type("Username or email address", "newcomer")
    user.type("Password", PASSWORD)
    user.click("Continue", "Set up an authenticator app")
    user.scan()
    user.type("Code from your app", user.code())
    user.click("Confirm", "Two-step verification")
    user.page.reload()
    user.at("Two-step verification")
    user.click("Sign out", "Sign in")
    user.wait_for_the_next_code()
    user.type("Username or email address", "newcomer")
    user.type("Password", PASSWORD)
    user.click("Continue", "Enter your code")
    user.type("Code", user.code())
    user.click("Continue", "Two-step verification")
    assert CognitoIdentity.objects.get().username == "newcomer"


def test_a_subdomain_of_the_same_site_signs_users_in(
    pool: LocalPool, user: FrontEndUser, settings: Settings
) -> None:
    allow(settings, origins(user, SAME_SITE)[0])
    sign_in(user, SAME_SITE)


def test_another_site_does_where_the_browser_allows_its_cookies(
    pool: LocalPool, lenient_user: FrontEndUser, settings: Settings
) -> None:
    allow(settings, origins(lenient_user, OTHER_SITE)[0], **FOR_OTHER_SITES)
    sign_in(lenient_user, OTHER_SITE)


def test_where_the_browser_blocks_them_no_one_is_signed_in(
    pool: LocalPool, user: FrontEndUser, settings: Settings
) -> None:
    front_end, api = origins(user, OTHER_SITE)
    allow(settings, front_end, **FOR_OTHER_SITES)
    user.come(front_end, api)
    user.at("Sign in")
    user.type("Username or email address", "newcomer")
    user.type("Password", PASSWORD)
    user.page.get_by_role("button", name="Continue", exact=True).click()
    user.page.get_by_role("alert").wait_for()
    assert user.cognito.operations() == []


def test_an_origin_that_the_setting_does_not_name_gets_no_further(
    pool: LocalPool, user: FrontEndUser, settings: Settings
) -> None:
    """Although CORS and CSRF settings allow it: the browser shows it an answer, and that is a refusal."""
    front_end, api = origins(user, SAME_SITE)
    allow(settings, front_end)
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "API_ORIGINS": ["https://app.example.com"]}
    user.come(front_end, api)
    user.page.get_by_text("This address isn’t allowed to use the site’s sign-in.").wait_for()
    assert user.page.get_by_label("Password").count() == 0
