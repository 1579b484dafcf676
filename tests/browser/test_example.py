"""The example in Chromium, as a stranger meets it: the codes come from its start page, and the browser complains of
nothing, neither on a desktop nor on a phone.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from cognito_mfa.local import LocalCognito
from tests.browser.person import Person
from tests.example.process import Example, running

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"}
SMALL_PHONE = {"viewport": {"width": 320, "height": 640}}
DESKTOP = {"viewport": {"width": 1280, "height": 800}}
CODE = "[data-example-user={}] .example-code code >> nth=-1"
COUNTDOWN = "[data-example-user={}] .example-code small >> nth=-1"


@pytest.fixture(scope="module")
def example(executable: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[Example]:
    with running(tmp_path_factory.mktemp("example") / "state") as started:
        yield started
    assert started.printed.endswith("--help\n\n\n  Stopped.\n")


class Visitor(Person):
    """A person with a second tab, in which the start page is open."""

    def __init__(self, browser: Browser, example: Example, **options: Any) -> None:
        self.context = browser.new_context(locale="en-US", **options)
        self.context.on("response", lambda answer: self._note(answer.status, answer.url))
        super().__init__(self.context, LocalCognito(), example.url)
        self.start = self.context.new_page()
        self.start.goto(example.url)

    def _note(self, status: int, url: str) -> None:
        if status >= 400:
            self.complaints.append(f"{status} {url}")

    def shown_code(self, username: str) -> str:
        """Return the code on the start page, which was not loaded again since it was opened."""
        place = self.start.locator(CODE.format(username))
        place.wait_for()
        return place.inner_text()

    def come(self, username: str, password: str, path: str = "/private/") -> None:
        self.open(path)
        self.page.fill("[name=username]", username)
        self.page.fill("[name=password]", password)
        self.send()

    def send(self) -> None:
        with self.page.expect_navigation():
            self.page.click("main button.cognito-mfa-primary[type=submit]")

    def look(self) -> None:
        assert self.overflow() == 0


@pytest.fixture(params=[DESKTOP, PHONE, SMALL_PHONE], ids=["desktop", "phone", "small phone"])
def visitor(
    request: pytest.FixtureRequest, chromium: Browser, example: Example
) -> Generator[Visitor]:
    made = Visitor(chromium, example, **request.param)
    yield made
    made.context.close()
    assert made.complaints == []
    assert made.foreign_requests == []


def test_every_page_for_anyone_fits_the_screen(visitor: Visitor) -> None:
    for path in ["/", "/support/", "/emails/", "/account/sign-in/", "/account/password/reset/"]:
        visitor.open(path)
        visitor.look()


def test_the_start_page_shows_usernames_and_passwords_unbroken(visitor: Visitor) -> None:
    for cell in visitor.start.locator(".example-users code").all():
        box = cell.bounding_box()
        assert box
        assert box["height"] < 40  # one line
        assert box["x"] + box["width"] <= visitor.start.viewport_size["width"]  # type: ignore[index]


def test_codes_renew_themselves(visitor: Visitor) -> None:
    before = visitor.start.inner_text(COUNTDOWN.format("regular"))
    visitor.start.wait_for_function(
        "([place, before]) => document.querySelector(place).textContent !== before",
        arg=["[data-example-user=regular] .example-code small", before],
    )


@pytest.mark.parametrize("visitor", [DESKTOP], indirect=True)
def test_newcomer_sets_up_with_a_code_that_appears_by_itself(visitor: Visitor) -> None:
    assert visitor.start.locator(CODE.format("newcomer")).count() == 0
    visitor.come("newcomer", "Newcomer-1")
    assert visitor.heading == "Set up an authenticator app"
    visitor.page.fill("[name=code]", visitor.shown_code("newcomer"))
    visitor.page.fill("[name=friendly_name]", "Phone")
    visitor.send()
    assert visitor.path == "/account/setup/done/"
    visitor.open("/emails/")
    with visitor.page.expect_navigation():
        visitor.page.locator(".example-list li", has_text="newcomer@").get_by_role("link").click()
    mail = visitor.page.frame_locator("iframe.example-email").locator("body")
    assert "newcomer" in mail.inner_text()
    visitor.look()
    visitor.press("Sign out newcomer")
    assert visitor.path == "/"


@pytest.mark.parametrize("visitor", [PHONE], indirect=True)
def test_admin_walks_through_the_admin_on_a_phone(visitor: Visitor) -> None:
    visitor.come("admin", "Administrator-1", "/admin/auth/user/")
    visitor.page.fill("[name=code]", visitor.shown_code("admin"))
    visitor.send()
    visitor.open("/admin/auth/user/")
    assert visitor.path == "/admin/auth/user/"
    assert visitor.page.locator("th.column-second_factor").count() == 1
    assert visitor.page.get_by_text("Change password").count() == 0


@pytest.mark.parametrize("visitor", [DESKTOP], indirect=True)
def test_without_script_the_start_page_says_to_reload(
    chromium: Browser, example: Example, visitor: Visitor
) -> None:
    plain = Visitor(chromium, example, java_script_enabled=False)
    assert "Reload the page for the current codes." in plain.start.inner_text("main")
    assert plain.shown_code("regular")
    plain.context.close()
    assert "Reload" not in visitor.start.inner_text("main")
