"""A person at a real browser: they see, click and type, and their phone's camera reads the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pyotp

from cognito_mfa.local import LocalCognito
from tests.browser.camera import read_qr_code
from tests.visitor import PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Request


class Person:
    """A user with a browser window, and an authenticator app on a phone."""

    def __init__(self, context: BrowserContext, cognito: LocalCognito, site: str) -> None:
        self.cognito = cognito
        self.site = site
        self.scanned = ""  # what the app on the phone knows
        self.requests: list[Request] = []
        self.complaints: list[str] = []  # of the browser, as its console shows them
        context.on("request", self._notice)
        context.on("console", self._overhear)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        self.page = context.new_page()

    def _notice(self, request: Request) -> None:
        self.requests.append(request)

    def _overhear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    @property
    def foreign_requests(self) -> list[str]:
        return [request.url for request in self.requests if not request.url.startswith(self.site)]

    def posts(self, path: str) -> int:
        """Count what was sent to ``path``."""
        return sum(
            request.method == "POST" and urlsplit(request.url).path == path
            for request in self.requests
        )

    def overflow(self) -> int:
        """Return by how many pixels the page is wider than the window."""
        pixels: int = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return pixels

    def open(self, path: str) -> None:
        self.page.goto(self.site + path)

    @property
    def path(self) -> str:
        return urlsplit(self.page.url).path

    @property
    def heading(self) -> str:
        return self.page.locator("h1").inner_text()

    def press(self, name: str) -> None:
        """Press the button that sends the form, and wait for the page that comes."""
        self._go(self.page.get_by_role("button", name=name, exact=True))

    def follow(self, name: str) -> None:
        """Follow the link, and wait for the page that comes."""
        self._go(self.page.get_by_role("link", name=name, exact=True))

    def _go(self, place: Locator) -> None:
        with self.page.expect_navigation():
            place.click()

    def type(self, label: str, text: str) -> None:
        self.page.get_by_label(label, exact=True).fill(text)

    def sign_in(self, username: str = "newcomer", password: str = PASSWORD) -> None:
        self.type("Username or email address", username)
        self.type("Password", password)
        self.press("Continue")

    def photograph(self) -> bytes:
        """Return a picture of the whole page."""
        return self.page.screenshot(full_page=True)

    def scan(self) -> str:
        """Hold the phone in front of the screen, and return what its camera reads."""
        self.scanned = read_qr_code(self.photograph())
        return self.scanned

    def code(self) -> str:
        """Return what the app shows, in the two groups that apps show."""
        code = self._code()
        return f"{code[:3]} {code[3:]}"

    def wrong_code(self) -> str:
        """Return a code that fits no step near now."""
        near = {self._code(steps=steps) for steps in range(-3, 4)}
        return next(code for code in (f"{n:06d}" for n in range(1_000_000)) if code not in near)

    def _code(self, *, steps: int = 0) -> str:
        authenticator = pyotp.parse_uri(self.scanned)
        assert isinstance(authenticator, pyotp.TOTP)
        return authenticator.at(int(self.cognito.clock.now()) + 30 * steps)

    def wait_for_the_next_code(self) -> None:
        self.cognito.clock.advance(30)

    def set_up(self, *, friendly_name: str = "Phone") -> None:
        """Scan, confirm, and go on."""
        self.scan()
        self.type("Code from your app", self.code())
        self.type("Device name", friendly_name)
        self.press("Confirm")
        self.follow("Continue")
